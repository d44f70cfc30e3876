//! Some events that have expired and are not done away with yet: those that a receipt is for.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    error::Error,
    id::WorkspaceId,
    json::canonical,
    keys::{Place, Position},
    ledger::{hash::Hash, leaf, tile::FULL, tree::Frontier},
    new_event::MAX_TEXT_CHARACTERS,
    page::Page,
    retention::{is_receipt, runs},
    store::{Room, Store},
    timestamp::Timestamp,
};

/// The most events of one receipt.
pub const MAX_EVENTS: usize = 10_000;
/// How many are held whole at a time, and how many bytes of them.
const CHUNK: Room = Room { events: 300, bytes: 20_000_000, measure: |event| canonical(event).len() };

/// An event that has expired.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) place: Place,
    pub(crate) sequence: u64,
    pub(crate) leaf: Hash,
}

/// Events that have expired, in the order of time.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) due: Vec<Due>,
}

impl Window {
    /// The events after a place and before an instant, as far as they are sealed and there are not too many.
    ///
    /// It ends before the first one that is not sealed: what is in no log, no receipt can be for. Receipts are
    /// passed over, because they do not expire.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, [`Error::Inconsistent`] if an event is not what was
    /// sealed: then it is evidence, and stays.
    pub(crate) async fn read(
        store: &Store,
        workspace: &WorkspaceId,
        head: &Frontier,
        after: Option<&Position>,
        before: Timestamp,
    ) -> Result<Self, Error> {
        let mut due = Vec::new();
        let mut after = after.cloned();
        'reading: loop {
            let Page { events, next, .. } =
                store.stored_before(workspace, after.as_ref(), before, CHUNK).await?;
            for event in events.iter().filter(|event| !is_receipt(event)) {
                let sealed = event.sequence.filter(|sequence| *sequence < head.size());
                let Some(sequence) = sealed.filter(|_| due.len() < MAX_EVENTS) else { break 'reading };
                let (place, leaf) = (store.place_of(event).await?, Hash::of_leaf(leaf(event).as_bytes()));
                due.push(Due { place, sequence, leaf });
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        let window = Self { due: fitting(due) };
        window.is_what_was_sealed(store, workspace, head).await?;
        Ok(window)
    }

    /// The sequences, in their order.
    pub(crate) fn sequences(&self) -> Vec<u64> {
        sequences(&self.due)
    }

    /// The root of the leaves, in the order of their sequences (RFC 6962).
    pub(crate) fn root(&self) -> Hash {
        let leaves: BTreeMap<_, _> = self.due.iter().map(|due| (due.sequence, due.leaf)).collect();
        let mut tree = Frontier::default();
        for leaf in leaves.into_values() {
            tree.push(leaf);
        }
        tree.root()
    }

    /// Looks whether the log has each event under its sequence, as it is.
    async fn is_what_was_sealed(
        &self,
        store: &Store,
        workspace: &WorkspaceId,
        head: &Frontier,
    ) -> Result<(), Error> {
        let by_sequence: BTreeMap<_, _> = self.due.iter().map(|due| (due.sequence, due)).collect();
        if by_sequence.len() < self.due.len() {
            return Err(Error::Inconsistent(format!("{workspace}: two events bear one sequence").into()));
        }
        let tiles: BTreeSet<_> = by_sequence.keys().map(|sequence| sequence / u64::from(FULL)).collect();
        for tile in tiles {
            let (start, end) = (tile * u64::from(FULL), (tile + 1) * u64::from(FULL));
            for (sequence, entry) in store.entries(workspace, start..end.min(head.size())).await? {
                let Some(due) = by_sequence.get(&sequence) else { continue };
                if due.place != entry.place || due.leaf != entry.leaf {
                    let what =
                        format!("{workspace}: the event of sequence {sequence} is not what was sealed");
                    return Err(Error::Inconsistent(what.into()));
                }
            }
        }
        Ok(())
    }
}

fn sequences(due: &[Due]) -> Vec<u64> {
    let sequences: BTreeSet<_> = due.iter().map(|due| due.sequence).collect();
    sequences.into_iter().collect()
}

/// As many of them, from the first on, as the text of their sequences has room for. Events come nearly in the
/// order of their sequences, unless they were imported; then the text is long.
fn fitting(mut due: Vec<Due>) -> Vec<Due> {
    while runs(&sequences(&due)).len() > MAX_TEXT_CHARACTERS {
        due.truncate(due.len() / 2);
    }
    due
}
