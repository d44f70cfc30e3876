//! The archive of a run: its content, its keys, and that it is the same each time.

#![expect(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod properties;
mod read_back;
mod refused;

use archiver::archive::{Archived, Rows, Run};
use serde_json::{Value, json};
use shared::model::id::WorkspaceId;

const STREAM: &str = "str_5h2Qb8nTz0Yx";

/// An event as a reader gets it, this many hours after a midnight.
fn event(sequence: u64, hours: u64) -> Value {
    json!({
        "id": format!("e-{sequence:05}"),
        "action": "group_created",
        "category": "user_groups",
        "description": "Create a group",
        "timestamp": format!("2025-02-{:02}T{:02}:00:00.000001Z", 18 + hours / 24, hours % 24),
        "received_at": "2025-03-01T00:00:00.250000Z",
        "sequence": sequence,
        "workspace_username": "acme",
        "outcome": "success",
        "actor": {"user_id": "af03c0246b82", "username": "peter_parker", "ip": "157.52.123.42", "type": "user"},
        "entity": {"entity_type": "group", "entity_id": "g-1", "entity_name": "Äpfel & \"Birnen\""},
        "context": {"b": 1.5, "a": [true, null, "x\ny"]},
        "changes": [{"path": "/name", "old": null, "new": "Äpfel"}],
        "salt": "AAECAwQFBgcICQoLDA0ODw",
        "redacted": null,
    })
}

fn collect(events: &[Value]) -> Rows {
    events.iter().collect()
}

fn workspace() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

/// A run of a stream without filter and mask.
fn run<'a>(
    workspace: &'a WorkspaceId,
    sequences: std::ops::RangeInclusive<u64>,
    events: &'a Rows,
) -> Run<'a> {
    Run {
        workspace,
        stream: STREAM,
        sequences,
        events,
        expired: 0,
        filter: false,
        mask: &[],
        checkpoint: None,
        previous: None,
    }
}

fn manifest(archived: &Archived) -> Value {
    serde_json::from_slice(&archived.manifest.bytes).unwrap()
}
