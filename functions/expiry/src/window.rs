//! The next expired events that no receipt names yet.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::{
    ledger::{Entry, hash::Hash, leaf, tile::FULL, tree::Frontier},
    model::{
        error::Error,
        escaping::MAX_TEXT_CHARACTERS,
        id::WorkspaceId,
        keys::{Place, Position},
        retention::{never_expires, runs},
        timestamp::Timestamp,
    },
    query::page::Page,
    store::{Room, Store},
    text::json::canonical,
};

/// Events of one receipt, at most.
pub const MAX_EVENTS: usize = 10_000;
/// Tiles of the log that are read at a time.
const TILES: usize = 16;
/// Events that are held in full at a time, and their bytes.
const CHUNK: Room = Room { events: 300, bytes: 20_000_000, measure: |event| canonical(event).len() };

/// An event that has expired.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) place: Place,
    pub(crate) sequence: u64,
    pub(crate) leaf: Hash,
}

/// Expired events, in the order of time.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) due: Vec<Due>,
    /// True if it ends before an unsealed event.
    pub(crate) is_blocked: bool,
}

impl Window {
    /// The sealed events after a position and before an instant, up to a maximum.
    ///
    /// It ends before the first unsealed event: no receipt can name an event that is in no log. Records that
    /// never expire are skipped.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, [`Error::Inconsistent`] if an event is not as it
    /// was sealed: then it is evidence, and stays.
    pub(crate) async fn read(
        store: &Store,
        workspace: &WorkspaceId,
        head: &Frontier,
        after: Option<&Position>,
        before: Timestamp,
    ) -> Result<Self, Error> {
        let (mut due, mut is_blocked) = (Vec::new(), false);
        let mut after = after.cloned();
        'reading: loop {
            let Page { events, next, .. } =
                store.stored_before(workspace, after.as_ref(), before, CHUNK).await?;
            for event in events.iter().filter(|event| !never_expires(event)) {
                if due.len() == MAX_EVENTS {
                    break 'reading;
                }
                let Some(sequence) = event.sequence.filter(|sequence| *sequence < head.size()) else {
                    is_blocked = true;
                    break 'reading;
                };
                let (place, leaf) = (store.place_of(event).await?, Hash::of_leaf(leaf(event).as_bytes()));
                due.push(Due { place, sequence, leaf });
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        let window = Self { due, is_blocked };
        window.is_what_was_sealed(store, workspace, head).await?;
        Ok(window)
    }

    /// The events of each receipt, in the order of time: as many as the text of their sequences has room for.
    /// Sequences nearly follow the order of time, except after imports, which make the text long.
    pub(crate) fn parts(&self) -> Vec<&[Due]> {
        let mut parts = Vec::new();
        let mut left = self.due.as_slice();
        while !left.is_empty() {
            // The text of one sequence always fits.
            let (mut fits, mut too_many) = (1, left.len() + 1);
            while too_many - fits > 1 {
                let count = fits.midpoint(too_many);
                let text = runs(&sequences(&left[..count]));
                if text.len() <= MAX_TEXT_CHARACTERS { fits = count } else { too_many = count }
            }
            let (part, rest) = left.split_at(fits);
            parts.push(part);
            left = rest;
        }
        parts
    }

    /// Checks that the log has each event unchanged under its sequence.
    async fn is_what_was_sealed(
        &self,
        store: &Store,
        workspace: &WorkspaceId,
        head: &Frontier,
    ) -> Result<(), Error> {
        let by_sequence = by_sequence(&self.due);
        if by_sequence.len() < self.due.len() {
            return Err(Error::Inconsistent(format!("{workspace}: two events have one sequence").into()));
        }
        let wanted = by_sequence.keys().copied().collect();
        for (sequence, entry) in entries(store, workspace, head, &wanted).await? {
            let Some(due) = by_sequence.get(&sequence) else { continue };
            if due.place != entry.place || due.leaf != entry.leaf {
                let what = format!("{workspace}: the event of sequence {sequence} is not what was sealed");
                return Err(Error::Inconsistent(what.into()));
            }
        }
        Ok(())
    }
}

/// The entries of these sequences in order; the head covers all of them.
pub(crate) async fn entries(
    store: &Store,
    workspace: &WorkspaceId,
    head: &Frontier,
    wanted: &BTreeSet<u64>,
) -> Result<Vec<(u64, Entry)>, Error> {
    let full = u64::from(FULL);
    let tiles: BTreeSet<_> = wanted.iter().map(|sequence| sequence / full).collect();
    // Collected first: the compiler cannot see that a borrowing closure kept across an await is Send.
    let reads: Vec<_> = tiles
        .into_iter()
        .map(|tile| store.entries(workspace, tile * full..((tile + 1) * full).min(head.size())))
        .collect();
    let mut reads = stream::iter(reads).buffered(TILES);
    let mut found = Vec::new();
    while let Some(entries) = reads.try_next().await? {
        found.extend(entries.into_iter().filter(|(sequence, _)| wanted.contains(sequence)));
    }
    Ok(found)
}

/// Events by their sequences.
pub(crate) fn by_sequence(due: &[Due]) -> BTreeMap<u64, &Due> {
    due.iter().map(|due| (due.sequence, due)).collect()
}

/// The sequences of events, in order.
pub(crate) fn sequences(due: &[Due]) -> Vec<u64> {
    by_sequence(due).into_keys().collect()
}

/// The root of leaves in the order of their sequences (RFC 6962).
pub(crate) fn root(leaves: impl Iterator<Item = Hash>) -> Hash {
    let mut tree = Frontier::default();
    for leaf in leaves {
        tree.push(leaf);
    }
    tree.root()
}
