//! The stream of the events' table, and the event source mapping that gives it to the sealer.
//!
//! The engine's own stream slows every write by all records so far, so it is not used here (a test of
//! its own shows it). Instead the store tells of each key that it wrote, and batches of those are given
//! to the function in the form of the stream's records. Nothing depends on a record: what a killed
//! process lost, the reconcile at the next start finds.

use std::{future::Future, time::Duration};

use serde_json::{Value, json};
use shared::store::{Hints, Store};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// The most records of a batch, as in the template.
const BATCH: usize = 500;
/// How long records are gathered. On AWS it is the template's window; here a short one saves waiting.
const WINDOW: Duration = Duration::from_millis(20);
/// How long a batch that failed waits.
const PAUSE: Duration = Duration::from_millis(500);

/// A record of the stream.
enum Message {
    /// Something was written under this key.
    Written { partition: String, sort_key: String },
    /// Tell when all before this is sealed.
    Settle(oneshot::Sender<()>),
}

/// The stream, and the task that empties it.
pub(crate) struct Stream {
    sender: mpsc::UnboundedSender<Message>,
    worker: JoinHandle<()>,
}

impl Stream {
    /// Gives what `store` writes to `deliver`, which takes a batch as JSON and says whether it is done
    /// with all of it. The first thing it is given is the reconcile.
    ///
    /// Returns the stream, and the store to write with.
    pub(crate) fn start<F, R>(store: Store, deliver: F) -> (Self, Store)
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = bool> + Send + 'static,
    {
        let (sender, receiver) = mpsc::unbounded_channel();
        let written = sender.clone();
        let hints = Hints::new(move |partition, sort_key| {
            // It fails only once the worker is gone, and with it the system.
            let _ = written
                .send(Message::Written { partition: partition.to_owned(), sort_key: sort_key.to_owned() });
        });
        let worker = tokio::spawn(work(receiver, store.clone(), deliver));
        (Self { sender, worker }, store.with_hints(hints))
    }

    /// Waits until everything that was written before is sealed.
    pub(crate) async fn settled(&self) {
        let (done, wait) = oneshot::channel();
        if self.sender.send(Message::Settle(done)).is_ok() {
            // An error means that the worker is gone, and so is the system.
            let _ = wait.await;
        }
    }

    /// Seals what was written, and ends.
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
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }
}

/// Has the backlog taken up until it is empty, or cannot be read. On AWS a schedule does it once a minute.
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

/// Gives a batch until it is done: a stream does not pass over what failed.
async fn give<F, R>(deliver: &F, batch: Value)
where
    F: Fn(Value) -> R,
    R: Future<Output = bool>,
{
    while !deliver(batch.clone()).await {
        tokio::time::sleep(PAUSE).await;
    }
}

/// A record as the table's stream has it, with the view of the template: keys alone.
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
