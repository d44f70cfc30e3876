//! Input over the bus: refused by `PutEvents`, or quarantined.

use serde_json::json;
use tests::sample::event_of_numbers;

use super::{Door, Input};

pub(super) fn inputs() -> Vec<Input> {
    let rows = [(Door::BusEntry, ENTRIES), (Door::Bus, DETAILS)];
    let rows =
        rows.into_iter().flat_map(|(door, rows)| rows.iter().map(move |(sent, told)| (door, *sent, *told)));
    let rows = rows.map(|(door, sent, told)| Input::new(door, sent, told));
    let mut large = event_of_numbers("e-9", 0);
    large["workspace"] = json!("acme");
    let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    let too_deep = format!(
        "quarantined invalid_event {} too_deep, /workspace_username required, /action required, /actor required, /a unknown_field",
        "/a".repeat(32)
    );
    let made = [(large.to_string(), "quarantined invalid_event  too_large"), (deep, &too_deep)];
    rows.chain(made.map(|(sent, told)| Input::new(Door::Bus, sent, told))).collect()
}

const ENTRIES: &[(&str, &str)] = &[
    ("{}", "200 InvalidArgument"),
    (r#"{"Source": "p", "DetailType": "t", "Detail": "{"}"#, "200 MalformedDetail"),
    (r#"{"Source": "p", "DetailType": "t", "Detail": "[]"}"#, "200 MalformedDetail"),
    (r#"{"Source": "p", "DetailType": "", "Detail": "{}"}"#, "200 InvalidArgument"),
    (
        r#"{"Source": "p", "DetailType": "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "Detail": "{}"}"#,
        "200 InvalidArgument",
    ),
    (r#"{"Source": "aws.s3", "DetailType": "t", "Detail": "{}"}"#, "200 NotAuthorizedForSourceException"),
    (r#"{"Source": "p", "DetailType": "t", "Detail": "{}", "Time": 1e300}"#, "200 InvalidArgument"),
];

const DETAILS: &[(&str, &str)] = &[
    ("{}", "quarantined invalid_event /workspace_username required, /action required, /actor required"),
    (
        r#"{"action": "group_created", "actor": {"user_id": "u1"}}"#,
        "quarantined invalid_event /workspace_username required",
    ),
    (
        r#"{"workspace": "ACME!", "action": "group_created", "actor": {"user_id": "u1"}}"#,
        "quarantined invalid_event /workspace invalid_workspace",
    ),
    (
        r#"{"workspace": "acme", "workspace_username": "globex", "action": "group_created", "actor": {"user_id": "u1"}}"#,
        "quarantined invalid_event /workspace mismatch",
    ),
    (
        r#"{"workspace": 7, "action": "group_created", "actor": {"user_id": "u1"}}"#,
        "quarantined invalid_event /workspace wrong_type",
    ),
    (
        r#"{"workspace": "acme", "action": "group created, edited", "actor": {"user_id": "u1"}}"#,
        "quarantined invalid_event /action unknown_action",
    ),
    (
        r#"{"workspace": "acme", "action": "group_created", "actor": "u1"}"#,
        "quarantined invalid_event /actor wrong_type",
    ),
    (
        r#"{"workspace": "acme", "action": "group_created", "actor": {"user_id": "u1", "type": "robot"}}"#,
        "quarantined invalid_event /actor/type unknown_value",
    ),
    (
        r#"{"workspace": "acme", "action": "group_created", "actor": {"user_id": "u1"}, "timestamp": "now"}"#,
        "quarantined invalid_event /timestamp invalid_timestamp",
    ),
    (
        r#"{"workspace": "acme", "action": "group_created", "actor": {"user_id": "u1"}, "timestamp": "1999-01-01T00:00:00Z"}"#,
        "quarantined invalid_event /timestamp out_of_range",
    ),
    (
        r#"{"workspace": "acme", "action": "group_created", "actor": {"user_id": "u1"}, "id": "a b"}"#,
        "quarantined invalid_event /id invalid_id",
    ),
    (
        r#"{"workspace": "acme", "action": "group_created", "action": "group_deleted", "actor": {"user_id": "u1"}}"#,
        "quarantined invalid_event /action duplicate_key",
    ),
    (
        r#"{"workspace": "acme", "action": "group_created", "actor": {"user_id": "u1"}, "context": {"n": 9007199254740993}}"#,
        "quarantined invalid_event /context/n inexact_number",
    ),
    (
        r#"{"workspace": "acme", "action": " login", "actor": {"user_id": "u1"}}"#,
        "quarantined invalid_event /action unknown_action",
    ),
    (
        r#"{"workspace": "acme", "action": "login\u0085", "actor": {"user_id": "u1"}}"#,
        "quarantined invalid_event /action control_character",
    ),
    (
        r#"{"workspace": "acme", "action": "group_created", "actor": {"user_id": "u1\uffff"}}"#,
        "quarantined invalid_event /actor/user_id invalid_character",
    ),
    (
        r#"{"workspace": "acme", "action": "group_created", "actor": {"user_id": "u1"}, "colour": "red"}"#,
        "quarantined invalid_event /colour unknown_field",
    ),
    (
        r#"{"workspace": "acme", "action": "group_created", "actor": {"user_id": "u1"}, "sequence": 0}"#,
        "quarantined invalid_event /sequence read_only",
    ),
];
