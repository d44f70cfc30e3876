//! The sealed logs: deltas and the head.
//!
//! The deltas of a log decide its order. Each is written once, under the sequence of its first event, by a put on the
//! condition that the key is free: the first sealer decides the order, and all others read it. After the work for a delta
//! is done, the head moves to its end by compare-and-swap. So a delta that begins at the head's size is decided but not
//! finished.
//!
//! Deltas and the head also contain the turn of the sealer that wrote them (`ledger::turn`), so that other sealers leave the
//! work to it. The turn costs no additional write.
//!
//! A delta is never changed or deleted.

use std::ops::Range;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::put_item::PutItemError,
    types::{AttributeValue, ReturnConsumedCapacity},
};

use super::{
    Store, WriteUnits, inconsistent,
    item::{self, Item, Writer, number, text},
    unavailable,
};
use crate::{
    ledger::{Delta, Entry, hash::Hash, tree::Frontier, turn::Turn},
    model::{
        error::Error,
        event::Event,
        id::WorkspaceId,
        keys::{Place, ledger, partition},
        timestamp::Timestamp,
    },
    query::page::ReadUnits,
};

/// A stored event and its place.
#[derive(Debug)]
pub struct Candidate {
    /// The place.
    pub place: Place,
    /// The event, or the reason why the item cannot be read as one.
    pub event: Result<Event, Error>,
}

/// The result of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Written {
    /// This call wrote the item.
    Now(WriteUnits),
    /// The condition failed: another writer was first, or this call wrote the item and its response was lost.
    Before,
}

/// The state of a log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// The head.
    pub head: Frontier,
    /// The delta after the head, which is decided but not finished.
    pub delta: Option<Delta>,
    /// The turn in that delta, or in the head.
    pub turn: Option<Turn>,
}

