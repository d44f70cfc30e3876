//! Sends the logs of workspaces to the destinations of their admins: webhooks, Splunk, Datadog, event buses.
//!
//! It reads the log like any other reader, and stores one number for each stream. It sends a copy of the log,
//! and never needs again what it has sent. No request waits for it, and it may end at any point.
//!
//! Workspaces are isolated from each other. A hint that the log of a workspace has grown has an invocation of
//! its own, one at a time for each workspace, which delivers all streams of the workspace at once. The schedule
//! finds the streams without a hint: those with a due retry, and those whose hint was lost.

mod bus;
mod destination;
mod entry;
mod failure;
mod internet;
mod pass;
#[cfg(test)]
mod sample;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use shared::{
    aws::{
        config::{Config, Streaming},
        secrets::Secrets,
    },
    model::{error::Error, id::WorkspaceId, timestamp::Timestamp},
    store::Store,
    stream::{Delivery, DestinationKind, StreamId},
    system,
};

use self::pass::{Turn, turn};
pub use self::{
    internet::{Internet, Reach},
    pass::LEASE_SECONDS,
};

/// No turn begins later than this before the deadline, so that a request in progress can finish and be noted.
const DEADLINE_MARGIN_SECONDS: i64 = 15;
/// Streams that are delivered at a time. A workspace has at most 20.
const CONCURRENCY: usize = 64;
/// Interval at which the log of a workspace is read again while one of its streams is busy, so that the others
/// do not wait for a slow one.
const WATCH: Duration = Duration::from_millis(250);

/// The log, the secrets and the ways to destinations.
#[derive(Debug)]
pub struct Post {
    /// The logs, and the progress of each stream.
    pub store: Store,
    /// The secrets that sign webhooks and authenticate to collectors.
    pub secrets: Secrets,
    pub internet: Internet,
    /// The access to AWS, for event buses.
    pub config: Config,
    /// An EventBridge endpoint other than the region's own.
    pub events_endpoint: Option<String>,
}

impl Post {
    /// A `Post` for these tables; no request is made yet.
    pub fn over(store: Store, config: Config, streaming: &Streaming) -> Self {
        let reach = if streaming.operator.insecure { Reach::Anywhere } else { Reach::Public };
        let (secrets, internet) = (Secrets::connect(&config, streaming), Internet::new(reach));
        Self { store, secrets, internet, config, events_endpoint: streaming.events_endpoint.clone() }
    }
}

/// The event of an invocation.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// Logs have grown, by messages of the queue.
    Grown {
        #[serde(rename = "Records")]
        records: Vec<Message>,
    },
    /// An operator wants one stream delivered.
    One { workspace: String, stream: String },
    /// The schedule of all streams.
    All {
        /// Always true.
        deliver: bool,
    },
}

/// A message of the queue.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// A [`Hint`] as JSON.
    pub body: String,
}

/// The message that the log of a workspace has grown.
#[derive(Debug, Deserialize)]
struct Hint {
    workspace: String,
}

/// A stream, by its workspace and id.
type Due = (WorkspaceId, StreamId);

/// The result of an invocation.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// The number of turns that streams had.
    pub turns: u64,
    /// The number of events that destinations accepted.
    pub events: u64,
    /// The number of turns that ended because a destination failed.
    pub failed: u64,
    /// The number of streams that were paused because they failed for too long.
    pub paused: u64,
}

/// Delivers one stream, a workspace or all streams that are due, as far as time allows. If a destination fails,
/// the function succeeds, and the problem is noted at the stream.
///
/// # Errors
/// If the store does not answer, or a log is inconsistent; the other streams are delivered nevertheless.
pub async fn handle(post: &Post, event: LambdaEvent<Trigger>) -> Result<Response, lambda_runtime::Error> {
    let ends_at = ends_at(event.context.deadline);
    let mut round = Round { post, ends_at, response: Response::default(), trouble: None };
    match event.payload {
        Trigger::Grown { records } => {
            let workspaces = records.iter().filter_map(grown);
            let rounds = workspaces.map(|workspace| async move {
                let mut round = Round { post, ends_at, response: Response::default(), trouble: None };
                round.workspace(&workspace).await;
                round
            });
            // Collected first: the compiler cannot see that a borrowing closure kept across an await is Send.
            let rounds: Vec<_> = rounds.collect();
            for Round { response, trouble, .. } in join_all(rounds).await {
                round.response.add(&response);
                round.trouble = round.trouble.or(trouble);
            }
        }
        Trigger::One { workspace, stream } => {
            round.run(vec![(WorkspaceId::parse(&workspace)?, StreamId::parse(&stream)?)]).await;
        }
        Trigger::All { deliver: _ } => {
            let due = in_fair_order(due(&post.store).await?);
            round.run(due).await;
        }
    }
    let Round { response, trouble, .. } = round;
    let Response { turns, events, failed, paused } = response;
    if events + failed + paused > 0 {
        tracing::info!(turns, events, failed, paused, "delivered");
    }
    trouble.map_or(Ok(response), |error| Err(error.into()))
}

