//! The receipts for expired events.
//!
//! A receipt is an event like any other, sealed and signed with the log. It is recorded in one transaction with the progress
//! of receipts, on the condition that neither the progress nor the retention has changed. So each expired event has one
//! receipt, and no receipt is written while a hold is in effect. Once the receipt is sealed, its events are marked
//! (`marks.rs`), and DynamoDB deletes marked events. No code here deletes an event.

use super::{
    Room, Store, Written,
    read::MAX_EVALUATED,
    transaction::{Statement, number, text},
};
use crate::{
    model::{
        error::Error, event::Event, id::WorkspaceId, keys::Position, settings::Settings, timestamp::Timestamp,
    },
    query::page::{Filter, Order, Page, ReadUnits},
};

impl Store {
    /// The events after a position and before an instant in the order of time, with expired ones.
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

    /// Records a receipt for the events up to `to`, inclusive, if the settings are still `settings`. The first receipt also
    /// stores the size of the log, because no entry before it is a receipt.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been recorded.
    pub async fn write_receipt(
        &self,
        settings: &Settings,
        to: &Position,
        receipt: &Event,
        log_size: u64,
    ) -> Result<Written, Error> {
        let receipt = &self.sign_record(receipt).await?;
        let table = &self.tables.settings;
        let (mut set, mut condition) = (String::new(), String::new());
        let mut parameters = vec![text(to.sort_key())];
        if settings.expiry.receipted_to.is_none() {
            set.push_str(r#" SET "marked_size"=?"#);
            parameters.push(number(log_size));
        }
        parameters.push(text(receipt.workspace.as_str()));
        let before = settings.expiry.receipted_to.as_ref().map(Position::sort_key);
        for (name, value) in
            [("retention_digest", settings.retention_digest.clone()), ("receipted_to", before)]
        {
            condition.extend([" AND \"", name, if value.is_some() { "\"=?" } else { "\" IS MISSING" }]);
            parameters.extend(value.map(text));
        }
        let update = Statement::new(
            format!(r#"UPDATE "{table}" SET "receipted_to"=?{set} WHERE "workspace"=?{condition}"#),
            parameters,
        );
        self.write_with_event(update, receipt).await
    }
}