impl Store {
    /// The head of a workspace's log.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn head(&self, workspace: &WorkspaceId) -> Result<Frontier, Error> {
        let head = self.ledger_item(workspace.as_str(), ledger::HEAD).await?;
        head.as_ref().map_or(Ok(Frontier::default()), frontier)
    }

    /// The state of a workspace's log. One query reads both the head and the last delta, because their sort keys follow each
    /// other.
    ///
    /// DynamoDB does not read the two items at the same instant. A delta after the head may be finished already, and a new
    /// delta may be missing from the answer. Both are safe: finishing a delta again changes nothing, and the write of the
    /// next delta fails if there is one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, [`Error::Inconsistent`] if what it has is not a log.
    pub async fn standing(&self, workspace: &WorkspaceId) -> Result<Standing, Error> {
        let output = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .key_condition_expression("#workspace = :workspace AND #part BETWEEN :delta AND :head")
            .expression_attribute_names("#workspace", "workspace")
            .expression_attribute_names("#part", "part")
            .expression_attribute_values(":workspace", AttributeValue::S(workspace.to_string()))
            .expression_attribute_values(":delta", AttributeValue::S(ledger::DELTA.to_owned()))
            .expression_attribute_values(":head", AttributeValue::S(ledger::HEAD.to_owned()))
            .scan_index_forward(false)
            .limit(2)
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        let mut standing = Standing::default();
        let mut items = output.items.unwrap_or_default().into_iter().peekable();
        if let Some(item) = items.next_if(|item| text(item, "part").is_ok_and(|part| part == ledger::HEAD)) {
            standing = Standing { head: frontier(&item)?, delta: None, turn: turn(&item)? };
        }
        let Some(mut last) = items.next() else { return Ok(standing) };
        let size = standing.head.size();
        if delta(&last)?.first > size {
            // A sealer decides several deltas before it moves the head. It is still working, or has crashed.
            let key = ledger::delta(size);
            let first = self.ledger_item(workspace.as_str(), &key).await?;
            last = first.ok_or_else(|| inconsistent("a log's deltas do not follow its head"))?;
        }
        let decided = delta(&last)?;
        if decided.first == size {
            standing.turn = turn(&last)?.or(standing.turn);
            standing.delta = Some(decided);
        }
        Ok(standing)
    }

    /// The entries of these sequences, as far as they are decided.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, [`Error::Inconsistent`] if there is a gap between deltas.
    pub async fn entries(
        &self,
        workspace: &WorkspaceId,
        range: Range<u64>,
    ) -> Result<Vec<(u64, Entry)>, Error> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let mut deltas = self.deltas(workspace, range.start..range.end).await?;
        if deltas.first().is_none_or(|delta| delta.first > range.start) {
            // The range begins within a delta. No delta begins before its tile.
            let tile = range.start - range.start % u64::try_from(Delta::room(0)).unwrap_or_default();
            deltas.splice(..0, self.deltas(workspace, tile..range.start).await?);
        }
        if deltas.windows(2).any(|pair| pair[0].end() != pair[1].first) {
            return Err(inconsistent("a log's deltas do not follow each other"));
        }
        let entries = deltas.iter().flat_map(Delta::sequenced);
        Ok(entries
            .filter(|(sequence, _)| range.contains(sequence))
            .map(|(sequence, entry)| (sequence, entry.clone()))
            .collect())
    }

    /// The deltas that begin in this range.
    pub(super) async fn deltas(
        &self,
        workspace: &WorkspaceId,
        range: Range<u64>,
    ) -> Result<Vec<Delta>, Error> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let items =
            self.ledger_items(workspace, ledger::delta(range.start), ledger::delta(range.end - 1)).await?;
        items.iter().map(delta).collect()
    }

    /// Decides the next events of the log, unless another sealer has done so. If we crash after this write, the delta is
    /// decided but not finished, and the next sealer finds it after the head.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been written.
    pub async fn write_delta(
        &self,
        workspace: &WorkspaceId,
        delta: &Delta,
        turn: Option<&Turn>,
    ) -> Result<Written, Error> {
        let item = Writer::default()
            .text("workspace", workspace.as_str())
            .text("part", ledger::delta(delta.first))
            .bytes("entries", &delta.to_bytes());
        let item = with_turn(item, turn).finish();
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#part)")
            .expression_attribute_names("#part", "part")
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        written(put.map(|output| WriteUnits::of(output.consumed_capacity.as_slice())))
    }

    /// Stores the root of a full tile, which is a hash of the level above. Repeating the call changes nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been written.
    pub async fn write_root(
        &self,
        workspace: &WorkspaceId,
        level: u8,
        index: u64,
        root: Hash,
    ) -> Result<WriteUnits, Error> {
        let item = Writer::default()
            .text("workspace", workspace.as_str())
            .text("part", ledger::root(level, index))
            .bytes("root", root.as_bytes())
            .finish();
        self.put_in_ledger(item).await
    }

    /// Moves the head, if it is still at `from`. `turn` extends the sealer's turn; `None` ends it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been moved.
    pub async fn advance(
        &self,
        workspace: &WorkspaceId,
        from: &Frontier,
        to: &Frontier,
        turn: Option<&Turn>,
    ) -> Result<Written, Error> {
        let item = Writer::default()
            .text("workspace", workspace.as_str())
            .text("part", ledger::HEAD)
            .number("size", to.size())
            .bytes("frontier", &to.to_bytes());
        let item = with_turn(item, turn).finish();
        // An empty log has no head.
        let written = self.put_after(item, (from.size() > 0).then_some(from.size())).await?;
        if let Some(hints) = &self.head_hints {
            hints.tell(workspace.as_str(), ledger::HEAD);
        }
        Ok(written)
    }

    /// Puts an item in place of the one with this size; for `None`, only if there is no item.
    async fn put_after(&self, item: Item, size: Option<u64>) -> Result<Written, Error> {
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .expression_attribute_names("#size", "size")
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        let put = match size {
            None => put.condition_expression("attribute_not_exists(#size)"),
            Some(size) => put
                .condition_expression("#size = :size")
                .expression_attribute_values(":size", AttributeValue::N(size.to_string())),
        };
        let put = put.send().await;
        written(put.map(|output| WriteUnits::of(output.consumed_capacity.as_slice())))
    }

    /// The events at these places, by a consistent read. Missing events are left out.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn candidates(
        &self,
        workspace: &WorkspaceId,
        places: &[Place],
    ) -> Result<Vec<Candidate>, Error> {
        let keys = places.iter().map(|place| event_key(workspace, place)).collect();
        let mut found = self.get_all(keys, true, &mut ReadUnits::default()).await?;
        let candidates = places.iter().filter_map(|place| {
            let item = found.remove(&(partition(workspace, place.shard), place.position.sort_key()))?;
            Some(Candidate { place: place.clone(), event: item::to_event(&item) })
        });
        Ok(candidates.collect())
    }

    /// Records that the item at a place cannot be sealed. Repeating the call changes only the time.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been written.
    pub async fn set_aside(
        &self,
        workspace: &WorkspaceId,
        place: &Place,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let partition = partition(workspace, place.shard);
        let item = Writer::default()
            .text("workspace", workspace.as_str())
            .text("part", ledger::aside(&partition, &place.position.sort_key()))
            .text("reason", reason)
            .text("set_aside_at", now.to_string())
            .finish();
        self.put_in_ledger(item).await.map(|_| ())
    }

    /// An item of the ledger. `workspace` is a workspace or [`ledger::COMMON`].
    pub(super) async fn ledger_item(&self, workspace: &str, part: &str) -> Result<Option<Item>, Error> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.ledger)
            .key("workspace", AttributeValue::S(workspace.to_string()))
            .key("part", AttributeValue::S(part.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        Ok(output.item)
    }

    /// The items of a workspace in the ledger from one sort key to another, both included.
    pub(super) async fn ledger_items(
        &self,
        workspace: &WorkspaceId,
        from: String,
        to: String,
    ) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.tables.ledger)
                .key_condition_expression("#workspace = :workspace AND #part BETWEEN :from AND :to")
                .expression_attribute_names("#workspace", "workspace")
                .expression_attribute_names("#part", "part")
                .expression_attribute_values(":workspace", AttributeValue::S(workspace.to_string()))
                .expression_attribute_values(":from", AttributeValue::S(from.clone()))
                .expression_attribute_values(":to", AttributeValue::S(to.clone()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            items.extend(output.items.unwrap_or_default());
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    pub(super) async fn put_in_ledger(&self, item: Item) -> Result<WriteUnits, Error> {
        let output = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .map_err(unavailable)?;
        Ok(WriteUnits::of(output.consumed_capacity.as_slice()))
    }
}

/// The key of an event in its table.
pub(super) fn event_key(workspace: &WorkspaceId, place: &Place) -> Item {
    Writer::default()
        .text("workspace", partition(workspace, place.shard))
        .text("timestamp", place.position.sort_key())
        .finish()
}

fn frontier(item: &Item) -> Result<Frontier, Error> {
    Frontier::from_bytes(number(item, "size")?, item::bytes(item, "frontier")?)
        .ok_or_else(|| inconsistent("a log's head is not one"))
}

fn with_turn(item: Writer, turn: Option<&Turn>) -> Writer {
    match turn {
        Some(Turn { sealer, until }) => {
            item.text("sealer", sealer).number("turn_until", until.unix_microseconds())
        }
        None => item,
    }
}

fn turn(item: &Item) -> Result<Option<Turn>, Error> {
    if !item.contains_key("sealer") {
        return Ok(None);
    }
    let until = i64::try_from(number(item, "turn_until")?).ok().and_then(Timestamp::from_unix_microseconds);
    let until = until.ok_or_else(|| inconsistent("a sealer's turn is not one"))?;
    Ok(Some(Turn { sealer: text(item, "sealer")?.to_owned(), until }))
}

fn delta(item: &Item) -> Result<Delta, Error> {
    let first = text(item, "part")?.strip_prefix(ledger::DELTA).and_then(|first| first.parse().ok());
    first
        .and_then(|first| Delta::from_bytes(first, item::bytes(item, "entries").ok()?))
        .ok_or_else(|| inconsistent("a log's delta is not one"))
}

/// The result of a conditional put.
pub(super) fn written(put: Result<WriteUnits, SdkError<PutItemError>>) -> Result<Written, Error> {
    match put {
        Ok(units) => Ok(Written::Now(units)),
        Err(error)
            if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) =>
        {
            Ok(Written::Before)
        }
        Err(error) => Err(unavailable(error)),
    }
}
