//! Reads that should leave no record, and places beyond the end of the log.

use serde_json::{Value, json};
use tests::{Answer, Client, Fault, FaultyEngine, Plan, TestApp, invoke, sample::event};

use crate::held;

/// The contexts of the records of reads.
async fn records(app: &TestApp) -> Vec<Value> {
    let events = app.tables().events_of("acme", "audit_log_accessed").await;
    events.iter().map(|event| serde_json::from_str(event["context"].as_str().unwrap()).unwrap()).collect()
}

async fn sealed_log(events: i64) -> (TestApp, Client) {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    let events: Vec<_> = (0..events).map(|number| event(&format!("e-{number}"), number)).collect();
    client.record(&json!({ "events": events })).await.expect(201);
    app.sealed().await;
    (app, client)
}

#[tokio::test]
async fn a_read_without_a_match_is_recorded() {
    let (app, client) = sealed_log(3).await;
    let questions = [
        "actor=victim",
        "action=group_deleted",
        "entity_id=r-1&entity_type=report",
        "outcome=failure",
        "after=3&actor=victim",
        "actor=victim&format=csv",
        "actor=victim&wait=1",
        "action=audit_log_accessed&actor=unknown",
    ];
    for (number, question) in questions.into_iter().enumerate() {
        let page = client.feed(question).await.expect(200);
        assert!(page.body.is_null() || page.events().is_empty(), "{question}");
        let records = records(&app).await;
        assert_eq!(records.len(), number + 1, "{question}");
        assert!(records.iter().any(|record| record["count"] == 0), "{question}");
        held("P10", &format!("feed?{question}"), "no hit, one record");
    }
    client.list("actor=victim").await.expect(200);
    assert_eq!(records(&app).await.len(), questions.len() + 1);
    held("P10", "audit_logs?actor=victim", "no hit, one record");
}

#[tokio::test]
async fn a_drain_with_a_filter_ends() {
    let (app, client) = sealed_log(3).await;
    for filter in ["actor=victim", "action=audit_log_accessed"] {
        let (mut after, mut pages) = ("-1".to_owned(), 0);
        loop {
            app.sealed().await;
            let page = client.feed(&format!("after={after}&{filter}")).await.expect(200).body;
            after = page["next_after"].to_string();
            pages += 1;
            if page["has_more"] == json!(false) {
                break;
            }
            assert!(pages < 20, "{filter}: it never ends");
        }
        held("P10", &format!("drain of feed?{filter}"), format!("ends after {pages} pages"));
    }
}

#[tokio::test]
async fn a_head_request_reads_nothing() {
    let (app, client) = sealed_log(1).await;
    let request = client.request(reqwest::Method::HEAD, "/api/acme/audit_logs");
    let answer = client.send(request).await;
    assert_eq!(answer.status, 404);
    assert!(records(&app).await.is_empty());
    held("P10", "HEAD of the time view", "404, nothing is read");
}

#[tokio::test]
async fn a_place_beyond_the_end_of_the_log_is_refused() {
    let (_app, client) = sealed_log(3).await;
    // The creation of the token has the sequence 0.
    client.feed("after=3").await.expect(200);
    check_beyond(client.feed("after=4").await, "after", "4 events").await;
    check_beyond(client.feed("after=99999999").await, "after", "4 events").await;
    check_beyond(client.feed("after=99999999&wait=20").await, "after", "4 events").await;
    check_beyond(client.feed("after=99999999&actor=u1&format=csv").await, "after", "4 events").await;
    check_beyond(client.ledger("proof/consistency?from=5").await, "from", "size 4").await;
    check_beyond(client.ledger("proof/consistency?from=1&to=5").await, "to", "size 4").await;
    check_beyond(client.ledger("proof/inclusion?sequence=4").await, "sequence", "below 4").await;
    check_beyond(client.ledger("proof/inclusion?sequence=0&size=9").await, "size", "size 4").await;
    client.ledger("entries/4").await.expect_problem(404, "not_found");
    held("P4", "ledger/entries beyond the end", "404 not_found");
}

async fn check_beyond(answer: Answer, parameter: &str, size: &str) {
    let refused = answer.expect_problem(400, "invalid_query");
    assert_eq!(refused.problems(), [format!("{parameter} out_of_range")]);
    let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains(size), "{detail}");
    held("P4", &format!("{parameter} beyond the end"), detail);
}

#[tokio::test]
async fn contention_is_answered_with_its_own_code() {
    let app = TestApp::start().await;
    let plan = Plan::default().first(usize::MAX, "ExecuteTransaction", Fault::TransactionConflict);
    let engine = FaultyEngine::with(app.dynamodb_endpoint(), plan).await;
    let store = engine.store();
    let token = json!({"name": "test", "scopes": ["audit_log:read"]});
    let settings = json!({"legal_hold": {"reason": "a lawsuit"}});
    let answers = [
        (
            "POST tokens",
            invoke::manage_tokens(&store, invoke::tokens("POST /api/{workspace}/tokens", "", &token)).await,
        ),
        (
            "PATCH settings",
            invoke::manage_settings(&store, invoke::settings("PATCH /api/{workspace}/settings", &settings))
                .await,
        ),
    ];
    for (attempt, (status, problem)) in answers {
        assert_eq!((status, &problem["id"]), (409, &json!("contention")), "{attempt}: {problem}");
        assert!(problem["message"].as_str().unwrap().contains("Send the request again"), "{problem}");
        held("P12", &format!("{attempt} during another change"), "409 contention");
    }
}
