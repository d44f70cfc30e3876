//! The form in which an event is sent, and the number of events that fit into one request.

use shared::model::{id::EventId, timestamp::Timestamp};

/// An event in the form of its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its id, by which a receiver finds duplicates.
    pub(crate) id: EventId,
    /// Its sequence in the log; `None` for a test, which is in no log.
    pub(crate) sequence: Option<u64>,
    /// The time at which it happened.
    pub(crate) timestamp: Timestamp,
    /// The time at which this service accepted it.
    pub(crate) received_at: Timestamp,
    /// The text that is sent.
    pub(crate) text: String,
    /// True if the event was larger than the destination accepts, so that parts of it are left out.
    pub(crate) cut: bool,
}

/// The limits of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Events in one request.
    pub(crate) events: usize,
    /// Bytes in one request; a single event may have more.
    pub(crate) bytes: usize,
    /// Bytes of one event.
    pub(crate) event_bytes: usize,
}

impl Limits {
    /// The number of entries, from the first, that go into one request: at least one, and at most `most`.
    pub(crate) fn fit(&self, entries: &[Entry], most: usize) -> usize {
        let mut bytes = 0;
        let fitting = entries
            .iter()
            .take(self.events.min(most))
            .take_while(|entry: &&Entry| {
                // The separator counts too.
                bytes += entry.text.len() + 1;
                bytes <= self.bytes
            })
            .count();
        fitting.max(1).min(entries.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_request_has_as_many_events_as_fit_and_at_least_one() {
        let entries: Vec<_> = (0..5).map(|sequence| sample::entry(sequence, &"x".repeat(9))).collect();
        check(&entries, 100, 1000, 100, 5);
        check(&entries, 3, 1000, 100, 3);
        check(&entries, 100, 1000, 2, 2);
        check(&entries, 100, 40, 100, 4);
        check(&entries, 100, 39, 100, 3);
        check(&entries, 100, 1, 100, 1);
        assert_eq!(Limits { events: 1, bytes: 1, event_bytes: 1 }.fit(&[], 1), 0);
    }

    fn check(entries: &[Entry], events: usize, bytes: usize, most: usize, expected: usize) {
        let limits = Limits { events, bytes, event_bytes: 100 };
        assert_eq!(limits.fit(entries, most), expected, "{events} {bytes} {most}");
    }
}
