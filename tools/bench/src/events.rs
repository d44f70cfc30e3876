//! The measured events: Mode's documented example, with other values for the members that filters use.

use fastrand::Rng;
use serde_json::{Value, json};
use shared::{
    intake::new_event::{Door, Fallback, NewEvent},
    model::{
        catalogue::{CATALOGUE, Writer},
        event::Event,
        id::{EventId, WorkspaceId},
        timestamp::Timestamp,
    },
    system,
    text::problem::FieldError,
};

/// The actors, each with a tenth of the events.
pub(crate) const ACTORS: usize = 10;
/// The entities, each with a tenth of the events.
pub(crate) const ENTITIES: usize = 10;
/// The action of a tenth of the events and a few more.
pub(crate) const ACTION: &str = "group_created";

/// The event with this number, a second after the previous one.
pub(crate) fn event(
    workspace: &WorkspaceId,
    number: usize,
    random: &mut Rng,
) -> Result<Event, Vec<FieldError>> {
    read(sent(number, random), workspace, timestamp(number))
}

/// The event of Mode's documentation.
pub(crate) fn documented(workspace: &WorkspaceId) -> Result<Event, Vec<FieldError>> {
    let event = json!({
        "id": "12326c8c-3c13-45a3-9b36-5a16d42937db",
        "action": "connection_group_added_with_role",
        "description": "group added to connection",
        "timestamp": "2025-02-18T10:47:37Z",
        "actor": {
            "user_id": "af03c0246b82", "username": "peter_parker", "ip": "157.52.123.42",
            "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36",
        },
        "entity": {"entity_type": "workspace_connection", "entity_id": "af5aaf31658b", "entity_name": "Star Space"},
        "context": {
            "group_id": "4f68a254168a", "role": "view", "group_name": "internalgroup",
            "correlation_id": "12321917-5e07-4094-ae08-1b6254a2a6c8",
        },
    });
    read(event, workspace, timestamp(0))
}

/// An event of the bench, as a client sends it.
pub(crate) fn sent(number: usize, random: &mut Rng) -> Value {
    let actions: Vec<_> = CATALOGUE.iter().filter(|row| row.writer == Writer::Client).collect();
    // Each action has few events, except one that has as many as an actor.
    let action = match random.usize(..10) {
        0 => ACTION,
        _ => actions[random.usize(..actions.len())].action,
    };
    json!({
        "id": format!("12326c8c-3c13-45a3-9b36-{number:012}"),
        "timestamp": timestamp(number),
        "action": action,
        "actor": {
            "user_id": format!("af03c0246b8{}", random.usize(..ACTORS)), "username": "peter_parker",
            "ip": format!("157.52.123.{}", random.usize(..10)), "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)",
        },
        "entity": {
            "entity_type": "workspace_connection",
            "entity_id": format!("af5aaf31658{}", random.usize(..ENTITIES)), "entity_name": "Star Space",
        },
        "outcome": if random.usize(..10) == 0 { "failure" } else { "success" },
        "context": {
            "group_id": "4f68a254168a", "role": "view", "group_name": "internalgroup",
            "correlation_id": format!("12321917-5e07-4094-ae08-1b6254a2a6c{}", random.usize(..10)),
        },
    })
}

/// An event whose canonical JSON has this size, within a few bytes.
pub(crate) fn event_of_size(
    workspace: &WorkspaceId,
    number: usize,
    bytes: usize,
) -> Result<Event, Vec<FieldError>> {
    // A string has at most 16 KiB, so there are several, each with the remaining size.
    let mut event = sent(number, &mut Rng::with_seed(1));
    for part in 0.. {
        let left = bytes.saturating_sub(event.to_string().len());
        if left < 16 {
            break;
        }
        event["context"][format!("part{part}")] = json!("x".repeat((left - 12).min(16_000)));
    }
    read(event, workspace, timestamp(number))
}

pub(crate) fn timestamp(number: usize) -> Timestamp {
    let start = Timestamp::parse("2025-02-18T10:47:37Z").expect("a literal time");
    start.plus_seconds(i64::try_from(number).unwrap_or_default())
}

fn read(event: Value, workspace: &WorkspaceId, now: Timestamp) -> Result<Event, Vec<FieldError>> {
    let fallback =
        Fallback { now, id: EventId::parse("unused").expect("a literal id"), salt: system::salt() };
    NewEvent::parse(event, Vec::new(), Door::Api(workspace), fallback).map(|new| new.event)
}
