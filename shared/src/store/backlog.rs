//! The backlog: events that wait to be sealed, because another sealer had the turn or the sealer's own time was over.
//!
//! A sealer that leaves events here writes them first, and then checks again whether the other sealer still has the turn. A
//! sealer that ends its turn does so first, and then reads the backlog. So one of the two sees the other's write. If a crash
//! makes both miss it, the backlog's schedule finds the events.
//!
//! An item never changes. A sealer deletes it once all its events are sealed; several sealers may do so.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::{
    Store, WriteUnits, inconsistent,
    item::{self, Item, Writer, text},
    unavailable,
};
use crate::{
    ledger::places,
    model::{error::Error, id::WorkspaceId, keys::Place, timestamp::Timestamp},
    system,
};

/// The most places of one item. At 138 bytes each they fit the limit of 400 KB.
const MAX_PLACES: usize = 1_000;
/// How many items one read returns.
const TAKEN: i32 = 8;

/// An item of the backlog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The item's unique sort key: the time when it was written, and an id.
    key: String,
    /// The keys of the waiting events.
    pub places: Vec<Place>,
}

impl Store {
    /// Adds events to the backlog.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if not all of them may have been written.
    pub async fn leave(
        &self,
        workspace: &WorkspaceId,
        left: &[Place],
        now: Timestamp,
    ) -> Result<WriteUnits, Error> {
        let mut units = WriteUnits::default();
        for chunk in left.chunks(MAX_PLACES) {
            let item = Writer::default()
                .text("workspace", workspace.as_str())
                .text("left_at", format!("{now}#{}", system::event_id()))
                .bytes("places", &places::to_bytes(chunk))
                .finish();
            let output = self
                .client
                .put_item()
                .table_name(&self.tables.backlog)
                .set_item(Some(item))
                .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
                .send()
                .await
                .map_err(unavailable)?;
            units += WriteUnits::of(output.consumed_capacity.as_slice());
        }
        Ok(units)
    }

    /// The oldest items of a workspace, at most [`TAKEN`]; only those after `last` if it is given.
    ///
    /// Clocks differ, so an item that is written later can be before `last`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn waiting(
        &self,
        workspace: &WorkspaceId,
        last: Option<&Waiting>,
    ) -> Result<Vec<Waiting>, Error> {
        let start = last.map(|last| waiting_key(workspace, last));
        let output = self
            .client
            .query()
            .table_name(&self.tables.backlog)
            .key_condition_expression("#workspace = :workspace")
            .expression_attribute_names("#workspace", "workspace")
            .expression_attribute_values(":workspace", AttributeValue::S(workspace.to_string()))
            .limit(TAKEN)
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(unavailable)?;
        let waiting = output.items().iter().map(|item| {
            let places = places::from_bytes(item::bytes(item, "places")?);
            let places = places.ok_or_else(|| inconsistent("what waits to be sealed is not places"))?;
            Ok(Waiting { key: text(item, "left_at")?.to_owned(), places })
        });
        waiting.collect()
    }

    /// Deletes an item whose places are all sealed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may still be there.
    pub async fn forget_waiting(
        &self,
        workspace: &WorkspaceId,
        waiting: &Waiting,
    ) -> Result<WriteUnits, Error> {
        let output = self
            .client
            .delete_item()
            .table_name(&self.tables.backlog)
            .set_key(Some(waiting_key(workspace, waiting)))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .map_err(unavailable)?;
        Ok(WriteUnits::of(output.consumed_capacity.as_slice()))
    }

    /// The workspaces with waiting events, each with the time of the oldest item. It reads the whole table, which is empty
    /// unless sealers are at their limit.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn backlog(&self) -> Result<BTreeMap<WorkspaceId, Timestamp>, Error> {
        let mut backlog = BTreeMap::new();
        let mut start = None;
        loop {
            let output = self
                .client
                .scan()
                .table_name(&self.tables.backlog)
                .projection_expression("#workspace, #left_at")
                .expression_attribute_names("#workspace", "workspace")
                .expression_attribute_names("#left_at", "left_at")
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            for item in output.items() {
                let left_at = text(item, "left_at")?.split('#').next().map(Timestamp::parse);
                if let (Ok(workspace), Some(Ok(left_at))) =
                    (WorkspaceId::parse(text(item, "workspace")?), left_at)
                {
                    let since = backlog.entry(workspace).or_insert(left_at);
                    *since = left_at.min(*since);
                }
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(backlog);
            }
        }
    }
}

fn waiting_key(workspace: &WorkspaceId, waiting: &Waiting) -> Item {
    Writer::default().text("workspace", workspace.as_str()).text("left_at", &waiting.key).finish()
}
