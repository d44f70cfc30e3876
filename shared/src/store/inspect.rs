//! Reads what is stored as it is, for whoever checks it: nothing here believes what it reads.
//!
//! Elsewhere an item that is not as we write it is an error, and ends the read. Here it is an answer:
//! whoever looks for what does not fit has to see it, and to see what follows it. Every read is
//! consistent, and gives at most what one answer of DynamoDB holds (1 MB, or 100 events), so that a
//! log of any length is read in little memory.
//!
//! There is no write here.

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

/// Some of what is stored, in the order of its keys.
#[derive(Debug)]
pub struct Chunk<T> {
    /// What was read.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end.
    pub rest: Option<Rest>,
}

/// Where a read goes on.
#[derive(Clone, Debug)]
pub struct Rest(Item);

/// The head of a log, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredHead {
    /// There is none: the log has not begun.
    Missing,
    /// It is not one that we write.
    Unreadable,
    /// It can be read.
    Read(Frontier),
}

/// The last checkpoint that was signed, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredSigned {
    /// None was signed yet.
    Missing,
    /// It is not one that we write.
    Unreadable,
    /// It can be read.
    Read(Signed),
}

/// A delta of a log, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDelta {
    /// Its sort key.
    pub key: String,
    /// What it decides; `None` if neither key nor content is as we write them.
    pub delta: Option<Delta>,
}

/// The root of a tile of a log, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRoot {
    /// Its sort key.
    pub key: String,
    /// The root; `None` if it is not as we write it.
    pub root: Option<Hash>,
}

/// What is kept at the place of an event.
#[derive(Debug)]
pub struct Kept {
    /// The event, or why what is there is not one.
    pub event: Result<Event, Error>,
    /// The attributes that are not as they follow from the event: what the indexes list it under, and
    /// whatever else was added or left out.
    pub strange: Vec<String>,
}

/// What the table of events has under a key, as far as it tells of sealing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// Its sort key.
    pub sort_key: String,
    /// Its place in the partition; `None` if the key is not an event's.
    pub position: Option<Position>,
    /// Its sequence.
    pub sequence: StoredSequence,
    /// When it was received, if it says so.
    pub received_at: Option<Timestamp>,
}

/// The sequence of an item in the events table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredSequence {
    /// None: it is not sealed yet.
    Nothing,
    /// Something that is not a sequence.
    Unreadable,
    /// This one.
    Sequence(u64),
}

impl Store {
    /// Every workspace that the ledger holds anything of. It reads the whole table of the ledger.
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
            // What belongs to no workspace has a name that is not one.
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

    /// The deltas of a log, from the first one or from where a read ended.
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

    /// How many events of a workspace are set aside, since they cannot be sealed as they are.
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

    /// What is kept at these places, of which there are at most 100, in their order; `None` where there
    /// is nothing. Places may repeat, and need not be where an event can be.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn kept(&self, workspace: &WorkspaceId, places: &[Place]) -> Result<Vec<Option<Kept>>, Error> {
        let once: BTreeSet<_> = places.iter().collect();
        let keys = once.into_iter().map(|place| event_key(workspace, place)).collect();
        let found = self.get_all(keys, true, &mut ReadUnits::default()).await?;
        let kept = |place: &Place| {
            let item = found.get(&(partition(workspace, place.shard), place.position.sort_key()))?;
            let event = to_event(item);
            let strange = event.as_ref().map_or_else(|_| Vec::new(), |event| strange(item, event, place));
            Some(Kept { event, strange })
        };
        Ok(places.iter().map(kept).collect())
    }

    /// What the table of events has in a shard of a workspace, from the oldest on or from where a read
    /// ended.
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
        let filed = |item: &Item| {
            let sort_key = text(item, "timestamp")?.to_owned();
            let received_at = received_at(item).ok();
            let position = Position::from_sort_key(&sort_key);
            Ok(Filed { sort_key, position, sequence: stored_sequence(item), received_at })
        };
        let items = output.items().iter().map(filed).collect::<Result<_, Error>>()?;
        Ok(Chunk { items, rest: output.last_evaluated_key.map(Rest) })
    }

    /// What the ledger holds of a workspace under keys with this prefix.
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
        let read = |item: &Item| Ok(read(text(item, "part")?, item));
        let items = output.items().iter().map(read).collect::<Result<_, Error>>()?;
        Ok(Chunk { items, rest: output.last_evaluated_key.map(Rest) })
    }
}

/// The names of the attributes that are not as [`from_event`] writes them.
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
