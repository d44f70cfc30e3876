//! The way from a sealed log to `deliver`: the stream of the ledger's table, the pipe behind it, and the FIFO queue with a
//! group for each workspace.
//!
//! The store calls with each head that it moves, as the pipe would for each record of a head. As on AWS, each message is
//! an invocation of its own, a workspace has one at a time, and no more run at once than the template says. Unlike there,
//! messages of a workspace that wait become one: the first would deliver what all of them hint at. A hint whose function
//! failed is dropped, because the schedule delivers as well.

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

/// Whether a hint of a workspace waits while another is worked on.
type Groups = Arc<Mutex<HashMap<String, bool>>>;

impl HintQueue {
    /// Gives each hint to `deliver`, which takes an event of SQS as JSON; at most `concurrency` at a time. The hints are
    /// for the store that moves heads.
    pub(crate) fn start<F, R>(concurrency: usize, deliver: F) -> (Self, Hints)
    where
        F: Fn(Value) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = mpsc::unbounded_channel();
        let hints = Hints::new(move |workspace, _| {
            // It fails only once the worker is gone, and with it the system.
            let _ = sender.send(workspace.to_owned());
        });
        (Self { worker: tokio::spawn(work(receiver, concurrency, deliver)) }, hints)
    }

    /// Gives no further hints. What is under way is cut off, as if its function had been killed.
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

/// A message as the pipe of the template makes it.
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
    async fn a_workspace_has_one_invocation_at_a_time_and_keeps_no_other_waiting() {
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
        // The first of the slow one is not done, and the others of it wait.
        assert_eq!([given.recv().await.unwrap(), given.recv().await.unwrap()], [slow, quick]);
        // One of those that wait is given: it covers both.
        opened.add_permits(2);
        assert_eq!(given.recv().await.unwrap(), slow);
        hints.tell("quick", "head");
        assert_eq!(given.recv().await.unwrap(), quick);
        queue.stop();
    }
}
