//! The streams of a workspace over HTTP: their settings, their status, and the records of changes.

use reqwest::Method;
use serde_json::{Value, json};
use shared::stream::MAX_STREAMS;
use tests::{Client, TestApp, sample::event};

/// The contexts and changes of the events about streams, by action, in the order of recording.
async fn records(app: &TestApp) -> Vec<(String, Value, Value)> {
    let mut events = app.tables().events("acme").await;
    events.retain(|event| event["action"].as_str().unwrap().starts_with("x_audit_log_stream_"));
    events
        .iter()
        .map(|event: &Value| {
            let action =
                event["action"].as_str().unwrap().trim_start_matches("x_audit_log_stream_").to_owned();
            (action, json_of(event, "context"), json_of(event, "changes"))
        })
        .collect()
}

fn json_of(event: &Value, name: &str) -> Value {
    event[name].as_str().map(|text| serde_json::from_str::<Value>(text).unwrap()).unwrap_or_default()
}

async fn at(admin: &Client, stream: &Value, rest: &str, body: Value) -> Value {
    let path = format!("/{}/{rest}", stream["stream"].as_str().unwrap());
    admin.streams(Method::POST, &path, &body).await.expect(200).body
}

#[tokio::test]
async fn a_new_stream_begins_with_the_next_event_and_its_secret_is_shown_once() {
    let app = TestApp::start_sealing().await;
    let (admin, writer) = (app.admin("acme"), app.writer("acme").await);
    for number in 0..3 {
        writer.record(&event(&format!("e-{number}"), number)).await.expect(201);
    }
    app.sealed().await;
    let created = admin.create_stream(&json!({})).await;
    assert!(created["secret"].as_str().unwrap().starts_with("whsec_"), "{created}");
    let status = &created["status"];
    // The three events, and the record of the token.
    assert_eq!((&status["state"], &status["next"], &status["lag"]), (&json!("active"), &json!(4), &json!(0)));
    app.sealed().await;

    let shown = admin.streams(Method::GET, "", &Value::Null).await.expect(200).body["streams"][0].clone();
    assert_eq!((&shown["stream"], &shown["secret"]), (&created["stream"], &Value::Null));
    // The record of its own creation is the first event that it sends.
    assert_eq!((&shown["status"]["next"], &shown["status"]["lag"]), (&json!(4), &json!(1)));
    let path = format!("/{}", created["stream"].as_str().unwrap());
    assert_eq!(admin.streams(Method::GET, &path, &Value::Null).await.expect(200).body, shown);
    // The secret is in no table, and the path of the URL is not in the log.
    let secret = created["secret"].as_str().unwrap();
    for table in ["AuditStreams", "AuditEvents"] {
        assert_eq!(app.tables().mentions(table, secret).await, 0, "{table}");
    }
    assert_eq!(app.tables().mentions("AuditEvents", "/T0").await, 0);
    let all = admin.create_stream(&json!({"from": 0})).await;
    assert_eq!((&all["status"]["next"], &all["status"]["lag"]), (&json!(0), &json!(5)));
}

