//! The actors of the workload: senders at both doors, readers of both views, admins, and a second sealer.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use indicatif::ProgressBar;
use serde_json::{Value, json};
use shared::store::Store;
use tests::{
    Answer, Client, TestApp, invoke,
    queue::Queue,
    sample::at,
    stream::{StreamFault, batches},
};

use crate::history::{FeedPage, History, Message, Page, Reply, Told, Walk};

/// The share of recording requests that the client gives up before the answer.
const AMBIGUOUS: f64 = 0.2;
/// The share of recorded events that are sent again.
const REPEATED: f64 = 0.05;
/// The share of recorded events that are sent again with other content.
const CONFLICTING: f64 = 0.01;
/// The maximum number of events in a request.
const BATCH: usize = 25;

/// The state that all actors share.
pub(crate) struct World<'a> {
    pub(crate) app: &'a TestApp,
    pub(crate) queue: &'a Queue,
    pub(crate) history: Mutex<History>,
    pub(crate) bar: ProgressBar,
    /// True when nothing more is sent.
    pub(crate) sent: AtomicBool,
    /// The records for the second sealer: workspace and sort key.
    written: Mutex<Vec<(String, String)>>,
}

/// A workspace in use. The token of its senders may be replaced at any time.
pub(crate) struct Workspace {
    pub(crate) name: String,
    pub(crate) events: usize,
    writer: Mutex<Client>,
    numbers: AtomicUsize,
}

impl<'a> World<'a> {
    pub(crate) fn new(app: &'a TestApp, queue: &'a Queue, bar: ProgressBar) -> Self {
        let (history, written) = (Mutex::default(), Mutex::default());
        Self { app, queue, history, bar, sent: AtomicBool::new(false), written }
    }

    fn history<T>(&self, tell: impl FnOnce(&mut History) -> T) -> T {
        tell(&mut self.history.lock().unwrap())
    }

    fn heard(&self, answer: &Answer) {
        // API Gateway's own 503, for a function without a free execution, has no problem id and no Retry-After.
        let is_gateways = answer.status == 503 && answer.body.get("id").is_none();
        let says_when_to_retry = is_gateways || answer.headers.contains_key("retry-after");
        let reply = Reply { status: answer.status, says_when_to_retry, text: answer.text.clone() };
        self.history(|history| history.answers.push(reply));
    }

    /// A token from an admin who asks until one is created.
    async fn token(&self, workspace: &str, scope: &str) -> Client {
        loop {
            let answer =
                self.app.admin(workspace).create_token(&json!({"name": "drill", "scopes": [scope]})).await;
            self.heard(&answer);
            if answer.status == 201 {
                let token = answer.body["token"].as_str().unwrap().to_owned();
                self.history(|history| history.created.push((workspace.to_owned(), token)));
                return self.app.client(workspace).with_token(&answer.body);
            }
        }
    }

    /// The answer to a client that asks until it gets one.
    async fn get(&self, ask: impl AsyncFn() -> Answer) -> Value {
        loop {
            let answer = ask().await;
            self.heard(&answer);
            if answer.status == 200 {
                return answer.body;
            }
            assert!(matches!(answer.status, 500..), "{}", answer.text);
        }
    }
}

impl Workspace {
    pub(crate) async fn open(world: &World<'_>, name: &str, events: usize) -> Self {
        let writer = Mutex::new(world.token(name, "audit_log:write").await);
        Self { name: name.to_owned(), events, writer, numbers: AtomicUsize::new(0) }
    }

    /// Takes the next events to send, if there are any left.
    fn take(&self, wanted: usize) -> Vec<(Value, Told)> {
        let first = self.numbers.fetch_add(wanted, Ordering::SeqCst);
        (first..self.events.min(first + wanted)).map(|number| self.event(number, "one")).collect()
    }

    fn event(&self, number: usize, actor: &str) -> (Value, Told) {
        let event = json!({
            "id": format!("{}.{number}", self.name),
            "timestamp": at(i64::try_from(number).unwrap()),
            "action": "group_created",
            "actor": {"user_id": actor},
        });
        let told = Told::of(&event);
        (event, told)
    }

