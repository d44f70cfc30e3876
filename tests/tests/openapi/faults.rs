//! Answers while the store is unavailable, and where the log is not as it was sealed.

use reqwest::header::HeaderMap;
use serde_json::json;
use shared::{
    aws::config::{Config, Key, Seed},
    store::Store,
};
use tests::{Fault, FaultyEngine, TestApp, invoke, sample::event};

use crate::{
    CHECKPOINT, CONSISTENCY, ENTRY, FEED, INCLUSION, LOGS, PAUSE, REDACTIONS, REPLAY, RESUME, SETTINGS,
    STREAM, STREAMS, TEST, TILE, TOKEN, TOKENS, description::Description,
};

/// Answers while the store is unavailable.
pub(crate) async fn unavailable(app: &TestApp, description: &mut Description) {
    let (puts, queries) = (denied(app, "ExecuteStatement").await, denied(app, "Query").await);
    let several = json!({"events": [event("e-8", 8), {}]});
    let create = invoke::tokens(&format!("POST {TOKENS}"), "", &json!({"name": "siem"}));
    let answers = [
        ("POST", LOGS, invoke::ingest_api(&puts.store(), invoke::audit_logs("POST", &event("e-9", 9))).await),
        ("POST", LOGS, invoke::ingest_api(&puts.store(), invoke::audit_logs("POST", &several)).await),
        ("GET", LOGS, invoke::query(&puts.store(), invoke::audit_logs("GET", &json!(null))).await),
        ("POST", TOKENS, invoke::manage_tokens(&queries.store(), create).await),
        (
            "GET",
            TOKENS,
            invoke::manage_tokens(
                &queries.store(),
                invoke::tokens(&format!("GET {TOKENS}"), "", &json!(null)),
            )
            .await,
        ),
    ];
    let revoke = invoke::tokens(&format!("DELETE {TOKEN}"), "000000000000", &json!(null));
    let gets = denied(app, "GetItem").await;
    let revoked = ("DELETE", TOKEN, invoke::manage_tokens(&gets.store(), revoke).await);
    let sequence = json!({"sequences": [0]});
    let sealed = [
        ("GET", FEED, invoke::query(&gets.store(), invoke::by_token(&format!("GET {FEED}"), &[], "")).await),
        ("POST", REDACTIONS, invoke::redactions(&gets.store(), invoke::redact(&sequence)).await),
        ask(&gets, CHECKPOINT, &[], "").await,
        ask(&gets, TILE, &[("tile", "0/000")], "").await,
        ask(&gets, ENTRY, &[("sequence", "0")], "").await,
        ask(&gets, INCLUSION, &[], "sequence=0").await,
        ask(&gets, CONSISTENCY, &[], "from=0").await,
    ];
    let show = invoke::settings(&format!("GET {SETTINGS}"), &json!(null));
    let change = invoke::settings(&format!("PATCH {SETTINGS}"), &json!({"retention_days": null}));
    let kept = [
        ("GET", SETTINGS, invoke::manage_settings(&gets.store(), show).await),
        ("PATCH", SETTINGS, invoke::manage_settings(&gets.store(), change).await),
    ];
    let headers = HeaderMap::from_iter([(
        reqwest::header::CONTENT_TYPE,
        reqwest::header::HeaderValue::from_static("application/problem+json"),
    )]);
    for (method, path, (status, problem)) in answers.into_iter().chain([revoked]).chain(sealed).chain(kept) {
        assert_eq!((status, &problem["id"]), (503, &json!("unavailable")), "{method} {path}");
        description.holds_of(method, path, 503, &headers, &problem);
    }
}

/// Answers while the log's key does not vouch for the key that signs the records of changes.
pub(crate) async fn no_service_key(app: &TestApp, description: &mut Description) {
    let service_key = Some(Key::Seed(Seed::new([9; 32])));
    let store = Store::connect(&Config { service_key, ..Config::local(app.dynamodb_endpoint()) });
    let hold = invoke::settings(&format!("PATCH {SETTINGS}"), &json!({"legal_hold": {"reason": "case 17"}}));
    let events = app.tables().events("acme").await;
    let erasable = events.iter().find(|event| event["action"] == "x_own" && !event["sequence"].is_null());
    let sequence = &erasable.expect("a sealed event that an admin may erase")["sequence"];
    let erase = invoke::redact(&json!({"sequences": [sequence], "parts": ["actor"]}));
    let answers = [
        (SETTINGS, "PATCH", invoke::manage_settings(&store, hold).await),
        (REDACTIONS, "POST", invoke::redactions(&store, erase).await),
    ];
    let headers = HeaderMap::from_iter([(
        reqwest::header::CONTENT_TYPE,
        reqwest::header::HeaderValue::from_static("application/problem+json"),
    )]);
    for (path, method, (status, problem)) in answers {
        assert_eq!((status, &problem["id"]), (503, &json!("no_service_key")), "{method} {path}: {problem}");
        description.holds_of(method, path, 503, &headers, &problem);
    }
}

