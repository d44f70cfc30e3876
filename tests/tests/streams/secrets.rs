//! The secrets of streams: where they are stored, and which version counts.

use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    aws::{
        config::{Config, Streaming},
        secrets::Secrets,
    },
    model::id::WorkspaceId,
    stream::{SecretVersion, StreamId},
    system,
};
use tests::TestApp;

/// The secrets of a system, as `deliver` reads them.
fn secrets(app: &TestApp) -> Secrets {
    let streaming = Streaming {
        secrets_prefix: "local".to_owned(),
        secrets_endpoint: Some(app.endpoint().to_owned()),
        ..Streaming::default()
    };
    Secrets::connect(&Config::local(app.dynamodb_endpoint()), &streaming)
}

fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

fn id(stream: &Value) -> StreamId {
    StreamId::parse(stream["stream"].as_str().unwrap()).unwrap()
}

async fn read(app: &TestApp, stream: &StreamId, version: &SecretVersion) -> Option<String> {
    let secret = secrets(app).read(&acme(), stream, version).await.unwrap();
    secret.map(|secret| secret.expose().to_owned())
}

#[tokio::test]
async fn a_webhook_is_signed_with_both_secrets_for_a_day_after_a_rotation() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let created = admin.create_stream(&json!({})).await;
    let (id, path) = (id(&created), format!("/{}", created["stream"].as_str().unwrap()));
    let rotated = admin.streams(Method::PATCH, &path, &json!({"rotate_secret": true})).await.expect(200).body;
    assert!(rotated["previous_secret_until"].is_string() && rotated["secret"] != created["secret"]);

    let versions = app.store().stream(&acme(), &id).await.unwrap().unwrap().stream.secret.unwrap();
    let now = system::now();
    let mut signing = Vec::new();
    for version in versions.signing(now) {
        signing.push(json!(read(&app, &id, version).await));
    }
    assert_eq!(signing, [rotated["secret"].clone(), created["secret"].clone()]);
    assert_eq!(versions.signing(now.plus_seconds(86_400)).count(), 1);
    // The log names the version and not the secret.
    let record = &app.tables().events_of("acme", "x_audit_log_stream_changed").await[0];
    assert!(record["changes"].as_str().unwrap().contains("/secret_version"));
    assert_eq!(app.tables().mentions("AuditEvents", "whsec_").await, 0);
}

#[tokio::test]
async fn a_given_secret_is_stored_replaced_and_deleted_with_its_stream() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let splunk = json!({"type": "splunk", "url": "https://hec.example.com"});
    let created = admin.create_stream(&json!({"destination": splunk, "secret": "first-token"})).await;
    assert_eq!(created["secret"], Value::Null);
    let (id, path) = (id(&created), format!("/{}", created["stream"].as_str().unwrap()));
    let current =
        async || app.store().stream(&acme(), &id).await.unwrap().unwrap().stream.secret.unwrap().current;
    let first = current().await;
    assert_eq!(read(&app, &id, &first).await.as_deref(), Some("first-token"));
    admin.streams(Method::PATCH, &path, &json!({"secret": "second-token"})).await.expect(200);
    let second = current().await;
    assert_eq!(read(&app, &id, &second).await.as_deref(), Some("second-token"));
    admin.streams(Method::DELETE, &path, &Value::Null).await.expect(204);
    assert_eq!((read(&app, &id, &first).await, read(&app, &id, &second).await), (None, None));
    for table in ["AuditStreams", "AuditEvents"] {
        assert_eq!(app.tables().mentions(table, "-token").await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_destination_with_iam_access_has_no_secret() {
    let app = TestApp::start().await;
    let bus = "arn:aws:events:us-east-1:000000000000:event-bus/audit-logs";
    let destination = json!({"type": "eventbridge", "event_bus": bus});
    let created = app.admin("acme").create_stream(&json!({"destination": destination})).await;
    assert_eq!((&created["secret"], &created["destination"]), (&Value::Null, &destination));
    assert_eq!(app.store().stream(&acme(), &id(&created)).await.unwrap().unwrap().stream.secret, None);
}
