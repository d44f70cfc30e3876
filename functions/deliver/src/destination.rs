//! The kinds of destinations: their limits, the form of an event for each, and the requests for those that
//! accept requests.
//!
//! This module is pure. [`crate::internet`] sends requests, and [`crate::bus`] speaks to EventBridge.

pub(crate) mod datadog;
pub(crate) mod splunk;
pub(crate) mod webhook;

use serde_json::Value;
use shared::{
    model::{event::Event, timestamp::Timestamp},
    stream::{Delivery, Destination, DestinationKind, Format, StreamSecret},
};

use crate::{
    entry::{Entry, Limits},
    failure::Failure,
    internet::{Answer, Call},
};

const KB: usize = 1024;

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

/// An event in the form of its destination; `payload` is the event in the stream's format.
pub(crate) fn entry(destination: &Destination, format: Format, event: &Event, payload: Value) -> String {
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
