//! The steps of one workspace in a run.
//!
//! ```text
//! read the settings ─▶ a hold? ─yes─▶ remove marks, note it
//!                        │no
//!                        ▼
//! receipts in the log whose events have no marks? ─yes─▶ mark the events of the next one, note it
//!                        │no
//!                        ▼
//! read the expired events and their entries ─▶ record a receipt and how far receipts go, in one transaction
//! ```
//!
//! A run looks at the log up to the head that it read in its first step. So the receipts of one run are marked
//! by the next one, once they are sealed, and a run ends.
//!
//! `docs/protocols.md` has the argument that nothing is deleted without a receipt, or while a hold is in effect.

use shared::{
    ledger::tree::Frontier,
    model::{error::Error, id::WorkspaceId, timestamp::Timestamp},
    store::Store,
    system,
};

use crate::{
    Deadline, marks,
    marks::Unmarking,
    receipts,
    step::{Expired, is_held},
};

/// A workspace in a run.
#[derive(Debug)]
pub(crate) struct Turn {
    workspace: WorkspaceId,
    head: Option<Frontier>,
    unmarking: Unmarking,
}

impl Turn {
    pub(crate) fn of(workspace: WorkspaceId) -> Self {
        Self { workspace, head: None, unmarking: Unmarking::default() }
    }

    pub(crate) fn workspace(&self) -> &WorkspaceId {
        &self.workspace
    }

    /// Takes one step, and returns the turn for the next one.
    pub(crate) async fn step(mut self, store: &Store, deadline: Deadline) -> (Self, Result<Expired, Error>) {
        let stepped = self.try_step(store, system::now(), deadline).await;
        (self, stepped)
    }

    async fn try_step(
        &mut self,
        store: &Store,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Expired, Error> {
        let Self { workspace, head, unmarking } = self;
        let settings = store.settings_now(workspace).await?;
        if is_held(&settings, now) {
            if !marks::may_have_marks(&settings) {
                return Ok(Expired::Nothing);
            }
            return unmarking.step(store, workspace, &settings, now, deadline).await;
        }
        let head = match head {
            Some(head) => &*head,
            // Read before the events: if the head does not cover the sequence of an event, its sealing may be
            // unfinished.
            None => head.insert(store.head(workspace).await?),
        };
        if settings.expiry.receipted_to.is_some() && settings.expiry.marked_size < head.size() {
            return marks::mark_next(store, workspace, &settings, head, now, deadline).await;
        }
        receipts::record(store, workspace, &settings, head, now).await
    }
}

/// Takes one step with the expired events of a workspace.
///
/// # Errors
/// [`Error::Unavailable`] if the step did not finish; completed work stays, and another step continues from
/// there. [`Error::Inconsistent`] or [`Error::Internal`] if the log is not as we write it.
pub async fn expire(store: &Store, workspace: &WorkspaceId, now: Timestamp) -> Result<Expired, Error> {
    Turn::of(workspace.clone()).try_step(store, now, Deadline(u64::MAX / 2)).await
}
