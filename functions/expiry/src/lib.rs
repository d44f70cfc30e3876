//! Deletes expired events: first it records a receipt for them in the log; once the receipt is sealed, it marks
//! each event, and DynamoDB deletes the marked events.
//!
//! No reader waits for it: the settings alone hide expired events. This function only frees the space, and
//! leaves a record of the deleted events in the log. While a hold is in effect, it removes the marks again.

mod marks;
mod receipts;
mod step;
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
    step::{Expired, MARGIN_SECONDS},
    turn::expire,
    window::MAX_EVENTS,
};

/// A run begins no step later than this before its deadline.
const DEADLINE_MARGIN_MS: u64 = 60_000;
/// Time for which a run of the holds begins steps.
const HOLDS_RUN_MS: u64 = 50_000;
/// Workspaces of which a run takes a step at a time.
const WORKSPACES: usize = 8;

/// The trigger of a run.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// An operator wants one workspace expired.
    Workspace { workspace: String },
    /// The schedule of all workspaces.
    All {
        /// Always true.
        expire: bool,
    },
    /// The schedule of the workspaces with a hold, whose marks are removed.
    Holds {
        /// Always true.
        holds: bool,
    },
}

/// The deadline of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(u64);

impl Deadline {
    /// True if there is time for another step.
    pub(crate) fn leaves_time(self) -> bool {
        u64::try_from(system::now().unix_ms()).is_ok_and(|now| now + DEADLINE_MARGIN_MS < self.0)
    }
}

/// The result of a run.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// The number of recorded receipts.
    pub receipts: u64,
    /// The number of events that they name.
    pub events: u64,
    /// The number of events of sealed receipts that were marked for deletion.
    pub marked: u64,
    /// The number of marks that were removed because of a hold.
    pub unmarked: u64,
    /// The number of workspaces that are not finished: out of time, failed, or blocked by an unsealed event.
    pub left: u64,
}

/// Expires events of one workspace or of all, as far as time allows: one step of each in turn, the longest
/// backlog first. An error in one workspace does not stop the others.
///
/// # Errors
/// If the store did not answer for a workspace. Completed steps stay, and the next run continues from there.
pub async fn handle(store: &Store, event: LambdaEvent<Trigger>) -> Result<Response, lambda_runtime::Error> {
    let (deadline_ms, now) = (event.context.deadline, system::now());
    let mut response = Response::default();
    let unavailable = match event.payload {
        Trigger::Holds { holds: _ } => {
            let turns = held(store.workspaces_with_settings().await?, now);
            // The next run follows in a minute.
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

/// Takes one step of each workspace in turn until all are finished or the time is up. Returns the last error of
/// the store.
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

/// The workspaces with a retention, the longest backlog of receipts first.
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
        step::is_held(settings, now) && marks::may_have_marks(settings)
    });
    held.map(|(workspace, _)| Turn::of(workspace)).collect()
}
