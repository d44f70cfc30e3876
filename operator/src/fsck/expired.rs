//! The receipts in the log, which explain events that have expired.

use serde::{Deserialize, Serialize};
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

/// Entries read at a time.
const CHUNK: u64 = 4096;

/// Receipts, and the mismatches that a receipt may explain.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Expired {
    receipts: Vec<Receipt>,
    /// Mismatches, unless a receipt covers their sequence.
    open: Vec<(u64, Kind, String)>,
    /// The runs of sequences that valid receipts name, sorted.
    runs: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Receipt {
    sequence: u64,
    /// The runs of sequences that it names; `None` if they cannot be read.
    runs: Option<Vec<(u64, u64)>>,
    /// The root as text; `None` if it is not one.
    root: Option<String>,
}

impl Expired {
    /// Notes an event of the log if it is a receipt.
    pub(super) fn note(&mut self, sequence: u64, event: &Event) {
        if is_receipt(event) {
            let (runs, root) = (
                text(event, "sequences").and_then(parse_runs),
                text(event, "root").filter(|root| Hash::parse(root).is_ok()).map(str::to_owned),
            );
            self.receipts.push(Receipt { sequence, runs, root });
        }
    }

    /// Adds a mismatch that a receipt may explain.
    pub(super) fn may_explain(&mut self, sequence: u64, kind: Kind, detail: String) {
        self.open.push((sequence, kind, detail));
    }

    /// The number of events that receipts cover.
    pub(super) fn receipted(&self) -> u64 {
        self.runs.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Checks each receipt against the log of `size` entries, and then reports each mismatch that no receipt
    /// explains.
    pub(super) async fn settle(
        &mut self,
        store: &Store,
        workspace: &WorkspaceId,
        size: u64,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        for Receipt { sequence, runs, root } in self.receipts.drain(..) {
            let runs = runs.filter(|runs| runs.iter().all(|(_, last)| *last < sequence.min(size)));
            let logged = match &runs {
                Some(runs) => Some(root_of(store, workspace, runs).await?),
                None => None,
            };
            match runs.filter(|_| root.is_some() && logged.map(|logged| logged.to_string()) == root) {
                Some(runs) => self.runs.extend(runs),
                None => findings.at(
                    Kind::Receipt,
                    sequence,
                    "the receipt does not match the leaves that the log has under its sequences",
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

fn text<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    event.context.get(name).and_then(|value| value.as_str())
}

/// The root of the logged leaves of these runs.
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
