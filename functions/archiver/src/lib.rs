//! Writes the logs of workspaces to the archive bucket, for the streams that go there.
//!
//! It reads the log as any other reader does, and stores one number for each stream. It writes a copy of the log, in
//! objects that a query reads (`archive` has their form). No request waits for it, and it may end at any point.

mod bucket;
mod turn;

use std::collections::VecDeque;

use futures::{StreamExt as _, stream::FuturesUnordered};
use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use shared::{
    model::{error::Error, id::WorkspaceId, timestamp::Timestamp},
    store::Store,
    stream::{DestinationKind, StreamId},
    system,
};

use self::turn::{Turn, turn};
pub use self::{
    bucket::Bucket,
    turn::{LEASE_SECONDS, RUN_BYTES},
};

/// How long before the deadline no further run is begun: one has its time, and what became of it is noted.
const DEADLINE_MARGIN_SECONDS: i64 = 90;
/// How many streams are archived at a time. Each holds a run in memory.
const CONCURRENCY: usize = 4;

/// The log and the bucket, and how often runs are written.
#[derive(Debug)]
pub struct Archiver {
    /// The logs, and how far each stream has come.
    pub store: Store,
    /// Where objects go.
    pub bucket: Bucket,
    /// When there is enough for a run.
    pub pace: Pace,
}

/// How events wait for others, so that objects are not many and small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// For how long, in seconds.
    pub seconds: i64,
    /// Or until the log has so many more sequences.
    pub sequences: u64,
}

impl Pace {
    /// So many sequences are worth a run by themselves.
    pub const SEQUENCES: u64 = 10_000;

    /// Fewer than are worth a run wait for so many seconds.
    pub fn every(seconds: i64) -> Self {
        Self { seconds, sequences: Self::SEQUENCES }
    }
}

/// The event of an invocation.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// One stream is to have its turns.
    One {
        /// Its workspace.
        workspace: String,
        /// The stream.
        stream: String,
    },
    /// It is time to look at all.
    All {
        /// Always true.
        archive: bool,
    },
}

/// The result of an invocation.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// How many runs were written.
    pub runs: u64,
    /// With how many events.
    pub events: u64,
    /// How many streams could not be archived.
    pub failed: u64,
    /// How many were paused for having failed too long.
    pub paused: u64,
}

/// Archives what is due, of one stream or of all, as far as there is time. A bucket that refuses is no failure of this
/// function: it is noted at the stream.
///
/// # Errors
/// If the store does not answer, or a log is not whole; the other streams are archived all the same.
pub async fn handle(
    archiver: &Archiver,
    event: LambdaEvent<Trigger>,
) -> Result<Response, lambda_runtime::Error> {
    let ends_at = ends_at(event.context.deadline);
    let mut due: Vec<_> = match event.payload {
        Trigger::One { workspace, stream } => {
            vec![(WorkspaceId::parse(&workspace)?, StreamId::parse(&stream)?)]
        }
        Trigger::All { archive: _ } => {
            let due = archiver.store.due_streams(system::now()).await?.into_iter();
            let ours = due.filter(|due| due.stream.destination.kind() == DestinationKind::S3);
            ours.map(|due| (due.stream.workspace, due.stream.id)).collect()
        }
    };
    // In another order each time, and one turn after the other, so that backfills do not make the same streams wait.
    fastrand::shuffle(&mut due);
    let mut pending = VecDeque::from(due);
    let mut running = FuturesUnordered::new();
    let (mut response, mut trouble) = (Response::default(), None);
    loop {
        while running.len() < CONCURRENCY
            && system::now() < ends_at
            && let Some((workspace, stream)) = pending.pop_front()
        {
            running.push(logged(archiver, workspace, stream, ends_at));
        }
        let Some((due, turn)) = running.next().await else { break };
        match turn {
            Ok(turn) => {
                if turn.has_more {
                    pending.push_back(due);
                }
                response.count(turn);
            }
            Err(error) => trouble = Some(error),
        }
    }
    let Response { runs, events, failed, paused } = response;
    if runs + failed + paused > 0 {
        tracing::info!(runs, events, failed, paused, "archived");
    }
    trouble.map_or(Ok(response), |error| Err(error.into()))
}

/// A turn of a stream, of which an error is logged.
async fn logged(
    archiver: &Archiver,
    workspace: WorkspaceId,
    stream: StreamId,
    ends_at: Timestamp,
) -> ((WorkspaceId, StreamId), Result<Turn, Error>) {
    let turn = turn(archiver, &workspace, &stream, ends_at).await;
    // An alarm of the template counts this line.
    let turn = turn.inspect_err(|error| tracing::error!(%workspace, %stream, %error, "archiving failed"));
    ((workspace, stream), turn)
}

impl Response {
    fn count(&mut self, Turn { runs, events, failed, paused, has_more: _ }: Turn) {
        self.runs += runs;
        self.events += events;
        self.failed += u64::from(failed);
        self.paused += u64::from(paused);
    }
}

/// When no further run is begun.
fn ends_at(deadline_ms: u64) -> Timestamp {
    let deadline = i64::try_from(deadline_ms).ok().and_then(Timestamp::from_unix_milliseconds);
    let deadline = deadline.unwrap_or_else(|| system::now().plus_seconds(LEASE_SECONDS));
    deadline.plus_seconds(-DEADLINE_MARGIN_SECONDS)
}
