//! The event about a read: the reader, the filters, and the events that were shown.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::{
    http::Request,
    model::{
        event::Event,
        principal::TokenHolder,
        service_event::{self, Origin},
    },
    query::page::Filter,
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
    let mut context = context(request, &parameters.filter, events);
    if !parameters.mask.is_empty() {
        context.insert("mask".to_owned(), json!(parameters.mask));
    }
    if let (Some(first), Some(last)) = (events.first(), events.last()) {
        context.insert("first".to_owned(), json!({"timestamp": first.timestamp, "id": first.id}));
        context.insert("last".to_owned(), json!({"timestamp": last.timestamp, "id": last.id}));
    }
    service_event::audit_log_accessed(holder, origin, context)
}

/// `audit_log_accessed` for a page of the feed.
pub(crate) fn record_feed(
    holder: &TokenHolder,
    origin: Origin,
    request: &Request,
    filter: &Filter,
    events: &[Event],
) -> Event {
    let mut context = context(request, filter, events);
    if let (Some(first), Some(last)) = (events.first(), events.last()) {
        context.insert("first_sequence".to_owned(), json!(first.sequence));
        context.insert("last_sequence".to_owned(), json!(last.sequence));
    }
    service_event::audit_log_accessed(holder, origin, context)
}

/// What every record of a page says of it.
fn context(request: &Request, filter: &Filter, events: &[Event]) -> Map<String, Value> {
    let mut filters: BTreeMap<_, Value> = BTreeMap::new();
    for (name, value) in named(filter) {
        // A parameter that was repeated is a list.
        match filters.entry(name).or_insert(Value::Null) {
            Value::Array(values) => values.push(value.into()),
            first @ Value::Null => *first = value.into(),
            first => *first = json!([first.take(), value]),
        }
    }
    Map::from_iter([
        ("route".to_owned(), json!(request.route())),
        ("filters".to_owned(), json!(filters)),
        ("count".to_owned(), json!(events.len())),
    ])
}
