//! Reads of stored items for the consistency check (`auditlog-fsck`).
//!
//! In other modules an item that is not in our form is an error, and ends the read. Here it is a result, so that the check
//! can report it and continue. Every read is consistent and returns at most one answer of DynamoDB (1 MB, or 100 events),
//! so that a log of any length is read in little memory. This module never writes.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, Select};

use super::{
    Signed, Store,
    item::{self, Item, array, from_event, received_at, text, to_event},
    ledger::event_key,
    unavailable,
};
use crate::{
    ledger::{Delta, hash::Hash, tree::Frontier},
    model::{
        error::Error,
        event::Event,
        id::WorkspaceId,
        keys::{Place, Position, ledger, partition},
        timestamp::Timestamp,
    },
    query::page::ReadUnits,
};

/// Some stored items in the order of their keys.
#[derive(Debug)]
pub struct Chunk<T> {
    /// The items.
    pub items: Vec<T>,
    /// The start of the next read; `None` at the end.
    pub rest: Option<Rest>,
}

/// The key at which a read continues.
#[derive(Clone, Debug)]
pub struct Rest(Item);

/// The stored head of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredHead {
    /// There is none, because the log has no entries.
    Missing,
    /// The item is not in our form.
    Unreadable,
    /// The head.
    Read(Frontier),
}

/// The stored last signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredSigned {
    /// None was signed yet.
    Missing,
    /// The item is not in our form.
    Unreadable,
    /// The checkpoint.
    Read(Signed),
}

/// A stored delta of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDelta {
    /// Its sort key.
    pub key: String,
    /// The delta; `None` if its key or content is not in our form.
    pub delta: Option<Delta>,
}

/// The stored root of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRoot {
    /// Its sort key.
    pub key: String,
    /// The root; `None` if it is not in our form.
    pub root: Option<Hash>,
}

/// The item stored at the place of an event.
#[derive(Debug)]
pub struct Kept {
    /// The event, or the reason why the item cannot be read as one.
    pub event: Result<Event, Error>,
    /// The names of attributes that were added, removed or changed compared with the item that we write for the event.
    pub strange: Vec<String>,
}

/// The attributes of an item in the events table that concern sealing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// Its sort key.
    pub sort_key: String,
    /// Its position in the partition; `None` if the key is not an event's.
    pub position: Option<Position>,
    /// Its sequence.
    pub sequence: StoredSequence,
    /// When it was received; `None` if the attribute cannot be read.
    pub received_at: Option<Timestamp>,
}

/// The sequence attribute of an item in the events table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredSequence {
    /// There is none, because the event is not sealed yet.
    Nothing,
    /// The attribute is not a sequence.
    Unreadable,
    /// The sequence.
    Sequence(u64),
}

