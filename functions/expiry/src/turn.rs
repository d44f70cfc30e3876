//! The steps of one workspace in a run.
//!
//! ```text
//! read the settings ─▶ a hold? ─yes─▶ take marks away, note it
//!                        │no
//!                        ▼
//! receipts in the log whose events have no marks? ─yes─▶ mark the events of the next one, note it
//!                        │no
//!                        ▼
//! read what has expired, and what the log has of it ─▶ record a receipt and how far receipts go, in one transaction
//! ```
//!
//! A run looks at the log as far as it was sealed when its first step began. So the receipts of one run are marked by the next,
//! once they are sealed, and a run has an end.
//!
//! `docs/protocols.md` has the argument that nothing is deleted without a receipt, or while a hold is in effect.

use shared::{
    ledger::tree::Frontier,
    model::{error::Error, id::WorkspaceId, settings::Settings, timestamp::Timestamp},
    store::Store,
    system,
};

use crate::{Deadline, marks, marks::Unmarking, receipts};

/// How long events have expired before a receipt names them, and how long after its end a hold still counts, in seconds: far
/// longer than a request takes that was on its way, and than clocks differ.
pub const MARGIN_SECONDS: i64 = 3600;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// There was nothing to do.
    Nothing,
    /// An expired event is not sealed: no receipt can name it, or any after it.
    Blocked,
    /// The settings changed meanwhile; another step goes by the new ones.
    Changed,
    /// Receipts were recorded.
    Receipted {
        /// How many.
        receipts: u64,
        /// How many events they name.
        events: u64,
    },
    /// Events of a sealed receipt were marked, or the log was searched for one.
    Marked {
        /// How many events were still there.
        events: u64,
    },
    /// Marks were taken away.
    Unmarked {
        /// How many.
        events: u64,
    },
}

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

    /// Takes one step, and gives the turn back for the next.
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
            // Before the events: an event whose sequence the head does not cover may not be finished.
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
/// [`Error::Unavailable`] if it did not come to the end; what it did stands, and another step goes on from
/// there. [`Error::Inconsistent`] or [`Error::Internal`] if the log is not as we write it.
pub async fn expire(store: &Store, workspace: &WorkspaceId, now: Timestamp) -> Result<Expired, Error> {
    Turn::of(workspace.clone()).try_step(store, now, Deadline(u64::MAX / 2)).await
}

/// Whether a hold stops deletion.
pub(crate) fn is_held(settings: &Settings, now: Timestamp) -> bool {
    settings.retention.holds_back(now, MARGIN_SECONDS)
}
