//! The feed: the events of a log in the order of their sequence, complete, final, and without gaps.

use super::{
    Store,
    log::Sealed,
    read::{CHUNK, MAX_EVALUATED, MAX_EVALUATED_BYTES, Room},
};
use crate::{
    ledger::{Entry, tree::Frontier},
    model::{error::Error, event::Event, id::WorkspaceId, timestamp::Timestamp},
    query::page::Filter,
};

/// Events of a log, and the sequence at which the feed continues.
#[derive(Clone, Debug)]
pub struct Feed {
    /// The events that match, in the order of their sequence.
    pub events: Vec<Event>,
    /// The number of skipped events that have expired.
    pub expired: u64,
    /// The number of skipped events that are missing: they were deleted before they expired.
    pub gone: u64,
    /// The first sequence that was not read.
    pub next: u64,
    /// The head of the log.
    pub head: Frontier,
}

impl Store {
    /// Reads the events of the log that match, from sequence `next` on, up to the limits of `room`.
    ///
    /// Skipped events never have to be read again: they do not match, or have expired. The read ends early once it has
    /// looked at [`MAX_EVALUATED`] events, so that the reader gets an answer.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, [`Error::Inconsistent`] if the log is not whole.
    pub async fn feed(
        &self,
        workspace: &WorkspaceId,
        filter: &Filter,
        next: u64,
        room: Room,
        now: Timestamp,
    ) -> Result<Feed, Error> {
        self.feed_within(workspace, filter, next, room, MAX_EVALUATED, now).await
    }

    /// The same as [`Self::feed`], with another limit of events to look at.
    ///
    /// # Errors
    /// The same as [`Self::feed`].
    pub async fn feed_within(
        &self,
        workspace: &WorkspaceId,
        filter: &Filter,
        mut next: u64,
        room: Room,
        max_evaluated: usize,
        now: Timestamp,
    ) -> Result<Feed, Error> {
        let head = self.head(workspace).await?;
        let mut events = Vec::new();
        let (mut bytes, mut evaluated, mut evaluated_bytes) = (0, 0, 0);
        let (mut expired, mut gone) = (0, 0);
        // The first read gets as many events as there is room for, because for most readers all of them match. Each further
        // read gets twice as many, so that a search for rare events needs few reads.
        let mut chunk = CHUNK.min(room.events);
        while next < head.size()
            && events.len() < room.events
            && evaluated < max_evaluated
            && evaluated_bytes < MAX_EVALUATED_BYTES
        {
            let end = head.size().min(next + chunk as u64);
            chunk = CHUNK.min(chunk * 2);
            for stored in self.stored_events(workspace, next..end, now).await? {
                let (sequence, _, sealed) = stored?;
                evaluated += 1;
                expired += u64::from(matches!(sealed, Sealed::Expired));
                gone += u64::from(matches!(sealed, Sealed::Gone));
                if let Sealed::Event(event) = sealed {
                    let size = (room.measure)(&event);
                    evaluated_bytes += size;
                    if filter.in_range(event.timestamp) && filter.matches(&event) {
                        if events.len() == room.events || (bytes + size > room.bytes && !events.is_empty()) {
                            return Ok(Feed { events, expired, gone, next: sequence, head });
                        }
                        bytes += size;
                        events.push(event);
                    }
                }
                next = sequence + 1;
            }
        }
        Ok(Feed { events, expired, gone, next, head })
    }

    /// The entry and the event of a sequence, which must be below the head.
    ///
    /// # Errors
    /// The same as [`Self::feed`]; [`Error::Expired`] or [`Error::UnknownSequence`] if the event has expired or is missing.
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
