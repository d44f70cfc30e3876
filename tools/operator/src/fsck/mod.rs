//! Recomputes the log of a workspace from the tables alone, and reports every mismatch.
//!
//! ```text
//! signed ─▶ head ─▶ deltas, from 0 on ─▶ each entry's event ─▶ leaf ─▶ tree ─▶ roots, head, checkpoints
//!                                                 │
//!                   all shards of the events ─────┴▶ does any event have a sequence that is not its own?
//! ```
//!
//! ## Mismatches that are found
//!
//! Each entry's event must exist, have exactly its sequence, and have the leaf that was sealed. So entries and
//! events with a sequence match one to one, and one bit for each sequence is enough to find an inserted event:
//! its sequence was seen already, or no entry has it. The tree is computed from the entries and compared with
//! everything stored of it: the roots of the tiles, the head, the signed checkpoint, and the checkpoints that
//! the caller brings.
//!
//! Receipts, redaction records and changes of settings must have the signature of the service, which the log's
//! key verifies. An event that is missing or marked for deletion is no mismatch if a receipt covers it: an entry
//! of the log that names the event's sequence, whose root is the root of the logged leaves of the sequences that
//! it names, and which the settings recorded before it allow. A part of an event that is erased must be named by
//! a redaction record.
//!
//! ## Mismatches that are not found
//!
//! An owner of the account can rewrite an event with everything that follows from it, and sign the result. The
//! tables then agree with each other, and only a checkpoint that was kept elsewhere shows the change: pass it
//! in.
//!
//! The check may run while the log is in use. The signed checkpoint is read first, then the head, then the
//! rest, so a log that grows during the check only has more than the checkpoint promised. Nothing is written.

mod checkpoints;
mod events;
mod log;
mod report;
mod resume;
mod service;
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
    resume::Resume,
};
use self::{
    events::EventScan,
    log::{Log, Tables},
};

/// Evidence from outside the tables, to compare them with.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Earlier checkpoints of the log.
    pub checkpoints: Vec<Checkpoint>,
    /// The key that signs the log's checkpoints.
    pub key: Option<Vkey>,
}

/// Checks everything that is stored of a workspace's log.
///
/// Mismatches are in the report; `bar` shows the progress, in entries and then in events.
///
/// # Errors
/// [`Error::Unavailable`] if the store does not answer; the check has no result then.
pub async fn check(
    store: &Store,
    workspace: &WorkspaceId,
    kept: &Kept,
    now: Timestamp,
    bar: &ProgressBar,
) -> Result<Report, Error> {
    check_from(store, workspace, kept, now, bar, None).await
}

/// The same, from where an earlier run ended. The state is removed once the check is done.
///
/// # Errors
/// As of [`check`]; then the state stays.
pub async fn check_from(
    store: &Store,
    workspace: &WorkspaceId,
    kept: &Kept,
    now: Timestamp,
    bar: &ProgressBar,
    resume: Option<&Resume>,
) -> Result<Report, Error> {
    let mut findings = Findings::default();
    // Read in this order, so that the values read later can only be larger.
    let signed = store.stored_signed(workspace).await?;
    let head = store.stored_head(workspace).await?;
    let shards = store.settings_now(workspace).await?.shards;
    bar.set_length(2 * head_size(&head).unwrap_or_default());

    let mut sizes: Vec<_> = kept.checkpoints.iter().map(Checkpoint::size).collect();
    sizes.extend(signed_size(&signed));
    let tables = Tables { store, workspace, shards: &shards };
    let walk = Log::walk(tables, &head, &sizes, kept.key.as_ref(), &mut findings, bar, resume);
    let log = match walk.await? {
        Some(log) => log,
        None => {
            // The saved state is of another log: begin with the first event.
            findings = Findings::default();
            bar.set_position(0);
            let walk = Log::walk(tables, &head, &sizes, kept.key.as_ref(), &mut findings, bar, None);
            walk.await?.unwrap_or_default()
        }
    };
    tree::compare_roots(store, workspace, &log, &mut findings).await?;
    let grew = tree::compare_head(store, workspace, &head, &log, &mut findings).await?;
    checkpoints::compare(workspace, &signed, kept, &head, &log, &mut findings);
    let scan = EventScan::read(store, workspace, &log, now, &mut findings, bar).await?;
    let aside = store.count_aside(workspace).await?;
    // A record that is not in the log yet may be the one that names it.
    let (outside, unexplained) = (scan.outside(), log.service.unexplained().collect::<Vec<_>>());
    for (sequence, what) in unexplained.iter().filter(|_| outside == 0) {
        findings.at(Kind::Redaction, *sequence, what.clone());
    }
    bar.finish_and_clear();
    if let Some(resume) = resume {
        resume.finish();
    }

    Ok(Report {
        workspace: workspace.clone(),
        size: log.end(),
        root: log.root(),
        head: head_size(&head),
        signed: signed_size(&signed),
        notes: notes(&log, &scan, grew, kept.key.is_none() && signed != StoredSigned::Missing),
        warnings: warnings(&scan, aside),
        unchecked: unchecked(&log, &scan, aside, &head, unexplained.first()),
        findings,
    })
}

/// The reason why not everything was checked, although there is no mismatch; `None` if it was.
fn unchecked(
    log: &Log,
    scan: &EventScan,
    aside: u64,
    head: &StoredHead,
    unexplained: Option<&(u64, String)>,
) -> Option<String> {
    let events = scan.fresh + scan.overdue + scan.invalid_keys + aside;
    if *head == StoredHead::Missing && log.end() + events == 0 {
        let what = "there is nothing of this workspace: look at its name, and at those of the tables";
        return Some(what.to_owned());
    }
    let unverified = log.service.unverified();
    if unverified > 0 {
        let records = count(unverified, "service record");
        return Some(format!("only the log's key tells who wrote {records}: give --key"));
    }
    let (sequence, what) = unexplained?;
    Some(format!("sequence {sequence}: {what} as far as the log is sealed; check again when it is"))
}

/// Remarks on a state that is normal.
fn notes(log: &Log, scan: &EventScan, grew: bool, is_unverified: bool) -> Vec<String> {
    let expired = format!("expired, as receipts of the log say: {}", count(log.service.receipted(), "event"));
    let fresh = format!("not sealed yet, and young enough for that: {}", count(scan.fresh, "event"));
    let all = [
        (grew, "the log has grown meanwhile"),
        (
            !grew && log.tail == 1 && log.is_head_between,
            "a delta at the head is decided and not finished; the next pass of the sealer does it",
        ),
        (
            log.is_broken,
            "the tree cannot be computed beyond the first mismatch in the deltas, so nothing after it was checked",
        ),
        (log.service.receipted() > 0, &expired),
        (is_unverified, "no signature was verified: give --key"),
        (scan.fresh > 0, &fresh),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note.to_owned()).collect()
}

/// Remarks on a state that is no mismatch but should not last.
fn warnings(scan: &EventScan, aside: u64) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(oldest) = scan.oldest {
        let (overdue, minutes) = (count(scan.overdue, "event"), events::OVERDUE_SECONDS / 60);
        warnings.push(format!(
            "not sealed {minutes} minutes after it was received: {overdue}, the oldest received at {oldest}"
        ));
    }
    if aside > 0 {
        warnings.push(format!("set aside, since it cannot be sealed as it is: {}", count(aside, "event")));
    }
    if scan.invalid_keys > 0 {
        let items = count(scan.invalid_keys, "item");
        warnings.push(format!("items in the events table without the key of an event: {items}"));
    }
    warnings
}

/// The number of events that the head covers; `None` if the head cannot be read.
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
