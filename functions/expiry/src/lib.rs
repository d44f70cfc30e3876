//! Deletes expired events: a receipt for them in the log first, and, once the receipt is sealed, a mark on each, by which
//! DynamoDB deletes it.
//!
//! No reader waits for it: an expired event is hidden by the settings alone. This only frees the room, and leaves in the log
//! which events there were. While a hold is in effect it takes the marks away again.

mod marks;
mod receipts;
mod turn;
mod window;

use std::collections::VecDeque;

use futures::{StreamExt as _, stream::FuturesUnordered};
use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use shared::{
    model::{error::Error, id::WorkspaceId, settings::Settings, timestamp::Timestamp},
    store::Store,
    system,
};

use self::turn::Turn;
pub use self::{
    marks::MARK_AHEAD_SECONDS,
    turn::{Expired, MARGIN_SECONDS, expire},
    window::MAX_EVENTS,
};

/// How long before its deadline a run begins nothing more.
const DEADLINE_MARGIN_MS: u64 = 60_000;
/// For how long a run begins steps that takes marks away.
const HOLDS_RUN_MS: u64 = 50_000;
/// Of how many workspaces a run takes a step at a time.
const WORKSPACES: usize = 8;

/// Why it runs.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// An operator wants it for one workspace.
    Workspace {
        /// The workspace.
        workspace: String,
    },
    /// The schedule of all workspaces.
    All {
        /// Always true.
        expire: bool,
    },
    /// The schedule of the workspaces with a hold, whose marks are taken away.
    Holds {
        /// Always true.
        holds: bool,
    },
}

/// The time until which a run begins a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(u64);

impl Deadline {
    /// Whether there is time for more.
    pub(crate) fn leaves_time(self) -> bool {
        u64::try_from(system::now().unix_ms()).is_ok_and(|now| now + DEADLINE_MARGIN_MS < self.0)
    }
}

/// What a run did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// How many receipts were recorded.
    pub receipts: u64,
    /// How many events they name.
    pub events: u64,
    /// How many events of sealed receipts were marked to be deleted.
    pub marked: u64,
    /// How many marks were taken away because of a hold.
    pub unmarked: u64,
    /// How many workspaces are left with more to do: out of time, failed, or held up by an event that is not sealed.
    pub left: u64,
}

/// Expires events of one workspace or of all, as far as there is time: one step of each in turn, the longest backlog first.
/// Whatever goes wrong in one workspace, the others go on.
///
/// # Errors
/// If the store did not answer for a workspace. Each step that was done stands, and the next run goes on from there.
pub async fn handle(store: &Store, event: LambdaEvent<Trigger>) -> Result<Response, lambda_runtime::Error> {
    let (deadline_ms, now) = (event.context.deadline, system::now());
    let mut response = Response::default();
    let unavailable = match event.payload {
        Trigger::Holds { holds: _ } => {
            let turns = held(store.workspaces_with_settings().await?, now);
            // The next run comes in a minute.
            let end = u64::try_from(now.unix_ms())? + HOLDS_RUN_MS + DEADLINE_MARGIN_MS;
            let unavailable = run(store, turns.into(), Deadline(deadline_ms.min(end)), &mut response).await;
            // A metric and an alarm of the template count this line.
            tracing::info!(unmarked = response.unmarked, left = response.left, "holds kept");
            unavailable
        }
        trigger => {
            let turns = match trigger {
                Trigger::Workspace { workspace } => vec![Turn::of(WorkspaceId::parse(&workspace)?)],
                _ => by_backlog(store.workspaces_with_settings().await?, now),
            };
            let unavailable = run(store, turns.into(), Deadline(deadline_ms), &mut response).await;
            let Response { receipts, events, marked, unmarked, left } = response;
            // A metric and an alarm of the template count this line.
            tracing::info!(receipts, events, marked, unmarked, left, "expired");
            unavailable
        }
    };
    unavailable.map_or(Ok(response), |error| Err(error.into()))
}

/// Takes one step of each workspace in turn until all are done or the time is up; the last error of the store.
async fn run(
    store: &Store,
    mut waiting: VecDeque<Turn>,
    deadline: Deadline,
    response: &mut Response,
) -> Option<Error> {
    let mut unavailable = None;
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < WORKSPACES && deadline.leaves_time() {
            let Some(turn) = waiting.pop_front() else { break };
            running.push(turn.step(store, deadline));
        }
        let Some((turn, stepped)) = running.next().await else { break };
        match stepped {
            Ok(Expired::Nothing) => {}
            Ok(Expired::Blocked) => response.left += 1,
            Ok(done) => {
                match done {
                    Expired::Receipted { receipts, events } => {
                        response.receipts += receipts;
                        response.events += events;
                    }
                    Expired::Marked { events } => response.marked += events,
                    Expired::Unmarked { events } => response.unmarked += events,
                    Expired::Nothing | Expired::Blocked | Expired::Changed => {}
                }
                waiting.push_back(turn);
            }
            Err(Error::Internal(source) | Error::Inconsistent(source)) => {
                response.left += 1;
                // An alarm of the template counts this line.
                tracing::error!(workspace = %turn.workspace(), %source, "expiry failed");
            }
            Err(error) => {
                response.left += 1;
                tracing::warn!(workspace = %turn.workspace(), %error, "expiry put off");
                unavailable = Some(error);
            }
        }
    }
    response.left += waiting.len() as u64;
    unavailable
}

/// The workspaces in which anything can expire, the one first whose receipts are furthest behind.
fn by_backlog(workspaces: Vec<(WorkspaceId, Settings)>, now: Timestamp) -> Vec<Turn> {
    let may_expire =
        |(_, settings): &(WorkspaceId, Settings)| settings.retention.retained_from(now).is_some();
    let mut workspaces: Vec<_> = workspaces.into_iter().filter(may_expire).collect();
    workspaces.sort_by_cached_key(|(_, Settings { retention, expiry, .. })| {
        let due = retention.retained_from(now).map_or(0, Timestamp::unix_microseconds);
        let done = expiry.receipted_to.as_ref().map_or(0, |to| to.timestamp.unix_microseconds());
        std::cmp::Reverse(due - done)
    });
    workspaces.into_iter().map(|(workspace, _)| Turn::of(workspace)).collect()
}

/// The workspaces with a hold that may still have marks.
fn held(workspaces: Vec<(WorkspaceId, Settings)>, now: Timestamp) -> Vec<Turn> {
    let held = workspaces.into_iter().filter(|(_, settings): &(WorkspaceId, Settings)| {
        turn::is_held(settings, now) && marks::may_have_marks(settings)
    });
    held.map(|(workspace, _)| Turn::of(workspace)).collect()
}
