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
    timestamp::Timestamp,
};

/// Some events of a log, and where to go on.
#[derive(Clone, Debug)]
pub struct Feed {
    /// The events that match, in the order of their sequence.
    pub events: Vec<Event>,
    /// How many of those that were passed over have expired.
    pub expired: u64,
    /// The first sequence that was not looked at.
    pub next: u64,
    /// How far the log has come.
    pub head: Frontier,
}

/// What there is of an event that is sealed.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are events, as large as an Option of one")]
pub enum Sealed {
    /// The event itself.
    Event(Event),
    /// Its place in the log: the event has expired.
    Expired,
    /// Its place in the log, and no event: it was deleted before it expired, by nobody here.
    Gone,
}

impl Store {
    /// Reads the events of the log that match, from sequence `next` on, as far as there is room for them.
    ///
    /// What it passes over does not match and never will, or has expired and never comes back. It ends early
    /// where it has looked at so much that the reader should hear from us.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, [`Error::Inconsistent`] if the log is not whole.
    pub async fn feed(
        &self,
        workspace: &WorkspaceId,
        filter: &Filter,
        mut next: u64,
        room: Room,
        now: Timestamp,
    ) -> Result<Feed, Error> {
        let head = self.head(workspace).await?;
        let mut events = Vec::new();
        let (mut bytes, mut evaluated, mut evaluated_bytes, mut expired) = (0, 0, 0, 0);
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
            for (sequence, _, sealed) in self.sealed_events(workspace, next..end, now).await? {
                evaluated += 1;
                expired += u64::from(matches!(sealed, Sealed::Expired));
                if let Sealed::Event(event) = sealed {
                    let size = (room.measure)(&event);
                    evaluated_bytes += size;
                    if filter.in_range(event.timestamp) && filter.matches(&event) {
                        if events.len() == room.events || (bytes + size > room.bytes && !events.is_empty()) {
                            return Ok(Feed { events, expired, next: sequence, head });
                        }
                        bytes += size;
                        events.push(event);
                    }
                }
                next = sequence + 1;
            }
        }
        Ok(Feed { events, expired, next, head })
    }

    /// The entries of these sequences, which the head must cover, and what there is of their events. One that
    /// has expired is not even looked for.
    ///
    /// # Errors
    /// As of [`Self::feed`].
    pub async fn sealed_events(
        &self,
        workspace: &WorkspaceId,
        range: Range<u64>,
        now: Timestamp,
    ) -> Result<Vec<(u64, Entry, Sealed)>, Error> {
        let retained = self.retained(workspace, now).await?;
        let entries = self.entries(workspace, range.clone()).await?;
        if entries.len() as u64 != range.end - range.start {
            return Err(inconsistent("a log's deltas do not follow each other"));
        }
        let there = entries.iter().filter(|(_, entry)| retained.may_keep(&entry.place.position));
        let keys = there.map(|(_, entry)| event_key(workspace, &entry.place)).collect();
        let mut found = self.get_there(keys, &mut ReadUnits::default()).await?;
        let sealed = |(sequence, entry): (u64, Entry)| {
            let Place { shard, position } = &entry.place;
            if !retained.may_keep(position) {
                return Ok((sequence, entry, Sealed::Expired));
            }
            let item = found.remove(&(partition(workspace, *shard), position.sort_key()));
            let sealed = match item.as_ref().map(to_event).transpose()? {
                // The log decides the sequence; a copy of the event may not bear it yet.
                Some(event) if retained.keeps(&event) => {
                    Sealed::Event(Event { sequence: Some(sequence), ..event })
                }
                Some(_) => Sealed::Expired,
                None if retained.is_after(position.timestamp) => Sealed::Gone,
                None => Sealed::Expired,
            };
            Ok((sequence, entry, sealed))
        };
        entries.into_iter().map(sealed).collect()
    }

    /// The entry of a sequence that the head covers, and its event.
    ///
    /// # Errors
    /// As of [`Self::feed`]; [`Error::Expired`] or [`Error::UnknownSequence`] where there is no event.
    pub async fn sealed_event(
        &self,
        workspace: &WorkspaceId,
        sequence: u64,
        now: Timestamp,
    ) -> Result<(Entry, Event), Error> {
        match self.sealed_events(workspace, sequence..sequence + 1, now).await?.pop() {
            Some((_, entry, Sealed::Event(event))) => Ok((entry, event)),
            Some((_, _, Sealed::Expired)) => Err(Error::Expired),
            Some((_, _, Sealed::Gone)) | None => Err(Error::UnknownSequence),
        }
    }
}
