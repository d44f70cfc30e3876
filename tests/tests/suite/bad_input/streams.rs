//! Input of admins for streams.

use serde_json::json;

use super::{Door, Input};

pub(super) fn inputs() -> Vec<Input> {
    let rows =
        [(Door::NewStream, NEW), (Door::StreamChange, CHANGES), (Door::Replay, REPLAYS), (Door::Stream, IDS)];
    let rows =
        rows.into_iter().flat_map(|(door, rows)| rows.iter().map(move |(sent, told)| (door, *sent, *told)));
    let rows = rows.map(|(door, sent, told)| Input::new(door, sent, told));
    let webhook =
        |url: String| json!({"name": "a", "destination": {"type": "webhook", "url": url}}).to_string();
    let actors: Vec<_> = (0..51).map(|number| number.to_string()).collect();
    let made = [
        (
            Door::NewStream,
            webhook(format!("https://example.com/{}", "a".repeat(2048))),
            "422 invalid_body /destination/url too_long",
        ),
        (Door::NewStream, webhook("a".repeat(20_000)), "413 too_large"),
        (
            Door::StreamChange,
            json!({"filter": {"actors": actors}}).to_string(),
            "422 invalid_body /filter/actors too_many",
        ),
        (Door::StreamChange, json!({"name": "a".repeat(257)}).to_string(), "422 invalid_body /name too_long"),
    ];
    rows.chain(made.map(|(door, sent, told)| Input::new(door, sent, told))).collect()
}

const NEW: &[(&str, &str)] = &[
    ("", "400 invalid_json"),
    ("[]", "422 invalid_body  wrong_type"),
    ("{}", "422 invalid_body /name required, /destination required"),
    (r#"{"name": "a", "destination": {}}"#, "422 invalid_body /destination/type required"),
    (
        r#"{"name": "a", "destination": {"type": "kafka"}}"#,
        "422 invalid_body /destination/type unknown_value",
    ),
    (
        r#"{"name": "a\nb", "destination": {"type": "webhook"}}"#,
        "422 invalid_body /name control_character, /destination/url required",
    ),
    (
        r#"{"name": "a", "destination": {"type": "webhook", "url": 1}}"#,
        "422 invalid_body /destination/url wrong_type",
    ),
    (
        r#"{"name": "a", "destination": {"type": "webhook", "url": "http://example.com"}}"#,
        "422 invalid_body /destination/url invalid_url",
    ),
    (
        r#"{"name": "a", "destination": {"type": "webhook", "url": "https://169.254.169.254/latest/meta-data"}}"#,
        "422 invalid_body /destination/url invalid_url",
    ),
    (
        r#"{"name": "a", "destination": {"type": "webhook", "url": "https://localhost/"}}"#,
        "422 invalid_body /destination/url invalid_url",
    ),
    (
        r#"{"name": "a", "destination": {"type": "webhook", "url": "https://[::ffff:127.0.0.1]/"}}"#,
        "422 invalid_body /destination/url invalid_url",
    ),
    (
        r#"{"name": "a", "destination": {"type": "webhook", "url": "https://user:password@example.com/"}}"#,
        "422 invalid_body /destination/url invalid_url",
    ),
    (
        r#"{"name": "a", "destination": {"type": "webhook", "url": "https://example.com/"}, "secret": "mine"}"#,
        "422 invalid_body /secret not_taken",
    ),
    (
        r#"{"name": "a", "destination": {"type": "splunk", "url": "https://example.com/"}}"#,
        "422 invalid_body /secret required",
    ),
    (
        r#"{"name": "a", "destination": {"type": "splunk", "url": "https://example.com/"}, "secret": "a\r\nb"}"#,
        "422 invalid_body /secret invalid_secret",
    ),
    (
        r#"{"name": "a", "destination": {"type": "datadog", "site": "evil.example.com"}, "secret": "a"}"#,
        "422 invalid_body /destination/site unknown_value",
    ),
    (
        r#"{"name": "a", "destination": {"type": "eventbridge", "event_bus": "arn:aws:events:us-east-1:1:event-bus/a"}}"#,
        "422 invalid_body /destination/event_bus not_allowed",
    ),
    (
        r#"{"name": "a", "destination": {"type": "webhook", "url": "https://example.com/"}, "from": 1000000}"#,
        "422 invalid_body /from out_of_range",
    ),
    (
        r#"{"name": "a", "destination": {"type": "webhook", "url": "https://example.com/"}, "mask": ["/id"]}"#,
        "422 invalid_body /mask/0 invalid_path",
    ),
    (
        r#"{"name": "a", "destination": {"type": "webhook", "url": "https://example.com/"}, "workspace": "globex"}"#,
        "422 invalid_body /workspace unknown_field",
    ),
    (
        r#"{"name": "a", "name": "b", "destination": {"type": "webhook", "url": "https://example.com/"}}"#,
        "422 invalid_body /name duplicate_key",
    ),
];

const CHANGES: &[(&str, &str)] = &[
    ("", "400 invalid_json"),
    ("{}", "422 invalid_body  required"),
    (r#"{"name": ""}"#, "422 invalid_body /name empty"),
    (
        r#"{"destination": {"type": "datadog", "site": "datadoghq.com"}}"#,
        "422 invalid_body /destination other_kind",
    ),
    (r#"{"secret": "mine"}"#, "422 invalid_body /secret not_taken"),
    (r#"{"rotate_secret": "yes"}"#, "422 invalid_body /rotate_secret wrong_type"),
    (r#"{"filter": {"actions": ["group_creatd"]}}"#, "422 invalid_body /filter/actions/0 unknown_action"),
    (r#"{"filter": {"action": "group_created"}}"#, "422 invalid_body /filter/action unknown_field"),
    (
        r#"{"filter": {"not_actions": ["grop_created"]}}"#,
        "422 invalid_body /filter/not_actions/0 unknown_action",
    ),
    (
        r#"{"filter": {"not_categories": ["groups"]}}"#,
        "422 invalid_body /filter/not_categories/0 unknown_value",
    ),
    (r#"{"filter": {"ip": "300.1.1.1"}}"#, "422 invalid_body /filter/ip invalid_address"),
    (r#"{"filter": {"contains": ""}}"#, "422 invalid_body /filter/contains empty"),
    (r#"{"filter": {"actor_name": 7}}"#, "422 invalid_body /filter/actor_name wrong_type"),
    (r#"{"filter": {"not_actors": [""]}}"#, "422 invalid_body /filter/not_actors/0 empty"),
    (r#"{"mask": "/actor"}"#, "422 invalid_body /mask wrong_type"),
    (r#"{"format": "cef"}"#, "422 invalid_body /format unknown_value"),
    (r#"{"from": 0}"#, "422 invalid_body /from unknown_field"),
    (r#"{"workspace": "globex"}"#, "422 invalid_body /workspace unknown_field"),
];

const REPLAYS: &[(&str, &str)] = &[
    ("", "400 invalid_json"),
    ("{}", "422 invalid_body /from required"),
    (r#"{"from": -1}"#, "422 invalid_body /from wrong_type"),
    (r#"{"from": "0"}"#, "422 invalid_body /from wrong_type"),
    (r#"{"from": 1000000}"#, "422 invalid_body /from out_of_range"),
];

const IDS: &[(&str, &str)] = &[
    ("{foreign stream}", "404 not_found"),
    ("str_abcdefABCDEF", "404 not_found"),
    ("abcdefABCDEF", "404 not_found"),
    ("str_", "404 not_found"),
    ("{stream}%20", "404 not_found"),
];
