//! Forged records of the service itself, and an admin who tries to erase the records of their own acts.

use serde_json::{Value, json};
use tests::{TestApp, entry, sample::event};

use crate::held;

/// Actions that only this service records, and similar names that a person could confuse with them.
const SERVICE_RECORDS: [&str; 9] = [
    "x_audit_log_expired",
    "x_audit_log_redacted",
    "x_audit_log_settings_changed",
    "x_audit_log_stream_paused",
    "x_audit_log_restored",
    "x_audit_logs_expired",
    "x_auditlog_expired",
    "x__audit__log__expired",
    "X_Audit_Log_Expired",
];

fn forged(action: &str) -> Value {
    let mut forged = event("e-1", 0);
    forged["action"] = json!(action);
    forged["context"] =
        json!({"count": 1, "sequences": "0", "root": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="});
    forged
}

async fn assert_only_the_token_is_recorded(app: &TestApp) {
    let events = app.tables().events("acme").await;
    let actions: Vec<_> = events.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["api_token_workspace_created"]);
}

#[tokio::test]
async fn a_forged_service_record_is_refused_over_http() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for action in SERVICE_RECORDS {
        let answer = client.record(&forged(action)).await.expect(422);
        held("P14", &format!("{action} over HTTP"), &answer.body["errors"][0]["code"]);
    }
    assert_only_the_token_is_recorded(&app).await;
}

#[tokio::test]
async fn a_forged_service_record_on_the_bus_is_quarantined() {
    let app = TestApp::start().await;
    let entries: Vec<_> = SERVICE_RECORDS
        .iter()
        .map(|action| {
            let mut forged = forged(action);
            forged["workspace_username"] = json!("acme");
            entry(action, &forged)
        })
        .collect();
    app.bus().put(&entries).await.expect(200);
    app.settled().await;
    assert_eq!(app.tables().events("acme").await, [] as [Value; 0]);
    for action in SERVICE_RECORDS {
        let aside = app.tables().quarantined(action).await;
        assert_eq!(aside.len(), 1, "{action}");
        assert_eq!(aside[0]["reason"], "invalid_event", "{action}");
        held("P14", &format!("{action} on the bus"), "quarantined");
    }
}

#[tokio::test]
async fn an_id_of_a_record_that_never_expires_is_refused_at_both_doors() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for id in ["expired.1", "EXPIRED.1", "x_audit_log_1"] {
        let answer = client.record(&event(id, 0)).await.expect_problem(422, "invalid_event");
        assert_eq!(answer.problems(), ["/id reserved_id"]);
        let mut detail = event(id, 0);
        detail["workspace_username"] = json!("acme");
        app.bus().send(id, &detail).await;
        app.settled().await;
        assert_eq!(app.tables().quarantined(id).await.len(), 1, "{id}");
        held("P14", &format!("the id {id} over HTTP and on the bus"), "reserved_id, quarantined");
    }
    assert_only_the_token_is_recorded(&app).await;
}

#[tokio::test]
async fn admins_cannot_erase_the_records_of_their_own_acts() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    let admin = app.admin("acme");
    admin.set(&json!({"retention_days": 3000, "confirm": true})).await.expect(200);
    let mut own = event("own", 0);
    own["actor"]["user_id"] = json!("admin-7");
    client.record(&event("e-1", 0)).await.expect(201);
    app.sealed().await;
    admin.redact(&json!({"sequences": [2]})).await.expect(200);
    app.sealed().await;

    let events = client.read("").await;
    let admins: Vec<_> =
        events.iter().filter(|event| event["actor"]["type"] == "user" && event["id"] != "e-1").collect();
    let actions: Vec<_> = admins.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"api_token_workspace_created"), "{actions:?}");
    assert!(actions.contains(&"x_audit_log_settings_changed") && actions.contains(&"x_audit_log_redacted"));
    for record in &admins {
        let (action, sequence) = (&record["action"], &record["sequence"]);
        for parts in [json!(["actor"]), json!(["context"]), json!(["changes"])] {
            let request = json!({"sequences": [sequence], "parts": parts});
            let answer = admin.redact(&request).await.expect_problem(422, "invalid_body");
            assert_eq!(answer.problems(), ["/sequences read_only"]);
        }
        held("P14", &format!("{action} erased by its sequence"), "read_only");
    }
    let actor = admins[0]["actor"]["user_id"].clone();
    let answer =
        admin.redact(&json!({ "actor": actor, "parts": ["actor", "context"] })).await.expect(200).body;
    assert_eq!((&answer["redacted"], &answer["kept"]), (&json!(0), &json!(admins.len())));
    let after = client.read("").await;
    for record in &admins {
        assert!(after.iter().any(|event| event == *record), "{record}");
    }
    held("P14", "an admin's acts erased by actor", answer);
}
