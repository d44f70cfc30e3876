//! Compares the stored parts of the tree, which are the roots of tiles and the head, with the log.

use shared::{
    ledger::hash::Hash,
    model::{error::Error, id::WorkspaceId, keys::ledger},
    store::{Store, StoredHead},
};

use super::{
    head_size,
    log::Log,
    report::{Findings, Kind},
};

/// Compares the roots of tiles, as far as the log could be followed. A root beyond the log has no reader, and
/// is written again once the log gets there.
pub(super) async fn compare_roots(
    store: &Store,
    workspace: &WorkspaceId,
    log: &Log,
    findings: &mut Findings,
) -> Result<(), Error> {
    let expected = log.tile_roots.iter().enumerate().flat_map(|(level, roots)| {
        let level = u8::try_from(level + 1).expect("a tree has at most 8 levels");
        roots.iter().zip(0_u64..).map(move |(root, index)| (level, index, *root))
    });
    let covered = log.at_head.as_ref().map(|head| head.size());
    let mut expected = expected.peekable();
    let mut rest = None;
    loop {
        let chunk = store.stored_roots(workspace, rest).await?;
        for stored in &chunk.items {
            // Both are in the order of the keys: by level, then by index.
            while let Some((level, index, _)) =
                expected.next_if(|(level, index, _)| ledger::root(*level, *index) < stored.key)
            {
                report_missing(level, index, covered, findings);
            }
            let here = expected.next_if(|(level, index, _)| ledger::root(*level, *index) == stored.key);
            if let Some((level, index, root)) = here.filter(|(_, _, root)| stored.root != Some(*root)) {
                report_other(level, index, root, stored.root, findings);
            }
        }
        rest = chunk.rest;
        if rest.is_none() {
            break;
        }
    }
    for (level, index, _) in expected {
        report_missing(level, index, covered, findings);
    }
    Ok(())
}

/// Reports a root that is not stored, unless the head does not cover its tile yet: then it may not be written yet.
fn report_missing(level: u8, index: u64, covered: Option<u64>, findings: &mut Findings) {
    let (first, last) = (first_of(level, index), last_of(level, index));
    if covered.is_some_and(|size| last >= size) {
        return;
    }
    findings.within(Kind::TileRoot, first, last, format!("the root of tile {}/{index} is gone", level - 1));
}

fn report_other(level: u8, index: u64, root: Hash, stored: Option<Hash>, findings: &mut Findings) {
    let stored = stored.map_or("cannot be read".to_owned(), |stored| format!("is kept as {stored}"));
    let what = format!("the root of tile {}/{index} {stored}, and that of its entries is {root}", level - 1);
    findings.within(Kind::TileRoot, first_of(level, index), last_of(level, index), what);
}

fn first_of(level: u8, index: u64) -> u64 {
    index << (8 * level)
}

fn last_of(level: u8, index: u64) -> u64 {
    ((index + 1) << (8 * level)) - 1
}

/// Compares the head with the deltas; true if the head has moved on since it was read.
pub(super) async fn compare_head(
    store: &Store,
    workspace: &WorkspaceId,
    head: &StoredHead,
    log: &Log,
    findings: &mut Findings,
) -> Result<bool, Error> {
    let end = log.end();
    let Some(size) = head_size(head) else {
        findings.within(Kind::Head, 0, end.saturating_sub(1), "the head of the log cannot be read");
        return Ok(false);
    };
    if size > end && !log.is_broken {
        findings.at(
            Kind::DeltaMissing,
            end,
            format!("no delta decides it, and the head covers {size} entries"),
        );
    }
    if let (StoredHead::Read(head), Some(expected)) = (head, &log.at_head) {
        let subtrees = (0..u64::BITS).rev().filter(|height| size >> height & 1 == 1);
        let (kept, expected) = (head.to_bytes(), expected.to_bytes());
        let mut first = 0;
        for (height, (kept, expected)) in
            subtrees.zip(kept.chunks(Hash::BYTES).zip(expected.chunks(Hash::BYTES)))
        {
            let last = first + (1 << height) - 1;
            if kept != expected {
                findings.within(
                    Kind::Head,
                    first,
                    last,
                    "the root in the head is not the root of these entries",
                );
            }
            first = last + 1;
        }
    }
    if size >= end {
        return Ok(false);
    }
    // The sealer writes the next delta only after the head has reached the last one.
    let now = head_size(&store.stored_head(workspace).await?);
    let grew = now.is_some_and(|now| now > size);
    if log.is_head_between && (log.tail == 1 || grew) {
        return Ok(grew);
    }
    findings.at(Kind::Head, size, format!("the head covers {size} entries, and the deltas have {end}"));
    Ok(grew)
}
