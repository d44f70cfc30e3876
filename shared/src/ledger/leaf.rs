//! The leaf of an event in the ledger.
//!
//! A leaf has the key of the event and its times, and only digests of all parts. So it can be published and stored
//! permanently, and parts of the event can be erased without changing it. It is a function of the event as readers get it,
//! so all leaves can be computed again from an export.

use serde_json::json;

use crate::{
    model::{disclosure::Part, event::Event},
    text::json::canonical,
};

/// The version of the leaf's format.
const VERSION: u8 = 1;

/// The leaf of an event: canonical JSON (RFC 8785). It does not contain the sequence, which is the leaf's place in the tree.
pub fn leaf(event: &Event) -> String {
    let digest = |part| event.disclosure.digest(part, &event.part(part));
    canonical(&json!({
        "version": VERSION,
        "workspace": event.workspace,
        "id": event.id,
        "action": event.action.name(),
        "timestamp": event.timestamp,
        "received_at": event.received_at,
        "outcome": event.outcome,
        "actor": digest(Part::Actor),
        "changes": digest(Part::Changes),
        "context": digest(Part::Context),
        "description": digest(Part::Description),
        "entity": digest(Part::Entity),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        intake::new_event::{Door, Fallback, NewEvent},
        model::{
            disclosure::Salt,
            event::{Change, Outcome},
            id::{EventId, WorkspaceId},
            timestamp::Timestamp,
        },
    };

    fn event() -> Event {
        let acme = WorkspaceId::parse("acme").unwrap();
        let fallback = Fallback {
            now: Timestamp::parse("2025-02-18T10:47:37.481Z").unwrap(),
            id: EventId::parse("unused").unwrap(),
            salt: Salt::from_bytes(*b"sixteen bytes of"),
        };
        let sent = json!({
            "id": "e-1", "timestamp": "2025-02-18T10:47:37Z", "action": "group_created",
            "actor": {"user_id": "u1", "username": "peter_parker"},
            "entity": {"entity_type": "group", "entity_id": "g1"},
            "context": {"n": 0.1},
        });
        NewEvent::parse(sent, Vec::new(), Door::Api(&acme), fallback).unwrap().event
    }

    #[test]
    fn the_leaf_follows_the_documented_rules() {
        // Computed by other code from the rules in docs/ledger.md.
        let expected = concat!(
            r#"{"action":"group_created","actor":"OIeI7OX8pcsl2Q7NoIF31ycf9jB65bzLczI2Ac2_Qf4","changes":"GC4l90hOP"#,
            r#"J6lumoC7BVL3XeZ_OIo6m4vDwpPSPuwgDk","context":"Yr0-pNPPoW1yzCqjCuLRRZbE8vR0BQzZZJ9-wN3SNFk","descrip"#,
            r#"tion":"3hYccxmfpxKlV3eZ689FvPX5ekWyx9XmaXb41YoVCQE","entity":"Hb7dKThuapKFP7gF9tktRmHt1FpZoTvUn0URlE"#,
            r#"DI6us","id":"e-1","outcome":"success","received_at":"2025-02-18T10:47:37.481000Z","timestamp":"2025-"#,
            r#"02-18T10:47:37.000000Z","version":1,"workspace":"acme"}"#,
        );
        assert_eq!(leaf(&event()), expected);
    }

    #[test]
    fn a_redaction_does_not_change_the_leaf() {
        let before = event();
        for parts in [&Part::ALL[..1], &Part::ALL[1..3], &Part::ALL] {
            let after = before.redact(parts);
            assert_ne!(after, before);
            assert_eq!(leaf(&after), leaf(&before));
            assert_eq!(leaf(&after.redact(&Part::ALL)), leaf(&before));
        }
    }

    #[test]
    fn the_leaf_can_be_computed_from_the_event_of_the_api() {
        let read: Value = serde_json::to_value(event()).unwrap();
        let leaf: Value = serde_json::from_str(&leaf(&event())).unwrap();
        for same in ["id", "action", "timestamp", "received_at", "outcome"] {
            assert_eq!(leaf[same], read[same]);
        }
        assert_eq!(leaf["workspace"], read["workspace_username"]);
    }

    #[test]
    fn a_change_of_any_member_changes_the_leaf() {
        fn check(change: fn(&mut Event)) {
            let mut other = event();
            change(&mut other);
            assert_ne!(leaf(&other), leaf(&event()));
        }
        check(|event| event.id = EventId::parse("e-2").unwrap());
        check(|event| event.workspace = WorkspaceId::parse("globex").unwrap());
        check(|event| event.timestamp = event.timestamp.plus_microseconds(1));
        check(|event| event.received_at = event.received_at.plus_microseconds(1));
        check(|event| event.outcome = Outcome::Failure);
        check(|event| event.description = Some("other".to_owned()));
        check(|event| event.actor.as_mut().unwrap().username = None);
        check(|event| event.entity = None);
        check(|event| event.context.clear());
        check(|event| {
            event.changes.push(Change { path: "/role".to_owned(), old: Value::Null, new: json!("view") })
        });
        check(|event| {
            event.disclosure = crate::model::disclosure::Disclosure::Whole(Salt::from_bytes([0; 16]))
        });
    }
}