/// The workspace of a hint. An unreadable hint is logged, because a retry would not help; the schedule delivers
/// the stream.
fn grown(message: &Message) -> Option<WorkspaceId> {
    let hint = serde_json::from_str::<Hint>(&message.body).ok();
    let workspace = hint.and_then(|hint| WorkspaceId::parse(&hint.workspace).ok());
    if workspace.is_none() {
        tracing::error!("a hint cannot be read");
    }
    workspace
}

/// An invocation in progress, for all streams or for those of a workspace.
struct Round<'a> {
    post: &'a Post,
    ends_at: Timestamp,
    response: Response,
    trouble: Option<Error>,
}

impl Round<'_> {
    /// Gives these streams their turns: first in this order, and then each one with more to deliver goes to the
    /// end of the queue.
    async fn run(&mut self, due: Vec<Due>) {
        let mut pending = VecDeque::from(due);
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < CONCURRENCY
                && system::now() < self.ends_at
                && let Some(due) = pending.pop_front()
            {
                running.push(logged(self.post, due, self.ends_at));
            }
            let Some((due, turn)) = running.next().await else { return };
            if self.count(turn) {
                pending.push_back(due);
            }
        }
    }

    /// Gives all streams of a workspace their turns at once. While one of them is busy, the others continue as
    /// the log grows.
    async fn workspace(&mut self, workspace: &WorkspaceId) {
        let (mut running, mut under_way) = (FuturesUnordered::new(), Vec::new());
        let mut looked_to = 0;
        loop {
            let has_time = system::now() < self.ends_at;
            match self.grown_streams(workspace, &mut looked_to).await {
                Ok(due) if has_time => {
                    for due in due {
                        if !under_way.contains(&due.1) {
                            under_way.push(due.1.clone());
                            running.push(logged(self.post, due, self.ends_at));
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => self.trouble = Some(error),
            }
            if running.is_empty() {
                return;
            }
            // Until one of them has ended, or it is time to read the log again.
            if let Ok(Some(((_, stream), turn))) = tokio::time::timeout(WATCH, running.next()).await {
                under_way.retain(|other| *other != stream);
                if self.count(turn) {
                    looked_to = 0;
                }
            }
        }
    }

    /// The streams of a workspace with something to deliver, if its log has grown since the last look.
    async fn grown_streams(&self, workspace: &WorkspaceId, looked_to: &mut u64) -> Result<Vec<Due>, Error> {
        let (store, now) = (&self.post.store, system::now());
        let head = store.head(workspace).await?.size();
        if head <= *looked_to {
            return Ok(Vec::new());
        }
        *looked_to = head;
        let streams = store.streams_of(workspace).await?.into_iter();
        let due = streams.filter(|delivery| delivery.is_due(now) && is_ours(delivery, head));
        Ok(due.map(|delivery| (delivery.stream.workspace, delivery.stream.id)).collect())
    }

    /// Counts a turn. Returns true if the stream has more to deliver.
    fn count(&mut self, turn: Result<Option<Turn>, Error>) -> bool {
        match turn {
            Ok(Some(turn)) => {
                self.response.count(turn);
                turn.has_more
            }
            Ok(None) => false,
            Err(error) => {
                self.trouble = Some(error);
                false
            }
        }
    }
}

/// Gives a stream its turn, and logs an error.
async fn logged(post: &Post, due: Due, ends_at: Timestamp) -> (Due, Result<Option<Turn>, Error>) {
    let (workspace, stream) = &due;
    let turn = turn(post, workspace, stream, ends_at).await;
    let turn = turn.inspect_err(|error| tracing::error!(%workspace, %stream, %error, "delivery failed"));
    (due, turn)
}

/// The first stream of each workspace, then the second of each, and so on; the workspaces in random order. So
/// neither many streams of one workspace nor the order of the table always delays the same streams.
fn in_fair_order(due: Vec<Due>) -> Vec<Due> {
    let mut by_workspace = HashMap::<WorkspaceId, Vec<Due>>::new();
    for due in due {
        by_workspace.entry(due.0.clone()).or_default().push(due);
    }
    let mut workspaces: Vec<_> = by_workspace.into_values().collect();
    fastrand::shuffle(&mut workspaces);
    let mut order = Vec::new();
    while !workspaces.is_empty() {
        order.extend(workspaces.iter_mut().filter_map(Vec::pop));
        workspaces.retain(|streams| !streams.is_empty());
    }
    order
}

impl Response {
    fn count(&mut self, Turn { events, failed, paused, has_more: _ }: Turn) {
        self.turns += 1;
        self.events += events;
        self.failed += u64::from(failed);
        self.paused += u64::from(paused);
    }

    fn add(&mut self, Self { turns, events, failed, paused }: &Self) {
        self.turns += turns;
        self.events += events;
        self.failed += failed;
        self.paused += paused;
    }
}

/// The streams of all workspaces with something to deliver.
async fn due(store: &Store) -> Result<Vec<Due>, Error> {
    let mut heads = HashMap::new();
    let mut due = Vec::new();
    for delivery in store.due_streams(system::now()).await? {
        let workspace = &delivery.stream.workspace;
        // One read for each workspace, so that a stream without new events costs no write.
        if !heads.contains_key(workspace) {
            // Without an answer, the stream's own turn reports the error, and other streams do not wait for it.
            let size = store.head(workspace).await.map_or(u64::MAX, |head| head.size());
            heads.insert(workspace.clone(), size);
        }
        if is_ours(&delivery, heads[workspace]) {
            due.push((delivery.stream.workspace, delivery.stream.id));
        }
    }
    Ok(due)
}

/// True if a stream that is due has something to deliver. Another function serves the archive.
fn is_ours(Delivery { stream, progress, .. }: &Delivery, head: u64) -> bool {
    stream.destination.kind() != DestinationKind::S3
        && (progress.test_requested.is_some() || progress.lag(head) > 0)
}

/// The time after which no turn begins.
fn ends_at(deadline_ms: u64) -> Timestamp {
    let deadline = i64::try_from(deadline_ms).ok().and_then(Timestamp::from_unix_milliseconds);
    let deadline = deadline.unwrap_or_else(|| system::now().plus_seconds(LEASE_SECONDS));
    deadline.plus_seconds(-DEADLINE_MARGIN_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(workspace: &str, stream: u8) -> Due {
        (WorkspaceId::parse(workspace).unwrap(), StreamId::new(&[b'a' + stream; 12]))
    }

    #[test]
    fn the_first_stream_of_each_workspace_comes_before_any_second() {
        let many = (0..20).map(|stream| due("many", stream));
        let few = ["a", "b", "c"].map(|workspace| due(workspace, 0));
        for _ in 0..50 {
            let order = in_fair_order(many.clone().chain(few.clone()).collect());
            assert!(
                ["a", "b", "c", "many"].iter().all(|workspace| place(&order, workspace) < 4),
                "{order:?}"
            );
            assert_eq!(order.len(), 23);
        }
    }

    fn place(order: &[Due], workspace: &str) -> usize {
        order.iter().position(|due| due.0.as_str() == workspace).unwrap()
    }

    #[test]
    fn a_hint_names_a_workspace() {
        assert_eq!(hint(r#"{"workspace":"acme"}"#).as_deref(), Some("acme"));
        for body in ["", "{}", "null", r#"{"workspace":7}"#, r#"{"workspace":"A/../b"}"#] {
            assert_eq!(hint(body), None, "{body}");
        }
    }

    fn hint(body: &str) -> Option<String> {
        grown(&Message { body: body.to_owned() }).map(|found| found.to_string())
    }
}
