//! Erases parts of recorded events, in one transaction with the event about the redaction.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Store, Written, item,
    transaction::{Statement, Transacted, text},
};
use crate::{
    model::{
        disclosure::{Disclosure, Part},
        error::Error,
        event::Event,
        keys::{Place, partition},
    },
    text::json::canonical,
};

/// An event of which parts are to be erased.
#[derive(Clone, Debug)]
pub struct Redaction {
    /// The place of the event.
    pub place: Place,
    /// The event as it was read.
    pub before: Event,
    /// The event without the erased parts.
    pub after: Event,
}

impl Redaction {
    /// The most events of one transaction. DynamoDB allows 100 writes, one of which is the event about the redaction.
    pub const MAX_EVENTS: usize = 99;
}

impl Store {
    /// Erases parts of events and records the event about it, all or nothing. [`Written::Before`] if one of the events has
    /// changed since it was read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if nothing may have been written. It is safe to repeat the call.
    pub async fn redact(&self, redactions: &[Redaction], record: &Event) -> Result<Written, Error> {
        let record = &self.sign_record(record).await?;
        let updates = redactions.iter().map(|redaction| self.erase(redaction)).collect::<Result<_, _>>()?;
        match self.transact(updates, record).await? {
            Transacted::Now(units) => Ok(Written::Now(units)),
            Transacted::ConditionsFailed(_) => Ok(Written::Before),
        }
    }

    fn erase(&self, redaction: &Redaction) -> Result<Statement, Error> {
        let Redaction { place, before, after } = redaction;
        let Disclosure::Redacted(redacted) = &after.disclosure else {
            return Err(Error::Internal("a redaction that erases nothing".into()));
        };
        let table = &self.tables.events;
        let partition = partition(&before.workspace, place.shard);
        let digest = item::digest(&item::attributes_of(after, &partition), &after.disclosure);
        let erased = Part::ALL.into_iter().filter(|part| after.disclosure.is_erased(*part));
        let removed: String = erased
            .flat_map(item::attributes)
            .chain(["salt"].iter())
            .map(|name| format!(r#" REMOVE "{name}""#))
            .collect();
        // Content changes only by a redaction, and each redaction changes the disclosure. So the condition compares it alone.
        let (name, value) = match &before.disclosure {
            Disclosure::Whole(salt) => ("salt", AttributeValue::B(salt.as_bytes().to_vec().into())),
            Disclosure::Redacted(before) => ("redacted", text(canonical(before))),
        };
        Ok(Statement::new(
            format!(
                r#"UPDATE "{table}" SET "redacted"=? SET "digest"=?{removed} WHERE "workspace"=? AND "timestamp"=? AND "{name}"=?"#
            ),
            [
                text(canonical(redacted)),
                AttributeValue::B(digest.to_vec().into()),
                text(partition),
                text(place.position.sort_key()),
                value,
            ],
        ))
    }
}
