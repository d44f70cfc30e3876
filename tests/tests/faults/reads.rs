//! Answers that are short, empty, or out of date, and reads over bad connections.

use serde_json::{Value, json};
use shared::store::Store;
use tests::{Fault, Plan, invoke, sample::event};

use crate::Drill;

const LIST: &str = "GET /api/{workspace}/audit_logs";
const FEED: &str = "GET /api/{workspace}/audit_logs/feed";
const CREATE: &str = "POST /api/{workspace}/tokens";

#[tokio::test]
async fn a_page_that_ends_early_is_not_the_last() {
    for fault in [Fault::OneItemPages, Fault::EmptyPages] {
        let drill = Drill::start().await;
        let ids = record(&drill.app.store(), 0..12).await;
        let engine = drill.engine(Plan::default().always("*", fault)).await;
        let store = engine.store();
        assert_eq!(list(&store, "action=group_created&limit=5").await, ids, "{fault:?}");
        assert_eq!(list(&store, "order=asc&entity_type=none").await, <[&str; 0]>::default(), "{fault:?}");
        let whole = list(&store, "limit=5").await;
        assert!(ids.iter().all(|id| whole.contains(id)), "{fault:?}: {whole:?}");
        // The search of the sealer, and the feed over the events that it sealed.
        invoke::sealer(&store, json!({"reconcile": true})).await;
        let told = feed(&store).await;
        assert!(ids.iter().all(|id| told.contains(id)), "{fault:?}: {told:?}");
        assert!(engine.happened(fault) > 12, "{fault:?}");
    }
}

#[tokio::test]
async fn keys_that_a_batch_left_out_are_read_again() {
    let drill = Drill::start().await;
    let ids = record(&drill.app.store(), 0..12).await;
    let plan =
        Plan::default().nth(0, "BatchGetItem", Fault::NoKeysTaken).always("BatchGetItem", Fault::KeysLeftOut);
    let engine = drill.engine(plan).await;
    assert_eq!(list(&engine.store(), "action=group_created").await, ids);
    assert!(engine.happened(Fault::NoKeysTaken) == 1 && engine.happened(Fault::KeysLeftOut) > 1);
}

#[tokio::test]
async fn keys_that_no_batch_returns_make_no_short_page() {
    let drill = Drill::start().await;
    record(&drill.app.store(), 0..3).await;
    let engine = drill.engine(Plan::default().always("BatchGetItem", Fault::NoKeysTaken)).await;
    let request = invoke::by_token(LIST, &[], "action=group_created");
    let (status, problem) = invoke::query(&engine.store(), request).await;
    assert_eq!((status, problem["audit_logs"].is_null()), (503, true), "{problem}");
}

#[tokio::test]
async fn an_index_that_is_behind_hides_nothing_from_the_time_view_and_the_feed() {
    let drill = Drill::start().await;
    let engine = drill.engine(Plan::default().always("Query", Fault::IndexBehind)).await;
    let store = engine.store();
    let ids = record(&store, 0..5).await;
    let all = list(&store, "").await;
    assert!(ids.iter().all(|id| all.contains(id)), "{all:?}");
    drill.app.reconcile().await;
    assert_eq!(feed_of(&store, "action=group_created").await, ids);
    // An index that is behind gives fewer events for the moment, and no wrong ones.
    assert!(list(&store, "action=group_created").await.is_empty());
    engine.heal();
    assert_eq!(list(&store, "action=group_created").await, ids);
}

#[tokio::test]
async fn a_copy_that_is_behind_the_index_hides_no_event() {
    let drill = Drill::start().await;
    let engine = drill.engine(Plan::default().always("*", Fault::CopyBehind)).await;
    let store = engine.store();
    let ids = record(&store, 0..5).await;
    assert_eq!(list(&store, "action=group_created").await, ids);
    drill.app.reconcile().await;
    assert_eq!(feed_of(&store, "action=group_created").await, ids);
    assert!(engine.happened(Fault::CopyBehind) > 0);
}

