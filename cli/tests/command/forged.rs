//! Records of the service that another wrote into its table, and receipts that the settings did not allow.

use serde_json::{Map, Value, json};
use shared::{
    model::{
        id::WorkspaceId,
        principal::Admin,
        service_event::{self, Origin},
    },
    system,
};
use tests::{TestApp, sample::event};

use crate::{api::Api, auditlog::Auditlog, events, ledger::Log};

/// A log, and what the commands say of all its events and of its last one.
struct Case {
    auditlog: Auditlog,
    key: String,
    events: Vec<Value>,
}

impl Case {
    fn of(log: Log) -> Self {
        let api = Api::serve(log);
        let auditlog = Auditlog::for_api(&api);
        let (key, events) = api.log(|log| (log.key(), log.events.clone()));
        auditlog.succeed(&["verify", "follow", "--once", "--state=log", "--key", &key]);
        auditlog.succeed(&["proof", &(events.len() - 1).to_string(), "--out", "last.json"]);
        Self { auditlog, key, events }
    }

    /// The exit code and the messages of `verify export --complete`, over these events.
    fn export(&self, events: &[Value]) -> (Option<i32>, String) {
        std::fs::write(self.auditlog.path("all"), events::lines(events)).unwrap();
        let ended = self.auditlog.run(&["verify", "export", "all", "--state=log", "--complete"]);
        (ended.code, format!("{}{}", ended.stdout, ended.stderr))
    }

    /// The same of `verify receipt` or `verify event`, over the last event.
    fn last(&self, command: &[&str]) -> (Option<i32>, String) {
        let ended = self.auditlog.run(&[&["verify"], command, &["last.json", "--key", &self.key]].concat());
        (ended.code, format!("{}{}", ended.stdout, ended.stderr))
    }
}

/// Holds that a command refutes something, and names it.
fn refutes((code, told): (Option<i32>, String), names: &[&str]) {
    assert_eq!(code, Some(1), "{told}");
    names.iter().for_each(|name| assert!(told.contains(name), "{name} is not in:\n{told}"));
}

const UNSIGNED: &str = "it has no signature of the service";

#[test]
fn a_record_without_the_signature_of_the_service_is_refuted() {
    for action in ["x_audit_log_expired", "x_audit_log_redacted", "x_audit_log_settings_changed"] {
        let mut log = Log::with(9);
        log.expire(0..5);
        log.replace_last(|record| {
            record["action"] = json!(action);
            record["context"].as_object_mut().unwrap().remove("service_signature");
        });
        let case = Case::of(log);
        refutes(case.export(&case.events), &["the first: sequence 9, the ", action, UNSIGNED]);
        refutes(case.export(&case.events[5..]), &["the first: sequence 9, the ", action, UNSIGNED]);
        refutes(case.last(&["event"]), &[UNSIGNED]);
        if action == "x_audit_log_expired" {
            refutes(case.last(&["receipt"]), &[UNSIGNED]);
        }
    }
}

#[test]
fn a_signature_of_another_record_or_key_is_refuted() {
    let check = |alter: fn(&mut Value), because: &str| {
        let mut log = Log::with(9);
        log.expire(0..5);
        log.replace_last(alter);
        let case = Case::of(log);
        refutes(case.export(&case.events), &["sequence 9, the x_audit_log_expired", because]);
        refutes(case.last(&["receipt"]), &[because]);
    };
    check(|record| record["actor"]["user_id"] = json!("u9"), "is not one of the service for this record");
    check(|record| record["context"]["more"] = json!(1), "is not one of the service for this record");
    check(|record| record["context"]["service_signature"] = json!("yes"), "is not in its form");
    check(|record| record["context"]["service_signature"]["key"] = json!("AAAA"), "is not in its form");
    // A log of another key signs its records with another service key.
    let mut other = Log::of("acme", 2, 9);
    other.expire(0..5);
    let mut log = Log::with(9);
    log.expire(0..5);
    log.replace_last(|record| *record = other.events[9].clone());
    let case = Case::of(log);
    refutes(case.last(&["receipt"]), &["the log's key does not vouch for the key that signed it"]);
}

