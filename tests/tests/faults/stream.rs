//! Faults in the stream's records for the sealer. Crashes and interleavings of sealers, call by call, are in
//! `tests/tests/sealing`.

use serde_json::{Value, json};
use shared::store::Store;
use tests::{
    Fault, FaultyEngine, Plan, TestApp, invoke,
    sample::event,
    stream::{StreamFault, batches},
};

const EVENTS: i64 = 40;

#[tokio::test]
async fn events_lost_by_the_stream_are_found_by_the_search() {
    let (app, keys) = recorded().await;
    give(&app, batches("acme", &keys, Some(StreamFault::RecordsLost))).await;
    assert!(sequences(&app).await.len() < keys.len());
    app.reconcile().await;
    all_is_sealed_once(&app).await;
}

#[tokio::test]
async fn duplicate_records_seal_an_event_once() {
    let (app, keys) = recorded().await;
    give(&app, batches("acme", &keys, Some(StreamFault::RecordsTwice))).await;
    all_is_sealed_once(&app).await;
}

#[tokio::test]
async fn records_in_any_order_seal_all_events() {
    let (app, keys) = recorded().await;
    give(&app, batches("acme", &keys, Some(StreamFault::RecordsReversed))).await;
    all_is_sealed_once(&app).await;
}

#[tokio::test]
async fn records_of_missing_events_are_skipped() {
    let (app, keys) = recorded().await;
    give(&app, batches("acme", &keys, Some(StreamFault::RecordsOfNothing))).await;
    all_is_sealed_once(&app).await;
}

#[tokio::test]
async fn events_of_a_throttled_sealer_wait_in_the_backlog_and_are_sealed_later() {
    let (app, keys) = recorded().await;
    let plan = Plan::default()
        .always("BatchExecuteStatement", Fault::KeyThrottled)
        .always("UpdateItem", Fault::KeyThrottled);
    let engine = FaultyEngine::with(app.dynamodb_endpoint(), plan).await;
    let store = engine.store();
    for batch in batches("acme", &keys, None) {
        assert_eq!(invoke::sealer(&store, batch).await, json!({"batchItemFailures": []}));
    }
    assert!(engine.happened(Fault::KeyThrottled) > 0);
    assert_eq!(sequences(&app).await, <[u64; 0]>::default());
    engine.heal();
    take_up_backlog(&store).await;
    all_is_sealed_once(&app).await;
}

#[tokio::test]
async fn two_sealers_whose_calls_are_lost_and_delivered_twice_seal_each_event_once() {
    let (app, keys) = recorded().await;
    let faults = [Fault::ResetAfter, Fault::ResetBefore, Fault::CalledTwice, Fault::AnswerLost];
    futures::join!(seal_under(faults, &app, &keys, 1), seal_under(faults, &app, &keys, 2));
    take_up_backlog(&app.store()).await;
    all_is_sealed_once(&app).await;
}

/// Seals all events while a tenth of the calls have each of these faults.
async fn seal_under(faults: [Fault; 4], app: &TestApp, keys: &[String], seed: u64) {
    let plan = faults.into_iter().fold(Plan::seeded(seed), |plan, fault| plan.share(0.1, "*", fault));
    let engine = FaultyEngine::with(app.dynamodb_endpoint(), plan).await;
    let store = engine.store();
    for batch in batches("acme", keys, None) {
        while invoke::sealer(&store, batch.clone()).await != json!({"batchItemFailures": []}) {}
    }
    let [reset, _, repeated, _] = faults.map(|fault| engine.happened(fault) > 0);
    assert!(reset && repeated, "{:?}", engine.all_that_happened());
}

/// A system with unsealed events. Returns their sort keys.
async fn recorded() -> (TestApp, Vec<String>) {
    let app = TestApp::start().await;
    let events: Vec<_> = (0..EVENTS).map(|number| event(&format!("e-{number}"), number)).collect();
    let (status, _) =
        invoke::ingest_api(&app.store(), invoke::audit_logs("POST", &json!({"events": events}))).await;
    assert_eq!(status, 201);
    let events = app.tables().events("acme").await;
    let keys = events.iter().map(|event| event["timestamp"].as_str().unwrap().to_owned()).collect();
    (app, keys)
}

/// Seals the backlog, as its schedule does.
async fn take_up_backlog(store: &Store) {
    while !store.backlog().await.unwrap().is_empty() {
        invoke::sealer(store, json!({"backlog": true})).await;
    }
}

async fn give(app: &TestApp, batches: Vec<Value>) {
    for batch in batches {
        assert_eq!(invoke::sealer(&app.store(), batch).await, json!({"batchItemFailures": []}));
    }
}

/// The sequences of all events in the table.
async fn sequences(app: &TestApp) -> Vec<u64> {
    let events = app.tables().events("acme").await;
    let mut sequences: Vec<_> = events.iter().filter_map(|event| event["sequence"].as_u64()).collect();
    sequences.sort_unstable();
    sequences
}

/// In the table and in the feed, the sequences are 0, 1, 2, … to the last.
async fn all_is_sealed_once(app: &TestApp) {
    let all: Vec<_> = (0..EVENTS.unsigned_abs()).collect();
    assert_eq!(sequences(app).await, all);
    let request = invoke::by_token("GET /api/{workspace}/audit_logs/feed", &[], "limit=1000");
    let (status, page) = invoke::query(&app.store(), request).await;
    let fed = page["audit_logs"].as_array().unwrap().iter().map(|event| event["sequence"].as_u64().unwrap());
    assert_eq!((status, fed.collect::<Vec<_>>()), (200, all));
}
