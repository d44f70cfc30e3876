//! Code that several targets share.

use ingest_bus::{Delivery, Received};
use query::Format;
use serde_json::json;
use shared::{intake::new_event::{Door, Fallback, NewEvent}, ledger::note::Vkey, model::{id::{EventId, WorkspaceId}, timestamp::Timestamp}, store::Reason, system, text::{json::canonical, problem::FieldError}};

/// The workspace of all targets.
pub fn workspace() -> WorkspaceId {
    WorkspaceId::parse("acme").expect("a name")
}

/// The defaults of an event.
pub fn fallback() -> Fallback {
    Fallback { now: now(), id: EventId::parse("fallback").expect("an id"), salt: system::salt() }
}

/// A clock that does not move.
pub fn now() -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").expect("a time")
}

/// The key of a log. It is the first of RFC 8032 §7.1, whose secret is public, but unknown to a fuzzer.
pub fn key() -> Vkey {
    const PUBLIC: [u8; 32] = [
        0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e,
        0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
    ];
    Vkey::new("example.com/log", PUBLIC).expect("a key")
}

/// Checks the promises for an event, or for the problems of one.
pub fn judged(parsed: Result<NewEvent, Vec<FieldError>>) {
    match parsed {
        Ok(NewEvent { event, .. }) => {
            let text = canonical(&event);
            assert!(text.len() < 80 * 1024, "{} bytes", text.len());
            assert!(!text.contains('\0'));
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            for FieldError { field, code, detail } in problems {
                assert!(field.is_empty() || field.starts_with('/'), "{field} is no pointer");
                assert!(!code.is_empty() && !detail.is_empty());
            }
        }
    }
}

/// Processes every message of a delivery up to the item that would be stored.
pub fn messages(delivery: Delivery) {
    let messages = match delivery.open() {
        Ok(Received::Bare(message)) => vec![message],
        Ok(Received::Batch(messages)) => messages,
        Err(_) => return,
    };
    for message in messages {
        match message.open() {
            Ok(opened) => {
                judged(NewEvent::parse(
                    opened.detail,
                    opened.problems,
                    Door::Bus(&opened.envelope),
                    fallback(),
                ));
                message.set_aside(Reason::Conflict, Vec::new(), now());
            }
            Err((reason, problems)) => {
                let kept = message.set_aside(reason, problems, now());
                assert!(!kept.source.is_empty() && !kept.id.is_empty() && !kept.problems.is_empty());
            }
        }
    }
}

/// The table of one event with this text in every place for texts; `None` if an event may not have it.
pub fn table(text: &str) -> Option<String> {
    let event = json!({
        "id": "e-1", "timestamp": "2025-02-18T10:00:00Z", "action": "group_created", "description": text,
        "actor": {"user_id": "u1", "username": text},
        "entity": {"entity_type": "group", "entity_id": "g1", "entity_name": text},
        "context": {"note": text},
    });
    let parsed = NewEvent::parse(event, Vec::new(), Door::Api(&workspace()), fallback()).ok()?;
    let response = Format::Csv.write(&[parsed.event], None);
    match response.body {
        Some(body) => Some(String::from_utf8(body.to_vec()).expect("text")),
        None => panic!("no table"),
    }
}
