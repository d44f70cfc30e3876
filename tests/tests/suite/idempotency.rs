//! One record per key: a retry is a duplicate, and other content does not replace the first.

use serde_json::{Value, json};
use tests::{
    Fault, FaultyEngine, Plan, TestApp, invoke,
    sample::{event, full_event},
};

use crate::recording::{read_all, statuses};

#[tokio::test]
async fn the_same_event_twice_is_one_record() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let sent = event("e-1", 0);
    client.record(&sent).await.expect(201);
    let again = client.record(&sent).await.expect(200);
    assert_eq!(again.result()["status"], "duplicate");
    assert_eq!(again.result()["timestamp"], sent["timestamp"]);
    assert_eq!(app.tables().events_of("acme", "group_created").await.len(), 1);
}

#[tokio::test]
async fn the_same_event_in_another_notation_is_a_duplicate() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    client.record(&event("e-1", 0)).await.expect(201);
    let other_words = r#" {
        "category": "user_groups", "workspace_username": "acme", "workspace": "acme",
        "actor": {"type": "user", "user_id": "\u0075\u0031", "username": null},
        "timestamp": "2025-02-18T11:00:00.0000009+01:00",
        "description": "Create a group", "outcome": "success", "context": {}, "changes": [], "entity": null,
        "action": "group_created", "id": "e-1"
    } "#;
    let again = client.record_bytes(other_words).await.expect(200);
    assert_eq!(again.result()["status"], "duplicate");
}

#[tokio::test]
async fn other_content_under_the_same_key_is_a_conflict_and_the_first_stays() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    client.record(&full_event("e-1", 0)).await.expect(201);
    let first = read_all(&client, "connection_group_added_with_role").await;

    let others = [
        ("/action", json!("connection_group_removed")),
        ("/description", json!("group added")),
        ("/outcome", json!("success")),
        ("/actor/ip", json!("157.52.123.43")),
        ("/actor/type", json!("user")),
        ("/actor/on_behalf_of/user_id", json!("another-user")),
        ("/entity/entity_name", json!("star space")),
        ("/entity", json!(null)),
        ("/context/role", json!("manage")),
        ("/context/a~1b~0c/1", json!(0.5)),
        ("/changes/0/old", json!("view")),
        ("/changes", json!([])),
    ];
    for (pointer, value) in others {
        let mut other = full_event("e-1", 0);
        *other.pointer_mut(pointer).unwrap() = value;
        let refused = client.record(&other).await.expect_problem(409, "conflict");
        assert_eq!(refused.body.get("results"), None, "{pointer}");
        let many = client.record(&json!({"events": [other]})).await.expect(207);
        assert_eq!(
            (&many.result()["status"], &many.result()["problem"]["status"]),
            (&json!("conflict"), &json!(409))
        );
    }
    assert_eq!(read_all(&client, "connection_group_added_with_role").await, first);
    assert_eq!(read_all(&client, "connection_group_removed").await, [] as [Value; 0]);
}

#[tokio::test]
async fn the_same_id_at_another_time_or_in_another_workspace_is_another_event() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.writer("acme").await, app.writer("globex").await);
    acme.record(&event("e-1", 0)).await.expect(201);
    acme.record(&event("e-1", 1)).await.expect(201);
    acme.record(&event("e-2", 0)).await.expect(201);
    globex.record(&event("e-1", 0)).await.expect(201);
}

#[tokio::test]
async fn the_same_event_twice_in_one_request_is_one_record_and_one_duplicate() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    let mut other = event("e-1", 0);
    other["actor"]["user_id"] = json!("u2");
    let answer =
        client.record(&json!({"events": [event("e-1", 0), event("e-1", 0), other]})).await.expect(207);
    assert_eq!(statuses(&answer.body), ["recorded", "duplicate", "conflict"]);
    let kept = app.tables().events_of("acme", "group_created").await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["actor_id"], "u1");
}

#[tokio::test]
async fn many_clients_sending_one_key_at_once_record_one_event() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    let answers = async |sent: [Value; 4]| {
        let record = |number: usize| client.record(&sent[number]);
        let answers = tokio::join!(record(0), record(1), record(2), record(3));
        let mut statuses = [answers.0, answers.1, answers.2, answers.3].map(|answer| answer.status);
        statuses.sort_unstable();
        statuses
    };
    let same = event("e-1", 0);
    assert_eq!(answers([&same, &same, &same, &same].map(Value::clone)).await, [200, 200, 200, 201]);
    let differ = ["u1", "u2", "u3", "u4"].map(|user| {
        let mut event = event("e-2", 0);
        event["actor"]["user_id"] = json!(user);
        event
    });
    assert_eq!(answers(differ).await, [201, 409, 409, 409]);
    assert_eq!(app.tables().events_of("acme", "group_created").await.len(), 2);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_found_recorded_by_the_retry() {
    let app = TestApp::start().await;
    let faulty =
        FaultyEngine::before(app.dynamodb_endpoint(), "ExecuteStatement", Fault::AnswerLost, usize::MAX)
            .await;
    let request = invoke::audit_logs("POST", &event("e-1", 0));
    let (status, problem) = invoke::ingest_api(&faulty.store(), request.clone()).await;
    assert_eq!((status, &problem["id"]), (503, &json!("unavailable")));

    let (status, body) = invoke::ingest_api(&app.store(), request).await;
    assert_eq!((status, statuses(&body)), (200, vec!["duplicate"]));
    assert_eq!(app.tables().events("acme").await.len(), 1);
}

