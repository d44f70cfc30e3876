//! Seals events: gives each its number in the log of its workspace, and the log its tree.
//!
//! The stream of the table only hints at what there may be to seal; what is sealed, and in which
//! order, is a function of the tables alone. So a hint may come twice, late, out of order or not at
//! all, and any number of sealers may run at once. What the stream never told of, the reconcile
//! finds.

mod reconcile;
mod seal;
mod trigger;

use futures::{StreamExt as _, stream};
use lambda_runtime::LambdaEvent;
use shared::{ambient, error::Error, store::Store};

use self::trigger::Hint;
pub use self::{
    seal::{Sealed, finish, propose, seal},
    trigger::{Response, Trigger},
};

/// How many workspaces are sealed at a time.
const CONCURRENCY: usize = 4;

/// Seals what a batch of the stream hints at, or goes on with the search for what it never told of.
///
/// # Errors
/// If the search cannot go on; the next one begins where it ended. Of a batch, what could not be sealed
/// is named in the answer, and comes again.
pub async fn handle(store: &Store, event: LambdaEvent<Trigger>) -> Result<Response, lambda_runtime::Error> {
    let LambdaEvent { payload, context } = event;
    match payload {
        Trigger::Stream(batch) => {
            // Collected first: the compiler cannot see that a borrowing closure kept across an await is Send.
            let hints = batch.hints();
            let outcomes: Vec<_> = hints.iter().map(|hint| take(store, hint)).collect();
            let outcomes: Vec<_> = stream::iter(outcomes).buffered(CONCURRENCY).collect().await;
            let failed = hints.iter().zip(outcomes).filter(|(_, sealed)| !sealed);
            Ok(Response::of(failed.map(|(hint, _)| hint.first_record.clone())))
        }
        Trigger::Reconcile { reconcile: true } => {
            reconcile::go_on(store, context.deadline).await?;
            Ok(Response::default())
        }
        Trigger::Reconcile { reconcile: false } => Ok(Response::default()),
    }
}

/// Seals what a hint tells of one workspace; whether there is nothing left to try again.
async fn take(store: &Store, hint: &Hint) -> bool {
    let Hint { workspace, places, first_record: _ } = hint;
    match seal(store, workspace, places, ambient::now()).await {
        Ok(Sealed { events, set_aside, write_units }) => {
            tracing::info!(%workspace, events, set_aside, write_units.table, "sealed");
            true
        }
        // What is stored is not what we write: trying again is no help, and would keep others waiting. An
        // alarm of the template counts this line, and the reconcile comes back to it.
        Err(Error::Internal(source) | Error::Inconsistent(source)) => {
            tracing::error!(%workspace, %source, "seal failed");
            true
        }
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%workspace, source, "not sealed; the stream delivers it again");
            false
        }
    }
}
