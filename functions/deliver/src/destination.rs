//! The kinds of destinations: their limits, the form of an event for each, and the requests for those that
//! accept requests.
//!
//! This module is pure. [`crate::internet`] sends requests, and [`crate::bus`] speaks to EventBridge.

pub(crate) mod datadog;
pub(crate) mod splunk;
pub(crate) mod webhook;

use serde_json::{Value, json};
use shared::{
    model::{disclosure::Part, event::Event, timestamp::Timestamp},
    ocsf,
    stream::{Delivery, Destination, DestinationKind, Format, Stream, StreamSecret, masked},
    text::json::one_line,
};

use crate::{
    entry::{Entry, Limits},
    failure::Failure,
    internet::{Answer, Call},
};

const KB: usize = 1024;

/// The parts that are left out of an event that is too large for its destination. They are listed as redacted,
/// each with its digest. The rest says who did what and when.
const LARGE: [Part; 3] = [Part::Changes, Part::Context, Part::Description];

/// The limits of each kind in its documentation, less room for the frame around the events.
pub(crate) fn limits(kind: DestinationKind) -> Limits {
    match kind {
        // Standard Webhooks names no limit; a receiver with a smaller limit answers 413.
        DestinationKind::Webhook => Limits { events: 100, bytes: 512 * KB, event_bytes: 256 * KB },
        // The default of `max_content_length` was 1 MB in old versions, and Splunk advises against more.
        DestinationKind::Splunk => Limits { events: 500, bytes: 900 * KB, event_bytes: 800 * KB },
        // 1,000 logs, 5 MB, and 1 MB a log.
        DestinationKind::Datadog => Limits { events: 1000, bytes: 4000 * KB, event_bytes: 900 * KB },
        // 10 entries, and 1 MB for all their sources, types and details. Rules and targets may accept less for
        // one entry.
        DestinationKind::EventBridge => Limits { events: 10, bytes: 900 * KB, event_bytes: 240 * KB },
        // The archiver writes to S3.
        DestinationKind::S3 => Limits { events: 0, bytes: 0, event_bytes: 0 },
    }
}

/// The form in which a stream sends an event, within the limits of its destination. OCSF names the product.
pub(crate) fn entry_of(stream: &Stream, product: Option<&str>, limits: Limits, event: &Event) -> Entry {
    let event = masked(event, &stream.mask);
    let whole = text(stream, &event, payload(stream.format, product, &event));
    let cut = whole.len() > limits.event_bytes;
    let text = if cut { cut_text(stream, product, &event.redact(&LARGE)) } else { whole };
    let Event { id, sequence, timestamp, received_at, .. } = event;
    Entry { id, sequence, timestamp, received_at, text, cut }
}

/// The text of an event some of whose parts were left out. A native event names them as redacted.
fn cut_text(stream: &Stream, product: Option<&str>, event: &Event) -> String {
    let mut payload = payload(stream.format, product, event);
    if stream.format == Format::Ocsf {
        ocsf::mark_truncated(&mut payload);
    }
    text(stream, event, payload)
}

fn text(stream: &Stream, event: &Event, payload: Value) -> String {
    one_line(entry(&stream.destination, stream.format, event, payload))
}

fn payload(format: Format, product: Option<&str>, event: &Event) -> Value {
    match format {
        Format::Native => json!(event),
        Format::Ocsf => {
            let mut ocsf = ocsf::event(event);
            ocsf::name_product(&mut ocsf, product);
            ocsf
        }
    }
}

/// An event in the form of its destination; `payload` is the event in the stream's format.
fn entry(destination: &Destination, format: Format, event: &Event, payload: Value) -> String {
    match destination {
        Destination::Splunk { url: _, index, source, sourcetype } => {
            let sourcetype = sourcetype.as_deref().unwrap_or(splunk::sourcetype(format));
            splunk::entry(index.as_deref(), source.as_deref(), sourcetype, event, payload)
        }
        Destination::Datadog { site: _, service, tags } => {
            datadog::entry(service.as_deref(), tags, format, event, payload)
        }
        Destination::Webhook { .. } | Destination::EventBridge { .. } | Destination::S3 => {
            payload.to_string()
        }
    }
}

