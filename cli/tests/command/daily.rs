//! The commands of daily use, against the real server.

use serde_json::{Value, json};
use tests::TestApp;

use crate::auditlog::{Auditlog, Ended};

/// The command with a token that reads and records, and the JWT of an admin.
async fn auditlog(app: &TestApp, workspace: &str) -> Auditlog {
    Auditlog::new()
        .with("AUDITLOG_ENDPOINT", app.endpoint())
        .with("AUDITLOG_WORKSPACE", workspace)
        .with("AUDITLOG_TOKEN", app.holder_of_both(workspace).await.bearer())
        .with("AUDITLOG_ADMIN_JWT", app.admin(workspace).bearer())
}

fn events(auditlog: &Auditlog, more: &[&str]) -> Vec<Value> {
    let lines = auditlog.succeed(&[&["query", "--all", "-o", "ndjson"], more].concat());
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_recorded_from_options_a_file_and_standard_input() {
    let app = TestApp::start().await;
    let auditlog = auditlog(&app, "acme").await;
    let said = auditlog.succeed(&[
        "record",
        "--action=group_created",
        "--actor=u1",
        "--actor-name=Peter",
        "--actor-type=service",
        "--entity-type=group",
        "--entity=g1",
        "--outcome=failure",
        "--context=note=a=b",
        "--context=n:=1.5",
        "--timestamp=2025-02-18T10:47:37Z",
        "--id=own-1",
    ]);
    assert_eq!(said, "recorded own-1 at 2025-02-18T10:47:37.000000Z\n");
    let event = events(&auditlog, &["--action=group_created"]).remove(0);
    assert_eq!(event["actor"], json!({"type": "service", "user_id": "u1", "username": "Peter"}));
    assert_eq!((&event["entity"]["entity_id"], &event["outcome"]), (&json!("g1"), &json!("failure")));
    assert_eq!(event["context"], json!({"n": 1.5, "note": "a=b"}));

    let own = r#"{"id":"own-2","timestamp":"2025-02-18T11:00:00Z","action":"x_a","actor":{"user_id":"u2"}}"#;
    std::fs::write(auditlog.path("event"), own).unwrap();
    assert!(auditlog.succeed(&["record", "event"]).starts_with("recorded own-2"));
    assert!(auditlog.succeed(&["record", "event"]).starts_with("known already own-2"));
    std::fs::write(auditlog.path("event"), own.replace("x_a", "x_b")).unwrap();
    let Ended { code, stderr, .. } = auditlog.run(&["record", "event"]);
    assert!(code == Some(2) && stderr.contains("event 0: "), "{stderr}");

    let lines = "{\"action\":\"x_c\",\"actor\":{\"user_id\":\"u3\"}}\n{\"action\":\"x_d\"}\n";
    let Ended { code, stdout, stderr } = auditlog.run_with_input(&["record", "-"], lines);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stdout.starts_with("recorded cli-") && stdout.lines().count() == 1, "{stdout}");
    assert!(stderr.contains("error: 1 of 2 events were not recorded.\n  event 1, /actor: "), "{stderr}");
    let list = "[{\"action\":\"x_e\",\"actor\":{\"user_id\":\"u4\"}}]";
    assert_eq!(auditlog.run_with_input(&["record", "-"], list).code, Some(0));
    let recorded: Vec<_> = events(&auditlog, &[]).iter().map(|event| event["action"].to_string()).collect();
    let actions = ["x_a", "x_b", "x_c", "x_d", "x_e"]
        .map(|action| recorded.iter().filter(|recorded| **recorded == format!("{action:?}")).count());
    assert_eq!(actions, [1, 0, 1, 0, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_shown_by_its_sequence_and_by_its_id() {
    let app = TestApp::start_sealing().await;
    let auditlog = auditlog(&app, "acme").await;
    auditlog.succeed(&[
        "record",
        "--action=x_a",
        "--actor=u1",
        "--timestamp=2025-02-18T10:47:37Z",
        "--id=own-1",
    ]);
    app.sealed().await;
    let sequence = events(&auditlog, &["--action=x_a"])[0]["sequence"].to_string();
    let by_sequence = auditlog.succeed(&["show", &sequence, "--utc"]);
    assert!(by_sequence.contains("id           own-1\n"), "{by_sequence}");
    assert!(by_sequence.contains("time         2025-02-18T10:47:37Z\n"), "{by_sequence}");
    let json = |arguments: &[&str]| serde_json::from_str::<Value>(&auditlog.succeed(arguments)).unwrap();
    let shown = json(&["show", &sequence, "-o", "json"]);
    assert_eq!(json(&["show", "own-1", "-o", "json"]), shown);
    assert_eq!(json(&["show", "own-1", "--at=2025-02-18T10:47:37Z", "-o", "json"]), shown);
    assert!(auditlog.fail(1, &["show", "own-2"]).contains("No event has the id"));
    assert!(auditlog.fail(1, &["show", "4000"]).contains("no event with the sequence 4000"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redaction_counts_first_and_erases_only_with_yes() {
    let app = TestApp::start_sealing().await;
    let auditlog = auditlog(&app, "acme").await;
    for number in 0..3 {
        let id = format!("--id=own-{number}");
        auditlog.succeed(&[
            "record",
            "--action=x_a",
            "--actor=u1",
            "--context=a=b",
            "--timestamp=2025-02-18",
            &id,
        ]);
    }
    app.sealed().await;
    let counted = auditlog.succeed(&["redact", "--actor=u1"]);
    assert_eq!(
        counted,
        "3 events of the actor u1 in acme; actor would be erased. Nothing was erased: --yes does it.\n"
    );
    assert!(events(&auditlog, &["--action=x_a"]).iter().all(|event| event["actor"]["user_id"] == "u1"));
    let mut found = events(&auditlog, &["--action=x_a"]);
    let numbers: Vec<_> = found.iter_mut().map(|event| event["sequence"].take().to_string()).collect();
    let sequences = format!("--sequence={}", numbers.join(","));
    let counted = auditlog.succeed(&["redact", &sequences, "--parts=context", "-o", "json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&counted).unwrap(),
        json!({"events": 3, "parts": ["context"], "redacted": 0})
    );
    assert!(auditlog.fail(1, &["redact", "--sequence=4000"]).contains("no event with the sequence 4000"));

    let first = format!("--sequence={}", events(&auditlog, &["--action=x_a"])[0]["sequence"]);
    let erased = auditlog.succeed(&["redact", &first, "--parts=context", "--yes"]);
    assert_eq!(erased, "Erased parts of 1 events.\n");
    // The fourth is the record of the read that counted them, which names the actor.
    let erased = auditlog.succeed(&["redact", "--actor=u1", "--reason=17", "--yes"]);
    assert_eq!(erased, "Erased parts of 4 events.\n");
    let after = events(&auditlog, &["--action=x_a"]);
    assert!(after.iter().all(|event| event["actor"].is_null()), "{after:?}");
    assert_eq!(after.iter().filter(|event| event["context"] == json!({})).count(), 1, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoami_names_the_credentials_and_logout_forgets_them() {
    let app = TestApp::start().await;
    let here = auditlog(&app, "acme").await;
    let said = here.succeed(&["whoami"]);
    let parts = [
        app.endpoint(),
        "workspace  acme",
        "profile    default",
        ", reads the log",
        "admin JWT  ",
        ", until 2",
    ];
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
    let writer = app.writer("acme").await;
    let writer = Auditlog::new()
        .with("AUDITLOG_ENDPOINT", app.endpoint())
        .with("AUDITLOG_WORKSPACE", "acme")
        .with("AUDITLOG_TOKEN", writer.bearer());
    assert!(writer.succeed(&["whoami"]).contains("it may record events"));
    assert!(events(&here, &["--action=audit_log_accessed"]).is_empty(), "whoami reads no event");

    let config = ".config/auditlog/config.json";
    assert_eq!(here.run(&["login"]).code, Some(0));
    assert_eq!(writer.run(&["login", "--profile=writer"]).code, Some(0));
    assert!(here.read(config).contains("alw_"));
    let Ended { code, stderr, .. } = here.run(&["logout"]);
    assert!(code == Some(0) && stderr.contains("auditlog tokens revoke"), "{stderr}");
    assert_eq!(here.read(config), "{\n  \"profiles\": {}\n}\n");
    assert!(here.fail(2, &["logout"]).contains("Nothing is saved as profile \"default\"; there are: none."));
    assert_eq!(writer.run(&["logout", "--all"]).code, Some(0));
    assert!(!writer.read(config).contains("alw_"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_has_the_columns_and_the_zone_that_are_asked_for() {
    let app = TestApp::start().await;
    let auditlog = auditlog(&app, "acme").await.with("TZ", "Asia/Kolkata");
    auditlog.succeed(&[
        "record",
        "--action=x_a",
        "--actor=u1",
        "--timestamp=2025-02-18T10:47:37",
        "--id=own-1",
    ]);
    let event = &events(&auditlog, &["--action=x_a"])[0];
    assert_eq!(event["timestamp"], "2025-02-18T05:17:37.000000Z", "a time without an offset is local");
    let table = |more: &[&str]| auditlog.succeed(&[&["query", "--action=x_a"], more].concat());
    assert!(table(&[]).contains("2025-02-18 10:47:37+05:30"), "{}", table(&[]));
    assert!(table(&["--utc"]).contains("2025-02-18T05:17:37Z"));
    assert_eq!(table(&["--columns=id,sequence,actor_id"]), "ID     SEQ  ACTOR ID\nown-1  -    u1\n");
    assert_eq!(
        table(&["--since=2025-02-18T10:47", "--until=2025-02-18T10:48", "--columns=id"]),
        "ID\nown-1\n"
    );
    assert_eq!(table(&["--since=2025-02-18T10:47", "--utc", "--columns=id"]), "No events match.\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mask_is_tried_on_recorded_events_and_then_set() {
    let app = TestApp::start().await;
    let auditlog = auditlog(&app, "acme").await;
    for (actor, context) in [("u1", "Email=a@example.com"), ("u2", "note=b")] {
        let [actor, context] = [format!("--actor={actor}"), format!("--context={context}")];
        auditlog.succeed(&["record", "--action=x_a", &actor, "--actor-name=Peter", &context]);
    }
    let paths = "--mask=/actor/username,/context/**/email,/actor/ip";
    let table = auditlog.succeed(&["streams", "mask", paths, "--preview"]);
    let counts: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(counts[0], ["LEFT", "OUT", "EVENTS"], "{table}");
    assert!(counts.contains(&vec!["/context/Email", "1"]), "{table}");
    assert!(counts.iter().any(|row| row[0] == "/actor/username"), "{table}");
    assert!(!table.contains("/actor/user_id") && !table.contains("note"), "{table}");
    for (form, event) in [("ndjson", "\"action\":\"x_a\""), ("ocsf", "\"class_uid\"")] {
        let lines = auditlog.succeed(&["streams", "mask", paths, "--preview", "-o", form]);
        assert!(lines.contains(event) && !lines.contains("Peter") && lines.contains("note"), "{lines}");
    }
    let Ended { code, stdout, stderr } =
        auditlog.run(&["streams", "mask", "--mask=/context/phone", "--preview"]);
    assert!(code == Some(0) && stdout.is_empty() && stderr.contains("leaves nothing out"), "{stderr}");

    let create = ["streams", "create", "--name=a", "--webhook=https://siem.example.com/audit", "-o", "json"];
    let created: Value = serde_json::from_str(&auditlog.run(&create).stdout).unwrap();
    let id = created["stream"].as_str().unwrap();
    assert!(auditlog.fail(2, &["streams", "mask", id, "--preview"]).contains("The stream has no mask."));
    let set = auditlog.succeed(&["streams", "mask", id, "--mask=/actor/username"]);
    assert!(set.contains("mask          /actor/username\n"), "{set}");
    assert!(auditlog.succeed(&["streams", "mask", id, "--preview"]).contains("/actor/username"));
    assert!(auditlog.fail(2, &["streams", "mask", id]).contains("--no-mask"));
    assert!(auditlog.fail(2, &["streams", "mask", "--mask=/actor/ip"]).contains("No stream is named."));
    assert!(auditlog.fail(2, &["streams", "mask", "--mask=/id", "--preview"]).contains("mask: must be"));
}
