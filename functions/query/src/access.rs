//! The event about a read: who read what, by which filters, and how much of it they saw.

use serde_json::{Map, Value, json};
use shared::{
    event::Event,
    http::Request,
    page::Filter,
    principal::TokenHolder,
    service_event::{self, Origin},
};

use crate::parameters::{Parameters, named};

/// `audit_log_accessed` for a page of the time view.
pub(crate) fn record(
    holder: &TokenHolder,
    origin: Origin,
    request: &Request,
    parameters: &Parameters,
    events: &[Event],
) -> Event {
    let mut context = Map::from_iter([
        ("route".to_owned(), json!(request.route())),
        ("filters".to_owned(), json!(parameters.named())),
        ("count".to_owned(), json!(events.len())),
    ]);
    if let (Some(first), Some(last)) = (events.first(), events.last()) {
        context.insert("first".to_owned(), json!({"timestamp": first.timestamp, "id": first.id}));
        context.insert("last".to_owned(), json!({"timestamp": last.timestamp, "id": last.id}));
    }
    service_event::audit_log_accessed(holder, origin, context)
}

/// What the record of a page of the feed says of it.
pub(crate) fn feed_context(request: &Request, filter: &Filter, events: &[Event]) -> Map<String, Value> {
    let mut context = Map::from_iter([
        ("route".to_owned(), json!(request.route())),
        ("filters".to_owned(), json!(named(filter))),
        ("count".to_owned(), json!(events.len())),
    ]);
    if let (Some(first), Some(last)) = (events.first(), events.last()) {
        context.insert("first_sequence".to_owned(), json!(first.sequence));
        context.insert("last_sequence".to_owned(), json!(last.sequence));
    }
    context
}
