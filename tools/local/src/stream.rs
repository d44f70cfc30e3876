//! The stream of the events table, and the event source mapping that gives its records to the sealer.
//!
//! The engine's own stream makes every write slower by all records so far, so it is not used here (a separate
//! test covers it). Instead the store announces each key that it wrote, and the function gets batches of these
//! keys in the form of stream records. No record is essential: the search at the next start finds the events
//! whose records a killed process lost.

use std::{future::Future, time::Duration};

use serde_json::{Value, json};
use shared::store::{Hints, Store};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// Records in a batch, at most, as in the template.
const BATCH: usize = 500;
/// Time for which records are gathered. On AWS it is the template's window; here a short one saves waiting.
const WINDOW: Duration = Duration::from_millis(20);
/// Pause after a failed batch.
const PAUSE: Duration = Duration::from_millis(500);

/// A record of the stream.
enum Message {
    /// An item with this key was written.
    Written { partition: String, sort_key: String },
    /// A request to announce that everything before it is sealed.
    Settle(oneshot::Sender<()>),
}

/// The stream, and the task that empties it.
pub(crate) struct Stream {
    sender: mpsc::UnboundedSender<Message>,
    worker: JoinHandle<()>,
}

impl Stream {
    /// Gives the writes of `store` to `deliver`, which takes a batch as JSON and returns true if all of it was
    /// handled. The first batch is the trigger of the search.
    ///
    /// Returns the stream, and the store that announces its writes.
    pub(crate) fn start<F, R>(store: Store, deliver: F) -> (Self, Store)
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = bool> + Send + 'static,
    {
        let (sender, receiver) = mpsc::unbounded_channel();
        let written = sender.clone();
        let hints = Hints::new(move |partition, sort_key| {
            // It fails only after the worker has ended with the system.
            let _ = written
                .send(Message::Written { partition: partition.to_owned(), sort_key: sort_key.to_owned() });
        });
        let worker = tokio::spawn(work(receiver, store.clone(), deliver));
        (Self { sender, worker }, store.with_hints(hints))
    }

    /// Waits until everything written so far is sealed.
    pub(crate) async fn settled(&self) {
        let (done, wait) = oneshot::channel();
        if self.sender.send(Message::Settle(done)).is_ok() {
            // An error means that the worker has ended with the system.
            let _ = wait.await;
        }
    }

    /// Seals everything written so far, and stops.
    pub(crate) async fn drain(self) {
        self.settled().await;
        self.worker.abort();
    }
}

async fn work<F, R>(mut receiver: mpsc::UnboundedReceiver<Message>, store: Store, deliver: F)
where
    F: Fn(Value) -> R,
    R: Future<Output = bool>,
{
    give(&deliver, json!({"reconcile": true})).await;
    take_up_backlog(&store, &deliver).await;
    let mut number = 0_u64;
    while let Some(first) = receiver.recv().await {
        let mut records = Vec::new();
        let mut waiting = Vec::new();
        let mut next = Some(first);
        tokio::time::sleep(WINDOW).await;
        while let Some(message) = next {
            match message {
                Message::Written { partition, sort_key } => {
                    number += 1;
                    records.push(record(number, &partition, &sort_key));
                }
                Message::Settle(done) => waiting.push(done),
            }
            next = if records.len() < BATCH { receiver.try_recv().ok() } else { None };
        }
        if !records.is_empty() {
            give(&deliver, json!({ "Records": records })).await;
            take_up_backlog(&store, &deliver).await;
        }
        for done in waiting {
            // The receiver may be gone.
            let _ = done.send(());
        }
    }
}

/// Seals the backlog until it is empty, or cannot be read. On AWS a schedule does it every minute.
async fn take_up_backlog<F, R>(store: &Store, deliver: &F)
where
    F: Fn(Value) -> R,
    R: Future<Output = bool>,
{
    while store.backlog().await.is_ok_and(|backlog| !backlog.is_empty()) {
        give(deliver, json!({"backlog": true})).await;
        tokio::time::sleep(WINDOW).await;
    }
}

/// Gives a batch until it is handled: a stream does not skip failed records.
async fn give<F, R>(deliver: &F, batch: Value)
where
    F: Fn(Value) -> R,
    R: Future<Output = bool>,
{
    while !deliver(batch.clone()).await {
        tokio::time::sleep(PAUSE).await;
    }
}

/// A stream record of the table with the template's view, which has keys only.
fn record(number: u64, partition: &str, sort_key: &str) -> Value {
    json!({
        "eventID": format!("{number:032x}"),
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": crate::template::REGION,
        "dynamodb": {
            "Keys": {"workspace": {"S": partition}, "timestamp": {"S": sort_key}},
            "SequenceNumber": format!("{number:021}"),
            "SizeBytes": partition.len() + sort_key.len() + 18,
            "StreamViewType": "KEYS_ONLY",
        },
    })
}
