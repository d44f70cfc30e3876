//! Reads entries of a log with their stored events, and decodes one event at a time.
//!
//! An event of 64 KB can take 80 times as much memory once it is decoded, because each small object in its context becomes
//! a map. So a reader of many events takes them from [`Stored`] one by one, and drops each before the next.

use std::{collections::HashMap, ops::Range, vec};

use super::{
    Store, inconsistent,
    item::{Item, to_event},
    ledger::event_key,
};
use crate::{
    ledger::Entry,
    model::{
        error::Error,
        event::Event,
        id::WorkspaceId,
        keys::{Place, partition},
        retention::Retained,
        timestamp::Timestamp,
    },
    query::page::ReadUnits,
};

/// How many entries a reader requests first, before it knows the size of the events.
pub const FIRST_CHUNK: u64 = 16;
/// The most entries of a request: the keys of one `BatchGetItem`.
const MAX_CHUNK: usize = 100;
/// How many bytes of stored events a reader holds at a time, if they are about as large as the last ones.
const CHUNK_BYTES: usize = 1_000_000;

/// The state of a sealed event.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are events, as large as an Option of one")]
pub enum Sealed {
    /// The event.
    Event(Event),
    /// The event has expired.
    Expired,
    /// The event is missing although it has not expired. The service itself never deletes such an event.
    Gone,
}

/// Entries of a log with the stored items of their events. The iterator decodes each event when it returns it.
#[derive(Debug)]
pub struct Stored {
    workspace: WorkspaceId,
    retained: Retained,
    entries: vec::IntoIter<(u64, Entry)>,
    found: HashMap<(String, String), Item>,
}

impl Store {
    /// The entries of these sequences, which must be below the head, with their events, in the order of the log. Expired
    /// events are not read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, [`Error::Inconsistent`] if the log is not whole.
    pub async fn stored_events(
        &self,
        workspace: &WorkspaceId,
        range: Range<u64>,
        now: Timestamp,
    ) -> Result<Stored, Error> {
        let retained = self.retained(workspace, now).await?;
        let entries = self.entries(workspace, range.clone()).await?;
        if entries.len() as u64 != range.end - range.start {
            return Err(inconsistent("a log's deltas do not follow each other"));
        }
        let there = entries.iter().filter(|(_, entry)| retained.may_keep(&entry.place.position));
        let keys = there.map(|(_, entry)| event_key(workspace, &entry.place)).collect();
        let found = self.get_there(keys, &mut ReadUnits::default()).await?;
        Ok(Stored { workspace: workspace.clone(), retained, entries: entries.into_iter(), found })
    }

    /// The same as [`Self::stored_events`], with all events decoded.
    ///
    /// # Errors
    /// The same as [`Self::stored_events`].
    pub async fn sealed_events(
        &self,
        workspace: &WorkspaceId,
        range: Range<u64>,
        now: Timestamp,
    ) -> Result<Vec<(u64, Entry, Sealed)>, Error> {
        self.stored_events(workspace, range, now).await?.collect()
    }
}

impl Stored {
    /// How many entries to request next, judging by the size of these events.
    pub fn next_chunk(&self) -> u64 {
        let bytes: usize = self.found.values().map(stored_bytes).sum();
        let each = bytes.div_ceil(self.found.len().max(1)).max(1);
        (CHUNK_BYTES / each).clamp(1, MAX_CHUNK) as u64
    }

    fn sealed(&mut self, sequence: u64, entry: &Entry) -> Result<Sealed, Error> {
        let Place { shard, position } = &entry.place;
        if !self.retained.may_keep(position) {
            return Ok(Sealed::Expired);
        }
        let item = self.found.remove(&(partition(&self.workspace, *shard), position.sort_key()));
        Ok(match item.as_ref().map(to_event).transpose()? {
            // The sequence comes from the log, because the event's item may not have it yet.
            Some(event) if self.retained.keeps(&event) => {
                Sealed::Event(Event { sequence: Some(sequence), ..event })
            }
            Some(_) => Sealed::Expired,
            None if self.retained.is_after(position.timestamp) => {
                // An alarm of the template counts this line in each function that reads the log.
                tracing::error!(workspace = %self.workspace, sequence, reason = "an event is gone", "inconsistent log");
                Sealed::Gone
            }
            None => Sealed::Expired,
        })
    }
}

impl Iterator for Stored {
    type Item = Result<(u64, Entry, Sealed), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let (sequence, entry) = self.entries.next()?;
        Some(self.sealed(sequence, &entry).map(|sealed| (sequence, entry, sealed)))
    }
}

fn stored_bytes(item: &Item) -> usize {
    item.values().filter_map(|value| value.as_s().ok()).map(String::len).sum()
}
