//! Redaction: the value is gone everywhere, and every proof still holds.

use serde_json::{Value, json};
use shared::ledger::{hash::Hash, note::Vkey, tlog_proof::TlogProof};
use tests::{
    Client, TestApp,
    sample::{event, event_of_bytes},
};

const SECRET: &str = "peter-parker-8fd1";

fn by(actor: &str, id: &str) -> Value {
    let mut event = event(id, 1);
    event["actor"] = json!({"user_id": actor, "username": format!("{actor}-name"), "ip": "203.0.113.7"});
    event
}

/// An entry, after its proof was verified.
async fn entry(client: &Client, sequence: u64) -> Value {
    let key = Vkey::parse(client.ledger("key").await.expect(200).text.trim_end()).unwrap();
    let entry = client.ledger(&format!("entries/{sequence}")).await.expect(200).body;
    let leaf = Hash::of_leaf(entry["leaf"].as_str().unwrap().as_bytes());
    TlogProof::parse(entry["proof"].as_str().unwrap()).unwrap().verify(leaf, &key).unwrap();
    entry
}

#[tokio::test]
async fn a_redacted_actor_is_gone_everywhere_and_every_proof_still_holds() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    let events: Vec<_> = (0..150)
        .map(|number| by(if number % 2 == 0 { SECRET } else { "mary" }, &format!("e-{number}")))
        .collect();
    client.record(&json!({ "events": events })).await.expect(201);
    app.sealed().await;
    // A read by actor: its record names the actor too.
    assert_eq!(client.list(&format!("actor={SECRET}&limit=1000")).await.expect(200).events().len(), 75);
    for query in [
        format!("not_actor=mary&not_actor={SECRET}"),
        format!("not_actor=mary,{SECRET}"),
        format!("on_behalf_of={SECRET}"),
        format!("contains=a%20letter%20to%20{SECRET}"),
        format!("actor_name={SECRET}-name"),
        format!("entity_name={SECRET}"),
    ] {
        client.list(&query).await.expect(200);
    }
    app.sealed().await;
    let before = entry(&client, 1).await;
    assert_eq!(before["event"]["actor"]["user_id"], SECRET);
    let key = Vkey::parse(client.ledger("key").await.expect(200).text.trim_end()).unwrap();

    let admin = app.admin("acme");
    let redacted = admin.redact(&json!({"actor": SECRET, "reason": "request 17"})).await.expect(200).body;
    assert_eq!(redacted, json!({"redacted": 82, "has_more": false}));
    let again = admin.redact(&json!({"actor": SECRET})).await.expect(200).body;
    assert_eq!(again, json!({"redacted": 0, "has_more": false}));
    app.sealed().await;

    // The value is in no table, under any key.
    for table in ["AuditEvents", "AuditLedger", "AuditTokens", "AuditQuarantine", "AuditSettings"] {
        assert_eq!(app.tables().mentions(table, SECRET).await, 0, "{table}");
    }
    // The value is in no answer, in any format.
    for format in ["json", "ndjson", "csv", "ocsf"] {
        for path in ["audit_logs?limit=1000&", "audit_logs/feed?limit=1000&"] {
            let answer = client.get(&format!("/api/acme/{path}format={format}")).await.expect(200);
            assert!(!answer.text.contains(SECRET), "{path}{format}");
        }
    }
    assert_eq!(client.list(&format!("actor={SECRET}")).await.expect(200).events().len(), 0);

    // The earlier proof still verifies, and so does a new one, which says which parts were redacted.
    let proof = TlogProof::parse(before["proof"].as_str().unwrap()).unwrap();
    proof.verify(Hash::of_leaf(before["leaf"].as_str().unwrap().as_bytes()), &key).unwrap();
    let after = entry(&client, 1).await;
    assert_eq!(after["leaf"], before["leaf"]);
    assert_eq!((&after["event"]["actor"], &after["event"]["salt"]), (&json!(null), &json!(null)));
    let leaf: Value = serde_json::from_str(after["leaf"].as_str().unwrap()).unwrap();
    assert_eq!(after["event"]["redacted"]["digests"], json!({"actor": leaf["actor"]}));
    assert_eq!(after["event"]["redacted"]["salts"].as_object().unwrap().len(), 4);
    assert_eq!(after["event"]["entity"], before["event"]["entity"]);

    // One transaction for the actor's events, and one for the record of a read by actor: each left its record.
    let records = client.read("action=x_audit_log_redacted").await;
    assert_eq!(
        records
            .iter()
            .map(|record: &Value| record["context"]["sequences"].as_array().unwrap().len())
            .sum::<usize>(),
        82
    );
    assert_eq!(records.len(), 2);
    for record in &records {
        let context = &record["context"];
        assert_eq!((&context["parts"], &context["reason"]), (&json!(["actor"]), &json!("request 17")));
        assert_eq!(record["actor"]["username"], "peter_parker");
    }
}

