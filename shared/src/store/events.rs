//! Recorded events: appended once, never changed.

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

/// What became of an event that was to be recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Appended {
    /// Whether it is recorded now, was before, or cannot be.
    pub status: Status,
    /// The units that the write took.
    pub write_units: WriteUnits,
}

/// Whether an event is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is recorded, by this write.
    Recorded,
    /// It was recorded before, with the same content.
    Duplicate,
    /// Another event was recorded under its key before, and stands.
    Conflict,
    /// It is of a time before this, of which nothing is kept any more: nothing is written.
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
        // If we crash here, the event is recorded and its sender does not know: sent again with
        // the same key it is a duplicate.
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
                // The refused statement took the units of a write, which the answer does not tell.
                let status = self.compare(event, &partition).await?;
                Ok(Appended { status, write_units: WriteUnits::default() })
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Compares an event whose key is taken with the stored one. It reads the stored event's marks and none of its
    /// content, which the role of a function that records may not read.
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
        // The salt of the item is this event's own if an earlier attempt of this call wrote it.
        if matches!(disclosure, Disclosure::Whole(_)) && disclosure == event.disclosure {
            return Ok(Status::Recorded);
        }
        let same = item::digest(&item::attributes_of(event, partition), &disclosure) == digest;
        Ok(if same { Status::Duplicate } else { Status::Conflict })
    }

    /// Where an event is kept, or would be.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn place_of(&self, event: &Event) -> Result<Place, Error> {
        let partition = self.partition_of(event).await?;
        let place = Place::from_key(&partition, &event.position().sort_key());
        place.map(|(_, place)| place).ok_or_else(|| corrupt("an event's key"))
    }

    /// The partition that an event belongs to, whether it is there or not.
    pub(super) async fn partition_of(&self, event: &Event) -> Result<String, Error> {
        Ok(self.settings(&event.workspace).await?.shards.partition(&event.workspace, &event.position()))
    }
}

/// Since when events are retained, where this one was of a time before that when it was received. What has
/// expired is recorded never again: its key is taken for ever, though nothing of it may be there.
pub(super) fn has_expired(settings: &Settings, event: &Event) -> Option<Timestamp> {
    settings.retention.retained_from(event.received_at).filter(|from| event.timestamp < *from)
}
