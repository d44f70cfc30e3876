//! Reads the events of a log in the order of their sequence: complete, final, without a gap.

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

/// Some events of a log, and where to go on.
#[derive(Clone, Debug)]
pub struct Feed {
    /// The events that match, in the order of their sequence.
    pub events: Vec<Event>,
    /// How many of those that were passed over have expired.
    pub expired: u64,
    /// How many of them are gone: deleted although they had not expired.
    pub gone: u64,
    /// The first sequence that was not looked at.
    pub next: u64,
    /// How far the log has come.
    pub head: Frontier,
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
        next: u64,
        room: Room,
        now: Timestamp,
    ) -> Result<Feed, Error> {
        self.feed_within(workspace, filter, next, room, MAX_EVALUATED, now).await
    }

    /// The same, which ends once it has looked at so many events.
    ///
    /// # Errors
    /// As of [`Self::feed`].
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
        // No more than there is room for, at first: most readers want all of it. The less matches, the more at
        // a time, so that a rare event is not looked for one by one.
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
