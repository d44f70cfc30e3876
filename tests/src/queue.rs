//! An SQS queue with every fault that SQS permits, and the event source mapping that empties it.
//!
//! Time is counted in receives, so that a drill is over as soon as its work is done: after each receive a
//! message is hidden for some receives, and then visible again unless it was deleted. The plan says how often
//! each fault happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    pin::pin,
    sync::Mutex,
    task::Poll,
};

use aws_lambda_events::sqs::SqsBatchResponse;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// A fault between the bus and its function. `docs/faults.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueueFault {
    /// The bus brings an event twice, as two messages.
    SentTwice,
    /// A batch is delivered again although it was deleted.
    DeliveredTwice,
    /// Messages arrive in another order than they were sent.
    OutOfOrder,
    /// Messages become visible while the function still works on them, so that it has them twice at a time.
    VisibleTooEarly,
    /// The function did its work, and its answer is lost: the whole batch arrives again.
    AnswerLost,
    /// The function is ended in the middle of a batch, as by its time limit: the whole batch arrives again.
    FunctionEnded,
    /// Messages that failed too often go to the dead-letter queue, and are redriven later.
    GivenUp,
}

/// The share of each fault, from 0 to 1.
#[derive(Clone, Debug, Default)]
pub struct QueuePlan {
    /// The seed of all random choices.
    pub seed: u64,
    pub shares: BTreeMap<QueueFault, f64>,
}

/// A queue, and the outcome of its messages.
pub struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    plan: QueuePlan,
    random: fastrand::Rng,
    receives: u64,
    messages: BTreeMap<u64, Message>,
    sent: u64,
    in_flight: usize,
    closed: bool,
    /// The number of times that each fault happened.
    happened: BTreeMap<QueueFault, usize>,
    /// The messages that the function has handled.
    removed: BTreeSet<u64>,
    dead: Vec<(u64, String)>,
}

struct Message {
    body: String,
    receive_count: u32,
    visible_at: u64,
}

/// How an invocation of the function ends.
enum Ending {
    Alone,
    /// Another invocation has the same batch at the same time.
    BesideAnother,
    /// After this many steps, wherever it is then.
    After(usize),
}

/// Messages in a batch, at most.
const BATCH: usize = 10;
/// Receives for which a message is hidden.
const VISIBILITY: u64 = 6;
/// Receives after which a message goes to the dead-letter queue.
pub const MAX_RECEIVE_COUNT: u32 = 5;

