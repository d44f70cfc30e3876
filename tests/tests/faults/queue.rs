//! Faults of the queue, and functions that end in the middle of a batch.

use std::collections::BTreeMap;

use serde_json::json;
use tests::{
    Fault, Plan, TestApp, invoke,
    queue::{Queue, QueueFault, QueuePlan},
    sample::event,
};

use crate::with_workspace;

const EVENTS: i64 = 60;

#[tokio::test]
async fn an_event_that_the_bus_sends_twice_is_recorded_once() {
    drill(QueueFault::SentTwice, 0.5).await;
}

#[tokio::test]
async fn a_message_that_is_delivered_again_is_recorded_once() {
    drill(QueueFault::DeliveredTwice, 0.5).await;
}

#[tokio::test]
async fn messages_in_any_order_are_recorded() {
    drill(QueueFault::OutOfOrder, 0.9).await;
}

#[tokio::test]
async fn two_functions_with_the_same_batch_record_it_once() {
    drill(QueueFault::VisibleTooEarly, 0.7).await;
}

#[tokio::test]
async fn a_batch_whose_answer_is_lost_is_recorded_once() {
    drill(QueueFault::AnswerLost, 0.4).await;
}

#[tokio::test]
async fn a_function_that_ends_in_the_middle_of_a_batch_loses_nothing() {
    drill(QueueFault::FunctionEnded, 0.5).await;
}

#[tokio::test]
async fn dead_letters_of_an_outage_are_recorded_when_they_are_redriven() {
    let app = TestApp::start().await;
    let plan = Plan::default().always("*", Fault::Denied);
    let engine = tests::FaultyEngine::with(app.dynamodb_endpoint(), plan).await;
    let queue = Queue::new(QueuePlan::default());
    send(&queue);
    queue.close();
    let store = engine.store();
    let work =
        || queue.work(async |batch| invoke::ingest_bus(&store, &batch).await.map_err(|e| e.to_string()));
    work().await;
    assert!(queue.happened(QueueFault::GivenUp) > 0);
    assert_eq!((queue.dead(), queue.removed().len()), (usize::try_from(EVENTS).unwrap() + 1, 0));
    assert!(app.tables().events("acme").await.is_empty());

    engine.heal();
    queue.redrive();
    work().await;
    assert_eq!((queue.dead(), queue.removed().len()), (0, usize::try_from(EVENTS).unwrap() + 1));
    all_is_recorded(&app).await;
}

/// Sends events and one poison message, and lets the fault happen to them.
async fn drill(fault: QueueFault, share: f64) {
    let app = TestApp::start().await;
    let queue = Queue::new(QueuePlan { seed: 1, shares: BTreeMap::from([(fault, share)]) });
    send(&queue);
    queue.close();
    let store = app.store();
    let work =
        || queue.work(async |batch| invoke::ingest_bus(&store, &batch).await.map_err(|e| e.to_string()));
    futures::join!(work(), work());
    while queue.redrive() > 0 {
        work().await;
    }
    assert!(queue.happened(fault) > 0, "{fault:?} did not happen");
    all_is_recorded(&app).await;
}

fn send(queue: &Queue) {
    for number in 0..EVENTS {
        let detail = with_workspace(event(&format!("e-{number}"), number));
        queue.send(&invoke::envelope(&format!("v-{number}"), &detail).to_string());
    }
    queue.send(&invoke::envelope("v-poison", &json!({"workspace": "acme"})).to_string());
}

/// Each event is recorded once, and the poison message alone is quarantined, once.
async fn all_is_recorded(app: &TestApp) {
    let events = app.tables().events("acme").await;
    let mut keys: Vec<_> = events.iter().map(|event| event["timestamp"].as_str().unwrap()).collect();
    keys.dedup();
    assert_eq!(
        (keys.len(), events.len()),
        (usize::try_from(EVENTS).unwrap(), usize::try_from(EVENTS).unwrap())
    );
    let quarantined = app.tables().quarantined("product").await;
    let reasons: Vec<_> = quarantined.iter().map(|item| item["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["invalid_event"]);
}
