//! Bodies of events and batches.

use serde_json::{Map, Value, json};
use tests::sample::{event, event_of_numbers};

use super::{Door, Input};

/// An event with one member replaced by JSON text, which may be text that no `Value` can hold.
fn with(name: &str, json_text: &str) -> String {
    let mut event = event("e-7", 7);
    event[name] = json!("[here]");
    event.to_string().replace(r#""[here]""#, json_text)
}

fn deep(depth: usize) -> String {
    format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))
}

fn long(length: usize) -> String {
    format!("\"{}\"", "a".repeat(length))
}

fn keys(count: usize) -> String {
    Value::from((0..count).map(|number| (format!("k{number}"), json!(0))).collect::<Map<_, _>>()).to_string()
}

pub(super) fn inputs() -> Vec<Input> {
    let ahead = format!("{:.6}", jiff::Timestamp::now() + jiff::SignedDuration::from_mins(11));
    let rows: Vec<(String, &str)> = vec![
        // JSON
        (String::new(), "400 invalid_json"),
        ("{".into(), "400 invalid_json"),
        ("{} {}".into(), "400 invalid_json"),
        ("{'action': 1}".into(), "400 invalid_json"),
        ("\u{feff}{}".into(), "422 invalid_event /action required, /actor required"),
        ("\u{feff}\u{feff}{}".into(), "400 invalid_json"),
        (with("context", r#"{"a": None}"#), "400 invalid_json"),
        (with("context", r#"{"a": -Infinity}"#), "400 invalid_json"),
        (with("context", r#"{"a": "tab	in it"}"#), "400 invalid_json"),
        ("[".repeat(100_000), "400 invalid_json"),
        (r#"{"events":["#.repeat(1000), "400 invalid_json"),
        (with("context", "NaN"), "400 invalid_json"),
        (with("context", r#"{"a": Infinity}"#), "400 invalid_json"),
        (with("context", r#"{"a": 01}"#), "400 invalid_json"),
        (with("description", "\"a\u{0}b\""), "400 invalid_json"),
        ("null".into(), "422 invalid_body  wrong_type"),
        ("[]".into(), "422 invalid_body  wrong_type"),
        ("7".into(), "422 invalid_body  wrong_type"),
        (r#""event""#.into(), "422 invalid_body  wrong_type"),
        // Batches
        (r#"{"events": []}"#.into(), "422 invalid_body /events empty"),
        (r#"{"events": null}"#.into(), "422 invalid_body /events wrong_type"),
        (r#"{"events": {}}"#.into(), "422 invalid_body /events wrong_type"),
        (r#"{"events": [{}], "events": [{}]}"#.into(), "422 invalid_body /events duplicate_key"),
        (r#"{"events": [{}], "workspace": "acme"}"#.into(), "422 invalid_body /workspace unknown_field"),
        // Numbers and keys
        (with("context", r#"{"a": 9007199254740993}"#), "422 invalid_event /context/a inexact_number"),
        (with("context", r#"{"a": [1e999]}"#), "422 invalid_event /context/a/0 inexact_number"),
        (with("context", r#"{"a": 0.1000000000000000055}"#), "422 invalid_event /context/a inexact_number"),
        (with("context", r#"{"a": 1, "a": 1}"#), "422 invalid_event /context/a duplicate_key"),
        (
            with("context", r#"{"a/b": {"c~d": 1, "c\u007ed": 2}}"#),
            "422 invalid_event /context/a~1b/c~0d duplicate_key",
        ),
        (with("id", r#""e-1", "id": "e-1""#), "422 invalid_event /id duplicate_key"),
        (with("colour", "1"), "422 invalid_event /colour unknown_field"),
        (with("sequence", "7"), "422 invalid_event /sequence read_only"),
        (with("received_at", r#""2025-02-18T10:00:00Z""#), "422 invalid_event /received_at read_only"),
        // Depth and size
        (
            with("context", &deep(32)),
            "422 invalid_event /context/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a too_deep",
        ),
        (with("context", &keys(51)), "422 invalid_event /context too_many"),
        (
            with("changes", &format!("[{}]", vec![r#"{"path": "/a"}"#; 51].join(","))),
            "422 invalid_event /changes too_many",
        ),
        (
            with("actor", &format!(r#"{{"user_id": {}}}"#, long(257))),
            "422 invalid_event /actor/user_id too_long",
        ),
        // Ids: the product chooses them
        (with("actor", r#"{"user_id": "u1\n"}"#), "422 invalid_event /actor/user_id control_character"),
        (with("actor", r#"{"user_id": "u1\u0085"}"#), "422 invalid_event /actor/user_id control_character"),
        (with("actor", r#"{"user_id": "u1\u007f"}"#), "422 invalid_event /actor/user_id control_character"),
        (with("actor", r#"{"user_id": "\u202egpj.exe"}"#), "422 invalid_event /actor/user_id bidi_override"),
        (with("actor", r#"{"user_id": "a\uffff"}"#), "422 invalid_event /actor/user_id invalid_character"),
        (with("actor", r#"{"user_id": "a\ud83d"}"#), "422 invalid_event /actor/user_id invalid_character"),
        (
            with("actor", r#"{"user_id": "u1", "on_behalf_of": {"user_id": "\udc00"}}"#),
            "422 invalid_event /actor/on_behalf_of/user_id invalid_character",
        ),
        (
            with("entity", r#"{"entity_type": "a\u0000", "entity_id": "\u2068b"}"#),
            "422 invalid_event /entity/entity_type control_character, /entity/entity_id bidi_override",
        ),
        (with("id", r#""e\ud83d""#), "422 invalid_event /id invalid_id"),
        (with("action", r#""x_a\ud83d""#), "422 invalid_event /action invalid_character"),
        (
            with("timestamp", r#""2025-02-18T10:00:00Z\ud83d""#),
            "422 invalid_event /timestamp invalid_timestamp",
        ),
        (with("outcome", r#""success\ud83d""#), "422 invalid_event /outcome unknown_value"),
        // Numbers, in every notation
        (with("context", r#"{"a": 9007199254740992}"#), "422 invalid_event /context/a inexact_number"),
        (with("context", r#"{"a": 9007199254740992.0}"#), "422 invalid_event /context/a inexact_number"),
        (with("context", r#"{"a": 9.007199254740992e15}"#), "422 invalid_event /context/a inexact_number"),
        (with("context", r#"{"n": 1.152921504606847e18}"#), "422 invalid_event /context/n inexact_number"),
        (with("context", r#"{"n": 1152921504606847000}"#), "422 invalid_event /context/n inexact_number"),
        (with("context", r#"{"n": 1e400}"#), "422 invalid_event /context/n inexact_number"),
        (with("context", r#"{"n": 1e-400}"#), "422 invalid_event /context/n inexact_number"),
        (
            with("context", &format!(r#"{{"n": {}}}"#, "1".repeat(5_000))),
            "422 invalid_event /context/n inexact_number",
        ),
        // Types and values
        (with("action", "7"), "422 invalid_event /action wrong_type"),
        (with("action", "null"), "422 invalid_event /action required"),
        (with("action", r#""""#), "422 invalid_event /action empty"),
        (with("action", r#""x_Own""#), "422 invalid_event /action unknown_action"),
        (with("category", r#""report_activity""#), "422 invalid_event /category mismatch"),
        (with("outcome", r#""perhaps""#), "422 invalid_event /outcome unknown_value"),
        (with("actor", "[]"), "422 invalid_event /actor wrong_type"),
        (with("actor", "{}"), "422 invalid_event /actor/user_id required"),
        (
            with("actor", r#"{"user_id": 7, "type": "robot"}"#),
            "422 invalid_event /actor/user_id wrong_type, /actor/type unknown_value",
        ),
        (
            with("actor", r#"{"user_id": "u1", "on_behalf_of": {}}"#),
            "422 invalid_event /actor/on_behalf_of/user_id required",
        ),
        (with("entity", r#"{"entity_id": "1"}"#), "422 invalid_event /entity/entity_type required"),
        (with("context", "[]"), "422 invalid_event /context wrong_type"),
        (with("changes", "{}"), "422 invalid_event /changes wrong_type"),
        (
            with("changes", r#"[{"path": "role"}, 7]"#),
            "422 invalid_event /changes/0/path invalid_path, /changes/1 wrong_type",
        ),
        (with("workspace", r#""GLOBEX""#), "422 invalid_event /workspace invalid_workspace"),
        // Keys and times
        (with("id", r#""a#b""#), "422 invalid_event /id invalid_id"),
        (with("id", &long(129)), "422 invalid_event /id invalid_id"),
        (with("id", "null"), "422 invalid_event /id required"),
        (with("timestamp", r#""2025-02-18""#), "422 invalid_event /timestamp invalid_timestamp"),
        (with("timestamp", r#""2025-02-18 10:00:00Z""#), "422 invalid_event /timestamp invalid_timestamp"),
        (with("timestamp", r#""2025-02-18T10:00:00""#), "422 invalid_event /timestamp invalid_timestamp"),
        (with("timestamp", r#""2025-02-30T10:00:00Z""#), "422 invalid_event /timestamp invalid_timestamp"),
        (with("timestamp", r#""2016-12-31T23:59:60Z""#), "422 invalid_event /timestamp invalid_timestamp"),
        (with("timestamp", "1739872800"), "422 invalid_event /timestamp wrong_type"),
        (with("timestamp", r#""1999-12-31T23:59:59.999999Z""#), "422 invalid_event /timestamp out_of_range"),
        (with("timestamp", r#""3000-01-01T00:00:00Z""#), "422 invalid_event /timestamp out_of_range"),
        (with("timestamp", &format!("\"{ahead}\"")), "422 invalid_event /timestamp out_of_range"),
        // More of the same families
        (with("timestamp", r#""2025-02-18T25:00:00Z""#), "422 invalid_event /timestamp invalid_timestamp"),
        (
            with("timestamp", r#""2025-02-18T10:00:00+24:00""#),
            "422 invalid_event /timestamp invalid_timestamp",
        ),
        (with("timestamp", r#""-002025-02-18T10:00:00Z""#), "422 invalid_event /timestamp invalid_timestamp"),
        (
            with("timestamp", r#""2025-02-18T10:00:00Z[UTC]""#),
            "422 invalid_event /timestamp invalid_timestamp",
        ),
        (with("timestamp", r#""""#), "422 invalid_event /timestamp invalid_timestamp"),
        (with("timestamp", "null"), "422 invalid_event /timestamp required"),
        (with("id", r#""""#), "422 invalid_event /id invalid_id"),
        (with("id", r#""a b""#), "422 invalid_event /id invalid_id"),
        (with("id", "7"), "422 invalid_event /id wrong_type"),
        (with("action", r#""audit_log_accessed""#), "422 invalid_event /action reserved_action"),
        (with("action", r#""api_token_workspace_created""#), "422 invalid_event /action reserved_action"),
        (with("action", r#""x_""#), "422 invalid_event /action unknown_action"),
        (with("action", &format!("\"x_{}\"", "a".repeat(62))), "422 invalid_event /action unknown_action"),
        (with("description", "7"), "422 invalid_event /description wrong_type"),
        (with("entity", "7"), "422 invalid_event /entity wrong_type"),
        (with("entity", "{}"), "422 invalid_event /entity/entity_type required, /entity/entity_id required"),
        (with("workspace_username", r#""globex""#), "422 invalid_event /workspace_username mismatch"),
        (with("actor", r#"{"user_id": ""}"#), "422 invalid_event /actor/user_id empty"),
        (
            with("actor", r#"{"user_id": "u1", "e_mail": "a"}"#),
            "422 invalid_event /actor/e_mail unknown_field",
        ),
        (with("changes", r#"[{"path": ""}]"#), "422 invalid_event /changes/0/path empty"),
        (with("changes", r#"[{"old": 1}]"#), "422 invalid_event /changes/0/path required"),
        (format!(r#"{{"events": [{}]}}"#, vec!["1"; 501].join(",")), "413 too_large"),
        (
            r#"{"events": [{}, 7]}"#.into(),
            "207 [invalid_event /action required, /actor required; invalid_event  wrong_type]",
        ),
        (
            r#"{"events": [{"a": NaN}, {"actor": {"user_id": "\ud83d"}}, 01]}"#.into(),
            "207 [invalid_event /a invalid_json, /action required, /actor required, /a unknown_field; \
             invalid_event /action required, /actor/user_id invalid_character; invalid_event  invalid_json,  wrong_type]",
        ),
        (r#"{"events": [{}, {"a": 1}"#.into(), "400 invalid_json"),
        (r#"{"events": [{}], "more": NaN}"#.into(), "400 invalid_json"),
        (event_of_numbers("e-9", 0).to_string(), "422 invalid_event  too_large"),
        (" ".repeat(1_100_000), "413 too_large"),
    ];
    let bytes = [
        (b"\"\xff\"".to_vec(), "422 invalid_body  wrong_type"),
        (b"\xff".to_vec(), "400 invalid_json"),
        (
            b"{\"action\": \"\xc3\x28\"}".to_vec(),
            "422 invalid_event /action invalid_character, /actor required",
        ),
        (b"\x1f\x8b\x08\x00".to_vec(), "400 invalid_json"),
    ];
    let rows = rows.into_iter().map(|(sent, told)| Input::new(Door::Record, sent, told));
    rows.chain(bytes.map(|(sent, told)| Input::new(Door::Record, sent, told))).collect()
}
