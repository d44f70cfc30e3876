//! Seals events: gives each its sequence in the log of its workspace, and builds the tree of the log.
//!
//! The records of the table's stream are only hints; the events that are sealed, and their order, follow from
//! the tables alone. So a hint may arrive twice, late, out of order or not at all, and any number of sealers
//! may run at once. Places that a sealer cannot seal in its time wait in the backlog, which has a schedule of
//! its own. The daily search finds events without a record in the stream.

mod backlog;
mod reconcile;
mod seal;
mod trigger;

use std::time::Duration;

use futures::{StreamExt as _, stream};
use lambda_runtime::LambdaEvent;
use shared::{
    model::{error::Error, id::WorkspaceId, keys::Place},
    store::Store,
    system,
};
use tokio::time::{Instant, timeout_at};

use self::trigger::Hint;
pub use self::{
    seal::{Sealed, finish, propose, seal, seal_until},
    trigger::{Response, Trigger},
};

/// Workspaces that are sealed at a time.
const CONCURRENCY: usize = 8;
/// Time within which the rounds of a pass begin, and those of all passes of a stream batch or of a step of the search. It
/// is longer than a turn, so that a pass which waits for the end of a turn can seal after it.
const PASS_TIME: Duration = Duration::from_secs(5);
/// A pass is cut off this long after that, so that a workspace with throttled keys does not delay the others.
const LAST_ROUND_TIME: Duration = Duration::from_secs(3);

/// Seals the events of a stream batch, seals the backlog, or continues the search.
///
/// # Errors
/// If the backlog cannot be read, or the search cannot continue; the next one begins where it ended. The answer
/// names the records of a batch whose places could be neither sealed nor left in the backlog; they alone are
/// delivered again.
pub async fn handle(store: &Store, event: LambdaEvent<Trigger>) -> Result<Response, lambda_runtime::Error> {
    let LambdaEvent { payload, context } = event;
    match payload {
        Trigger::Stream(batch) => {
            let hints = batch.hints();
            let taken = take_all(store, &hints).await;
            let failed = hints.iter().zip(taken).filter(|(_, taken)| !taken);
            return Ok(Response::of(failed.map(|(hint, _)| hint.first_record.clone())));
        }
        Trigger::Reconcile { reconcile: true } => reconcile::go_on(store, context.deadline).await?,
        Trigger::Backlog { backlog: true } => backlog::take_up(store, context.deadline).await?,
        Trigger::Reconcile { reconcile: false } | Trigger::Backlog { backlog: false } => {}
    }
    Ok(Response::default())
}

/// Seals the events of hints for several workspaces. Returns for each whether its places are sealed or in the
/// backlog.
async fn take_all(store: &Store, hints: &[Hint]) -> Vec<bool> {
    let begins_until = Instant::now() + PASS_TIME;
    // Collected first: the compiler cannot see that a borrowing closure kept across an await is Send.
    let taken: Vec<_> =
        hints.iter().map(|hint| take(store, &hint.workspace, &hint.places, begins_until)).collect();
    stream::iter(taken).buffered(CONCURRENCY).collect().await
}

/// Seals events of a workspace, or leaves their places in the backlog. Returns true if one of the two
/// succeeded.
async fn take(store: &Store, workspace: &WorkspaceId, places: &[Place], begins_until: Instant) -> bool {
    if seal_in_time(store, workspace, places, begins_until).await != Outcome::Failed {
        return true;
    }
    match store.leave(workspace, places, system::now()).await {
        Ok(_) => true,
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%workspace, source, "neither sealed nor left in the backlog");
            false
        }
    }
}

/// The result of the passes over a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything is sealed, or left to another sealer.
    Done,
    /// The places are sealed or in the backlog, and the backlog has more.
    More,
    /// Some of the places may be neither sealed nor in the backlog.
    Failed,
}

/// Seals events and the backlog of a workspace, pass by pass, until no more rounds may begin.
async fn seal_in_time(
    store: &Store,
    workspace: &WorkspaceId,
    places: &[Place],
    begins_until: Instant,
) -> Outcome {
    let mut places = places;
    let mut outcome = Outcome::Failed;
    while Instant::now() < begins_until {
        let until = begins_until.min(Instant::now() + PASS_TIME);
        let pass = seal_until(store, workspace, places, system::now(), until);
        // A pass that is cut off is like one that crashed: each of its calls may be its last one.
        match timeout_at(until + LAST_ROUND_TIME, pass).await {
            Ok(Ok(Sealed { events, set_aside, left, more, write_units })) => {
                tracing::info!(%workspace, events, set_aside, left, write_units.table, "sealed");
                if !more {
                    return Outcome::Done;
                }
                outcome = Outcome::More;
                places = &[];
                continue;
            }
            // The stored data is not as we write it: an alarm of the template counts this line.
            Ok(Err(Error::Internal(source) | Error::Inconsistent(source))) => {
                tracing::error!(%workspace, %source, "seal failed");
            }
            Ok(Err(error)) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%workspace, source, "not sealed; the backlog keeps its places");
            }
            Err(_) => tracing::warn!(%workspace, "not sealed in time; the backlog keeps its places"),
        }
        break;
    }
    outcome
}
