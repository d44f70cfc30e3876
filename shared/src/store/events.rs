//! Records events. An event is written once.

use aws_sdk_dynamodb::{
    operation::execute_statement::ExecuteStatementError,
    types::{AttributeValue, ReturnConsumedCapacity},
};

use super::{
    Store, WriteUnits, corrupt,
    item::{self, array},
    transaction::Statement,
    unavailable,
};
use crate::model::{
    disclosure::Disclosure, error::Error, event::Event, keys::Place, settings::Settings, timestamp::Timestamp,
};

/// The result of recording an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Appended {
    /// The status of the event.
    pub status: Status,
    /// The units that the write consumed.
    pub write_units: WriteUnits,
}

/// The status of an event after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// This write recorded it.
    Recorded,
    /// It was recorded before with the same content.
    Duplicate,
    /// Another event with the same key was recorded before, and is unchanged.
    Conflict,
    /// Its timestamp is before this time, from which events are retained. It was not recorded.
    Expired(Timestamp),
}

impl Store {
    /// Records an event, once.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been written; the same call again is safe.
    pub async fn append(&self, event: &Event) -> Result<Appended, Error> {
        let settings = self.settings(&event.workspace).await?;
        if let Some(retained_from) = has_expired(&settings, event) {
            let status = Status::Expired(retained_from);
            return Ok(Appended { status, write_units: WriteUnits::default() });
        }
        let partition = settings.shards.partition(&event.workspace, &event.position());
        let Statement { text, parameters } =
            Statement::insert(&self.tables.events, item::attributes_of(event, &partition));
        let inserted = self
            .client
            .execute_statement()
            .statement(text)
            .set_parameters(Some(parameters))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        self.hint(&partition, event);
        // If we crash here, the event is recorded and the sender has no answer. A retry with the same key is a duplicate.
        match inserted {
            Ok(output) => Ok(Appended {
                status: Status::Recorded,
                write_units: WriteUnits::of(output.consumed_capacity.as_slice()),
            }),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(ExecuteStatementError::is_duplicate_item_exception) =>
            {
                // The refused statement consumed write units, which the answer does not contain.
                let status = self.compare(event, &partition).await?;
                Ok(Appended { status, write_units: WriteUnits::default() })
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Compares an event whose key is taken with the stored one. It reads only the stored event's salt and digest, because
    /// the roles of functions that record may not read content.
    pub(super) async fn compare(&self, event: &Event, partition: &str) -> Result<Status, Error> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.events)
            .key("workspace", AttributeValue::S(partition.to_owned()))
            .key("timestamp", AttributeValue::S(event.position().sort_key()))
            .projection_expression("#salt, #redacted, #digest")
            .expression_attribute_names("#salt", "salt")
            .expression_attribute_names("#redacted", "redacted")
            .expression_attribute_names("#digest", "digest")
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        let Some(there) = output.item else {
            return Err(Error::Unavailable("the event of this key was deleted a moment ago".into()));
        };
        let (Ok(disclosure), Ok(digest)) = (item::disclosure(&there), array(&there, "digest")) else {
            return Ok(Status::Conflict);
        };
        // If the stored salt is this event's own, an earlier attempt of this call wrote the item.
        if matches!(disclosure, Disclosure::Whole(_)) && disclosure == event.disclosure {
            return Ok(Status::Recorded);
        }
        let same = item::digest(&item::attributes_of(event, partition), &disclosure) == digest;
        Ok(if same { Status::Duplicate } else { Status::Conflict })
    }

    /// The place of an event, whether it is stored or not.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn place_of(&self, event: &Event) -> Result<Place, Error> {
        let partition = self.partition_of(event).await?;
        let place = Place::from_key(&partition, &event.position().sort_key());
        place.map(|(_, place)| place).ok_or_else(|| corrupt("an event's key"))
    }

    /// The partition of an event, whether it is stored or not.
    pub(super) async fn partition_of(&self, event: &Event) -> Result<String, Error> {
        Ok(self.settings(&event.workspace).await?.shards.partition(&event.workspace, &event.position()))
    }
}

/// If an event's timestamp had already expired when it was received: the time from which events are retained. Such an event
/// is refused, because an expired event with the same key may have been recorded and deleted.
pub(super) fn has_expired(settings: &Settings, event: &Event) -> Option<Timestamp> {
    settings.retention.retained_from(event.received_at).filter(|from| event.timestamp < *from)
}