#[tokio::test]
async fn many_events_are_redacted_by_one_request_and_several_transactions() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    let events: Vec<_> = (0..250).map(|number| by(SECRET, &format!("e-{number}"))).collect();
    client.record(&json!({ "events": events })).await.expect(201);
    app.sealed().await;
    let admin = app.admin("acme");
    let redacted = admin.redact(&json!({"actor": SECRET})).await.expect(200).body;
    assert_eq!(redacted, json!({"redacted": 250, "has_more": false}));
    assert_eq!(client.read("action=x_audit_log_redacted").await.len(), 3);
}

#[tokio::test]
async fn large_events_are_redacted_as_many_as_a_transaction_takes() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    for batch in 0..4 {
        client
            .record(&json!({"events": (0..15).map(|number: i64| {
            let mut event = event_of_bytes(&format!("e-{batch}-{number}"), number, 60_000, 'x');
            event["actor"]["user_id"] = json!(SECRET);
            event
        }).collect::<Vec<_>>()}))
            .await
            .expect(201);
    }
    app.sealed().await;
    let admin = app.admin("acme");
    let sequences: Vec<_> = (1..=60).collect();
    admin.redact(&json!({ "sequences": sequences })).await.expect_problem(413, "too_large");
    let redacted = admin.redact(&json!({"actor": SECRET})).await.expect(200).body;
    assert_eq!(redacted, json!({"redacted": 60, "has_more": false}));
    assert_eq!(client.read("action=x_audit_log_redacted").await.len(), 2);
}

#[tokio::test]
async fn events_are_redacted_by_sequence_part_by_part() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    client.record(&by("mary", "e-1")).await.expect(201);
    app.sealed().await;
    let before = entry(&client, 1).await;
    let admin = app.admin("acme");
    admin.redact(&json!({"sequences": [1], "parts": ["entity"]})).await.expect(200);
    let once = entry(&client, 1).await;
    assert_eq!(once["event"]["entity"], json!(null));
    assert_eq!(once["event"]["actor"]["user_id"], "mary");
    assert_eq!(admin.redact(&json!({"sequences": [1]})).await.expect(200).body["redacted"], 1);
    let all = entry(&client, 1).await;
    for (part, gone) in
        [("actor", json!(null)), ("changes", json!([])), ("context", json!({})), ("description", json!(null))]
    {
        assert_eq!(all["event"][part], gone);
    }
    assert_eq!(all["leaf"], before["leaf"]);
    // When the producer retries the event, it is still a duplicate, and stays erased.
    assert_eq!(client.record(&by("mary", "e-1")).await.expect(200).result()["status"], "duplicate");
    assert_eq!(entry(&client, 1).await["event"]["actor"], json!(null));
}

#[tokio::test]
async fn an_event_redacted_before_sealing_is_sealed() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    client.record(&by(SECRET, "e-1")).await.expect(201);
    let admin = app.admin("acme");
    assert_eq!(admin.redact(&json!({"actor": SECRET})).await.expect(200).body["redacted"], 1);
    let record = &client.read("action=x_audit_log_redacted").await[0];
    assert_eq!((&record["context"]["sequences"], &record["context"]["unsealed"]), (&json!([]), &json!(1)));
    app.reconcile().await;
    let entries = client.feed("").await.expect(200).body;
    let redacted =
        entries["audit_logs"].as_array().unwrap().iter().find(|event| event["id"] == "e-1").unwrap();
    assert_eq!(redacted["actor"], json!(null));
    entry(&client, redacted["sequence"].as_u64().unwrap()).await;
}

#[tokio::test]
async fn only_admins_of_the_workspace_redact_and_problems_are_reported() {
    let app = TestApp::start().await;
    let actor = json!({"actor": "u1"});
    app.client("acme").redact(&actor).await.expect_refusal(401, "Unauthorized");
    app.reader("acme").await.redact(&actor).await.expect_refusal(401, "Unauthorized");
    app.member("acme").redact(&actor).await.expect_problem(403, "forbidden");
    app.admin("globex").asking_for("acme").redact(&actor).await.expect_problem(404, "not_found");
    let admin = app.admin("acme");
    admin.redact(&json!({"sequences": [0]})).await.expect_problem(404, "not_found");
    let wrong = admin.redact(&json!({"who": "u1"})).await.expect_problem(422, "invalid_body");
    assert_eq!(wrong.problems(), ["/actor required", "/who unknown_field"]);
    let forged = json!({"action": "x_audit_log_redacted", "actor": {"user_id": "u1"}});
    let refused = app.writer("acme").await.record(&forged).await.expect_problem(422, "invalid_event");
    assert_eq!(refused.problems(), ["/action reserved_action"]);
}