#[test]
fn a_receipt_that_the_settings_did_not_allow_is_refuted() {
    let check = |log: Log, because: &str| {
        let case = Case::of(log);
        let (left, last) = (&case.events[5..], case.events.len() - 1);
        refutes(case.export(left), &[&format!("the receipt at sequence {last}: "), because]);
        std::fs::write(case.auditlog.path("settings"), events::lines(left)).unwrap();
        refutes(case.last(&["receipt", "--settings=settings"]), &[because]);
    };
    let mut log = Log::with(9);
    log.receipt(0..5, "2025-03-01T00:00:00Z");
    check(log, "the log has no settings recorded before it");

    let mut log = Log::with(9);
    log.set("2025-02-01T00:00:00Z", "/retention_days", json!(3650));
    log.grow(1);
    log.receipt(0..5, "2025-03-01T00:00:00Z");
    check(log, "by the settings in the log it may name events before 2015-");

    let mut log = Log::with(9);
    log.set("2025-02-01T00:00:00Z", "/retention_days", json!(1));
    log.grow(1);
    log.set("2025-02-02T00:00:00Z", "/legal_hold/reason", json!("case 17"));
    log.grow(1);
    log.receipt(0..5, "2025-03-01T00:00:00Z");
    check(log, "a legal hold was in effect when it was recorded");
}

#[test]
fn no_event_is_named_by_two_receipts() {
    let mut log = Log::with(9);
    log.expire(0..5);
    log.grow(1);
    log.receipt(4..6, "2025-03-02T00:00:00Z");
    let case = Case::of(log);
    refutes(
        case.export(&case.events[6..]),
        &["the receipt at sequence 10: another receipt names sequence 4 as well"],
    );
}

#[test]
fn an_erased_part_that_no_record_names_is_not_proved() {
    let erased = |parts: Value, sequences: Value| {
        let mut log = Log::with(9);
        log.redact(3, &["actor", "context"]);
        log.record_redaction(parts, sequences);
        let case = Case::of(log);
        case.export(&case.events)
    };
    let (code, told) = erased(json!(["actor", "context"]), json!([3]));
    assert_eq!(code, Some(0), "{told}");
    for (parts, sequences) in [(json!(["actor", "context"]), json!([2])), (json!(["actor"]), json!([3]))] {
        let (code, told) = erased(parts, sequences);
        assert_eq!(code, Some(4), "{told}");
        assert!(
            told.contains("of sequence 3 is erased, and no redaction record in the file says so"),
            "{told}"
        );
    }
}

/// Records written by the SDK straight into the table of the real service, and sealed as all events are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_record_in_the_table_of_the_real_service_is_named() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    let acme = WorkspaceId::parse("acme").unwrap();
    let admin = Admin { workspace: acme.clone(), user_id: "ciso".to_owned(), username: None };
    client.record(&event("e-1", 0)).await.expect(201);
    app.sealed().await;
    let leaf = app.store().entries(&acme, 1..2).await.unwrap()[0].1.leaf;
    let context = json!({"count": 1, "sequences": "1", "root": leaf, "first_timestamp": "2025-02-18T10:00:00.000000Z",
        "last_timestamp": "2025-02-18T10:00:00.000000Z"});
    let context: Map<String, Value> = context.as_object().unwrap().clone();
    let origin = |id| Origin::without_request(system::now(), id, system::salt());
    let forged = [
        service_event::settings_changed(&admin, origin(system::settings_id()), Vec::new(), Map::new()),
        service_event::redacted(&admin, origin(system::redaction_id()), &[], &[1], &[], None),
        service_event::expired(&acme, origin(system::receipt_id()), context),
    ];
    for record in &forged {
        app.store().append(record).await.unwrap();
        app.sealed().await;
    }
    let key = client.ledger("key").await.expect(200).text;
    let auditlog = Auditlog::new()
        .with("AUDITLOG_ENDPOINT", app.endpoint())
        .with("AUDITLOG_WORKSPACE", "acme")
        .with("AUDITLOG_TOKEN", client.bearer());
    auditlog.succeed(&["verify", "follow", "--once", "--state=log", "--key", key.trim_end()]);
    auditlog.succeed(&["export", "all.ndjson"]);
    // The event that the receipt would explain is cut from the file.
    let all = std::fs::read_to_string(auditlog.path("all.ndjson")).unwrap();
    let cut: String =
        all.lines().filter(|line| !line.contains("\"e-1\"")).map(|line| format!("{line}\n")).collect();
    std::fs::write(auditlog.path("cut.ndjson"), cut).unwrap();
    let export = auditlog
        .fail(1, &["verify", "export", "cut.ndjson", "--state=log", "--complete", "--allow-uncovered"]);
    assert!(
        export.contains("3 are records that the service did not write; the first: sequence 2"),
        "{export}"
    );
    for (record, sequence) in forged.iter().zip(2..) {
        let (file, sequence) = (format!("{sequence}.json"), sequence.to_string());
        auditlog.succeed(&["proof", &sequence, "--out", &file]);
        let told = auditlog.fail(1, &["verify", "event", &file, "--key", key.trim_end()]);
        assert!(told.contains(UNSIGNED), "{}: {told}", record.action);
    }
    let told = auditlog.fail(1, &["verify", "receipt", "4.json", "--key", key.trim_end(), "--state=log"]);
    assert!(told.contains(UNSIGNED), "{told}");
}
