//! A token and its event, or an erasure and its event, are written together or not at all.

use serde_json::{Value, json};
use tests::{Fault, FaultyEngine, Plan, TestApp, invoke, sample::event};

use crate::Drill;

const CREATE: &str = "POST /api/{workspace}/tokens";
const REVOKE: &str = "DELETE /api/{workspace}/tokens/{token}";

#[tokio::test]
async fn a_cancelled_transaction_leaves_neither_token_nor_event() {
    let drill = Drill::start().await;
    for fault in [
        Fault::TransactionConflict,
        Fault::TransactionCapacity,
        Fault::TransactionThrottled,
        Fault::TransactionInvalid,
    ] {
        let engine = always(&drill.app, fault).await;
        let told = if fault == Fault::TransactionConflict { 409 } else { 503 };
        assert_eq!(create(&engine).await.0, told, "{fault:?}");
        assert!(engine.happened(fault) > 0);
        let before = live_token(&drill.app).await;
        assert_eq!(revoke(&engine, &before).await.0, told, "{fault:?}");
        tokens_and_events_agree(&drill.app).await;
        assert_eq!(revoke(&healed(engine), &before).await.0, 204, "{fault:?}");
        tokens_and_events_agree(&drill.app).await;
    }
}

#[tokio::test]
async fn a_transaction_in_progress_is_waited_for() {
    let drill = Drill::start().await;
    let plan = Plan::default().first(1, "ExecuteTransaction", Fault::TransactionInProgress);
    let engine = drill.engine(plan).await;
    assert_eq!(create(&engine).await.0, 201);
    assert_eq!(engine.happened(Fault::TransactionInProgress), 1);
    tokens_and_events_agree(&drill.app).await;
}

#[tokio::test]
async fn a_transaction_with_an_unknown_outcome_is_applied_once_or_not_at_all() {
    let drill = Drill::start().await;
    let once = futures::join!(
        create_under(&drill, Fault::ResetBefore, 1),
        create_under(&drill, Fault::ResetAfter, 1),
        create_under(&drill, Fault::AnswerLost, 1),
        create_under(&drill, Fault::AnswerTruncated, 1),
        create_under(&drill, Fault::CalledTwice, usize::MAX),
        create_under(&drill, Fault::CallDelayed, 1),
    );
    for (fault, status) in <[_; 6]>::from(once) {
        assert_eq!(status, 201, "{fault:?}");
    }
    futures::join!(
        create_under(&drill, Fault::ResetAfter, usize::MAX),
        create_under(&drill, Fault::AnswerGarbled, 1)
    );
    tokens_and_events_agree(&drill.app).await;
}

async fn create_under(drill: &Drill, fault: Fault, times: usize) -> (Fault, i64) {
    let plan = Plan::default().first(times, "ExecuteTransaction", fault);
    let engine = drill.engine(plan).await;
    let (status, _) = create(&engine).await;
    assert!(matches!(status, 201 | 503), "{fault:?}: {status}");
    assert!(engine.happened(fault) > 0);
    (fault, status)
}

#[tokio::test]
async fn a_retry_that_meets_another_transaction_after_a_lost_answer_finds_its_own_write() {
    let drill = Drill::start().await;
    let plan = Plan::default().first(1, "ExecuteTransaction", Fault::AnswerLost).first(
        1,
        "ExecuteTransaction",
        Fault::TransactionConflict,
    );
    let engine = drill.engine(plan).await;
    let (status, body) = create(&engine).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(engine.calls("ExecuteTransaction"), 3);
    tokens_and_events_agree(&drill.app).await;
}

#[tokio::test]
async fn an_erasure_that_is_cancelled_erases_nothing() {
    let drill = Drill::start().await;
    let (status, _) =
        invoke::ingest_api(&drill.app.store(), invoke::audit_logs("POST", &event("e-1", 0))).await;
    assert_eq!(status, 201);
    drill.app.reconcile().await;
    let before = drill.app.tables().events("acme").await;
    for (fault, refused) in [
        (Fault::TransactionConflict, (409, "contention")),
        (Fault::TransactionThrottled, (503, "unavailable")),
    ] {
        let engine = always(&drill.app, fault).await;
        let (status, problem) = invoke::redactions(&engine.store(), redaction()).await;
        assert_eq!((status, problem["id"].as_str().unwrap()), refused, "{fault:?}");
        assert_eq!(drill.app.tables().events("acme").await, before);
    }
    let (status, body) = invoke::redactions(&drill.app.store(), redaction()).await;
    assert!(matches!(status, 200 | 201), "{body}");
    let after = drill.app.tables().events("acme").await;
    assert_eq!(after.len(), before.len() + 1);
    assert!(after.iter().any(|event| event["redacted"].is_string() && event["actor"].is_null()));
}

fn redaction() -> Value {
    invoke::redact(&json!({"sequences": [0], "parts": ["actor"]}))
}

async fn always(app: &TestApp, fault: Fault) -> FaultyEngine {
    let plan = Plan::default().always("ExecuteTransaction", fault);
    FaultyEngine::with(app.dynamodb_endpoint(), plan).await
}

fn healed(engine: FaultyEngine) -> FaultyEngine {
    engine.heal();
    engine
}

async fn create(engine: &FaultyEngine) -> (i64, Value) {
    let body = json!({"name": "drill", "scopes": ["audit_log:read"]});
    invoke::manage_tokens(&engine.store(), invoke::tokens(CREATE, "", &body)).await
}

async fn revoke(engine: &FaultyEngine, token: &str) -> (i64, Value) {
    invoke::manage_tokens(&engine.store(), invoke::tokens(REVOKE, token, &Value::Null)).await
}

async fn live_token(app: &TestApp) -> String {
    app.reader("acme").await.token
}

/// Each token has its creation event, each revoked token its revocation event, and each of these events has its
/// token.
async fn tokens_and_events_agree(app: &TestApp) {
    let tokens = app.tables().tokens("acme").await;
    assert_eq!(entities_of(app, "api_token_workspace_created").await, tokens_that(&tokens, |_| true));
    assert_eq!(
        entities_of(app, "api_token_workspace_revoked").await,
        tokens_that(&tokens, |token| token["revoked_at"].is_string())
    );
}

fn tokens_that(tokens: &[Value], is: fn(&Value) -> bool) -> Vec<Value> {
    let mut known: Vec<_> =
        tokens.iter().filter(|token| is(token)).map(|token| token["token"].clone()).collect();
    known.sort_by_key(Value::to_string);
    known
}

async fn entities_of(app: &TestApp, action: &str) -> Vec<Value> {
    let events = app.tables().events_of("acme", action).await;
    let mut told: Vec<_> = events.iter().map(|event| event["entity_id"].clone()).collect();
    told.sort_by_key(Value::to_string);
    told
}
