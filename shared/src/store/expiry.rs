//! How events are done away with that have expired: by a receipt first, and then by a mark.
//!
//! A receipt is an event like any other, sealed and signed with the log. It is recorded in one transaction with
//! the note of how far receipts go, on the condition that neither that nor what admins have set of the
//! retention has changed; so there is one receipt for each event, and none while a hold stands. Then the
//! events are marked, and DynamoDB deletes what is marked. Nothing here deletes anything.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, Update};

use super::{Room, Store, WriteUnits, Written, condition_failed, ledger::event_key, unavailable};
use crate::{
    error::Error,
    event::Event,
    id::WorkspaceId,
    json::canonical,
    keys::{Place, Position},
    page::{Filter, Order, Page, ReadUnits},
    settings::Settings,
    timestamp::Timestamp,
};

impl Store {
    /// The events after a place and before an instant, in the order of time, whether they are retained or not.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn stored_before(
        &self,
        workspace: &WorkspaceId,
        after: Option<&Position>,
        before: Timestamp,
        room: Room,
    ) -> Result<Page, Error> {
        let start = after.map(|position| position.timestamp);
        if start.is_some_and(|start| before <= start) {
            return Ok(Page { events: Vec::new(), next: None, read: ReadUnits::default() });
        }
        let filter = Filter { start, end: Some(before), order: Order::Ascending, ..Filter::default() };
        self.page_of_all(workspace, &filter, after, room).await
    }

    /// Records a receipt for the events up to and with the one at `to`, if the settings are still `settings`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been recorded.
    pub async fn write_receipt(
        &self,
        settings: &Settings,
        to: &Position,
        receipt: &Event,
    ) -> Result<Written, Error> {
        let update = Update::builder()
            .table_name(&self.tables.settings)
            .key("workspace", AttributeValue::S(receipt.workspace.to_string()))
            .update_expression("SET #receipted_to = :to")
            .expression_attribute_names("#retention", "retention")
            .expression_attribute_names("#receipted_to", "receipted_to")
            .expression_attribute_values(":to", AttributeValue::S(to.sort_key()))
            .expression_attribute_values(":retention", AttributeValue::S(canonical(&settings.retention)));
        let update = match &settings.expiry.receipted_to {
            None => {
                update.condition_expression("#retention = :retention AND attribute_not_exists(#receipted_to)")
            }
            Some(before) => update
                .condition_expression("#retention = :retention AND #receipted_to = :before")
                .expression_attribute_values(":before", AttributeValue::S(before.sort_key())),
        };
        self.update_settings(update.build().map_err(|error| Error::Internal(error.into()))?, receipt).await
    }

    /// Marks a sealed event to be deleted from an instant on; whether it was there. The same call again changes
    /// nothing but the instant.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been marked.
    pub async fn mark_expired(
        &self,
        workspace: &WorkspaceId,
        place: &Place,
        at: Timestamp,
    ) -> Result<Option<WriteUnits>, Error> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.events)
            .set_key(Some(event_key(workspace, place)))
            .update_expression("SET #expires_at = :at")
            .condition_expression("attribute_exists(#sequence)")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":at", AttributeValue::N(at.unix_seconds().to_string()))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        match update {
            Ok(output) => Ok(Some(WriteUnits::of(output.consumed_capacity.as_slice()))),
            Err(error) if condition_failed(&error) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Notes that all events up to and with the one at `to` are marked. If the note is lost, they are marked
    /// again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been written.
    pub async fn write_marked(&self, workspace: &WorkspaceId, to: &Position) -> Result<(), Error> {
        self.client
            .update_item()
            .table_name(&self.tables.settings)
            .key("workspace", AttributeValue::S(workspace.to_string()))
            .update_expression("SET #marked_to = :to")
            .expression_attribute_names("#marked_to", "marked_to")
            .expression_attribute_values(":to", AttributeValue::S(to.sort_key()))
            .send()
            .await
            .map(drop)
            .map_err(unavailable)
    }
}
