//! A crash of the function at any of its calls leaves a stream with its record, or neither.

use reqwest::Method;
use serde_json::json;
use tests::{Fault, FaultyEngine, TestApp, invoke};

const STREAMS: &str = "/api/{workspace}/streams";

#[tokio::test]
async fn a_stream_exists_with_its_record_or_not_at_all() {
    let app = TestApp::start().await;
    let body = json!({"name": "siem", "destination": {"type": "webhook", "url": "https://siem.example.com"}});
    for operation in ["Query", "GetItem", "ExecuteTransaction"] {
        for fault in [Fault::Denied, Fault::AnswerLost] {
            let faulty = FaultyEngine::before(app.dynamodb_endpoint(), operation, fault, usize::MAX).await;
            let request = invoke::streams(&format!("POST {STREAMS}"), "", &body);
            let (status, _) = invoke::manage_streams(&faulty.store(), app.endpoint(), request).await;
            assert_eq!(status, 503, "{operation} {fault:?}");
        }
    }
    let (streams, records) = (
        app.tables().streams("acme").await,
        app.tables().events_of("acme", "x_audit_log_stream_created").await,
    );
    assert_eq!(streams.len(), records.len());
    for (stream, record) in streams.iter().zip(&records) {
        assert_eq!(stream["stream"], record["entity_id"]);
    }
    let listed = app.admin("acme").streams(Method::GET, "", &json!(null)).await.expect(200).body;
    assert_eq!(listed["streams"].as_array().unwrap().len(), streams.len());
}

#[tokio::test]
async fn without_its_secret_there_is_no_stream() {
    let app = TestApp::start().await;
    let nowhere = "http://127.0.0.1:1";
    let webhook = creation(json!({"type": "webhook", "url": "https://siem.example.com"}));
    let (status, problem) = invoke::manage_streams(&app.store(), nowhere, webhook).await;
    assert_eq!((status, &problem["id"]), (503, &json!("unavailable")));
    assert!(app.tables().streams("acme").await.is_empty());
    assert!(app.tables().events("acme").await.is_empty());
}

fn creation(destination: serde_json::Value) -> serde_json::Value {
    let body = json!({"name": "siem", "destination": destination, "secret": null});
    invoke::streams(&format!("POST {STREAMS}"), "", &body)
}

#[tokio::test]
async fn a_stream_whose_secret_cannot_be_deleted_is_still_deleted() {
    let app = TestApp::start().await;
    let created = app.admin("acme").create_stream(&json!({})).await;
    let id = created["stream"].as_str().unwrap();
    let request = invoke::streams(&format!("DELETE {STREAMS}/{{stream}}"), id, &json!(null));
    let (status, _) = invoke::manage_streams(&app.store(), "http://127.0.0.1:1", request).await;
    assert_eq!(status, 204);
    assert!(app.tables().streams("acme").await.is_empty());
    assert_eq!(app.tables().events_of("acme", "x_audit_log_stream_deleted").await.len(), 1);
}
