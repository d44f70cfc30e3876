//! What the log itself says of events that have expired: its receipts.

use shared::{
    ledger::{hash::Hash, tree::Frontier},
    model::{
        error::Error,
        event::Event,
        id::WorkspaceId,
        retention::{is_receipt, parse_runs},
    },
    store::Store,
};

use super::report::{Findings, Kind};

/// How many entries are read at a time.
const CHUNK: u64 = 4096;

/// Receipts, and what may be explained by one.
#[derive(Debug, Default)]
pub(super) struct Expired {
    receipts: Vec<Receipt>,
    /// What does not fit unless the event has expired.
    open: Vec<(u64, Kind, String)>,
    /// The runs of sequences that good receipts name, in their order.
    runs: Vec<(u64, u64)>,
}

#[derive(Debug)]
struct Receipt {
    sequence: u64,
    /// What it names; `None` if it cannot be read.
    runs: Option<Vec<(u64, u64)>>,
    root: Option<Hash>,
}

impl Expired {
    /// Looks at an event of the log, which may be a receipt.
    pub(super) fn note(&mut self, sequence: u64, event: &Event) {
        if is_receipt(event) {
            let text = |name: &str| event.context.get(name).and_then(|value| value.as_str());
            let (runs, root) = (
                text("sequences").and_then(parse_runs),
                text("root").and_then(|root| Hash::parse(root).ok()),
            );
            self.receipts.push(Receipt { sequence, runs, root });
        }
    }

    /// Something that does not fit, unless a receipt is for it.
    pub(super) fn look_for(&mut self, sequence: u64, kind: Kind, detail: String) {
        self.open.push((sequence, kind, detail));
    }

    /// For how many events there are receipts.
    pub(super) fn receipted(&self) -> u64 {
        self.runs.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Holds each receipt against the log of `size` entries, and what may be explained against the receipts.
    pub(super) async fn settle(
        &mut self,
        store: &Store,
        workspace: &WorkspaceId,
        size: u64,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        for Receipt { sequence, runs, root } in self.receipts.drain(..) {
            let runs = runs.filter(|runs| runs.iter().all(|(_, last)| *last < sequence.min(size)));
            let is = match &runs {
                Some(runs) => Some(root_of(store, workspace, runs).await?),
                None => None,
            };
            match runs.filter(|_| is == root && root.is_some()) {
                Some(runs) => self.runs.extend(runs),
                None => findings.at(
                    Kind::Receipt,
                    sequence,
                    "the receipt for what has expired is not for what the log has there",
                ),
            }
        }
        self.runs.sort_unstable();
        for (sequence, kind, detail) in self.open.drain(..) {
            let after = self.runs.partition_point(|(first, _)| *first <= sequence);
            let covered = after.checked_sub(1).is_some_and(|before| sequence <= self.runs[before].1);
            if !covered {
                findings.at(kind, sequence, detail);
            }
        }
        Ok(())
    }
}

/// The root of the leaves that the log has in these runs.
async fn root_of(store: &Store, workspace: &WorkspaceId, runs: &[(u64, u64)]) -> Result<Hash, Error> {
    let mut tree = Frontier::default();
    for (first, last) in runs {
        let mut start = *first;
        while start <= *last {
            let end = (start + CHUNK).min(last + 1);
            for (_, entry) in store.entries(workspace, start..end).await? {
                tree.push(entry.leaf);
            }
            start = end;
        }
    }
    Ok(tree.root())
}
