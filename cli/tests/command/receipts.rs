//! Receipts for expired events, and exports without these events.

use serde_json::{Value, json};
use tests::{TestApp, invoke, sample::event};

use crate::{api::Api, auditlog::Auditlog, events, ledger::Log};

/// A log of 300 events, of which the first 200 have expired, and an earlier export.
struct Expired {
    auditlog: Auditlog,
    events: Vec<Value>,
    key: String,
}

impl Expired {
    fn with(log: Log) -> Self {
        let api = Api::serve(log);
        let auditlog = Auditlog::for_api(&api);
        let (key, events) = api.log(|log| (log.key(), log.events.clone()));
        auditlog.succeed(&["verify", "follow", "--once", "--state=log", "--key", &key]);
        auditlog.succeed(&["proof", "300", "--out", "receipt.json"]);
        std::fs::write(auditlog.path("before"), events::lines(&events[..300])).unwrap();
        // Nothing more is asked of anyone.
        drop(api);
        Self { auditlog, events, key }
    }

    fn export(&self, events: &[Value], more: &[&str]) -> Result<String, String> {
        std::fs::write(self.auditlog.path("after"), events::lines(events)).unwrap();
        let arguments = ["verify", "export", "after", "--state=log", "--complete=log"];
        let ended = self.auditlog.run(&[&arguments[..], more].concat());
        if ended.code == Some(0) { Ok(ended.stdout) } else { Err(ended.stderr) }
    }

    fn receipt(&self, more: &[&str]) -> Result<String, String> {
        let arguments = ["verify", "receipt", "receipt.json", "--key", &self.key];
        let ended = self.auditlog.run(&[&arguments[..], more].concat());
        if ended.code == Some(0) { Ok(ended.stdout) } else { Err(ended.stderr) }
    }
}

fn log() -> Log {
    let mut log = Log::with(300);
    log.expire(0..200);
    log
}

#[test]
fn an_export_is_complete_without_what_receipts_are_for() {
    let expired = Expired::with(log());
    let report = expired.export(&expired.events[200..], &[]).unwrap();
    let line =
        "every sequence from 0 to 300 is there, except for 200 that have expired according to receipts\n";
    assert!(report.contains(line), "{report}");
    // The receipts may be in a file of their own.
    std::fs::write(expired.auditlog.path("receipts"), events::lines(&expired.events[300..])).unwrap();
    let without = &expired.events[200..300];
    assert!(expired.export(without, &[]).unwrap_err().contains("201 are missing; the first: sequence 0\n"));
    let told = expired.export(without, &["--receipts=receipts"]).unwrap_err();
    assert!(told.contains("1 are missing; the first: sequence 300\n"), "{told}");
}

#[test]
fn a_deletion_without_a_receipt_is_found() {
    let expired = Expired::with(log());
    let told = expired.export(&expired.events[201..], &[]).unwrap_err();
    assert!(told.contains("1 are missing; the first: sequence 200\n"), "{told}");
    // Nor does a receipt help that the log does not have.
    let mut forged = expired.events[300].clone();
    forged["context"]["sequences"] = json!("0-200");
    let told = expired.export(&[&expired.events[200..300], &[forged]].concat(), &[]).unwrap_err();
    assert!(told.contains("1 are not what was logged; the first: sequence 300"), "{told}");
}

#[test]
fn a_receipt_is_held_against_hashes_and_against_an_old_export() {
    let expired = Expired::with(log());
    let report = expired.receipt(&[]).unwrap();
    assert!(report.contains("expired      200: sequences 0-199\n"), "{report}");
    assert!(report.contains("compared     with nothing: "), "{report}");
    let report = expired.receipt(&["--state=log"]).unwrap();
    assert!(report.contains("compared     with the hashes in log: it is for these\n"), "{report}");
    let report = expired.receipt(&["--export=before"]).unwrap();
    assert!(report.contains("compared     with the events of before: it is for these\n"), "{report}");

    let mut changed = expired.events[..200].to_vec();
    changed[7]["action"] = json!("x_another");
    std::fs::write(expired.auditlog.path("before"), events::lines(&changed)).unwrap();
    let told = expired.receipt(&["--export=before"]).unwrap_err();
    assert!(told.contains("what stands under its sequences does not add up to its root"), "{told}");
    std::fs::write(expired.auditlog.path("before"), events::lines(&changed[..100])).unwrap();
    assert!(expired.receipt(&["--export=before"]).unwrap_err().contains("sequence 100 is not there"));
}

#[test]
fn a_receipt_that_is_for_other_entries_is_refused() {
    let mut log = log();
    // A holder of the keys can log any receipt, but its root only fits the entries that it was made of.
    log.cut(300);
    log.expire(0..150);
    log.forge_receipt(json!("0-199"), 200);
    let expired = Expired::with(log);
    let told = expired.export(&expired.events[200..], &[]).unwrap_err();
    assert!(told.contains("the receipt at sequence 300: what stands under its sequences"), "{told}");
    assert!(expired.receipt(&["--state=log"]).is_err());
    let told = expired.auditlog.fail(4, &["verify", "receipt", "before", "--key", &expired.key]);
    assert!(told.contains("Could not be checked: "), "{told}");
}

/// The command reads receipts as the service writes them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_of_the_real_service_explains_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let app = TestApp::start_sealing_in(directory.path()).await;
    let client = app.holder_of_both("acme").await;
    let old: Vec<_> = (0..300).map(|number| event(&format!("old-{number}"), number)).collect();
    client.record(&json!({ "events": old })).await.expect(201);
    app.sealed().await;
    app.keep_days("acme", 30).await;
    app.seal_all("acme").await;
    app.shutdown().await;
    let app = TestApp::start_sealing_in(directory.path()).await;
    let client = client.at(&app);
    assert_eq!(invoke::expiry(&app.store(), "acme").await.unwrap().events, 300);
    app.sealed().await;
    // The marks come once the receipt is sealed.
    invoke::expiry(&app.store(), "acme").await.unwrap();
    assert_eq!(app.tables().sweep().await, 300);

    let key = client.ledger("key").await.expect(200).text;
    let auditlog = Auditlog::new()
        .with("AUDITLOG_ENDPOINT", app.endpoint())
        .with("AUDITLOG_WORKSPACE", "acme")
        .with("AUDITLOG_TOKEN", client.bearer());
    // In this order: what the export itself leaves in the log is after the checkpoint.
    auditlog.succeed(&["verify", "follow", "--once", "--state=log", "--key", key.trim_end()]);
    auditlog.succeed(&["export", "all.ndjson"]);
    let ended =
        auditlog.run(&["verify", "export", "all.ndjson", "--state=log", "--complete", "--allow-uncovered"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("except for 300 that have expired according to receipts\n"), "{ended:?}");
    let receipt = client.read("action=x_audit_log_expired").await[0]["sequence"].to_string();
    auditlog.succeed(&["proof", &receipt, "--out", "receipt.json"]);
    let verify = ["verify", "receipt", "receipt.json", "--key", key.trim_end(), "--state=log"];
    let report = auditlog.succeed(&verify);
    assert!(report.contains("expired      300: sequences 1-300\n"), "{report}");
    assert!(report.contains("with the hashes in log: it is for these"), "{report}");
    assert!(report.contains("signed       by the service"), "{report}");
    let report = auditlog.succeed(&[&verify[..], &["--settings=all.ndjson"]].concat());
    assert!(report.contains("settings     allow it, by 1 records of all.ndjson"), "{report}");
}
