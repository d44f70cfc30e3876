//! Works out the log of a workspace again, from the tables alone, and names what does not fit.
//!
//! ```text
//! signed ─▶ head ─▶ deltas, from 0 on ─▶ each entry's event ─▶ leaf ─▶ tree ─▶ roots, head, checkpoints
//!                                                 │
//!                   all shards of the events ─────┴▶ does any event bear a sequence that is not its own?
//! ```
//!
//! What is found, and how. Each entry's event must be there, bear exactly its sequence, and have the leaf
//! that was sealed. So the entries and the events that bear their sequences go together one by one, and
//! one bit for each is enough to find an event that was inserted: whatever bears a sequence that was seen
//! already, or that no entry has. The tree is worked out from the entries, and everything that is kept of
//! it is compared: the roots of the tiles, the head, the checkpoint that was signed, and those that
//! somebody else has kept.
//!
//! An event that is gone, or marked to be deleted, is as it should be if a receipt is for it: an entry of the log
//! that names the event's sequence, and whose root is that of the leaves which the log has under the sequences
//! it names.
//!
//! What is not found. Whoever owns the account can rewrite an event together with all that follows from
//! it, and sign that. Then the tables are sound by themselves, and only a checkpoint that was kept
//! elsewhere tells: give it along.
//!
//! A log in use may be checked. What was signed is read first, then the head, then the rest, so that what
//! grows meanwhile can only be more than what was promised. Nothing is written.

mod checkpoints;
mod events;
mod expired;
mod log;
mod report;
mod tree;

use indicatif::ProgressBar;
use shared::{
    ledger::{checkpoint::Checkpoint, note::Vkey},
    model::{error::Error, id::WorkspaceId, timestamp::Timestamp},
    store::{Store, StoredHead, StoredSigned},
};

pub use self::{
    checkpoints::{is_of, unverified},
    report::{Finding, Findings, Kind, Report},
};
use self::{events::Bearers, log::Log};

/// What somebody has beside the tables, to hold them against.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Checkpoints of the log, from earlier.
    pub checkpoints: Vec<Checkpoint>,
    /// The key that signs the log's checkpoints.
    pub key: Option<Vkey>,
}

/// Checks all that is stored of a workspace's log.
///
/// What does not fit is in the report; `bar` shows how far it is, in entries and then in events.
///
/// # Errors
/// [`Error::Unavailable`] if the store does not answer; nothing is known then.
pub async fn check(
    store: &Store,
    workspace: &WorkspaceId,
    kept: &Kept,
    now: Timestamp,
    bar: &ProgressBar,
) -> Result<Report, Error> {
    let mut findings = Findings::default();
    // In this order: what is read later cannot be the smaller one.
    let signed = store.stored_signed(workspace).await?;
    let head = store.stored_head(workspace).await?;
    let shards = store.settings_now(workspace).await?.shards;
    bar.set_length(2 * head_size(&head).unwrap_or_default());

    let mut sizes: Vec<_> = kept.checkpoints.iter().map(Checkpoint::size).collect();
    sizes.extend(signed_size(&signed));
    let log = Log::walk(store, workspace, &shards, &head, &sizes, &mut findings, bar).await?;
    tree::compare_roots(store, workspace, &log, &mut findings).await?;
    let grew = tree::compare_head(store, workspace, &head, &log, &mut findings).await?;
    checkpoints::compare(workspace, &signed, kept, &head, &log, &mut findings);
    let bearers = Bearers::read(store, workspace, &log, now, &mut findings, bar).await?;
    let aside = store.count_aside(workspace).await?;
    bar.finish_and_clear();

    Ok(Report {
        workspace: workspace.clone(),
        size: log.end(),
        root: log.root(),
        head: head_size(&head),
        signed: signed_size(&signed),
        notes: notes(&log, &bearers, grew, kept.key.is_none() && signed != StoredSigned::Missing),
        warnings: warnings(&bearers, aside),
        unchecked: unchecked(&log, &bearers, aside, &head),
        findings,
    })
}

/// Why nothing can be said although nothing was found wrong; `None` if something was checked.
fn unchecked(log: &Log, bearers: &Bearers, aside: u64, head: &StoredHead) -> Option<String> {
    let events = bearers.fresh + bearers.overdue + bearers.strangers + aside;
    let is_empty = *head == StoredHead::Missing && log.end() + events == 0;
    is_empty.then(|| {
        "there is nothing of this workspace: look at its name, and at those of the tables".to_owned()
    })
}

/// What is worth knowing, and in order.
fn notes(log: &Log, bearers: &Bearers, grew: bool, is_unverified: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |holds: bool, what: &str| notes.extend(holds.then(|| what.to_owned()));
    note(grew, "the log has grown meanwhile");
    note(
        !grew && log.tail == 1 && log.is_head_between,
        "a delta at the head is decided and not finished; the next pass of the sealer does it",
    );
    note(
        log.is_broken,
        "the tree cannot be worked out beyond what does not fit, so nothing after it was checked",
    );
    let expired = format!("expired, as receipts of the log say: {}", count(log.expired.receipted(), "event"));
    note(log.expired.receipted() > 0, &expired);
    note(is_unverified, "no signature was verified: give --key");
    let fresh = format!("not sealed yet, and young enough for that: {}", count(bearers.fresh, "event"));
    note(bearers.fresh > 0, &fresh);
    notes
}

/// What fits, and should not be so for long.
fn warnings(bearers: &Bearers, aside: u64) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(oldest) = bearers.oldest {
        let (overdue, minutes) = (count(bearers.overdue, "event"), events::OVERDUE_SECONDS / 60);
        warnings.push(format!(
            "not sealed {minutes} minutes after it was received: {overdue}, the oldest received at {oldest}"
        ));
    }
    if aside > 0 {
        warnings.push(format!("set aside, since it cannot be sealed as it is: {}", count(aside, "event")));
    }
    if bearers.strangers > 0 {
        let strangers = count(bearers.strangers, "item");
        warnings.push(format!("among the events, and without the key of one: {strangers}"));
    }
    warnings
}

/// How many events the head covers; `None` if that cannot be known.
fn head_size(head: &StoredHead) -> Option<u64> {
    match head {
        StoredHead::Missing => Some(0),
        StoredHead::Unreadable => None,
        StoredHead::Read(head) => Some(head.size()),
    }
}

fn signed_size(signed: &StoredSigned) -> Option<u64> {
    match signed {
        StoredSigned::Missing | StoredSigned::Unreadable => None,
        StoredSigned::Read(signed) => Some(signed.size),
    }
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
