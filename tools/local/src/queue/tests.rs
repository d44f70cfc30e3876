use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use serde_json::{Value, json};

use super::{Queue, QueueStatus};
use crate::template::QueueSettings;

type Answer = Result<SqsBatchResponse, String>;

fn settings(batch_size: usize, max_receive_count: u32) -> QueueSettings {
    QueueSettings {
        name: "BusQueue".to_owned(),
        batch_size,
        batching_window: Duration::from_secs(60),
        visibility_timeout: Duration::from_millis(100),
        max_receive_count,
    }
}

/// A queue whose function answers with `answer`, and the batches that the function got.
fn queue(settings: QueueSettings, answer: fn(&Value) -> Answer) -> (Queue, Arc<Mutex<Vec<Vec<Value>>>>) {
    let batches = Arc::new(Mutex::new(Vec::new()));
    let taken = batches.clone();
    let queue = Queue::start(settings, None, move |event: String| {
        let event: Value = serde_json::from_str(&event).unwrap();
        taken.lock().unwrap().push(event["Records"].as_array().unwrap().clone());
        std::future::ready(answer(&event))
    });
    (queue.unwrap(), batches)
}

fn all_good(_: &Value) -> Answer {
    Ok(SqsBatchResponse::default())
}

fn failed<'a>(ids: impl Iterator<Item = &'a str>) -> Answer {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures.extend(ids.map(|id| {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id.to_owned();
        failure
    }));
    Ok(response)
}

/// Reports each message with the body "poison" as failed.
fn poison_fails(event: &Value) -> Answer {
    let records = event["Records"].as_array().unwrap().iter();
    failed(
        records.filter(|record| record["body"] == "poison").filter_map(|record| record["messageId"].as_str()),
    )
}

#[tokio::test]
async fn a_message_arrives_at_once_in_the_shape_of_sqs() {
    let (queue, batches) = queue(settings(10, 3), all_good);
    queue.send("{}".to_owned());
    queue.settled().await;
    let mut record = batches.lock().unwrap()[0][0].take();
    let id = record["messageId"].as_str().unwrap().to_owned();
    assert_eq!(record["receiptHandle"].take(), format!("{id}#1"));
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    assert!(record["attributes"]["SentTimestamp"].is_string());
    assert_eq!(record["md5OfBody"], "99914b932bd37a50b983c5e7c90ae93b");
    assert_eq!(record["eventSourceARN"], "arn:aws:sqs:us-east-1:000000000000:BusQueue");
    assert_eq!((&record["body"], &record["eventSource"]), (&json!("{}"), &json!("aws:sqs")));
}

#[tokio::test]
async fn messages_that_wait_together_come_in_batches() {
    let (queue, batches) = queue(settings(10, 3), all_good);
    for number in 0..25 {
        queue.send(number.to_string());
    }
    queue.settled().await;
    let sizes: Vec<_> = batches.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 10, 5]);
    assert_eq!(queue.status(), QueueStatus { delivered: 25, ..QueueStatus::default() });
}

#[tokio::test]
async fn a_batch_fits_into_an_invocation() {
    let (queue, batches) = queue(settings(10, 3), all_good);
    for _ in 0..10 {
        queue.send("x".repeat(1_000_000));
    }
    queue.settled().await;
    let sizes: Vec<_> = batches.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [6, 4]);
}

#[tokio::test]
async fn only_the_reported_message_is_redelivered_and_becomes_a_dead_letter() {
    let (queue, batches) = queue(settings(10, 3), poison_fails);
    for body in ["good", "poison", "good"] {
        queue.send(body.to_owned());
    }
    queue.settled().await;
    let bodies: Vec<Vec<_>> = batches
        .lock()
        .unwrap()
        .iter()
        .map(|batch| {
            batch
                .iter()
                .map(|record| {
                    (record["body"].clone(), record["attributes"]["ApproximateReceiveCount"].clone())
                })
                .collect()
        })
        .collect();
    assert_eq!(bodies[0].len(), 3);
    assert_eq!(bodies[1..], [vec![received("poison", "2")], vec![received("poison", "3")]]);
    let expected = QueueStatus { delivered: 2, redelivered: 2, dead_letters: 1, ..QueueStatus::default() };
    assert_eq!(queue.status(), expected);
}

fn received(body: &str, count: &str) -> (Value, Value) {
    (json!(body), json!(count))
}

#[tokio::test]
async fn a_failed_or_unclear_answer_fails_the_whole_batch() {
    check_dead_letters(|_| Err("no answer".to_owned())).await;
    check_dead_letters(|_| failed(["unknown"].into_iter())).await;
    check_dead_letters(|_| failed([""].into_iter())).await;
    check_dead_letters(|_| panic!("the function panics, as this test wants")).await;
}

async fn check_dead_letters(answer: fn(&Value) -> Answer) {
    let (queue, _) = queue(settings(10, 2), answer);
    queue.send("one".to_owned());
    queue.send("two".to_owned());
    queue.settled().await;
    assert_eq!(queue.status().dead_letters, 2);
}

#[tokio::test]
async fn draining_delivers_what_is_left_without_waiting() {
    let patient = QueueSettings { visibility_timeout: Duration::from_secs(1_000_000), ..settings(10, 3) };
    let (queue, _) = queue(patient, poison_fails);
    queue.send("poison".to_owned());
    queue.send("good".to_owned());
    queue.drain().await;
    let status = queue.status();
    assert_eq!((status.delivered, status.dead_letters, status.waiting), (1, 1, 0));
}

#[tokio::test]
async fn dead_letters_are_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dead-letters.jsonl");
    open(&file).bury("{}".to_owned(), "too large");
    assert_eq!(open(&file).status().dead_letters, 1);
}

fn open(file: &std::path::Path) -> Queue {
    Queue::start(settings(10, 3), Some(file), |_| std::future::ready(Ok(SqsBatchResponse::default())))
        .unwrap()
}
