use serde_json::json;

use super::*;

fn problems<T: std::fmt::Debug>(parsed: Result<T, Error>) -> Vec<String> {
    match parsed {
        Ok(_) => vec![],
        Err(Error::InvalidBody(problems)) => {
            problems.iter().map(|problem| format!("{} {}", problem.field, problem.code)).collect()
        }
        Err(error) => vec![error.to_string()],
    }
}

fn new(body: &Value) -> Result<NewStream, Error> {
    NewStream::parse(body.to_string().as_bytes(), &Operator::default())
}

fn patch(body: &Value, kind: DestinationKind) -> Result<Patch, Error> {
    Patch::parse(body.to_string().as_bytes(), kind, &Operator::default())
}

#[test]
fn a_stream_needs_a_name_and_a_destination_and_nothing_more() {
    let stream =
        new(&json!({"name": "siem", "destination": {"type": "webhook", "url": "https://example.com"}}))
            .unwrap();
    assert_eq!((stream.name.as_str(), stream.format, stream.from), ("siem", Format::Native, None));
    assert!(stream.mask.is_empty() && stream.secret.is_none() && stream.filter == StreamFilter::default());
    let splunk = new(&json!({
        "name": "siem", "destination": {"type": "splunk", "url": "https://example.com"}, "secret": "token",
        "format": "ocsf", "filter": {"outcome": "failure"}, "mask": ["/actor/ip"], "from": 0,
    }))
    .unwrap();
    assert_eq!((splunk.secret.unwrap().expose(), splunk.from, splunk.mask.len()), ("token", Some(0), 1));
}

#[test]
fn all_problems_of_a_stream_are_reported_at_once() {
    check_stream(json!([]), &[" wrong_type"]);
    check_stream(json!({}), &["/name required", "/destination required"]);
    check_stream(json!({"name": "", "destination": "here"}), &["/name empty", "/destination wrong_type"]);
    check_stream(json!({"name": "a", "destination": webhook(), "secret": "mine"}), &["/secret not_taken"]);
    check_stream(json!({"name": "a", "destination": splunk()}), &["/secret required"]);
    check_stream(json!({"name": "a", "destination": splunk(), "secret": "a b"}), &["/secret invalid_secret"]);
    check_stream(json!({"name": "a", "destination": splunk(), "secret": 1}), &["/secret wrong_type"]);
    check_stream(
        json!({"name": "a", "destination": webhook(), "format": "cef", "filter": [], "mask": ["/id"], "from": -1, "to": 1}),
        &[
            "/format unknown_value",
            "/filter wrong_type",
            "/mask/0 invalid_path",
            "/from wrong_type",
            "/to unknown_field",
        ],
    );
    check_stream(
        json!({"name": "a", "destination": webhook(), "from": 1_u64 << 54}),
        &["/from inexact_number"],
    );
}

fn splunk() -> Value {
    json!({"type": "splunk", "url": "https://example.com"})
}

fn webhook() -> Value {
    json!({"type": "webhook", "url": "https://example.com"})
}

fn check_stream(body: Value, expected: &[&str]) {
    assert_eq!(problems(new(&body)), expected, "{body}")
}

#[test]
fn a_change_names_the_fields_to_change() {
    let cleared = changed(json!({"filter": null, "mask": null}));
    assert_eq!((cleared.filter, cleared.mask), (Some(StreamFilter::default()), Some(vec![])));
    let named = changed(json!({"name": "other"}));
    assert_eq!(
        (named.name.as_deref(), named.filter, named.mask, named.rotate_secret),
        (Some("other"), None, None, false)
    );
    assert!(changed(json!({"rotate_secret": true})).rotate_secret);
}

fn changed(body: Value) -> Patch {
    patch(&body, DestinationKind::Webhook).unwrap()
}

#[test]
fn all_problems_of_a_change_are_reported_at_once() {
    use DestinationKind::{S3, Splunk, Webhook};
    check_change(Webhook, json!({}), &[" required"]);
    check_change(Webhook, json!({"name": null}), &["/name required"]);
    check_change(
        Webhook,
        json!({"destination": {"type": "datadog", "site": "datadoghq.com"}}),
        &["/destination other_kind"],
    );
    check_change(
        Webhook,
        json!({"secret": "mine", "rotate_secret": 1}),
        &["/secret not_taken", "/rotate_secret wrong_type"],
    );
    check_change(Splunk, json!({"rotate_secret": true}), &["/rotate_secret not_taken"]);
    check_change(S3, json!({"secret": "mine"}), &["/secret not_taken"]);
    check_change(S3, json!({"from": 1}), &["/from unknown_field"]);
}

fn check_change(kind: DestinationKind, body: Value, expected: &[&str]) {
    assert_eq!(problems(patch(&body, kind)), expected, "{body}");
}

#[test]
fn a_pause_may_have_a_reason_and_a_replay_needs_a_sequence() {
    assert_eq!(parse_pause(b"").unwrap(), None);
    assert_eq!(parse_pause(b"{}").unwrap(), None);
    assert_eq!(parse_pause(br#"{"reason": "maintenance"}"#).unwrap().as_deref(), Some("maintenance"));
    assert_eq!(problems(parse_pause(b"[]")), [" wrong_type"]);
    assert_eq!(
        problems(parse_pause(br#"{"reason": 1, "until": 2}"#)),
        ["/reason wrong_type", "/until unknown_field"]
    );
    assert_eq!(parse_replay(br#"{"from": 0}"#).unwrap(), 0);
    assert_eq!(problems(parse_replay(b"{}")), ["/from required"]);
    assert_eq!(problems(parse_replay(br#"{"from": 1.5}"#)), ["/from wrong_type"]);
}