/// The request with these entries; `None` if the destination accepts no requests, or there is no secret.
pub(crate) fn call(
    delivery: &Delivery,
    secrets: &[StreamSecret],
    entries: &[Entry],
    now: Timestamp,
) -> Option<Call> {
    match &delivery.stream.destination {
        Destination::Webhook { url } => webhook::call(url.as_str(), delivery, secrets, entries, now),
        Destination::Splunk { url, .. } => Some(splunk::call(url.as_str(), secrets.first()?, entries)),
        Destination::Datadog { site, .. } => Some(datadog::call(site.intake(), secrets.first()?, entries)),
        Destination::EventBridge { .. } | Destination::S3 => None,
    }
}

/// Checks whether an answer says that the entries were accepted.
///
/// # Errors
/// The reason why they were not.
pub(crate) fn read(kind: DestinationKind, answer: &Answer, now: Timestamp) -> Result<(), Failure> {
    let is_success = (200..300).contains(&answer.status);
    match kind {
        DestinationKind::Splunk if is_success => splunk::read(&answer.body),
        DestinationKind::Splunk => Err(splunk::explain(failure(answer, now), &answer.body)),
        _ if is_success => Ok(()),
        _ => Err(failure(answer, now)),
    }
}

fn failure(answer: &Answer, now: Timestamp) -> Failure {
    Failure::status(answer.status, answer.retry_after.as_deref(), now)
}

/// The entries with `between` between each two.
fn join(entries: &[Entry], between: &str) -> String {
    entries.iter().map(|entry| entry.text.as_str()).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use shared::stream::Mask;

    use super::*;
    use crate::sample;

    #[test]
    fn an_event_that_is_too_large_is_cut_and_says_so() {
        let (stream, event) = (sample::webhook("https://example.com"), sample::event(7));
        let limits = Limits { events: 10, bytes: 1000, event_bytes: 65_536 };
        let whole = entry_of(&stream, None, limits, &event);
        assert_eq!((whole.cut, whole.text), (false, json!(event).to_string()));
        let cut =
            entry_of(&stream, Some("Mode"), Limits { event_bytes: 900, ..limits }, &sample::large_event(7));
        assert!(cut.cut);
        let sent: Value = serde_json::from_str(&cut.text).unwrap();
        assert_eq!((&sent["id"], &sent["sequence"]), (&json!("e-7"), &json!(7)));
        assert_eq!((&sent["context"], &sent["description"]), (&json!({}), &Value::Null));
        assert!(sent["redacted"].to_string().contains("context"), "{sent}");
        assert_eq!(cut.sequence, Some(7));
        let stream = Stream { format: Format::Ocsf, ..stream };
        for (event_bytes, is_truncated) in [(900, json!(true)), (65_536, Value::Null)] {
            let sent =
                entry_of(&stream, Some("Mode"), Limits { event_bytes, ..limits }, &sample::large_event(7))
                    .text;
            let sent: Value = serde_json::from_str(&sent).unwrap();
            assert_eq!(sent["metadata"]["is_truncated"], is_truncated);
            assert_eq!(sent["metadata"]["product"]["name"], "Mode");
            assert_eq!(sent["unmapped"]["redacted"].is_null(), is_truncated.is_null(), "{sent}");
        }
    }

    #[test]
    fn masks_and_the_format_are_the_streams() {
        let limits = Limits { events: 10, bytes: 1000, event_bytes: 65_536 };
        let mask = vec![Mask::parse("/actor/ip").unwrap()];
        let stream = Stream { mask, ..sample::webhook("https://example.com") };
        let sent = entry_of(&stream, None, limits, &sample::event(0)).text;
        assert!(!sent.contains("157.52.123.42") && sent.contains("peter_parker"), "{sent}");
        let stream = Stream { format: Format::Ocsf, ..stream };
        let sent = entry_of(&stream, None, limits, &sample::event(0)).text;
        assert!(!sent.contains("157.52.123.42") && sent.contains("class_uid"), "{sent}");
    }
}