impl Queue {
    pub fn new(plan: QueuePlan) -> Self {
        let random = fastrand::Rng::with_seed(plan.seed);
        let state = State {
            plan,
            random,
            receives: 0,
            messages: BTreeMap::new(),
            sent: 0,
            in_flight: 0,
            closed: false,
            happened: BTreeMap::new(),
            removed: BTreeSet::new(),
            dead: Vec::new(),
        };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// Puts a message into the queue. Returns its number.
    pub fn send(&self, body: &str) -> u64 {
        let mut state = self.state.lock().unwrap();
        let number = state.put(body);
        if state.befalls(QueueFault::SentTwice) {
            state.put(body);
        }
        drop(state);
        self.changed.notify_waiters();
        number
    }

    /// No more messages follow: the workers end when all are handled.
    pub fn close(&self) {
        self.state.lock().unwrap().closed = true;
        self.changed.notify_waiters();
    }

    /// Gives batches to `deliver` until the queue is closed and empty. An error of `deliver` stands for a
    /// function that crashed or ran out of time.
    pub async fn work(&self, deliver: impl AsyncFn(Value) -> Result<SqsBatchResponse, String>) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (batch, ending, ended) = self.receive();
            if ended {
                return;
            }
            if batch.is_empty() {
                if self.is_quiet() {
                    changed.await;
                }
                continue;
            }
            let event = event(&batch);
            let answer = match ending {
                Ending::Alone => deliver(event).await,
                Ending::BesideAnother => {
                    let (_, second) = futures::join!(deliver(event.clone()), deliver(event));
                    second
                }
                Ending::After(steps) => end_after(steps, deliver(event)).await,
            };
            self.settle(&batch, answer);
        }
    }

    /// Puts the dead letters into the queue again. Returns their number.
    pub fn redrive(&self) -> usize {
        let mut state = self.state.lock().unwrap();
        let dead = std::mem::take(&mut state.dead);
        for (number, body) in &dead {
            let message = Message { body: body.clone(), receive_count: 0, visible_at: 0 };
            state.messages.insert(*number, message);
        }
        drop(state);
        self.changed.notify_waiters();
        dead.len()
    }

    /// True if no message waits or is being worked on.
    pub fn is_empty(&self) -> bool {
        self.state.lock().unwrap().messages.is_empty()
    }

    /// Stops all faults from now on.
    pub fn heal(&self) {
        self.state.lock().unwrap().plan.shares.clear();
    }

    /// The numbers of the messages that were removed because the function had handled them.
    pub fn removed(&self) -> BTreeSet<u64> {
        self.state.lock().unwrap().removed.clone()
    }

    /// The number of messages that wait to be redriven.
    pub fn dead(&self) -> usize {
        self.state.lock().unwrap().dead.len()
    }

    /// The number of times that a fault happened.
    pub fn happened(&self, fault: QueueFault) -> usize {
        self.state.lock().unwrap().happened.get(&fault).copied().unwrap_or_default()
    }

    /// A batch, how the function that gets it ends, and whether all messages are handled.
    fn receive(&self) -> (Vec<(u64, String, u32)>, Ending, bool) {
        let mut state = self.state.lock().unwrap();
        if state.in_flight == 0 {
            // No worker is busy: time moves on to the next visible message.
            let next = state.messages.values().map(|message| message.visible_at).min();
            state.receives = state.receives.max(next.unwrap_or_default());
        }
        state.receives += 1;
        let now = state.receives;
        let mut visible: Vec<_> = state
            .messages
            .iter()
            .filter(|(_, message)| message.visible_at < now)
            .map(|(number, _)| *number)
            .collect();
        if visible.len() > 1 && state.befalls(QueueFault::OutOfOrder) {
            state.random.shuffle(&mut visible);
        }
        visible.truncate(BATCH);
        let mut batch = Vec::new();
        for number in visible {
            let Some(message) = state.messages.get_mut(&number) else { continue };
            message.receive_count += 1;
            message.visible_at = now + VISIBILITY;
            if message.receive_count > MAX_RECEIVE_COUNT {
                let dead = state.messages.remove(&number);
                state.dead.extend(dead.map(|message| (number, message.body)));
                *state.happened.entry(QueueFault::GivenUp).or_default() += 1;
            } else {
                batch.push((number, message.body.clone(), message.receive_count));
            }
        }
        state.in_flight += usize::from(!batch.is_empty());
        let ending = match batch.len() {
            0 => Ending::Alone,
            _ if state.befalls(QueueFault::VisibleTooEarly) => Ending::BesideAnother,
            _ if state.befalls(QueueFault::FunctionEnded) => Ending::After(state.random.usize(1..30)),
            _ => Ending::Alone,
        };
        let ended = state.closed && state.messages.is_empty();
        drop(state);
        if ended {
            self.changed.notify_waiters();
        }
        (batch, ending, ended)
    }

    /// True if nothing can be received until something else happens.
    fn is_quiet(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.in_flight > 0 || state.messages.is_empty()
    }

    fn settle(&self, batch: &[(u64, String, u32)], answer: Result<SqsBatchResponse, String>) {
        let mut state = self.state.lock().unwrap();
        state.in_flight -= 1;
        let lost = state.befalls(QueueFault::AnswerLost);
        let again = state.befalls(QueueFault::DeliveredTwice);
        if let (Ok(answer), false) = (answer, lost) {
            let failed: BTreeSet<_> =
                answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
            for (number, body, _) in batch.iter().filter(|(number, ..)| !failed.contains(&number.to_string()))
            {
                state.messages.remove(number);
                state.removed.insert(*number);
                if again {
                    // Delivery is at least once: a server that missed the deletion still has a copy.
                    state.put(body);
                }
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }
}

impl State {
    fn put(&mut self, body: &str) -> u64 {
        let number = self.sent;
        self.sent += 1;
        self.messages.insert(number, Message { body: body.to_owned(), receive_count: 0, visible_at: 0 });
        number
    }

    fn befalls(&mut self, fault: QueueFault) -> bool {
        let share = self.plan.shares.get(&fault).copied().unwrap_or_default();
        let befalls = self.random.f64() < share;
        if befalls {
            *self.happened.entry(fault).or_default() += 1;
        }
        befalls
    }
}

/// Polls a future this many times, and then drops it.
async fn end_after(
    steps: usize,
    future: impl Future<Output = Result<SqsBatchResponse, String>>,
) -> Result<SqsBatchResponse, String> {
    let mut future = pin!(future);
    let mut taken = 0;
    poll_fn(|context| {
        taken += 1;
        match future.as_mut().poll(context) {
            Poll::Pending if taken > steps => Poll::Ready(Err("ended by its time limit".to_owned())),
            polled => polled,
        }
    })
    .await
}

fn event(batch: &[(u64, String, u32)]) -> Value {
    json!({"Records": batch.iter().map(|(number, body, receive_count): &(u64, String, u32)| {
        json!({
            "messageId": number.to_string(),
            "receiptHandle": format!("{number}#{receive_count}"),
            "body": body,
            "attributes": {
                "SentTimestamp": "1739875657000",
                "ApproximateReceiveCount": receive_count.to_string(),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:BusQueue",
            "awsRegion": "us-east-1",
        })
    }).collect::<Vec<_>>()})
}
