//! The way from a sealed log to `deliver`: the stream of the ledger's table, the pipe behind it, and the FIFO
//! queue with a group for each workspace.
//!
//! The store calls this module with each head that it moves, as the pipe would for each record of a head. As on
//! AWS, each message is an invocation of its own, a workspace has one at a time, and the template's maximum
//! limits all together. Unlike on AWS, waiting messages of a workspace become one, because the first would
//! deliver everything. A hint whose function failed is dropped, because the schedule delivers as well.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};
use shared::store::Hints;
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinHandle, JoinSet},
};

/// The queue, and the task that empties it.
pub(crate) struct HintQueue {
    worker: JoinHandle<()>,
}

/// By workspace: true if a hint waits while another one is handled.
type Groups = Arc<Mutex<HashMap<String, bool>>>;

impl HintQueue {
    /// Gives each hint to `deliver`, as an SQS event in JSON; at most `concurrency` at a time. The returned
    /// `Hints` is for the store that moves heads.
    pub(crate) fn start<F, R>(concurrency: usize, deliver: F) -> (Self, Hints)
    where
        F: Fn(Value) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = mpsc::unbounded_channel();
        let hints = Hints::new(move |workspace, _| {
            // It fails only after the worker has ended with the system.
            let _ = sender.send(workspace.to_owned());
        });
        (Self { worker: tokio::spawn(work(receiver, concurrency, deliver)) }, hints)
    }

    /// Gives no further hints. Invocations in progress are cut off, as if their function had been killed.
    pub(crate) fn stop(self) {
        self.worker.abort();
    }
}

async fn work<F, R>(mut hints: mpsc::UnboundedReceiver<String>, concurrency: usize, deliver: F)
where
    F: Fn(Value) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let executions = Arc::new(Semaphore::new(concurrency));
    let groups = Groups::default();
    let mut running = JoinSet::new();
    while let Some(workspace) = hints.recv().await {
        while running.try_join_next().is_some() {}
        let is_free = match lock(&groups).get_mut(&workspace) {
            Some(waits) => {
                *waits = true;
                false
            }
            None => true,
        };
        if !is_free {
            continue;
        }
        lock(&groups).insert(workspace.clone(), false);
        let (groups, executions, deliver) = (groups.clone(), executions.clone(), deliver.clone());
        running.spawn(async move {
            loop {
                // Fair: the workspace that has waited longest is next.
                let Ok(_execution) = executions.acquire().await else { return };
                deliver(message(&workspace)).await;
                let mut groups = lock(&groups);
                match groups.get_mut(&workspace) {
                    Some(waits) if *waits => *waits = false,
                    _ => {
                        groups.remove(&workspace);
                        return;
                    }
                }
            }
        });
    }
}

fn lock(groups: &Groups) -> std::sync::MutexGuard<'_, HashMap<String, bool>> {
    groups.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message in the form of the template's pipe.
fn message(workspace: &str) -> Value {
    json!({"Records": [{
        "messageId": uuid::Uuid::now_v7().to_string(),
        "body": json!({"workspace": workspace}).to_string(),
        "attributes": {"MessageGroupId": workspace, "ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "awsRegion": crate::template::REGION,
    }]})
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_workspace_has_one_invocation_at_a_time_and_delays_no_other() {
        let (told, mut given) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let opened = gate.clone();
        let (queue, hints) = HintQueue::start(8, move |event: Value| {
            let (told, gate) = (told.clone(), gate.clone());
            async move {
                let body = event["Records"][0]["body"].as_str().unwrap().to_owned();
                told.send(body.clone()).unwrap();
                if body.contains("slow") {
                    gate.acquire().await.unwrap().forget();
                }
            }
        });
        let (slow, quick) = (r#"{"workspace":"slow"}"#, r#"{"workspace":"quick"}"#);
        for workspace in ["slow", "slow", "slow", "quick"] {
            hints.tell(workspace, "head");
        }
        // The first hint of the slow workspace is not finished, and its others wait.
        assert_eq!([given.recv().await.unwrap(), given.recv().await.unwrap()], [slow, quick]);
        // One of the waiting hints is given: it covers both.
        opened.add_permits(2);
        assert_eq!(given.recv().await.unwrap(), slow);
        hints.tell("quick", "head");
        assert_eq!(given.recv().await.unwrap(), quick);
        queue.stop();
    }
}
