//! Writes the logs of workspaces to the archive bucket, for the streams that go there.
//!
//! It reads the log like any other reader, and stores one number for each stream. It writes a copy of the log,
//! in objects that queries can read (`archive` has their form). No request waits for it, and it may end at any
//! point.

pub mod archive;
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

/// No run begins later than this before the deadline, so that a run has time to finish and to be noted.
const DEADLINE_MARGIN_SECONDS: i64 = 90;
/// Streams that are archived at a time. Each holds a run in memory.
const CONCURRENCY: usize = 4;

/// The log, the bucket, and the conditions for a run.
#[derive(Debug)]
pub struct Archiver {
    /// The logs, and the progress of each stream.
    pub store: Store,
    pub bucket: Bucket,
    /// The conditions for a run.
    pub pace: Pace,
}

/// A run waits until one of these conditions holds, so that objects are few and large. The more sequences wait, the shorter
/// the wait: it is over when the product of both is that of [`Pace::SEQUENCES`] in [`Pace::SECONDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The longest time since the last run, in seconds.
    pub seconds: i64,
    /// Or the number of new sequences in the log.
    pub sequences: u64,
}

impl Pace {
    /// This many sequences make a run at once.
    pub const SEQUENCES: u64 = 10_000;

    /// The wait for somewhat fewer sequences, in seconds.
    const SECONDS: i64 = 300;

    /// A run waits for this many seconds at most.
    pub fn every(seconds: i64) -> Self {
        Self { seconds, sequences: Self::SEQUENCES }
    }

    /// Whether a run is due, if so many sequences have waited for so many seconds.
    fn is_over(&self, waiting: u64, seconds: i64) -> bool {
        let Self { seconds: longest, sequences } = self;
        let product = u128::from(waiting) * u128::from(seconds.unsigned_abs());
        waiting >= *sequences
            || (waiting > 0 && seconds >= *longest)
            || (seconds > 0 && product >= u128::from(*sequences) * u128::from(Self::SECONDS.unsigned_abs()))
    }
}

/// The event of an invocation.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// An operator wants one stream archived.
    One { workspace: String, stream: String },
    /// The schedule of all streams.
    All {
        /// Always true.
        archive: bool,
    },
}

/// The result of an invocation.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// The number of written runs.
    pub runs: u64,
    /// The number of events in them.
    pub events: u64,
    /// The number of streams that could not be archived.
    pub failed: u64,
    /// The number of streams that were paused because they failed for too long.
    pub paused: u64,
}

/// Archives one stream or all streams that are due, as far as time allows. If the bucket refuses an object, the
/// function succeeds, and the problem is noted at the stream.
///
/// # Errors
/// If the store does not answer, or a log is inconsistent; the other streams are archived nevertheless.
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
    // In random order, and one turn after the other, so that backfills do not always delay the same streams.
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

/// Gives a stream its turn, and logs an error.
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

/// The time after which no run begins.
fn ends_at(deadline_ms: u64) -> Timestamp {
    let deadline = i64::try_from(deadline_ms).ok().and_then(Timestamp::from_unix_milliseconds);
    let deadline = deadline.unwrap_or_else(|| system::now().plus_seconds(LEASE_SECONDS));
    deadline.plus_seconds(-DEADLINE_MARGIN_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_waits_the_longer_the_fewer_events_there_are() {
        let pace = Pace::every(21_600);
        /// The seconds after which a run is due, if events come in at this rate a day.
        fn wait(pace: Pace, events_per_day: u64) -> i64 {
            let waiting = |seconds: i64| events_per_day * seconds.unsigned_abs() / 86_400;
            (1..=86_400).find(|seconds| pace.is_over(waiting(*seconds), *seconds)).unwrap()
        }
        assert_eq!(wait(pace, 10), 21_600, "the longest wait");
        assert_eq!(wait(pace, 1_000), 16_130);
        assert_eq!(wait(pace, 100_000), 1_611);
        assert_eq!(wait(pace, 2_880_000), 300);
        assert_eq!(wait(pace, 86_400_000), 10, "a run has 10,000 sequences at most");
        assert!(!pace.is_over(0, i64::MAX));
        assert!(Pace::every(0).is_over(1, 0));
    }
}
