//! Examples. What can be made by the functions' own code is made by it.

use serde_json::{Value, json};
use shared::{
    disclosure::Salt,
    event::Event,
    id::{EventId, WorkspaceId},
    new_event::{Door, Fallback, NewEvent},
    timestamp::Timestamp,
};

/// The workspace of all examples.
pub(crate) const WORKSPACE: &str = "charismabrotherscorp";
/// The token of all examples.
pub(crate) const TOKEN: &str = "7kPq2ZsW9xLd";

/// An event as it is sent.
pub(crate) fn sent() -> Value {
    json!({
        "id": "12326c8c-3c13-45a3-9b36-5a16d42937db",
        "timestamp": "2025-02-18T10:47:37Z",
        "action": "connection_group_added_with_role",
        "description": "group added to connection",
        "actor": {"user_id": "af03c0246b82", "username": "peter_parker", "ip": "157.52.123.42"},
        "entity": {
            "entity_type": "workspace_connection",
            "entity_id": "af5aaf31658b",
            "entity_name": "Star Space",
        },
        "context": {"group_id": "4f68a254168a", "role": "view", "group_name": "internalgroup"},
        "changes": [{"path": "/role", "old": null, "new": "view"}],
    })
}

/// An event that leaves out what it may.
pub(crate) fn sent_in_short() -> Value {
    json!({"action": "x_invoice_paid", "actor": {"user_id": "af03c0246b82"}})
}

/// The same event as [`sent`], as it is read.
pub(crate) fn read() -> Event {
    let now = Timestamp::parse("2025-02-18T10:47:37.481Z").expect("a literal time");
    let id = EventId::parse("unused").expect("a literal id");
    let salt = Salt::from_bytes(*b"an example's own");
    NewEvent::parse(sent(), Vec::new(), Door::Api(&workspace()), Fallback { now, id, salt })
        .expect("a valid event")
        .event
}

/// What became of it.
pub(crate) fn recorded(status: &str) -> Value {
    let Event { id, timestamp, .. } = read();
    json!({"index": 0, "status": status, "id": id, "timestamp": timestamp, "retry_safe": true})
}

/// A token as it is listed.
pub(crate) fn token() -> Value {
    json!({
        "token": TOKEN,
        "name": "SIEM",
        "scopes": ["audit_log:read"],
        "created_by": "af03c0246b82",
        "created_at": "2025-02-18T10:40:00.000000Z",
        "expires_at": "2026-02-18T10:40:00.000000Z",
        "revoked_at": null,
        "last_used_on": "2025-02-18",
    })
}

/// The workspace of all examples.
pub(crate) fn workspace() -> WorkspaceId {
    WorkspaceId::parse(WORKSPACE).expect("a literal name")
}
