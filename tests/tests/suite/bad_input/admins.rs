//! Input of admins: tokens to create and revoke, and events to redact.

use serde_json::json;

use super::{Door, Input};

pub(super) fn inputs() -> Vec<Input> {
    let rows = [
        (Door::NewToken, TOKENS),
        (Door::Revocation, REVOCATIONS),
        (Door::Redaction, REDACTIONS),
        (Door::Admin, QUERIES),
    ];
    let rows =
        rows.into_iter().flat_map(|(door, rows)| rows.iter().map(move |(sent, told)| (door, *sent, *told)));
    let rows = rows.map(|(door, sent, told)| Input::new(door, sent, told));
    let made = [
        (Door::NewToken, json!({"name": "a".repeat(129)}).to_string(), "422 invalid_body /name too_long"),
        (Door::NewToken, json!({"name": "a".repeat(10_000)}).to_string(), "413 too_large"),
        (Door::Redaction, sequences(1_000), "422 invalid_body /sequences wrong_type"),
        (Door::Redaction, json!({"actor": "a".repeat(257)}).to_string(), "422 invalid_body /actor too_long"),
        (Door::Revocation, "a".repeat(5_000), "404 not_found"),
    ];
    rows.chain(made.map(|(door, sent, told)| Input::new(door, sent, told))).collect()
}

fn sequences(count: u64) -> String {
    json!({"sequences": (0..count).collect::<Vec<_>>()}).to_string()
}

const TOKENS: &[(&str, &str)] = &[
    ("", "400 invalid_json"),
    ("{\"name\": \"a\"", "400 invalid_json"),
    ("[]", "422 invalid_body  wrong_type"),
    ("{}", "422 invalid_body /name required"),
    (r#"{"name": null}"#, "422 invalid_body /name required"),
    (r#"{"name": ""}"#, "422 invalid_body /name empty"),
    (r#"{"name": 7}"#, "422 invalid_body /name wrong_type"),
    (r#"{"name": "a\nb"}"#, "422 invalid_body /name control_character"),
    (r#"{"name": "\u202ea"}"#, "422 invalid_body /name bidi_override"),
    (r#"{"name": "a", "name": "b"}"#, "422 invalid_body /name duplicate_key"),
    (r#"{"name": "a", "scopes": []}"#, "422 invalid_body /scopes wrong_type"),
    (r#"{"name": "a", "scopes": "audit_log:read"}"#, "422 invalid_body /scopes wrong_type"),
    (r#"{"name": "a", "scopes": ["admin"]}"#, "422 invalid_body /scopes/0 unknown_value"),
    (r#"{"name": "a", "scopes": ["audit_log:read", 7]}"#, "422 invalid_body /scopes/1 unknown_value"),
    (r#"{"name": "a", "expires_at": "tomorrow"}"#, "422 invalid_body /expires_at invalid_timestamp"),
    (r#"{"name": "a", "expires_at": 1}"#, "422 invalid_body /expires_at wrong_type"),
    (r#"{"name": "a", "expires_at": "2020-01-01T00:00:00Z"}"#, "422 invalid_body /expires_at out_of_range"),
    (r#"{"name": "a", "expires_at": "9999-12-31T23:59:59Z"}"#, "422 invalid_body /expires_at out_of_range"),
    (r#"{"name": "a", "workspace": "globex"}"#, "422 invalid_body /workspace unknown_field"),
    (r#"{"name": "a", "token": "abcdefABCDEF"}"#, "422 invalid_body /token unknown_field"),
];

/// No route of admins has query parameters, so each would be ignored.
const QUERIES: &[(&str, &str)] = &[
    ("POST /tokens?dry_run=true", "400 invalid_query dry_run unknown_parameter"),
    ("GET /tokens?limit=10", "400 invalid_query limit unknown_parameter"),
    ("DELETE /tokens/{token}?force=1", "400 invalid_query force unknown_parameter"),
    ("POST /redactions?dry_run=true", "400 invalid_query dry_run unknown_parameter"),
    ("GET /settings?at=now", "400 invalid_query at unknown_parameter"),
    ("PATCH /settings?confirm=true", "400 invalid_query confirm unknown_parameter"),
    ("GET /streams?limit=1", "400 invalid_query limit unknown_parameter"),
    ("POST /streams?test=1", "400 invalid_query test unknown_parameter"),
    ("GET /streams/{stream}?verbose=1", "400 invalid_query verbose unknown_parameter"),
    ("PATCH /streams/{stream}?a=1&b=2", "400 invalid_query a unknown_parameter, b unknown_parameter"),
    ("DELETE /streams/{stream}?force=1", "400 invalid_query force unknown_parameter"),
    ("POST /streams/{stream}/pause?reason=a", "400 invalid_query reason unknown_parameter"),
    ("POST /streams/{stream}/resume?from=1", "400 invalid_query from unknown_parameter"),
    ("POST /streams/{stream}/replay?from=1", "400 invalid_query from unknown_parameter"),
    ("POST /streams/{stream}/test?x", "400 invalid_query x unknown_parameter"),
];

const REVOCATIONS: &[(&str, &str)] = &[
    ("abcdefABCDEF", "404 not_found"),
    ("short", "404 not_found"),
    ("abcdefABCDE!", "404 not_found"),
    ("%00%00%00%00%00%00%00%00%00%00%00%00", "404 not_found"),
    ("{foreign token}", "404 not_found"),
    ("{bearer}", "404 not_found"),
    ("{token}%20", "404 not_found"),
];

const REDACTIONS: &[(&str, &str)] = &[
    ("", "400 invalid_json"),
    ("null", "422 invalid_body  wrong_type"),
    ("{}", "422 invalid_body /actor required"),
    (r#"{"actor": 7}"#, "422 invalid_body /actor wrong_type"),
    (r#"{"actor": ""}"#, "422 invalid_body /actor empty"),
    (r#"{"actor": "a\u0000"}"#, "422 invalid_body /actor control_character"),
    (r#"{"actor": "a", "sequences": [1]}"#, "422 invalid_body /sequences mismatch"),
    (r#"{"sequences": []}"#, "422 invalid_body /sequences wrong_type"),
    (r#"{"sequences": [-1]}"#, "422 invalid_body /sequences wrong_type"),
    (r#"{"sequences": [1.5]}"#, "422 invalid_body /sequences wrong_type"),
    (r#"{"sequences": ["1"]}"#, "422 invalid_body /sequences wrong_type"),
    (r#"{"sequences": {"from": 0}}"#, "422 invalid_body /sequences wrong_type"),
    (r#"{"actor": "a", "parts": ["id"]}"#, "422 invalid_body /parts unknown_value"),
    (r#"{"actor": "a", "parts": []}"#, "422 invalid_body /parts unknown_value"),
    (r#"{"actor": "a", "reason": 7}"#, "422 invalid_body /reason wrong_type"),
    (r#"{"actor": "a", "workspace": "globex"}"#, "422 invalid_body /workspace unknown_field"),
    (r#"{"actor": "a", "actor": "b"}"#, "422 invalid_body /actor duplicate_key"),
];
