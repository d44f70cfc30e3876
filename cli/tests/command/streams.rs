//! `auditlog streams`: what it sends, and what it shows.

use serde_json::{Value, json};

use crate::{
    answers,
    api::{Api, SECRET},
    auditlog::Auditlog,
};

const STREAM: &str = "str_9fK2ZsW7xLdQ";
const PATH: &str = "/api/acme/streams";

fn last(api: &Api) -> (String, String, Value) {
    let asked = api.asked();
    let last = asked.last().unwrap();
    (last.method.clone(), last.path.clone(), serde_json::from_str(&last.body).unwrap_or_default())
}

#[test]
fn streams_are_listed_with_how_they_go() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    let table = auditlog.succeed(&["streams", "list"]);
    let lines: Vec<_> = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[1], [STREAM, "SIEM", "webhook", "failing", "81234", "17", "timeout"], "{table}");
    let csv = auditlog.succeed(&["streams", "list", "--output=csv"]);
    assert!(csv.contains(&format!("\r\n{STREAM},SIEM,webhook,failing,81234,17,,timeout\r\n")), "{csv}");
    assert_eq!(auditlog.succeed(&["streams", "list", "--output=ndjson"]).lines().count(), 1);
    let json: Value = serde_json::from_str(&auditlog.succeed(&["streams", "list", "--output=json"])).unwrap();
    assert_eq!(json["streams"], json!([answers::stream()]));
}

#[test]
fn a_stream_is_shown_to_people() {
    let api = Api::start(0);
    let shown = Auditlog::for_api(&api).succeed(&["streams", "show", STREAM]);
    let expected = "\
stream        str_9fK2ZsW7xLdQ
name          SIEM
destination   type=webhook url=https://siem.example.com/audit
format        native
filter        actions=group_created,group_deleted
mask          /actor/ip
state         failing since 2025-02-18T10:47:37.000000Z, tried 3 times, again at 2025-02-18T10:49:37.000000Z
next          81234, 17 behind
delivered     nothing yet
last problem  timeout at 2025-02-18T10:48:17.000000Z: no answer in time
last test     none
";
    assert_eq!(shown, expected);
}

#[test]
fn a_new_secret_is_shown_once_with_a_warning() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    let webhook = "--webhook=https://siem.example.com/audit";
    for arguments in [&["create", "--name=SIEM", webhook][..], &["rotate-secret", STREAM]] {
        let ended = auditlog.run(&[&["streams"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout.matches(answers::STREAM_SECRET).count(), 1, "{ended:?}");
        assert!(ended.stderr.contains("the only time") && !ended.stderr.contains("whsec_"), "{ended:?}");
    }
    assert_eq!(last(&api), ("PATCH".to_owned(), format!("{PATH}/{STREAM}"), json!({"rotate_secret": true})));
}

#[test]
fn a_stream_is_created_as_it_is_said() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api).with("AUDITLOG_STREAM_SECRET", SECRET);
    let check = |arguments: &[&str], expected: Value| {
        let ended = auditlog.run(&[&["streams", "create", "--name=a"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let mut sent = expected;
        sent["name"] = json!("a");
        assert_eq!(last(&api), ("POST".to_owned(), PATH.to_owned(), sent), "{arguments:?}");
    };
    check(
        &["--webhook=https://a.example.com", "--format=ocsf", "--from=0", "--mask=/actor/ip,/context/*"],
        json!({"destination": {"type": "webhook", "url": "https://a.example.com"}, "format": "ocsf", "from": 0,
               "mask": ["/actor/ip", "/context/*"]}),
    );
    check(
        &["--splunk=https://hec.example.com", "--index=audit", "--action=group_created,group_deleted"],
        json!({"destination": {"type": "splunk", "url": "https://hec.example.com", "index": "audit"},
               "filter": {"actions": ["group_created", "group_deleted"]}, "secret": SECRET}),
    );
    check(
        &["--datadog=datadoghq.eu", "--tag=env:a", "--tag=team:b", "--outcome=failure", "--actor=u1"],
        json!({"destination": {"type": "datadog", "site": "datadoghq.eu", "tags": ["env:a", "team:b"]},
               "filter": {"outcome": "failure", "actors": ["u1"]}, "secret": SECRET}),
    );
    check(&["--s3"], json!({"destination": {"type": "s3"}}));
    check(
        &[
            "--event-bus=arn:aws:events:eu-central-1:1:event-bus/a",
            "--category=user_groups",
            "--entity-type=group",
        ],
        json!({"destination": {"type": "eventbridge", "event_bus": "arn:aws:events:eu-central-1:1:event-bus/a"},
               "filter": {"categories": ["user_groups"], "entity_types": ["group"]}}),
    );
}

#[test]
fn each_stream_command_sends_one_request() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    let check = |arguments: &[&str], method: &str, rest: &str, body: Value| {
        let ended = auditlog.run(&[&["streams"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(last(&api), (method.to_owned(), format!("{PATH}/{STREAM}{rest}"), body), "{arguments:?}");
    };
    check(&["update", STREAM, "--name=b", "--no-mask"], "PATCH", "", json!({"name": "b", "mask": null}));
    check(
        &["update", STREAM, "--no-filter", "--format=native"],
        "PATCH",
        "",
        json!({"filter": null, "format": "native"}),
    );
    check(&["test", STREAM], "POST", "/test", json!({}));
    check(&["pause", STREAM], "POST", "/pause", json!({}));
    check(&["pause", STREAM, "--reason=maintenance"], "POST", "/pause", json!({"reason": "maintenance"}));
    check(&["resume", STREAM], "POST", "/resume", json!({}));
    check(&["replay", STREAM, "--from=0"], "POST", "/replay", json!({"from": 0}));
    check(&["delete", STREAM], "DELETE", "", Value::Null);
}

#[test]
fn a_secret_is_read_from_a_file_or_standard_input_and_never_from_an_argument() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    let splunk = ["streams", "create", "--name=a", "--splunk=https://hec.example.com"];
    let secret = format!("--secret={SECRET}");
    let sent = |api: &Api| last(api).2["secret"].clone();
    assert_eq!(
        auditlog.run_with_input(&[&splunk[..], &["--secret-file=-"]].concat(), &format!("{SECRET}\n")).code,
        Some(0)
    );
    assert_eq!(sent(&api), SECRET);
    std::fs::write(auditlog.path("token"), format!(" {SECRET}2\n")).unwrap();
    assert_eq!(auditlog.run(&[&splunk[..], &["--secret-file=token"]].concat()).code, Some(0));
    assert_eq!(sent(&api), format!("{SECRET}2"));
    let asked = api.asked().len();
    auditlog.fail(2, &splunk);
    auditlog.fail(2, &[&splunk[..], &["--secret-file=nowhere"]].concat());
    auditlog.fail(2, &[&splunk[..], &[&secret]].concat());
    assert_eq!(api.asked().len(), asked);
}

#[test]
fn invalid_options_are_refused_without_a_request() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    for arguments in [
        &["create", "--name=a"][..],
        &["create", "--name=a", "--s3", "--webhook=https://a.example.com"],
        &["create", "--name=a", "--s3", "--index=a"],
        &["create", "--name=a", "--s3", "--from=-1"],
        &["update", STREAM],
        &["update", STREAM, "--no-mask", "--mask=/actor"],
        &["replay", STREAM],
        &["show", "SIEM"],
        &["delete", "str_9fK2ZsW7xLd/"],
    ] {
        auditlog.fail(2, &[&["streams"], arguments].concat());
    }
    assert!(api.asked().is_empty());
}
