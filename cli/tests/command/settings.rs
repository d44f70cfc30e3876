//! `auditlog settings`: what it sends, and what it shows.

use serde_json::{Value, json};

use crate::{api::Api, auditlog::Auditlog};

fn sent(api: &Api) -> Value {
    let asked = api.asked();
    let last = asked.last().unwrap();
    assert_eq!((last.method.as_str(), last.path.as_str()), ("PATCH", "/api/acme/settings"));
    serde_json::from_str(&last.body).unwrap()
}

#[test]
fn settings_are_shown_to_people_and_to_programs() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    let shown = auditlog.succeed(&["settings", "get"]);
    let expected = "\
retention    365 days; unlimited from 2025-03-01T00:00:00.000000Z on
expired      all of before 2024-02-19T10:00:00.000000Z
receipts to  2024-02-18T23:59:59.000000Z
legal hold   case 17, placed by af03c0246b82, from 2025-02-18T10:00:00.000000Z on
shards       1
";
    assert_eq!(shown, expected);
    let json: Value = serde_json::from_str(&auditlog.succeed(&["settings", "get", "--output=json"])).unwrap();
    assert_eq!(json["retention_days"], 365);
}

#[test]
fn a_change_is_sent_as_it_is_said() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    let check = |arguments: &[&str], expected: Value| {
        let ended = auditlog.run(&[&["settings", "set"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(sent(&api), expected, "{arguments:?}");
    };
    check(&["--retention-days=30", "--confirm"], json!({"retention_days": 30, "confirm": true}));
    check(&["--retention-days=unlimited"], json!({"retention_days": null}));
    check(&["--hold=case 17"], json!({"legal_hold": {"reason": "case 17"}}));
    check(
        &["--release", "--from=2026-01-01", "--confirm"],
        json!({"legal_hold": null, "effective_from": "2026-01-01T00:00:00.000000Z", "confirm": true}),
    );
}

#[test]
fn invalid_options_are_refused_without_a_request() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    for arguments in [
        &["settings", "set"][..],
        &["settings", "set", "--confirm"],
        &["settings", "set", "--hold=a", "--release"],
        &["settings", "set", "--retention-days=soon"],
        &["settings", "set", "--release", "--from=soon"],
    ] {
        auditlog.fail(2, arguments);
    }
    assert!(api.asked().is_empty());
}
