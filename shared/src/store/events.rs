//! Recorded events: appended once, never changed.

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure},
};

use super::{Store, WriteUnits, corrupt, item, unavailable};
use crate::{error::Error, event::Event, keys::Place, settings::Settings, timestamp::Timestamp};

/// What became of an event that was to be recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Appended {
    /// Whether it is recorded now, was before, or cannot be.
    pub status: Status,
    /// What the write took.
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
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.events)
            .set_item(Some(item::from_event(event, &partition)))
            .condition_expression("attribute_not_exists(#timestamp)")
            .expression_attribute_names("#timestamp", "timestamp")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        self.hint(&partition, event);
        // If we crash here, the event is recorded and its sender does not know: sent again with
        // the same key it is a duplicate.
        match put {
            Ok(output) => Ok(Appended {
                status: Status::Recorded,
                write_units: WriteUnits::of(output.consumed_capacity.as_slice()),
            }),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failure)) => {
                    let item = item::from_event(event, &partition);
                    let status = match failure.item() {
                        Some(there) if *there == item => Status::Recorded,
                        Some(there) if item::same_event(there, &item) => Status::Duplicate,
                        _ => Status::Conflict,
                    };
                    // A failed condition takes the units of a write, which the answer does not tell.
                    Ok(Appended { status, write_units: WriteUnits::default() })
                }
                _ => Err(unavailable(error)),
            },
        }
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
