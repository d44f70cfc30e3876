//! A standard SQS queue and the event source mapping that empties it into a function.
//!
//! As on AWS: batches up to the template's size and Lambda's 6 MB, several at a time, partial batch failures,
//! redelivery with a growing receive count, and dead letters after the template's maximum. Unlike on AWS, a
//! single message is delivered at once, without the batching window, and a failed one is delivered again after
//! a hundredth of the visibility timeout, so that tests do not wait for minutes. Messages live in memory: a
//! killed process loses the undelivered ones, and a process that is asked to stop delivers them first.

mod dead_letters;
mod message;

use std::{
    collections::VecDeque,
    future::Future,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lambda_events::sqs::SqsBatchResponse;
use serde::Serialize;
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use self::{dead_letters::DeadLetters, message::Message};
use crate::{Error, template::QueueSettings};

/// Batches in progress at a time; AWS begins with more.
const CONCURRENCY: usize = 2;
/// The largest payload of an invocation.
const MAX_BATCH_BYTES: usize = 6 * 1024 * 1024;
/// The visibility timeout is divided by this.
const TIMEOUT_SCALE: u32 = 100;

/// A queue and the workers that empty it.
pub(crate) struct Queue {
    shared: Arc<Shared>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

/// The numbers of messages by their outcome so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct QueueStatus {
    /// Messages that wait for the function, for the first time or again.
    pub(crate) waiting: usize,
    /// Messages that the function has now.
    pub(crate) in_flight: usize,
    /// Messages that the function has handled.
    pub(crate) delivered: u64,
    /// Deliveries after a failure.
    pub(crate) redelivered: u64,
    /// Messages that became dead letters.
    pub(crate) dead_letters: usize,
}

struct Shared {
    settings: QueueSettings,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Message>,
    delayed: Vec<(Instant, Message)>,
    in_flight: usize,
    delivered: u64,
    redelivered: u64,
    dead_letters: DeadLetters,
    closing: bool,
}

/// The next task of a worker.
enum Next {
    Deliver(Vec<Message>),
    WaitUntil(Option<Instant>),
    Stop,
}

impl Queue {
    /// Starts to give messages to `deliver`, as SQS events in JSON. Dead letters are stored in the file
    /// `dead_letters` if it is given, else in memory.
    pub(crate) fn start<F, R>(
        settings: QueueSettings,
        dead_letters: Option<&Path>,
        deliver: F,
    ) -> Result<Self, Error>
    where
        F: Fn(String) -> R + Clone + Send + 'static,
        R: Future<Output = Result<SqsBatchResponse, String>> + Send + 'static,
    {
        let dead_letters = DeadLetters::open(dead_letters)?;
        let state = State { dead_letters, ..State::default() };
        let shared = Arc::new(Shared { settings, state: Mutex::new(state), changed: Notify::new() });
        let workers = (0..CONCURRENCY).map(|_| tokio::spawn(work(shared.clone(), deliver.clone())));
        Ok(Self { workers: Mutex::new(workers.collect()), shared })
    }

    /// Puts a message into the queue.
    pub(crate) fn send(&self, body: String) {
        self.shared.state().ready.push_back(Message::new(body, jiff::Timestamp::now()));
        self.shared.changed.notify_waiters();
    }

    /// Makes a message a dead letter without giving it to the function.
    pub(crate) fn bury(&self, body: String, reason: &str) {
        let message = Message::new(body, jiff::Timestamp::now());
        self.shared.state().dead_letters.add(&message, reason);
    }

    pub(crate) fn status(&self) -> QueueStatus {
        let state = self.shared.state();
        QueueStatus {
            waiting: state.ready.len() + state.delayed.len(),
            in_flight: state.in_flight,
            delivered: state.delivered,
            redelivered: state.redelivered,
            dead_letters: state.dead_letters.count(),
        }
    }

    /// Waits until every message is delivered or a dead letter.
    pub(crate) async fn settled(&self) {
        self.shared.wait(|state| state.is_empty().then_some(())).await;
    }

    /// Delivers the remaining messages, failed ones without delay, and stops.
    pub(crate) async fn drain(&self) {
        self.shared.state().closing = true;
        self.shared.changed.notify_waiters();
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            // Our code cannot panic in a worker; a panic of the function is caught by its task.
            let _ = worker.await;
        }
    }
}

async fn work<F, R>(shared: Arc<Shared>, deliver: F)
where
    F: Fn(String) -> R + Clone + Send + 'static,
    R: Future<Output = Result<SqsBatchResponse, String>> + Send + 'static,
{
    while let Some(batch) = shared.next_batch().await {
        let event = message::event(&batch, &shared.settings.name);
        // In a task of its own, so that a panic of the function is a failed batch.
        let deliver = deliver.clone();
        let failed = match tokio::spawn(async move { deliver(event).await }).await {
            Ok(Ok(response)) => message::failed_ids(&response, &batch),
            Ok(Err(error)) => {
                tracing::warn!(error, "a batch failed and comes again");
                None
            }
            Err(_panic) => None,
        };
        shared.settle(batch, failed.as_deref());
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // State changes in single steps, so it is consistent even after a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next_batch(&self) -> Option<Vec<Message>> {
        loop {
            let mut changed: Pin<_> = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let next = self.state().next(self.settings.batch_size);
            match next {
                Next::Deliver(batch) => return Some(batch),
                Next::Stop => return None,
                Next::WaitUntil(None) => changed.await,
                Next::WaitUntil(Some(due)) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    async fn wait<T>(&self, mut ready: impl FnMut(&State) -> Option<T>) -> T {
        loop {
            let mut changed: Pin<_> = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let found = ready(&self.state());
            match found {
                Some(found) => return found,
                None => changed.await,
            }
        }
    }

    /// Takes the failed messages back (all if `failed` is `None`), and removes the others.
    fn settle(&self, batch: Vec<Message>, failed: Option<&[String]>) {
        let delay: Duration = self.settings.visibility_timeout / TIMEOUT_SCALE;
        let mut state = self.state();
        for message in batch {
            state.in_flight -= 1;
            if failed.is_some_and(|ids| !ids.contains(&message.id)) {
                state.delivered += 1;
            } else if message.receive_count >= self.settings.max_receive_count {
                state.dead_letters.add(&message, "given to the function too often");
            } else {
                state.redelivered += 1;
                state.delayed.push((Instant::now() + delay, message));
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.delayed.is_empty() && self.in_flight == 0
    }

    fn next(&mut self, batch_size: usize) -> Next {
        let now = Instant::now();
        let closing = self.closing;
        let due = self.delayed.extract_if(.., |(due, _)| closing || *due <= now);
        self.ready.extend(due.map(|(_, message)| message));
        let mut batch: Vec<Message> = Vec::new();
        let mut size_bytes = 0;
        while let Some(message) = self.ready.front() {
            size_bytes += message.size_bytes();
            if batch.len() == batch_size || (!batch.is_empty() && size_bytes > MAX_BATCH_BYTES) {
                break;
            }
            batch.extend(self.ready.pop_front().map(|message| message.received(jiff::Timestamp::now())));
        }
        if !batch.is_empty() {
            self.in_flight += batch.len();
            return Next::Deliver(batch);
        }
        if self.closing && self.is_empty() {
            return Next::Stop;
        }
        Next::WaitUntil(self.delayed.iter().map(|(due, _)| *due).min())
    }
}

#[cfg(test)]
mod tests;
