//! Damage that a compromised function, or an admin's runaway script, can do to others.

use serde_json::{Value, json};
use tests::{FaultyEngine, TestApp, invoke, sample::event};

use crate::held;

/// The answer to a change once its window is used up: at most three requests may be the first of a window.
async fn exhausted(mut change: impl AsyncFnMut() -> tests::Answer) -> tests::Answer {
    let mut answer = change().await;
    for _ in 0..3 {
        if answer.status == 429 {
            break;
        }
        answer = change().await;
    }
    answer
}

#[tokio::test]
async fn a_runaway_admin_script_blocks_no_revocation_hold_or_other_workspace() {
    let app = TestApp::start_limiting_changes(1).await;
    let (acme, globex) = (app.admin("acme"), app.admin("globex"));
    let token = loop {
        let created = acme.create_token(&json!({"name": "siem"})).await;
        if created.status == 201 {
            break created.body["token"].as_str().unwrap().to_owned();
        }
    };
    let refused = exhausted(async || acme.create_token(&json!({"name": "script"})).await).await;
    let refused = refused.expect_problem(429, "too_many_changes");
    let wait: u8 = header(&refused, "retry-after").parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    assert_eq!(header(&refused, "ratelimit-policy"), "\"changes\";q=1;w=10");
    assert_eq!(header(&refused, "ratelimit"), format!("\"changes\";r=0;t={wait}"));
    held("P13", "an admin's script creates tokens all the time", format!("429, Retry-After {wait}"));

    acme.revoke_token(&token).await.expect(204);
    held("P9", "an admin of that workspace revokes a token meanwhile", 204);
    acme.set(&json!({"legal_hold": {"reason": "case 7"}})).await.expect(200);
    held("P14", "an admin of that workspace places a hold meanwhile", 200);
    globex.create_token(&json!({"name": "siem"})).await.expect(201);
    held("P13", "an admin of another workspace creates a token meanwhile", 201);
    for change in ["redactions", "streams"] {
        let answer = exhausted(async || {
            let body = json!({"actor": "u1", "name": "s", "destination": {"type": "webhook", "url": "https://a.example.com"}});
            let body: Value = match change {
                "redactions" => json!({"actor": body["actor"]}),
                _ => json!({"name": body["name"], "destination": body["destination"]}),
            };
            acme.post(&format!("/api/acme/{change}"), body.to_string()).await
        })
        .await;
        answer.expect_problem(429, "too_many_changes");
        held("P13", &format!("the same script goes on to {change}"), 429);
    }
}

fn header(refused: &tests::Answer, name: &str) -> String {
    refused.headers[name].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn recording_makes_no_call_that_could_replace_or_read_an_event() {
    let app = TestApp::start().await;
    let engine = FaultyEngine::counting(app.dynamodb_endpoint()).await;
    let post =
        async |body: Value| invoke::ingest_api(&engine.store(), invoke::audit_logs("POST", &body)).await.0;
    let mut other = event("e-1", 1);
    other["action"] = json!("group_deleted");
    let events: Vec<_> = (0..60).map(|number| event(&format!("e-{number}"), number)).collect();
    assert_eq!(post(event("e-1", 1)).await, 201);
    assert_eq!(post(event("e-1", 1)).await, 200);
    assert_eq!(post(other.clone()).await, 409);
    // One of them exists already.
    assert_eq!(post(json!({"events": events})).await, 200);
    assert_eq!(post(json!({"events": [other, event("e-2", 2), event("f-3", 3)]})).await, 207);
    let inserts = engine.calls("ExecuteStatement") + engine.calls("BatchExecuteStatement");
    // The settings once for each store, and the marks of the events whose keys exist.
    let reads = engine.calls("GetItem");
    assert_eq!(inserts + reads, engine.all_calls());
    held("P8", "record, repeat and contradict 64 events", format!("{inserts} inserts, {reads} narrow reads"));
}

#[tokio::test]
async fn a_retry_of_an_erased_event_is_still_compared() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    let sent = event("e-1", 0);
    client.record(&sent).await.expect(201);
    app.sealed().await;
    for parts in [json!(["actor"]), json!(["actor", "description", "context"])] {
        app.admin("acme").redact(&json!({"sequences": [1], "parts": parts})).await.expect(200);
        assert_eq!(client.record(&sent).await.expect(200).result()["status"], "duplicate");
        let mut other = sent.clone();
        other["outcome"] = json!("failure");
        client.record(&other).await.expect_problem(409, "conflict");
        let mut other = sent.clone();
        other["entity"] = json!({"entity_type": "group", "entity_id": "another"});
        client.record(&other).await.expect_problem(409, "conflict");
        held(
            "P2",
            &format!("send an event again of which {parts} are erased"),
            "duplicate; conflict where the rest differs",
        );
    }
}