#[tokio::test]
async fn each_change_is_one_record_and_no_change_is_none() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let stream = admin.create_stream(&json!({"mask": ["/actor/ip"]})).await;
    let path = format!("/{}", stream["stream"].as_str().unwrap());
    let filter = json!({"categories": ["user_groups"]});
    let changed =
        change(&admin, &path, json!({"name": "soc", "format": "ocsf", "filter": filter, "mask": null})).await;
    assert_eq!(
        (&changed["name"], &changed["format"], &changed["filter"]),
        (&json!("soc"), &json!("ocsf"), &filter)
    );
    assert_eq!((&changed["mask"], &changed["secret"]), (&json!([]), &Value::Null));
    // The same values again, and a changed path of the URL, which the log never shows.
    change(&admin, &path, json!({"name": "soc"})).await;
    change(&admin, &path, json!({"destination": {"type": "webhook", "url": "https://siem.example.com/T1"}}))
        .await;

    let paused = at(&admin, &stream, "pause", json!({"reason": "maintenance"})).await;
    assert_eq!(
        (&paused["status"]["state"], &paused["status"]["paused"]["reason"]),
        (&json!("paused"), &json!("maintenance"))
    );
    let again = at(&admin, &stream, "pause", json!({"reason": "other"})).await;
    assert_eq!(again["status"]["paused"], paused["status"]["paused"]);
    let replayed = at(&admin, &stream, "replay", json!({"from": 0})).await;
    assert_eq!(replayed["status"]["state"], "paused");
    let resumed = at(&admin, &stream, "resume", Value::Null).await;
    assert_eq!((&resumed["status"]["state"], &resumed["status"]["paused"]), (&json!("active"), &Value::Null));
    at(&admin, &stream, "resume", Value::Null).await;
    let tested = admin.streams(Method::POST, &format!("{path}/test"), &Value::Null).await.expect(202).body;
    assert!(tested["status"]["test_requested_at"].is_string() && tested["status"]["last_test"].is_null());
    admin.streams(Method::DELETE, &path, &Value::Null).await.expect(204);
    admin.streams(Method::DELETE, &path, &Value::Null).await.expect_problem(404, "not_found");
    assert_eq!(admin.streams(Method::GET, "", &Value::Null).await.expect(200).body, json!({"streams": []}));

    let origin = json!({"type": "webhook", "url": "https://siem.example.com"});
    let expected = [
        (
            "created",
            json!({"destination": origin, "format": "native", "filter": {}, "mask": ["/actor/ip"], "from": 0}),
            Value::Null,
        ),
        (
            "changed",
            Value::Null,
            json!([
                {"path": "/name", "old": "siem", "new": "soc"},
                {"path": "/format", "old": "native", "new": "ocsf"},
                {"path": "/filter", "old": {}, "new": filter},
                {"path": "/mask", "old": ["/actor/ip"], "new": []},
            ]),
        ),
        ("changed", Value::Null, json!([{"path": "/destination", "old": origin, "new": origin}])),
        ("paused", json!({"reason": "maintenance"}), Value::Null),
        ("replayed", json!({"from": 0, "next_before": 0}), Value::Null),
        ("resumed", json!({"next": 0}), Value::Null),
        ("tested", Value::Null, Value::Null),
        ("deleted", json!({"destination": origin, "next": 0}), Value::Null),
    ];
    let expected = expected.map(|(action, context, changes)| (action.to_owned(), context, changes));
    assert_eq!(records(&app).await, expected);
}

async fn change(admin: &Client, path: &str, body: Value) -> Value {
    admin.streams(Method::PATCH, path, &body).await.expect(200).body
}

#[tokio::test]
async fn a_workspace_has_twenty_streams_at_most() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    for _ in 0..MAX_STREAMS {
        admin.create_stream(&json!({})).await;
    }
    let body =
        json!({"name": "one more", "destination": {"type": "webhook", "url": "https://siem.example.com"}});
    admin.streams(Method::POST, "", &body).await.expect_problem(409, "too_many_streams");
    app.admin("globex").create_stream(&json!({})).await;
}

#[tokio::test]
async fn streams_are_for_admins_of_their_own_workspace() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let stream = admin.create_stream(&json!({})).await;
    let id = stream["stream"].as_str().unwrap();
    let routes = [
        (Method::GET, String::new()),
        (Method::POST, String::new()),
        (Method::GET, format!("/{id}")),
        (Method::PATCH, format!("/{id}")),
        (Method::DELETE, format!("/{id}")),
        (Method::POST, format!("/{id}/pause")),
        (Method::POST, format!("/{id}/resume")),
        (Method::POST, format!("/{id}/replay")),
        (Method::POST, format!("/{id}/test")),
    ];
    let (member, reader) = (app.member("acme"), app.holder_of_both("acme").await);
    let (other, before) = (app.admin("globex"), app.tables().streams("acme").await);
    for (method, rest) in routes {
        let body = json!({"from": 0, "name": "a"});
        ask(&method, &rest, &body, &app.client("acme")).await.expect_refusal(401, "Unauthorized");
        ask(&method, &rest, &body, &reader).await.expect_refusal(401, "Unauthorized");
        ask(&method, &rest, &body, &member).await.expect_problem(403, "forbidden");
        ask(&method, &rest, &body, &other.asking_for("acme")).await.expect_problem(404, "not_found");
        if !rest.is_empty() {
            // A stream of another workspace is answered like one that does not exist.
            let body = if rest.ends_with("/replay") { json!({"from": 0}) } else { Value::Null };
            other.streams(method.clone(), &rest, &body).await.expect_problem(404, "not_found");
        }
    }
    assert_eq!(app.tables().streams("acme").await, before);
}

async fn ask(method: &Method, rest: &str, body: &Value, client: &Client) -> tests::Answer {
    client.streams(method.clone(), rest, body).await
}
