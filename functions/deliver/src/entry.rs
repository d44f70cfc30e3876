//! The form in which an event is sent, and the number of events that fit into one request.

use serde_json::{Value, json};
use shared::{
    model::{disclosure::Part, event::Event, id::EventId, timestamp::Timestamp},
    ocsf,
    stream::{Format, Stream, masked},
};

use crate::destination;

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

/// The parts that are left out of an event that is too large for its destination. They are listed as redacted,
/// each with its digest. The rest says who did what and when.
const LARGE: [Part; 3] = [Part::Changes, Part::Context, Part::Description];

impl Entry {
    /// The form in which the stream sends an event, within the limit of the destination.
    pub(crate) fn of(stream: &Stream, limits: Limits, event: &Event) -> Self {
        let event = masked(event, &stream.mask);
        let whole = text(stream, &event);
        let cut = whole.len() > limits.event_bytes;
        let text = if cut { text(stream, &event.redact(&LARGE)) } else { whole };
        let Event { id, sequence, timestamp, received_at, .. } = event;
        Self { id, sequence, timestamp, received_at, text, cut }
    }
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

fn text(stream: &Stream, event: &Event) -> String {
    let payload: Value = match stream.format {
        Format::Native => json!(event),
        Format::Ocsf => ocsf::event(event),
    };
    destination::entry(&stream.destination, stream.format, event, payload)
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

    #[test]
    fn an_event_that_is_too_large_is_cut_and_says_so() {
        let (stream, event) = (sample::webhook("https://example.com"), sample::event(7));
        let limits = Limits { events: 10, bytes: 1000, event_bytes: 65_536 };
        let whole = Entry::of(&stream, limits, &event);
        assert_eq!((whole.cut, whole.text), (false, json!(event).to_string()));
        let cut = Entry::of(&stream, Limits { event_bytes: 900, ..limits }, &sample::large_event(7));
        assert!(cut.cut);
        let sent: Value = serde_json::from_str(&cut.text).unwrap();
        assert_eq!((&sent["id"], &sent["sequence"]), (&json!("e-7"), &json!(7)));
        assert_eq!((&sent["context"], &sent["description"]), (&json!({}), &Value::Null));
        assert!(sent["redacted"].to_string().contains("context"), "{sent}");
        assert_eq!(cut.sequence, Some(7));
    }

    #[test]
    fn masks_and_the_format_are_the_streams() {
        use shared::stream::Mask;
        let limits = Limits { events: 10, bytes: 1000, event_bytes: 65_536 };
        let mask = vec![Mask::parse("/actor/ip").unwrap()];
        let stream = Stream { mask, ..sample::webhook("https://example.com") };
        let sent = Entry::of(&stream, limits, &sample::event(0)).text;
        assert!(!sent.contains("157.52.123.42") && sent.contains("peter_parker"), "{sent}");
        let stream = Stream { format: Format::Ocsf, ..stream };
        let sent = Entry::of(&stream, limits, &sample::event(0)).text;
        assert!(!sent.contains("157.52.123.42") && sent.contains("class_uid"), "{sent}");
    }
}