impl Store {
    /// All workspaces with items in the ledger. It reads the whole ledger table.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn logs(&self) -> Result<BTreeSet<WorkspaceId>, Error> {
        let mut logs = BTreeSet::new();
        let mut start = None;
        loop {
            let output = self
                .client
                .scan()
                .table_name(&self.tables.ledger)
                .projection_expression("#workspace")
                .expression_attribute_names("#workspace", "workspace")
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            let names = output.items().iter().filter_map(|item| text(item, "workspace").ok());
            // The partition of items that belong to no workspace is not a valid workspace name.
            logs.extend(names.filter_map(|name| WorkspaceId::parse(name).ok()));
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(logs);
            }
        }
    }

    /// The head of a log.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn stored_head(&self, workspace: &WorkspaceId) -> Result<StoredHead, Error> {
        match self.ledger_item(workspace.as_str(), ledger::HEAD).await? {
            None => Ok(StoredHead::Missing),
            Some(_) => match self.head(workspace).await {
                Ok(head) => Ok(StoredHead::Read(head)),
                Err(Error::Internal(_) | Error::Inconsistent(_)) => Ok(StoredHead::Unreadable),
                Err(error) => Err(error),
            },
        }
    }

    /// The last checkpoint of a log that was signed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn stored_signed(&self, workspace: &WorkspaceId) -> Result<StoredSigned, Error> {
        match self.signed(workspace).await {
            Ok(None) => Ok(StoredSigned::Missing),
            Ok(Some(signed)) => Ok(StoredSigned::Read(signed)),
            Err(Error::Internal(_)) => Ok(StoredSigned::Unreadable),
            Err(error) => Err(error),
        }
    }

    /// The deltas of a log, from the first one or from the end of the last read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn stored_deltas(
        &self,
        workspace: &WorkspaceId,
        from: Option<Rest>,
    ) -> Result<Chunk<StoredDelta>, Error> {
        self.parts(workspace, ledger::DELTA, from, |key, item| {
            let first = key.strip_prefix(ledger::DELTA).and_then(|first| first.parse().ok());
            let first = first.filter(|first| ledger::delta(*first) == key);
            let delta = first.and_then(|first| Delta::from_bytes(first, item::bytes(item, "entries").ok()?));
            StoredDelta { key: key.to_owned(), delta }
        })
        .await
    }

    /// The roots of a log's tiles, level by level and from left to right.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn stored_roots(
        &self,
        workspace: &WorkspaceId,
        from: Option<Rest>,
    ) -> Result<Chunk<StoredRoot>, Error> {
        self.parts(workspace, ledger::ROOT, from, |key, item| StoredRoot {
            key: key.to_owned(),
            root: array(item, "root").ok().map(Hash::from_bytes),
        })
        .await
    }

    /// The number of events of a workspace that are set aside because they cannot be sealed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn count_aside(&self, workspace: &WorkspaceId) -> Result<u64, Error> {
        let (mut count, mut start) = (0, None);
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.tables.ledger)
                .key_condition_expression("#workspace = :workspace AND begins_with(#part, :aside)")
                .expression_attribute_names("#workspace", "workspace")
                .expression_attribute_names("#part", "part")
                .expression_attribute_values(":workspace", AttributeValue::S(workspace.to_string()))
                .expression_attribute_values(":aside", AttributeValue::S(ledger::ASIDE.to_owned()))
                .select(Select::Count)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            count += u64::try_from(output.count).unwrap_or_default();
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    /// The items at these places, at most 100, in the order of the places; `None` for a place without an item. Places may
    /// repeat, and may be invalid for an event.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn kept(&self, workspace: &WorkspaceId, places: &[Place]) -> Result<Vec<Option<Kept>>, Error> {
        let once: BTreeSet<_> = places.iter().collect();
        let keys = once.into_iter().map(|place| event_key(workspace, place)).collect();
        let found = self.get_all(keys, true, &mut ReadUnits::default()).await?;
        let kept = places.iter().map(|place| {
            let item = found.get(&(partition(workspace, place.shard), place.position.sort_key()))?;
            let event = to_event(item);
            let strange = event.as_ref().map_or_else(|_| Vec::new(), |event| strange(item, event, place));
            Some(Kept { event, strange })
        });
        Ok(kept.collect())
    }

    /// The items of the events table in a shard of a workspace, from the oldest one or from the end of the last read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn filed(
        &self,
        workspace: &WorkspaceId,
        shard: Option<u8>,
        from: Option<Rest>,
    ) -> Result<Chunk<Filed>, Error> {
        let output = self
            .client
            .query()
            .table_name(&self.tables.events)
            .key_condition_expression("#workspace = :workspace")
            .projection_expression("#timestamp, #sequence, #received_at")
            .expression_attribute_names("#workspace", "workspace")
            .expression_attribute_names("#timestamp", "timestamp")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_names("#received_at", "received_at")
            .expression_attribute_values(":workspace", AttributeValue::S(partition(workspace, shard)))
            .consistent_read(true)
            .set_exclusive_start_key(from.map(|rest| rest.0))
            .send()
            .await
            .map_err(unavailable)?;
        fn filed(item: &Item) -> Result<Filed, Error> {
            let sort_key = text(item, "timestamp")?.to_owned();
            let received_at = received_at(item).ok();
            let position = Position::from_sort_key(&sort_key);
            Ok(Filed { sort_key, position, sequence: stored_sequence(item), received_at })
        }
        let items = output.items().iter().map(filed).collect::<Result<_, Error>>()?;
        Ok(Chunk { items, rest: output.last_evaluated_key.map(Rest) })
    }

    /// The items of a workspace in the ledger whose keys begin with this prefix.
    async fn parts<T>(
        &self,
        workspace: &WorkspaceId,
        prefix: &str,
        from: Option<Rest>,
        read: impl Fn(&str, &Item) -> T,
    ) -> Result<Chunk<T>, Error> {
        let output = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .key_condition_expression("#workspace = :workspace AND begins_with(#part, :prefix)")
            .expression_attribute_names("#workspace", "workspace")
            .expression_attribute_names("#part", "part")
            .expression_attribute_values(":workspace", AttributeValue::S(workspace.to_string()))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .consistent_read(true)
            .set_exclusive_start_key(from.map(|rest| rest.0))
            .send()
            .await
            .map_err(unavailable)?;
        let items = output.items().iter().map(|item| Ok(read(text(item, "part")?, item)));
        let items = items.collect::<Result<_, Error>>()?;
        Ok(Chunk { items, rest: output.last_evaluated_key.map(Rest) })
    }
}

/// The names of the attributes that differ from the item that [`from_event`] writes.
fn strange(item: &Item, event: &Event, place: &Place) -> Vec<String> {
    let expected = from_event(event, &partition(&event.workspace, place.shard));
    let names: BTreeSet<_> = item.keys().chain(expected.keys()).collect();
    names.into_iter().filter(|name| item.get(*name) != expected.get(*name)).cloned().collect()
}

fn stored_sequence(item: &Item) -> StoredSequence {
    match item.get("sequence") {
        None => StoredSequence::Nothing,
        Some(_) => {
            item::number(item, "sequence").map_or(StoredSequence::Unreadable, StoredSequence::Sequence)
        }
    }
}
