//! Messages on the bus that cannot be recorded are kept whole, with the reason.

use serde_json::{Value, json};
use tests::{
    TestApp, entry, eventually,
    invoke::{self, batch, envelope},
    sample::{event, event_of_numbers},
};

use crate::bus::detail;

/// All parts of a source's quarantined messages, once there are any.
async fn quarantined(app: &TestApp, source: &str) -> Vec<Value> {
    eventually(&format!("{source} in quarantine"), async || {
        Some(app.tables().quarantined(source).await).filter(|items| !items.is_empty())
    })
    .await
}

/// The problems of a quarantined message, each as `place code`.
fn problems(item: &Value) -> Vec<String> {
    let problems: Vec<Value> = serde_json::from_str(item["problems"].as_str().unwrap()).unwrap();
    problems
        .iter()
        .map(|problem: &Value| {
            format!("{} {}", problem["pointer"].as_str().unwrap(), problem["code"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn other_content_under_the_same_key_is_quarantined_and_the_first_stays() {
    let app = TestApp::start().await;
    let bus = app.bus();
    bus.send("product", &detail("e-1", 0)).await;
    app.settled().await;
    let mut other = detail("e-1", 0);
    other["actor"]["user_id"] = json!("u2");
    let envelope_id = bus.send("billing", &other).await;

    let kept = quarantined(&app, "billing").await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["reason"], "conflict");
    assert!(kept[0]["quarantined_at"].as_str().unwrap().contains(&format!("#{envelope_id}#")));
    let body: Value = serde_json::from_str(kept[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["detail"], other);
    let recorded = app.tables().events("acme").await;
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0]["actor_id"], "u1");
}

#[tokio::test]
async fn an_invalid_event_is_quarantined_whole_with_the_reason() {
    let app = TestApp::start().await;
    let bus = app.bus();
    check_quarantined(
        &app,
        &bus,
        "bad workspace",
        detail_with("workspace_username", json!("ACME!")),
        &["/workspace_username invalid_workspace"],
    )
    .await;
    check_quarantined(&app, &bus, "no workspace", event("e-1", 0), &["/workspace_username required"]).await;
    check_quarantined(
        &app,
        &bus,
        "two workspaces",
        detail_with("workspace", json!("globex")),
        &["/workspace mismatch"],
    )
    .await;
    check_quarantined(&app, &bus, "no action", detail_with("action", json!(null)), &["/action required"])
        .await;
    check_quarantined(
        &app,
        &bus,
        "bad action",
        detail_with("action", json!("group created, edited")),
        &["/action unknown_action"],
    )
    .await;
    check_quarantined(&app, &bus, "no actor", detail_with("actor", json!(null)), &["/actor required"]).await;
    check_quarantined(
        &app,
        &bus,
        "unknown member",
        detail_with("colour", json!("red")),
        &["/colour unknown_field"],
    )
    .await;
    check_quarantined(
        &app,
        &bus,
        "bad time",
        detail_with("timestamp", json!("yesterday")),
        &["/timestamp invalid_timestamp"],
    )
    .await;
    check_quarantined(
        &app,
        &bus,
        "many",
        json!({"action": 7, "actor": {}, "x": 1}),
        &[
            "/workspace_username required",
            "/action wrong_type",
            "/actor/user_id required",
            "/x unknown_field",
        ],
    )
    .await;
    assert_eq!(app.tables().events("acme").await, [] as [Value; 0]);
}

fn detail_with(name: &str, value: Value) -> Value {
    let mut detail = detail("e-1", 0);
    detail[name] = value;
    detail
}

async fn check_quarantined(app: &TestApp, bus: &tests::Bus, source: &str, detail: Value, expected: &[&str]) {
    bus.send(source, &detail).await;
    let kept = quarantined(app, source).await;
    assert_eq!((kept.len(), &kept[0]["reason"]), (1, &json!("invalid_event")), "{source}");
    assert_eq!(problems(&kept[0]), expected, "{source}");
    let body: Value = serde_json::from_str(kept[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["detail"], &body["source"]), (&detail, &json!(source)));
    let days =
        (kept[0]["expires_at"].as_i64().unwrap() - jiff::Timestamp::now().as_second()) as f64 / 86_400.0;
    assert!((29.0..=30.0).contains(&days), "{days}");
}

#[tokio::test]
async fn the_time_of_an_envelope_has_the_same_limits_as_the_time_of_an_event() {
    let app = TestApp::start().await;
    let mut timeless = detail("e-1", 0);
    timeless.as_object_mut().unwrap().remove("timestamp");
    let in_an_hour = jiff::Timestamp::now().as_second() + 3600;
    for (source, time) in [("last century", 946_684_799), ("tomorrow", in_an_hour)] {
        let mut entry = entry(source, &timeless);
        entry["Time"] = json!(time);
        app.bus().put(&[entry]).await.expect(200);
        let kept = quarantined(&app, source).await;
        assert_eq!(problems(&kept[0]), ["/timestamp out_of_range"]);
    }
    assert_eq!(app.tables().events("acme").await, [] as [Value; 0]);
}

#[tokio::test]
async fn an_event_of_more_than_64_kib_is_quarantined_whole() {
    let app = TestApp::start().await;
    let mut large = event_of_numbers("e-1", 0);
    large["workspace_username"] = json!("acme");
    app.bus().send("product", &large).await;
    let kept = quarantined(&app, "product").await;
    assert_eq!((kept.len(), &kept[0]["reason"]), (1, &json!("invalid_event")));
    assert_eq!(problems(&kept[0]), [" too_large"]);
    let body: Value = serde_json::from_str(kept[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["detail"], large);
}

#[tokio::test]
async fn an_event_of_a_megabyte_is_quarantined_whole_in_parts() {
    let app = TestApp::start().await;
    let mut large = detail("e-1", 0);
    large["context"]["text"] = json!(vec![12_345_678; 110_000]);
    app.bus().send("product", &large).await;
    let parts = eventually("all parts", async || {
        let kept = app.tables().quarantined("product").await;
        Some(kept.clone()).filter(|kept| kept.first().is_some_and(|first| first["parts"] == kept.len()))
    });
    let parts = parts.await;
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|part| part["reason"] == "invalid_event"));
    assert_eq!(problems(&parts[0]), [" too_large"]);
    let body: String = parts.iter().map(|part| part["body"].as_str().unwrap()).collect();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["detail"], large);
}

#[tokio::test]
async fn an_unreadable_message_is_quarantined_and_the_rest_of_its_batch_recorded() {
    let app = TestApp::start().await;
    let good = envelope("good", &detail("e-1", 0)).to_string();
    let mut without_time = envelope("no-time", &detail("e-2", 0));
    without_time["time"] = json!("soon");
    let without_time = without_time.to_string();
    let delivery = batch(&[
        ("m-1", "this is no JSON"),
        ("m-2", &good),
        ("m-3", "[]"),
        ("m-4", &without_time),
        ("m-5", ""),
        (
            "m-6",
            r#"{"source": "twice", "id": "a", "time": "2025-02-18T10:47:37Z", "detail": {}, "detail": {}}"#,
        ),
    ]);
    let answer = invoke::ingest_bus(&app.store(), &delivery).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 0);
    assert_eq!(app.tables().events("acme").await.len(), 1);

    assert_eq!(
        bodies_and_reasons(app.tables().quarantined("unknown").await),
        owned(&[("", "invalid_json"), ("[]", "invalid_envelope"), ("this is no JSON", "invalid_json")])
    );
    assert_eq!(
        bodies_and_reasons(app.tables().quarantined("product").await),
        owned(&[(&without_time, "invalid_envelope")])
    );
    let twice = app.tables().quarantined("twice").await;
    assert_eq!(twice[0]["reason"], "invalid_event");
    assert_eq!(problems(&twice[0])[0], " duplicate_key");
}

