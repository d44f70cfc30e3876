//! Sends the logs of workspaces on to where their admins want them: webhooks, Splunk, Datadog, event buses.
//!
//! It is a reader of the log like any other, that stores one number for each stream; what it sends is a repetition of
//! the log, and what it has sent is never needed again. Nobody waits for it, and it may end at any point.

mod bus;
mod destination;
mod entry;
mod failure;
mod internet;
mod pass;
#[cfg(test)]
mod sample;

use std::collections::HashMap;

use futures::{StreamExt as _, stream};
use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use shared::{
    ambient,
    config::{Config, Streaming},
    error::Error,
    id::WorkspaceId,
    secrets::Secrets,
    store::Store,
    stream::{Delivery, DestinationKind, StreamId},
    timestamp::Timestamp,
};

use self::pass::{Turn, turn};
pub use self::{
    internet::{Internet, Reach},
    pass::LEASE_SECONDS,
};

/// How long before the deadline nothing more is sent: a request that has begun has its time, and what became of it is
/// noted.
const DEADLINE_MARGIN_SECONDS: i64 = 15;
/// How many streams are delivered at a time.
const CONCURRENCY: usize = 16;

/// What it takes to deliver.
#[derive(Debug)]
pub struct Post {
    /// The logs, and how far each stream has come.
    pub store: Store,
    /// What signs webhooks and opens collectors.
    pub secrets: Secrets,
    /// The way to destinations.
    pub internet: Internet,
    /// How AWS is reached, for event buses.
    pub config: Config,
    /// Another EventBridge than the region's own.
    pub events_endpoint: Option<String>,
}

impl Post {
    /// What it takes, over these tables; nothing is sent yet.
    pub fn over(store: Store, config: Config, streaming: &Streaming) -> Self {
        let reach = if streaming.operator.insecure { Reach::Anywhere } else { Reach::Public };
        let (secrets, internet) = (Secrets::connect(&config, streaming), Internet::new(reach));
        Self { store, secrets, internet, config, events_endpoint: streaming.events_endpoint.clone() }
    }
}

/// Why it runs.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// Somebody wants one stream to have its turn.
    One {
        /// Its workspace.
        workspace: String,
        /// The stream.
        stream: String,
    },
    /// It is time to look at all.
    All {
        /// Always true.
        deliver: bool,
    },
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// How many turns streams had.
    pub turns: u64,
    /// How many events destinations took.
    pub events: u64,
    /// How many turns ended because a destination failed.
    pub failed: u64,
    /// How many streams were paused for having failed too long.
    pub paused: u64,
}

/// Delivers what is due, of one stream or of all, as far as there is time. A destination that fails is no failure of
/// this function: it is noted at its stream.
///
/// # Errors
/// If the store does not answer, or a log is not whole; the other streams are delivered all the same.
pub async fn handle(post: &Post, event: LambdaEvent<Trigger>) -> Result<Response, lambda_runtime::Error> {
    let ends_at = ends_at(event.context.deadline);
    let one = match event.payload {
        Trigger::One { workspace, stream } => {
            Some((WorkspaceId::parse(&workspace)?, StreamId::parse(&stream)?))
        }
        Trigger::All { deliver: _ } => None,
    };
    let mut response = Response::default();
    let mut trouble = None;
    // Once more for what came meanwhile, and for who had no turn, as long as there is something to deliver.
    while ambient::now() < ends_at && trouble.is_none() {
        let due = match &one {
            Some(one) => vec![one.clone()],
            None => due(&post.store).await?,
        };
        // Collected first: the compiler cannot see that a borrowing closure kept across an await is Send.
        let turns: Vec<_> =
            due.into_iter().map(|(workspace, stream)| logged(post, workspace, stream, ends_at)).collect();
        let mut turns = stream::iter(turns).buffer_unordered(CONCURRENCY);
        let before = response.events;
        while let Some(turn) = turns.next().await {
            match turn {
                Ok(Some(turn)) => response.count(turn),
                Ok(None) => {}
                Err(error) => trouble = Some(error),
            }
        }
        if response.events == before {
            break;
        }
    }
    let Response { turns, events, failed, paused } = response;
    if events + failed + paused > 0 {
        tracing::info!(turns, events, failed, paused, "delivered");
    }
    trouble.map_or(Ok(response), |error| Err(error.into()))
}

/// A turn, of which an error is logged.
async fn logged(
    post: &Post,
    workspace: WorkspaceId,
    stream: StreamId,
    ends_at: Timestamp,
) -> Result<Option<Turn>, Error> {
    let turn = turn(post, &workspace, &stream, ends_at).await;
    turn.inspect_err(|error| tracing::error!(%workspace, %stream, %error, "delivery failed"))
}

impl Response {
    fn count(&mut self, Turn { events, failed, paused }: Turn) {
        self.turns += 1;
        self.events += events;
        self.failed += u64::from(failed);
        self.paused += u64::from(paused);
    }
}

/// The streams that have something to deliver. The archive is another function's.
async fn due(store: &Store) -> Result<Vec<(WorkspaceId, StreamId)>, Error> {
    let mut heads = HashMap::new();
    let mut due = Vec::new();
    for Delivery { stream, progress, .. } in store.due_streams(ambient::now()).await? {
        let workspace = stream.workspace;
        if stream.destination.kind() == DestinationKind::S3 {
            continue;
        }
        // One read for a workspace, so that a stream that nothing came for costs no write.
        if !heads.contains_key(&workspace) {
            // Where there is no answer, the stream's own turn tells what is wrong, and no other stream waits for it.
            let size = store.head(&workspace).await.map_or(u64::MAX, |head| head.size());
            heads.insert(workspace.clone(), size);
        }
        if progress.test_requested.is_some() || progress.lag(heads[&workspace]) > 0 {
            due.push((workspace, stream.id));
        }
    }
    Ok(due)
}

/// When nothing more is begun.
fn ends_at(deadline_ms: u64) -> Timestamp {
    let deadline = i64::try_from(deadline_ms).ok().and_then(Timestamp::from_unix_milliseconds);
    let deadline = deadline.unwrap_or_else(|| ambient::now().plus_seconds(LEASE_SECONDS));
    deadline.plus_seconds(-DEADLINE_MARGIN_SECONDS)
}
