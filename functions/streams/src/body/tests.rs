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
    let check = |body: Value, expected: &[&str]| assert_eq!(problems(new(&body)), expected, "{body}");
    let webhook = || json!({"type": "webhook", "url": "https://example.com"});
    let splunk = || json!({"type": "splunk", "url": "https://example.com"});
    check(json!([]), &[" wrong_type"]);
    check(json!({}), &["/name required", "/destination required"]);
    check(json!({"name": "", "destination": "here"}), &["/name empty", "/destination wrong_type"]);
    check(json!({"name": "a", "destination": webhook(), "secret": "mine"}), &["/secret not_taken"]);
    check(json!({"name": "a", "destination": splunk()}), &["/secret required"]);
    check(json!({"name": "a", "destination": splunk(), "secret": "a b"}), &["/secret invalid_secret"]);
    check(json!({"name": "a", "destination": splunk(), "secret": 1}), &["/secret wrong_type"]);
    check(
        json!({"name": "a", "destination": webhook(), "format": "cef", "filter": [], "mask": ["/id"], "from": -1, "to": 1}),
        &[
            "/format unknown_value",
            "/filter wrong_type",
            "/mask/0 invalid_path",
            "/from wrong_type",
            "/to unknown_field",
        ],
    );
    check(json!({"name": "a", "destination": webhook(), "from": 1_u64 << 54}), &["/from inexact_number"]);
}

#[test]
fn a_change_names_the_fields_to_change() {
    let change = |body: Value| patch(&body, DestinationKind::Webhook).unwrap();
    let cleared = change(json!({"filter": null, "mask": null}));
    assert_eq!((cleared.filter, cleared.mask), (Some(StreamFilter::default()), Some(vec![])));
    let named = change(json!({"name": "other"}));
    assert_eq!(
        (named.name.as_deref(), named.filter, named.mask, named.rotate_secret),
        (Some("other"), None, None, false)
    );
    assert!(change(json!({"rotate_secret": true})).rotate_secret);
}

#[test]
fn all_problems_of_a_change_are_reported_at_once() {
    let check = |kind: DestinationKind, body: Value, expected: &[&str]| {
        assert_eq!(problems(patch(&body, kind)), expected, "{body}");
    };
    use DestinationKind::{S3, Splunk, Webhook};
    check(Webhook, json!({}), &[" required"]);
    check(Webhook, json!({"name": null}), &["/name required"]);
    check(
        Webhook,
        json!({"destination": {"type": "datadog", "site": "datadoghq.com"}}),
        &["/destination other_kind"],
    );
    check(
        Webhook,
        json!({"secret": "mine", "rotate_secret": 1}),
        &["/secret not_taken", "/rotate_secret wrong_type"],
    );
    check(Splunk, json!({"rotate_secret": true}), &["/rotate_secret not_taken"]);
    check(S3, json!({"secret": "mine"}), &["/secret not_taken"]);
    check(S3, json!({"from": 1}), &["/from unknown_field"]);
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
