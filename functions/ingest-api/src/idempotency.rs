//! `Idempotency-Key`: the id of an event that has no id of its own.
//!
//! An event is identified by its id and its timestamp, permanently. The key takes the place of the id; the
//! timestamp must be in the event, because a retry arrives later than the first attempt. An event with its own
//! id keeps it. A single event with another id than the key is refused, because one of the two must be a
//! mistake.

use serde_json::Value;
use shared::{
    model::id::EventId,
    text::{
        json::Document,
        problem::{FieldError, note},
    },
};

/// Gives a single event the id of the key.
pub(crate) fn name_event(event: &mut Document, key: &str) {
    let id = EventId::of_key(key);
    match event.value.get("id") {
        None | Some(Value::Null) => set_id(event, &id),
        Some(Value::String(own)) if own == id.as_str() || own == key => {}
        Some(_) => {
            let detail = "is another than Idempotency-Key; send one of the two, or the same twice";
            note(&mut event.problems, FieldError::new("/id", "mismatch", detail));
        }
    }
}

/// Gives an event of a batch an id made of the key and its index, unless it has an id.
pub(crate) fn name_part(event: &mut Document, key: &str, index: i64) {
    if event.value.get("id").is_none_or(Value::is_null) {
        set_id(event, &EventId::of_key(&format!("{key}.{index}")));
    }
}

fn set_id(event: &mut Document, id: &EventId) {
    if let Value::Object(members) = &mut event.value {
        members.insert("id".to_owned(), Value::from(id.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_without_an_id_gets_the_id_of_the_key() {
        check_event(json!({}), "8e03978e-40d5", json!("8e03978e-40d5"), 0);
        check_event(json!({"id": null}), "k", json!("k"), 0);
        check_event(json!({"id": "k"}), "k", json!("k"), 0);
        check_event(json!({"id": "e-1"}), "k", json!("e-1"), 1);
        check_event(json!([]), "k", Value::Null, 0);
        let id = EventId::of_key("a key/with spaces");
        check_event(json!({}), "a key/with spaces", json!(id), 0);
        check_event(json!({"id": id}), "a key/with spaces", json!(id), 0);
    }

    fn check_event(value: Value, key: &str, id: Value, problems: usize) {
        let mut event = Document { value, problems: Vec::new() };
        name_event(&mut event, key);
        assert_eq!((&event.value["id"], event.problems.len()), (&id, problems), "{key}");
    }

    #[test]
    fn an_event_of_a_batch_gets_an_id_of_its_place_or_keeps_its_own() {
        check_part(json!({}), 0, "k.0");
        check_part(json!({}), 1, "k.1");
        check_part(json!({"id": "e-1"}), 2, "e-1");
    }

    fn check_part(value: Value, index: i64, id: &str) {
        let mut event = Document { value, problems: Vec::new() };
        name_part(&mut event, "k", index);
        assert_eq!(event.value["id"], id);
    }
}
