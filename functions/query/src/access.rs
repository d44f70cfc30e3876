//! The event about a read: who read what, by which filters, and how much of it they saw.

use serde_json::{Map, json};
use shared::{
    event::Event,
    http::Request,
    principal::TokenHolder,
    service_event::{self, Origin},
};

use crate::parameters::Parameters;

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
