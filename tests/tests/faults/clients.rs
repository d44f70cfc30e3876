//! Faults between a client and the API.

use serde_json::json;
use tests::{Fault, Plan, TestApp, client::ClientFault, eventually, sample::event};

use crate::with_workspace;

#[tokio::test]
async fn a_client_that_gets_no_answer_retries_and_is_recorded_once() {
    let app = TestApp::start().await;
    let writer = app.writer("acme").await;
    for number in 0..20 {
        let sent = event(&format!("e-{number}"), number);
        // The request may be cut off before, while, or after the event is recorded.
        writer.record_with(ClientFault::HungUp, &sent).await;
        let status = writer.record(&sent).await.status;
        assert!(matches!(status, 200 | 201), "{status}");
    }
    // Work that is still in progress for a client that is gone changes nothing.
    eventually("20 events", async || {
        (app.tables().events_of("acme", "group_created").await.len() == 20).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_client_that_sends_one_event_many_times_at_once_is_recorded_once() {
    let app = TestApp::start().await;
    let writer = app.writer("acme").await;
    let answers = writer.record_with(ClientFault::SentAtOnce, &event("e-1", 0)).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
    assert_eq!(app.tables().events_of("acme", "group_created").await.len(), 1);
}

#[tokio::test]
async fn half_a_request_records_nothing() {
    let app = TestApp::start().await;
    let writer = app.writer("acme").await;
    writer.record_with(ClientFault::BrokeOff, &event("e-1", 0)).await;
    // A second request on another connection is answered, and it alone is recorded.
    writer.record(&event("e-2", 0)).await.expect(201);
    assert_eq!(app.tables().events_of("acme", "group_created").await.len(), 1);
}

#[tokio::test]
async fn while_no_token_can_be_read_no_caller_is_admitted_and_no_refusal_is_cached() {
    let (app, engine) = TestApp::start_with_faults(false).await;
    let writer = app.writer("acme").await;
    engine.plan(Plan::default().always("*", Fault::ReadsFail));
    let refused = writer.record(&event("e-1", 0)).await;
    assert_eq!(refused.status, 500, "{}", refused.text);
    assert!(engine.happened(Fault::ReadsFail) > 0);
    engine.heal();
    writer.record(&event("e-1", 0)).await.expect(201);
}

#[tokio::test]
async fn the_bus_accepts_events_while_the_tables_are_unavailable_and_records_them_later() {
    let (app, engine) = TestApp::start_with_faults(false).await;
    engine.plan(Plan::default().first(3, "ExecuteStatement", Fault::Denied));
    for number in 0..3 {
        app.bus().send("product", &with_workspace(event(&format!("e-{number}"), number))).await;
    }
    app.settled().await;
    assert_eq!(engine.happened(Fault::Denied), 3);
    let mut ids: Vec<_> = app.tables().events("acme").await;
    ids.retain(|event| event["action"] == json!("group_created"));
    assert_eq!(ids.len(), 3);
}
