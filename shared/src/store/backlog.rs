//! What waits to be sealed: places of events that a sealer left, since another had the turn or its own time was over.
//!
//! A sealer that leaves places here first writes them and then looks once more whether the other still has its turn; a sealer that ends
//! its turn does so first and then looks here. So one of the two sees the other. What both miss, because one of them crashed, the
//! schedule of the backlog finds.
//!
//! An item is never changed. It is deleted once each of its places was looked at and is sealed, by any sealer and any number of times.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::{
    Store, WriteUnits, inconsistent,
    item::{self, Writer, text},
    unavailable,
};
use crate::{
    ledger::places,
    model::{error::Error, id::WorkspaceId, keys::Place, timestamp::Timestamp},
    system,
};

/// The most places of one item: at 138 bytes each they fit its 400 KB.
const MAX_PLACES: usize = 1_000;
/// How many items are taken up at a time.
const TAKEN: i32 = 8;

/// Some places that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The item's sort key, which no other item has: when it was left, and an id.
    key: String,
    /// The places.
    pub places: Vec<Place>,
}

impl Store {
    /// Leaves places to be sealed later.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they may not all have been written.
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

    /// What waits in a workspace, the oldest first; a part of it where there is much.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn waiting(&self, workspace: &WorkspaceId) -> Result<Vec<Waiting>, Error> {
        let output = self
            .client
            .query()
            .table_name(&self.tables.backlog)
            .key_condition_expression("#workspace = :workspace")
            .expression_attribute_names("#workspace", "workspace")
            .expression_attribute_values(":workspace", AttributeValue::S(workspace.to_string()))
            .limit(TAKEN)
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        let waiting = |item| {
            let places = places::from_bytes(item::bytes(item, "places")?);
            let places = places.ok_or_else(|| inconsistent("what waits to be sealed is not places"))?;
            Ok(Waiting { key: text(item, "left_at")?.to_owned(), places })
        };
        output.items().iter().map(waiting).collect()
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
            .key("workspace", AttributeValue::S(workspace.to_string()))
            .key("left_at", AttributeValue::S(waiting.key.clone()))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .map_err(unavailable)?;
        Ok(WriteUnits::of(output.consumed_capacity.as_slice()))
    }

    /// The workspaces in which something waits, each with the time since when. It reads the whole table, which is empty unless
    /// sealers are at their limit.
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
