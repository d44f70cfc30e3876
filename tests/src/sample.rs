//! Events to send.

use serde_json::{Value, json};

/// This many seconds after ten o'clock on a day in February 2025, as the API writes times.
pub fn at(seconds: i64) -> String {
    let start: jiff::Timestamp = "2025-02-18T10:00:00Z".parse().unwrap();
    format!("{:.6}", start + jiff::SignedDuration::from_secs(seconds))
}

/// The same time in microseconds since 1970, as the tables store it.
pub fn unix_microseconds(seconds: i64) -> String {
    let time: jiff::Timestamp = at(seconds).parse().unwrap();
    time.as_microsecond().to_string()
}

/// A small event with its own id.
pub fn event(id: &str, seconds: i64) -> Value {
    json!({"id": id, "timestamp": at(seconds), "action": "group_created", "actor": {"user_id": "u1"}})
}

/// An event with every member that a sender may set.
pub fn full_event(id: &str, seconds: i64) -> Value {
    json!({
        "id": id,
        "action": "connection_group_added_with_role",
        "description": "group added to connection",
        "timestamp": at(seconds),
        "outcome": "failure",
        "actor": {
            "user_id": "af03c0246b82",
            "username": "peter_parker",
            "ip": "157.52.123.42",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:135.0)\tGecko/20100101 Firefox/135.0",
            "type": "member_token",
            "on_behalf_of": {"user_id": "5ba9d4ffc8d1", "username": "müller, 美玲 🕸", "type": "user"},
        },
        "entity": {
            "entity_type": "workspace_connection",
            "entity_id": "af5aaf31658b",
            "entity_name": "Star Space",
        },
        "context": {
            "group_id": "4f68a254168a",
            "role": "view",
            "": "an empty key",
            "a/b~c": [1, -0.5, 1e21, 9007199254740991_i64, true, null, "", {"deep": {"er": []}}],
            "lines": "one\ntwo\r\n\tthree \"four\" \\five\\",
        },
        "changes": [
            {"path": "/role", "old": null, "new": "view"},
            {"path": "/members", "old": {"count": 1}, "new": [1, 2]},
        ],
    })
}

/// The example event of Mode's documentation.
pub fn documented_event(workspace: &str) -> Value {
    json!({
        "id": "12326c8c-3c13-45a3-9b36-5a16d42937db",
        "action": "connection_group_added_with_role",
        "description": "group added to connection",
        "timestamp": "2025-02-18T10:47:37.000000Z",
        "workspace_username": workspace,
        "actor": {
            "user_id": "af03c0246b82",
            "username": "peter_parker",
            "ip": "157.52.123.42",
            "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36",
        },
        "entity": {
            "entity_type": "workspace_connection",
            "entity_id": "af5aaf31658b",
            "entity_name": "Star Space",
        },
        "context": {
            "group_id": "4f68a254168a",
            "role": "view",
            "group_name": "internalgroup",
            "correlation_id": "12321917-5e07-4094-ae08-1b6254a2a6c8",
        },
    })
}

/// An event of exactly this many bytes of canonical JSON. Its texts consist of `filler`.
pub fn event_of_bytes(id: &str, seconds: i64, bytes: usize, filler: char) -> Value {
    let mut event = event(id, seconds);
    event["context"] = json!({"rest": ""});
    let text = filler.to_string().repeat(16_000 / filler.len_utf8());
    for name in ["a", "b", "c", "d"] {
        let mut longer = event.clone();
        longer["context"][name] = json!(text);
        if content_bytes(&longer) <= bytes {
            event = longer;
        }
    }
    let room = bytes - content_bytes(&event);
    let each = json!(filler).to_string().len() - 2;
    let rest = filler.to_string().repeat(room / each) + &"a".repeat(room % each);
    event["context"]["rest"] = json!(rest);
    event
}

/// An event with more than 64 KiB of numbers, so that no text in it can be cut.
pub fn event_of_numbers(id: &str, seconds: i64) -> Value {
    let mut event = event(id, seconds);
    event["context"] = json!({"numbers": vec![0; 33_000]});
    event
}

/// The bytes that the size limit counts: the canonical JSON of all members that the sender chooses.
fn content_bytes(event: &Value) -> usize {
    let actor = json!({"user_id": event["actor"]["user_id"], "type": "user"});
    let content = json!([event["id"], event["action"], null, actor, null, event["context"], []]);
    content.to_string().len()
}
