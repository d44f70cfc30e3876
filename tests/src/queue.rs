//! An SQS queue as it is at its worst, and the event source mapping that empties it.
//!
//! Time is counted in receives, so that a drill is over as soon as its work is done: a message is hidden
//! for some receives after each, and seen again after those unless it was deleted. Everything that
//! SQS allows itself happens here, as often as the plan says.

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

/// What may go wrong between the bus and its function. `docs/faults.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueueFault {
    /// The bus brings an event twice, as two messages.
    SentTwice,
    /// A batch is delivered again though it was deleted.
    DeliveredTwice,
    /// Messages come in another order than they were sent in.
    OutOfOrder,
    /// Messages are seen again while the function still works on them: it has them twice at a time.
    VisibleTooEarly,
    /// The function did its work, and its answer is lost: the whole batch comes again.
    AnswerLost,
    /// The function is ended in the middle of a batch, as by its time limit: the whole batch comes again.
    FunctionEnded,
    /// Messages that failed too often are given up, and redriven later.
    GivenUp,
}

/// How often what goes wrong; each a share from 0 to 1.
#[derive(Clone, Debug, Default)]
pub struct QueuePlan {
    /// The seed of all that is left to chance.
    pub seed: u64,
    /// How often each fault happens.
    pub shares: BTreeMap<QueueFault, f64>,
}

/// A queue, and all that became of its messages.
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
    /// How often each fault happened.
    happened: BTreeMap<QueueFault, usize>,
    /// The messages that the function was done with.
    removed: BTreeSet<u64>,
    dead: Vec<(u64, String)>,
}

struct Message {
    body: String,
    receive_count: u32,
    visible_at: u64,
}

/// How a function comes to its end.
enum Ending {
    Alone,
    /// Another one has the same batch at the same time.
    BesideAnother,
    /// After so many steps, wherever it is then.
    After(usize),
}

/// The most messages of a batch.
const BATCH: usize = 10;
/// For how many receives a message is hidden.
const VISIBILITY: u64 = 6;
/// After how many receives a message is given up.
pub const MAX_RECEIVE_COUNT: u32 = 5;

impl Queue {
    /// An empty queue.
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

    /// Takes a message; its number.
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

    /// No more messages come: the workers end when all are done.
    pub fn close(&self) {
        self.state.lock().unwrap().closed = true;
        self.changed.notify_waiters();
    }

    /// Gives batches to `deliver` until the queue is closed and empty. An error of it is a function that
    /// crashed or ran out of time.
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

    /// The messages that were given up: their numbers and bodies. They are put into the queue again.
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

    /// Whether no message waits or is being worked on.
    pub fn is_empty(&self) -> bool {
        self.state.lock().unwrap().messages.is_empty()
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        self.state.lock().unwrap().plan.shares.clear();
    }

    /// The numbers of the messages that were removed because the function was done with them.
    pub fn removed(&self) -> BTreeSet<u64> {
        self.state.lock().unwrap().removed.clone()
    }

    /// How many messages wait to be redriven.
    pub fn dead(&self) -> usize {
        self.state.lock().unwrap().dead.len()
    }

    /// How often a fault happened.
    pub fn happened(&self, fault: QueueFault) -> usize {
        self.state.lock().unwrap().happened.get(&fault).copied().unwrap_or_default()
    }

    /// A batch, how the function that has it ends, and whether all is done.
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

    /// Whether nothing can be received until something else happens.
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
                    // At-least-once: a copy of it was on a server that did not hear of the deletion.
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

/// Goes so many steps of a future, and then drops it.
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
    let record = |(number, body, receive_count): &(u64, String, u32)| {
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
    };
    json!({"Records": batch.iter().map(record).collect::<Vec<_>>()})
}