async fn ask(
    gets: &FaultyEngine,
    path: &'static str,
    parameters: &[(&str, &str)],
    query: &str,
) -> (&'static str, &'static str, invoke::HttpAnswer) {
    let route = format!("GET {}", path.replace("{tile}", "{tile+}"));
    let request = invoke::by_token(&route, parameters, query);
    ("GET", path, invoke::ledger(&gets.store(), request).await)
}

async fn denied(app: &TestApp, operation: &'static str) -> FaultyEngine {
    FaultyEngine::before(app.dynamodb_endpoint(), operation, Fault::Denied, usize::MAX).await
}

/// Answers for a log whose events, and then whose head, were changed in the tables.
pub(crate) async fn inconsistent(app: &TestApp, description: &mut Description) {
    let client = app.holder_of_both("initech").await;
    client.record(&event("e-1", 1)).await.expect(201);
    app.sealed().await;
    client.ledger("checkpoint").await.expect(200);
    let sort_key = app.tables().events("initech").await[0]["timestamp"].as_str().unwrap().to_owned();
    let key = [("workspace", "initech"), ("timestamp", &sort_key)];
    app.tables().set_text("AuditEvents", key, "description", "another").await;
    let mut told = vec![
        ("GET", ENTRY, client.ledger("entries/1").await),
        ("GET", TILE, client.ledger("tile/entries/000.p/2").await),
    ];
    app.tables().delete("AuditLedger", [("workspace", "initech"), ("part", "delta#0000000000000000")]).await;
    let redacted = app.admin("initech").redact(&json!({"sequences": [0]})).await;
    told.extend([("GET", FEED, client.feed("").await), ("POST", REDACTIONS, redacted)]);
    app.tables().delete("AuditLedger", [("workspace", "initech"), ("part", "head")]).await;
    for (path, asked) in [
        (CHECKPOINT, "checkpoint"),
        (INCLUSION, "proof/inclusion?sequence=0"),
        (CONSISTENCY, "proof/consistency?from=0"),
    ] {
        told.push(("GET", path, client.ledger(asked).await));
    }
    for (method, path, answer) in told {
        description.holds(method, path, &answer.expect_problem(500, "inconsistent_log"));
    }
}

/// A second read in a window of one read. A request may be the first of the next window, but not three times.
pub(crate) async fn too_many_reads(description: &mut Description) {
    let app = TestApp::start_limiting(1).await;
    let reader = app.reader("acme").await;
    let mut left = 3;
    let list = loop {
        let answer = reader.list("").await;
        left -= 1;
        if answer.status == 429 || left == 0 {
            break answer;
        }
    };
    description.holds("GET", LOGS, &list.expect_problem(429, "too_many_reads"));
    let mut left = 2;
    let feed = loop {
        let answer = reader.feed("").await;
        left -= 1;
        if answer.status == 429 || left == 0 {
            break answer;
        }
    };
    description.holds("GET", FEED, &feed.expect_problem(429, "too_many_reads"));
}

/// A second change in a window of one change, for each kind that is counted.
pub(crate) async fn too_many_changes(description: &mut Description) {
    let app = TestApp::start_limiting_changes(1).await;
    let admin = app.admin("acme");
    let routes = [
        ("POST", TOKENS, "tokens", json!({"name": "siem"})),
        ("DELETE", TOKEN, "tokens/abcdefABCDEF", json!(null)),
        ("POST", REDACTIONS, "redactions", json!({"actor": "u1"})),
        ("PATCH", SETTINGS, "settings", json!({"legal_hold": null})),
        (
            "POST",
            STREAMS,
            "streams",
            json!({"name": "siem", "destination": {"type": "webhook", "url": "https://siem.example.com"}}),
        ),
        ("PATCH", STREAM, "streams/str_abcdefABCDEF", json!({"name": "siem"})),
        ("DELETE", STREAM, "streams/str_abcdefABCDEF", json!(null)),
        ("POST", PAUSE, "streams/str_abcdefABCDEF/pause", json!({})),
        ("POST", RESUME, "streams/str_abcdefABCDEF/resume", json!(null)),
        ("POST", REPLAY, "streams/str_abcdefABCDEF/replay", json!({"from": 0})),
        ("POST", TEST, "streams/str_abcdefABCDEF/test", json!(null)),
    ];
    for (method, route, path, body) in routes {
        // A request may be the first of a window, but not three in a row.
        let mut left = 3;
        let refused = loop {
            let request = admin.request(method.parse().unwrap(), &format!("/api/acme/{path}"));
            let answer =
                admin.send(if body.is_null() { request } else { request.body(body.to_string()) }).await;
            left -= 1;
            if answer.status == 429 || left == 0 {
                break answer;
            }
        };
        description.holds(method, route, &refused.expect_problem(429, "too_many_changes"));
    }
}