#[tokio::test]
async fn a_write_that_the_sdk_repeats_is_answered_as_recorded() {
    let app = TestApp::start().await;
    let faulty =
        FaultyEngine::before(app.dynamodb_endpoint(), "ExecuteStatement", Fault::AnswerLost, 1).await;
    let request = invoke::audit_logs("POST", &event("e-1", 0));
    let (status, body) = invoke::ingest_api(&faulty.store(), request).await;
    assert_eq!((status, statuses(&body)), (201, vec!["recorded"]));
    assert_eq!(app.tables().events("acme").await.len(), 1);
}

#[tokio::test]
async fn a_partly_stored_batch_is_answered_per_event_and_can_be_retried() {
    let app = TestApp::start().await;
    let plan = Plan::default().first(2, "ExecuteStatement", Fault::Denied).first(
        1,
        "BatchExecuteStatement",
        Fault::Denied,
    );
    let faulty = FaultyEngine::with(app.dynamodb_endpoint(), plan).await;
    let events: Vec<_> = (0..5).map(|number| event(&format!("e-{number}"), number)).collect();
    let request = invoke::audit_logs("POST", &json!({"events": events}));
    let (status, body) = invoke::ingest_api(&faulty.store(), request.clone()).await;
    assert_eq!((status, &body["id"]), (503, &json!("unavailable")));
    assert_eq!((count(&body, "recorded"), count(&body, "unavailable")), (3, 2));
    assert_eq!(app.tables().events("acme").await.len(), 3);

    let (status, body) = invoke::ingest_api(&app.store(), request).await;
    assert_eq!((status, count(&body, "recorded"), count(&body, "duplicate")), (200, 2, 3));
    assert_eq!(app.tables().events("acme").await.len(), 5);
}

fn count(body: &Value, wanted: &str) -> usize {
    statuses(body).iter().filter(|status| **status == wanted).count()
}

#[tokio::test]
async fn a_batch_that_the_sdk_repeats_is_answered_as_recorded() {
    let app = TestApp::start().await;
    let faulty =
        FaultyEngine::before(app.dynamodb_endpoint(), "BatchExecuteStatement", Fault::AnswerLost, 1).await;
    let events: Vec<_> = (0..5).map(|number| event(&format!("e-{number}"), number)).collect();
    let request = invoke::audit_logs("POST", &json!({"events": events}));
    let (status, body) = invoke::ingest_api(&faulty.store(), request).await;
    assert_eq!((status, statuses(&body)), (201, vec!["recorded"; 5]));
    assert_eq!(app.tables().events("acme").await.len(), 5);
}

#[tokio::test]
async fn a_batch_tells_new_events_from_duplicates_conflicts_and_repetitions() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    client.record(&event("e-0", 0)).await.expect(201);
    client.record(&event("e-1", 1)).await.expect(201);
    let mut other = event("e-1", 1);
    other["action"] = json!("group_deleted");
    let mut later = event("e-2", 2);
    later["action"] = json!("group_deleted");
    let events = [event("e-0", 0), other, event("e-2", 2), event("e-2", 2), later, event("e-3", 3)];
    let answer = client.record(&json!({"events": events})).await.expect(207);
    assert_eq!(
        statuses(&answer.body),
        ["duplicate", "conflict", "recorded", "duplicate", "conflict", "recorded"]
    );
    assert_eq!(app.tables().events_of("acme", "group_created").await.len(), 4);
    assert_eq!(app.tables().events_of("acme", "group_deleted").await.len(), 0);
}

#[tokio::test]
async fn one_request_to_the_store_writes_25_events_for_the_units_of_25_puts() {
    let app = TestApp::start().await;
    let engine = FaultyEngine::counting(app.dynamodb_endpoint()).await;
    let events: Vec<_> = (0..60).map(|number| event(&format!("e-{number}"), number)).collect();
    let request = invoke::audit_logs("POST", &json!({"events": events}));
    let (status, body) = invoke::ingest_api(&engine.store(), request).await;
    assert_eq!(
        (status, engine.calls("BatchExecuteStatement"), engine.calls("ExecuteStatement")),
        (201, 3, 0)
    );
    assert_eq!(body["debug"]["write_units"], json!({"table": 60.0, "indexes": 120.0}));
}
