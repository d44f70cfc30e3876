//! Does away with events that have expired: a receipt for them in the log, and then a mark on each, by which
//! DynamoDB deletes it.
//!
//! Nobody waits for it. What has expired is there for no reader from its instant on, by the settings alone; this
//! only frees the room, and leaves in the log what was there.

mod pass;
mod window;

use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use shared::{ambient, error::Error, id::WorkspaceId, store::Store};

pub use self::{
    pass::{Expired, MARGIN_SECONDS, expire},
    window::MAX_EVENTS,
};

/// How long before the deadline no further step is taken.
const DEADLINE_MARGIN_MS: u64 = 60_000;

/// Why it runs.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// Somebody wants it to be done for one workspace.
    Workspace {
        /// Which.
        workspace: String,
    },
    /// It is time to do it for all.
    All {
        /// Always true.
        expire: bool,
    },
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// How many receipts were recorded.
    pub receipts: u64,
    /// For how many events.
    pub events: u64,
    /// How many events were marked to be deleted, of these and of receipts before.
    pub marked: u64,
    /// How many workspaces are left for the next time.
    pub left: u64,
}

/// Does away with what has expired, of one workspace or of all, as far as there is time.
///
/// # Errors
/// If the store does not answer; what was done stands, and the next run goes on from there.
pub async fn handle(store: &Store, event: LambdaEvent<Trigger>) -> Result<Response, lambda_runtime::Error> {
    let deadline_ms = event.context.deadline;
    let workspaces = match event.payload {
        Trigger::Workspace { workspace } => vec![WorkspaceId::parse(&workspace)?],
        Trigger::All { expire: _ } => store.workspaces_with_settings().await?,
    };
    let in_time =
        || u64::try_from(ambient::now().unix_ms()).is_ok_and(|now| now + DEADLINE_MARGIN_MS < deadline_ms);
    let mut response = Response::default();
    for workspace in workspaces {
        match expire_all(store, &workspace, in_time, &mut response).await {
            Ok(whole) => response.left += u64::from(!whole),
            // One log that is broken keeps no other waiting. An alarm of the template counts this line.
            Err(Error::Internal(source) | Error::Inconsistent(source)) => {
                tracing::error!(%workspace, %source, "expiry failed");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let Response { receipts, events, marked, left } = response;
    tracing::info!(receipts, events, marked, left, "expired");
    Ok(response)
}

/// Does away with all that has expired of a workspace; whether it came to the end of it.
async fn expire_all(
    store: &Store,
    workspace: &WorkspaceId,
    in_time: impl Fn() -> bool,
    response: &mut Response,
) -> Result<bool, Error> {
    while in_time() {
        match expire(store, workspace, ambient::now()).await? {
            Expired::Nothing => return Ok(true),
            Expired::Receipted { events } => {
                response.receipts += 1;
                response.events += events;
            }
            Expired::Marked { events } => response.marked += events,
        }
    }
    Ok(false)
}
