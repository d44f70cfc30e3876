//! The one change that a recorded event can undergo: parts of it are erased, in one transaction with
//! the event that says so.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, ReturnConsumedCapacity, TransactWriteItem, Update},
};

use super::{Store, WriteUnits, Written, item, ledger::event_key, unavailable};
use crate::{
    disclosure::{Disclosure, Part},
    error::Error,
    event::Event,
    json::canonical,
    keys::Place,
};

/// An event of which parts are to be erased.
#[derive(Clone, Debug)]
pub struct Redaction {
    /// Where it is kept.
    pub place: Place,
    /// The event, as it was read.
    pub before: Event,
    /// The same, without these parts.
    pub after: Event,
}

impl Redaction {
    /// The most events of one transaction: DynamoDB takes 100 writes, one of which is the record.
    pub const MAX_EVENTS: usize = 99;
}

impl Store {
    /// Erases parts of events and records the event about it: all or nothing. [`Written::Before`] if one
    /// of the events has changed since it was read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if nothing may have been written; the same call again is safe.
    pub async fn redact(&self, redactions: &[Redaction], record: &Event) -> Result<Written, Error> {
        let partition = self.partition_of(record).await?;
        let put = Put::builder()
            .table_name(&self.tables.events)
            .set_item(Some(item::from_event(record, &partition)))
            .condition_expression("attribute_not_exists(#timestamp)")
            .expression_attribute_names("#timestamp", "timestamp")
            .build()
            .map_err(|error| Error::Internal(error.into()))?;
        let mut request = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put).build())
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        for redaction in redactions {
            request =
                request.transact_items(TransactWriteItem::builder().update(self.update(redaction)?).build());
        }
        let sent = request.send().await;
        self.hint(&partition, record);
        match sent {
            Ok(output) => Ok(Written::Now(WriteUnits::of(output.consumed_capacity()))),
            Err(error)
                if matches!(error.as_service_error(), Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some("ConditionalCheckFailed"))) =>
            {
                Ok(Written::Before)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    fn update(&self, redaction: &Redaction) -> Result<Update, Error> {
        let Redaction { place, before, after } = redaction;
        let Disclosure::Redacted(redacted) = &after.disclosure else {
            return Err(Error::Internal("a redaction that erases nothing".into()));
        };
        let erased = Part::ALL.into_iter().filter(|part| after.disclosure.is_erased(*part));
        let names = erased.flat_map(item::attributes).copied().chain(["salt"]);
        let mut update = Update::builder()
            .table_name(&self.tables.events)
            .set_key(Some(event_key(&before.workspace, place)))
            .expression_attribute_names("#redacted", "redacted")
            .expression_attribute_values(":redacted", AttributeValue::S(canonical(redacted)));
        let mut removed = Vec::new();
        for name in names {
            update = update.expression_attribute_names(format!("#{name}"), name);
            removed.push(format!("#{name}"));
        }
        // Content never changes but by a redaction, and each leaves another state of the disclosure.
        update = match &before.disclosure {
            Disclosure::Whole(salt) => {
                let salt = AttributeValue::B(salt.as_bytes().to_vec().into());
                update.condition_expression("#salt = :before").expression_attribute_values(":before", salt)
            }
            Disclosure::Redacted(before) => update
                .condition_expression("#redacted = :before")
                .expression_attribute_values(":before", AttributeValue::S(canonical(before))),
        };
        update
            .update_expression(format!("SET #redacted = :redacted REMOVE {}", removed.join(", ")))
            .build()
            .map_err(|error| Error::Internal(error.into()))
    }
}
