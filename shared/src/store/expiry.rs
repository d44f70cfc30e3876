//! How events are done away with that have expired: by a receipt first, and then by a mark.
//!
//! A receipt is an event like any other, sealed and signed with the log. It is recorded in one transaction with
//! the note of how far receipts go, on the condition that neither that nor what admins have set of the
//! retention has changed; so there is one receipt for each event, and none while a hold stands. Then the
//! events are marked, and DynamoDB deletes what is marked. Nothing here deletes anything.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::{
    Room, Store, WriteUnits, Written, condition_failed,
    ledger::event_key,
    read::MAX_EVALUATED,
    transaction::{Statement, text},
    unavailable,
};
use crate::{
    error::Error,
    event::Event,
    id::WorkspaceId,
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
        self.page_of_all(workspace, &filter, after, room, MAX_EVALUATED).await
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
        let table = &self.tables.settings;
        let mut condition = String::new();
        let mut parameters = vec![text(to.sort_key()), text(receipt.workspace.as_str())];
        let before = settings.expiry.receipted_to.as_ref().map(Position::sort_key);
        for (name, value) in
            [("retention_digest", settings.retention_digest.clone()), ("receipted_to", before)]
        {
            condition.extend([" AND \"", name, if value.is_some() { "\"=?" } else { "\" IS MISSING" }]);
            parameters.extend(value.map(text));
        }
        let update = Statement::new(
            format!(r#"UPDATE "{table}" SET "receipted_to"=? WHERE "workspace"=?{condition}"#),
            parameters,
        );
        self.write_with_event(update, receipt).await
    }

    /// Marks an event, which the caller knows to be sealed, to be deleted from an instant on; whether it was there. The
    /// same call again changes nothing but the instant. It names no sequence, so that its role cannot set one.
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
            .condition_expression("attribute_exists(#timestamp)")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_names("#timestamp", "timestamp")
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
