//! Compares checkpoints with the log: the signed one in the tables, and the ones that the caller brings.

use std::collections::BTreeSet;

use shared::{
    ledger::{checkpoint::Checkpoint, hash::Hash},
    model::id::WorkspaceId,
    store::{Signed, StoredHead, StoredSigned},
};

use super::{
    Kept, head_size,
    log::Log,
    report::{Findings, Kind},
};

/// Compares checkpoints with the tree at their sizes.
pub(super) fn compare(
    workspace: &WorkspaceId,
    signed: &StoredSigned,
    kept: &Kept,
    head: &StoredHead,
    log: &Log,
    findings: &mut Findings,
) {
    let mut promised: Vec<_> = kept
        .checkpoints
        .iter()
        .map(|checkpoint| (Kind::KeptCheckpoint, checkpoint.size(), checkpoint.root()))
        .collect();
    match signed {
        StoredSigned::Missing => {}
        StoredSigned::Unreadable => {
            let last = log.end().saturating_sub(1);
            findings.within(Kind::Signed, 0, last, "the checkpoint that was signed cannot be read");
        }
        StoredSigned::Read(signed) => {
            promised.push((Kind::Signed, signed.size, signed.root));
            if let Err(why) = note_of(workspace, signed, kept) {
                findings.within(Kind::Signed, 0, signed.size.saturating_sub(1), why);
            }
        }
    }
    let agreed: BTreeSet<u64> = promised
        .iter()
        .filter(|(_, size, root)| log.roots.get(size) == Some(root))
        .map(|(_, size, _)| *size)
        .collect();
    let end = head_size(head).unwrap_or(log.end()).min(log.end());
    for (kind, size, root) in promised {
        let whose = if kind == Kind::Signed { "that was signed" } else { "that was kept" };
        match log.roots.get(&size) {
            // Up to the largest size with a matching root, nothing was changed.
            Some(is) if *is != root => {
                let from = agreed.range(..size).next_back().copied().unwrap_or_default();
                let what = format!(
                    "rewritten: by the checkpoint {whose} the first {size} entries have the root {root}, and they \
                     have {is}"
                );
                findings.within(kind, from, size.saturating_sub(1), what);
            }
            _ if size > end && !log.is_broken => {
                let what = format!("cut: the checkpoint {whose} has {size} entries, and the log {end}");
                findings.at(kind, end, what);
            }
            _ => {}
        }
    }
}

/// Checks that the note of a signed checkpoint says the same as the attributes that are stored with it.
fn note_of(workspace: &WorkspaceId, signed: &Signed, kept: &Kept) -> Result<(), String> {
    let Signed { size, root, note } = signed;
    let checkpoint = match &kept.key {
        Some(key) => Checkpoint::open(note, key).map_err(|error| format!("the signed note: {error}"))?,
        None => unverified(note).ok_or("the signed note is not a checkpoint")?,
    };
    if !is_of(&checkpoint, workspace) {
        return Err(format!("the signed note belongs to the log {:?}", checkpoint.origin()));
    }
    let said: (u64, Hash) = (checkpoint.size(), checkpoint.root());
    if said != (*size, *root) {
        return Err(format!(
            "the signed note says {} entries and {}, and the stored size and root are {size} and {root}",
            said.0, said.1
        ));
    }
    Ok(())
}

/// The checkpoint in a note, without a check of its signatures.
pub fn unverified(note: &str) -> Option<Checkpoint> {
    let (text, _) = note.split_at_checked(note.rfind("\n\n")? + 1)?;
    Checkpoint::parse(text).ok()
}

/// True if the checkpoint is for the log of this workspace, on any service.
pub fn is_of(checkpoint: &Checkpoint, workspace: &WorkspaceId) -> bool {
    checkpoint.origin().rsplit_once('/').is_some_and(|(_, name)| name == workspace.as_str())
}