fn bodies_and_reasons(kept: Vec<Value>) -> Vec<(String, String)> {
    let mut told: Vec<_> = kept.iter().map(|item| (text(&item["body"]), text(&item["reason"]))).collect();
    told.sort();
    told
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(body, reason)| ((*body).to_owned(), (*reason).to_owned())).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_repeated_message_is_in_quarantine_once() {
    let app = TestApp::start().await;
    let broken = envelope("broken", &json!({})).to_string();
    let delivery = batch(&[("m-1", "this is no JSON"), ("m-2", &broken)]);
    for _ in 0..2 {
        invoke::ingest_bus(&app.store(), &delivery).await.unwrap();
    }
    assert_eq!(app.tables().quarantined("unknown").await.len(), 1);
    assert_eq!(app.tables().quarantined("product").await.len(), 1);
}

#[tokio::test]
async fn repeated_members_outside_of_the_detail_are_ignored() {
    let app = TestApp::start().await;
    let whole = envelope("envelope-1", &detail("e-1", 0)).to_string();
    let twice = whole.replacen('{', r#"{"detail-type":"audit event","#, 1);
    invoke::ingest_bus(&app.store(), &batch(&[("m-1", &twice)])).await.unwrap();
    assert_eq!(app.tables().events("acme").await.len(), 1);
    assert_eq!(app.tables().quarantined("product").await, [] as [Value; 0]);
}