#[tokio::test]
async fn a_token_that_a_stale_copy_does_not_show_yet_is_admitted() {
    let drill = Drill::start().await;
    let engine = drill.engine(Plan::default().always("GetItem", Fault::CopyBehind)).await;
    let body = json!({"name": "new", "scopes": ["audit_log:read"]});
    let (status, token) = invoke::manage_tokens(&engine.store(), invoke::tokens(CREATE, "", &body)).await;
    assert_eq!(status, 201);
    engine.plan(Plan::default().always("GetItem", Fault::CopyBehind));
    let bearer = format!("Bearer {}", token["bearer"].as_str().unwrap());
    assert!(invoke::authorizer(&engine.store(), &bearer).await.unwrap());
    // One read through the stale copy, and one consistent read.
    assert_eq!(engine.happened(Fault::CopyBehind), 2);
}

#[tokio::test]
async fn no_page_is_sent_without_its_record_under_any_fault() {
    let drill = Drill::start().await;
    let ids = record(&drill.app.store(), 0..5).await;
    drill.app.reconcile().await;
    for (fault, times, answered) in [
        (Fault::KeyThrottled, 1, true),
        (Fault::KeyThrottled, usize::MAX, false),
        (Fault::ResetAfter, 1, true),
        (Fault::ResetAfter, usize::MAX, false),
        (Fault::AnswerGarbled, 1, false),
        (Fault::WritesFail, usize::MAX, false),
    ] {
        for route in [LIST, FEED] {
            let engine = drill.engine(Plan::default().first(times, "ExecuteStatement", fault)).await;
            let before = drill.accesses().await;
            let (status, body) = invoke::query(&engine.store(), invoke::by_token(route, &[], "")).await;
            assert_eq!(status, if answered { 200 } else { 503 }, "{fault:?} {route}");
            assert!(engine.happened(fault) > 0, "{fault:?}");
            match answered {
                true => assert_eq!(drill.accesses().await, before + 1, "{fault:?} {route}"),
                false => assert!(!ids.iter().any(|id| body.to_string().contains(id)), "{fault:?} {route}"),
            }
        }
    }
}

/// Records an event for each of these seconds. Returns their ids.
async fn record(store: &Store, seconds: std::ops::Range<i64>) -> Vec<String> {
    let ids: Vec<_> = seconds.clone().map(|second| format!("e-{second:04}")).collect();
    let events: Vec<_> = ids.iter().zip(seconds).map(|(id, second)| event(id, second)).collect();
    let (status, body) =
        invoke::ingest_api(store, invoke::audit_logs("POST", &json!({"events": events}))).await;
    assert_eq!(status, 201, "{body}");
    ids
}

/// The ids of all events of a query, over all pages, oldest first.
async fn list(store: &Store, query: &str) -> Vec<String> {
    let mut listed = Vec::new();
    let mut cursor = String::new();
    loop {
        let request =
            invoke::by_token(LIST, &[], &format!("order=asc&{}{cursor}", query.replace("order=asc&", "")));
        let (status, page) = invoke::query(store, request).await;
        assert_eq!(status, 200, "{page}");
        listed.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { return listed };
        cursor = format!("&cursor={next}");
    }
}

async fn feed(store: &Store) -> Vec<String> {
    feed_of(store, "").await
}

/// The ids of all sealed events that match.
async fn feed_of(store: &Store, query: &str) -> Vec<String> {
    let request = invoke::by_token(FEED, &[], &format!("limit=1000&{query}"));
    let (status, page) = invoke::query(store, request).await;
    assert_eq!((status, &page["has_more"]), (200, &json!(false)), "{page}");
    ids(&page)
}

fn ids(page: &Value) -> Vec<String> {
    let events = page["audit_logs"].as_array().unwrap();
    events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}