    /// Sends events through both doors until there are none left.
    pub(crate) async fn send(&self, world: &World<'_>, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        loop {
            let count = if random.bool() { 1 } else { random.usize(2..=BATCH) };
            let events = self.take(count);
            if events.is_empty() {
                return;
            }
            if random.bool() {
                self.record(world, &events, &mut random).await;
            } else {
                events.iter().for_each(|event| self.put(world, event, &mut random));
            }
            world.bar.inc(events.len() as u64);
            if random.f64() < CONFLICTING {
                let (_, told) = &events[0];
                let number = told.id.split('.').nth(1).unwrap().parse().unwrap();
                let other = self.event(number, "another");
                // If one of two was not acknowledged, their order is unknown.
                let acknowledged =
                    world.history(|history| history.acknowledged.iter().any(|known| known.event == *told));
                if acknowledged {
                    self.record(world, std::slice::from_ref(&other), &mut random).await;
                    self.put(world, &other, &mut random);
                }
            }
        }
    }

    /// Sends a request until every event has a result.
    async fn record(&self, world: &World<'_>, events: &[(Value, Told)], random: &mut fastrand::Rng) {
        let bodies: Vec<_> = events.iter().map(|(event, _)| event.clone()).collect();
        let body = if bodies.len() == 1 { bodies[0].clone() } else { json!({ "events": bodies }) };
        let mut heard = false;
        while !heard || random.f64() < REPEATED {
            let writer = self.writer.lock().unwrap().clone();
            if random.f64() < AMBIGUOUS {
                // The request is cut off before, while, or after it is executed.
                let patience = Duration::from_millis(random.u64(0..30));
                let _ = tokio::time::timeout(patience, writer.record(&body)).await;
                continue;
            }
            let answer = writer.record(&body).await;
            world.heard(&answer);
            match (answer.status, answer.body["results"].as_array()) {
                // The token was revoked; there is a new one.
                (403, _) => {}
                (409, _) => {
                    self.refused(world, &events[0].1);
                    heard = true;
                }
                (_, Some(results)) => {
                    for (result, (_, told)) in results.iter().zip(events) {
                        match result["status"].as_str() {
                            Some("recorded") => self.acknowledged(world, told, true),
                            Some("duplicate") => self.acknowledged(world, told, false),
                            Some("conflict") => self.refused(world, told),
                            _ => {}
                        }
                    }
                    heard |= answer.status < 300;
                }
                (status, None) => assert!(status >= 500, "{}", answer.text),
            }
        }
    }

    fn acknowledged(&self, world: &World<'_>, told: &Told, as_new: bool) {
        world.history(|history| history.acknowledge(&self.name, told.clone(), as_new));
        let key = format!("{}#{}", told.timestamp, told.id);
        world.written.lock().unwrap().push((self.name.clone(), key));
    }

    fn refused(&self, world: &World<'_>, told: &Told) {
        world.history(|history| history.conflicts.push((self.name.clone(), told.clone())));
    }

    /// Puts an event on the bus, sometimes twice, and sometimes with a message that is not an event.
    fn put(&self, world: &World<'_>, (event, told): &(Value, Told), random: &mut fastrand::Rng) {
        let mut detail = event.clone();
        detail["workspace"] = json!(self.name);
        self.message(world, &detail, Some(told.clone()), random);
        if random.f64() < REPEATED {
            self.message(world, &detail, Some(told.clone()), random);
        }
        if random.f64() < CONFLICTING {
            self.message(world, &json!({"workspace": self.name}), None, random);
        }
    }

    fn message(&self, world: &World<'_>, detail: &Value, event: Option<Told>, random: &mut fastrand::Rng) {
        let envelope = format!("{:016x}", random.u64(..));
        let number = world.queue.send(&invoke::envelope(&envelope, detail).to_string());
        let message = Message { number, workspace: self.name.clone(), envelope, event };
        world.history(|history| history.messages.push(message));
    }

    /// Replaces the senders' token and revokes the old one, again and again.
    pub(crate) async fn rotate(&self, world: &World<'_>) {
        let mut next = self.events / 5;
        while !world.sent.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.numbers.load(Ordering::SeqCst) < next {
                continue;
            }
            next += self.events / 5;
            let new = world.token(&self.name, "audit_log:write").await;
            let old = std::mem::replace(&mut *self.writer.lock().unwrap(), new);
            let revoked = async || world.app.admin(&self.name).revoke_token(&old.token).await;
            while {
                let answer = revoked().await;
                world.heard(&answer);
                answer.status != 204
            } {}
            world.history(|history| history.revoked.push((self.name.clone(), old.token.clone())));
        }
    }

    /// Follows the feed to its end.
    pub(crate) async fn follow(&self, world: &World<'_>) {
        let reader = world.token(&self.name, "audit_log:read").await;
        let mut after = -1;
        loop {
            let last = world.sent.load(Ordering::SeqCst);
            let page = world.get(async || reader.feed(&format!("after={after}&limit=200")).await).await;
            let events = page["audit_logs"].as_array().unwrap();
            let leaves_record = !events.iter().all(|event: &Value| {
                event["action"] == "audit_log_accessed" && event["actor"]["user_id"] == reader.token.as_str()
            });
            let next_after = page["next_after"].as_i64().unwrap();
            let fed = FeedPage {
                workspace: self.name.clone(),
                token: reader.token.clone(),
                after,
                next_after,
                events: events
                    .iter()
                    .map(|event: &Value| (event["sequence"].as_i64().unwrap(), Told::of(event)))
                    .collect(),
                leaves_record,
            };
            world.history(|history| history.feeds.push(fed));
            if last && !leaves_record && page["has_more"] == false {
                return;
            }
            after = next_after;
            if page["has_more"] == false {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// Reads the whole time view, now and at the end, and tries another workspace in between.
    pub(crate) async fn look(&self, world: &World<'_>, other: &str) {
        let reader = world.token(&self.name, "audit_log:read").await;
        let mut next = self.events / 3;
        while !world.sent.load(Ordering::SeqCst) {
            if self.numbers.load(Ordering::SeqCst) >= next {
                next += self.events / 3;
                self.walk(world, &reader).await;
                let trespass = reader.asking_for(other).list("").await;
                world.heard(&trespass);
                world.history(|history| history.trespasses.push(trespass.status));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.walk(world, &reader).await;
    }

    async fn walk(&self, world: &World<'_>, reader: &Client) {
        let began_at = world.history(History::now);
        let mut events = BTreeSet::new();
        let mut cursor = String::new();
        loop {
            let page = world.get(async || reader.list(&format!("order=asc&limit=1000{cursor}")).await).await;
            let told: Vec<_> = page["audit_logs"].as_array().unwrap().iter().map(Told::of).collect();
            events.extend(told.iter().cloned());
            let page_seen = Page { workspace: self.name.clone(), token: reader.token.clone(), events: told };
            world.history(|history| history.pages.push(page_seen));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let walk = Walk { workspace: self.name.clone(), began_at, events };
        world.history(|history| history.walks.push(walk));
    }
}

/// Seals acknowledged events next to the system's own sealer, with records that arrive twice, in reverse order
/// or not at all.
pub(crate) async fn seal(world: &World<'_>, store: &Store) {
    let faults = [
        StreamFault::RecordsLost,
        StreamFault::RecordsTwice,
        StreamFault::RecordsReversed,
        StreamFault::RecordsOfNothing,
    ];
    let mut faults = faults.into_iter().cycle();
    loop {
        let last = world.sent.load(Ordering::SeqCst);
        let written = std::mem::take(&mut *world.written.lock().unwrap());
        let workspaces: BTreeSet<_> = written.iter().map(|(workspace, _)| workspace).collect();
        for workspace in workspaces {
            let keys: Vec<_> =
                written.iter().filter(|(of, _)| of == workspace).map(|(_, key)| key.clone()).collect();
            for batch in batches(workspace, &keys, faults.next()) {
                // If it could not seal a record, the other sealer or the search at the end does.
                invoke::sealer(store, batch).await;
            }
        }
        if last {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
