//! Reads the events of a log in the order of their sequence: complete, final, without a gap.

use std::ops::Range;

use super::{
    Store, inconsistent,
    item::to_event,
    ledger::event_key,
    read::{CHUNK, MAX_EVALUATED, MAX_EVALUATED_BYTES, Room},
};
use crate::{
    error::Error,
    event::Event,
    id::WorkspaceId,
    keys::{Place, partition},
    ledger::{Entry, tree::Frontier},
    page::{Filter, ReadUnits},
};

/// Some events of a log, and where to go on.
#[derive(Clone, Debug)]
pub struct Feed {
    /// The events that match, in the order of their sequence.
    pub events: Vec<Event>,
    /// The first sequence that was not looked at.
    pub next: u64,
    /// How far the log has come.
    pub head: Frontier,
}

impl Store {
    /// Reads the events of the log that match, from sequence `next` on, as far as there is room for them.
    ///
    /// What it passes over does not match, and never will. It ends early where it has looked at so much
    /// that the reader should hear from us.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, [`Error::Inconsistent`] if the log is not whole.
    pub async fn feed(
        &self,
        workspace: &WorkspaceId,
        filter: &Filter,
        mut next: u64,
        room: Room,
    ) -> Result<Feed, Error> {
        let head = self.head(workspace).await?;
        let mut events = Vec::new();
        let (mut bytes, mut evaluated, mut evaluated_bytes) = (0, 0, 0);
        // No more than there is room for, at first: most readers want all of it. The less matches, the more at
        // a time, so that a rare event is not looked for one by one.
        let mut chunk = CHUNK.min(room.events);
        while next < head.size()
            && events.len() < room.events
            && evaluated < MAX_EVALUATED
            && evaluated_bytes < MAX_EVALUATED_BYTES
        {
            let end = head.size().min(next + chunk as u64);
            chunk = CHUNK.min(chunk * 2);
            for (sequence, _, event) in self.sealed_events(workspace, next..end).await? {
                evaluated += 1;
                if let Some(event) = event {
                    let size = (room.measure)(&event);
                    evaluated_bytes += size;
                    if filter.in_range(event.timestamp) && filter.matches(&event) {
                        if events.len() == room.events || (bytes + size > room.bytes && !events.is_empty()) {
                            return Ok(Feed { events, next: sequence, head });
                        }
                        bytes += size;
                        events.push(event);
                    }
                }
                next = sequence + 1;
            }
        }
        Ok(Feed { events, next, head })
    }

    /// The entries of these sequences, which the head must cover, and their events; `None` for an event
    /// that is gone.
    ///
    /// # Errors
    /// As of [`Self::feed`].
    pub async fn sealed_events(
        &self,
        workspace: &WorkspaceId,
        range: Range<u64>,
    ) -> Result<Vec<(u64, Entry, Option<Event>)>, Error> {
        let entries = self.entries(workspace, range.clone()).await?;
        if entries.len() as u64 != range.end - range.start {
            return Err(inconsistent("a log's deltas do not follow each other"));
        }
        let keys = entries.iter().map(|(_, entry)| event_key(workspace, &entry.place)).collect();
        let mut found = self.get_there(keys, &mut ReadUnits::default()).await?;
        let event = |(sequence, entry): (u64, Entry)| {
            let Place { shard, position } = &entry.place;
            let item = found.remove(&(partition(workspace, *shard), position.sort_key()));
            let event = item.as_ref().map(to_event).transpose()?;
            // The log decides the sequence; a copy of the event may not bear it yet.
            Ok((sequence, entry, event.map(|event| Event { sequence: Some(sequence), ..event })))
        };
        entries.into_iter().map(event).collect()
    }

    /// The entry of a sequence that the head covers, and its event; `None` if the event is gone.
    ///
    /// # Errors
    /// As of [`Self::feed`].
    pub async fn sealed_event(
        &self,
        workspace: &WorkspaceId,
        sequence: u64,
    ) -> Result<Option<(Entry, Event)>, Error> {
        let sealed = self.sealed_events(workspace, sequence..sequence + 1).await?.pop();
        Ok(sealed.and_then(|(_, entry, event)| Some((entry, event?))))
    }
}
