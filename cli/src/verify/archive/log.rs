//! Verifies the events of an archive against the log, with the roots that the log signed, or with remembered hashes.

use std::collections::{BTreeMap, BTreeSet};

use indicatif::HumanCount;
use serde_json::Value;

use super::{manifest::Manifest, problems::Problems};
use crate::{
    catalogue::require_category,
    ledger::{Checkpoint, Entry, Hash, Key, Tree, is_service_record, verify_service_record},
    terminal::safe_line,
    verify::store::Remembered,
};

/// The comparison of an archive's events with the log.
pub(super) struct Proof<'a> {
    key: &'a Key,
    remembered: Option<&'a Remembered>,
    /// The checkpoints of manifests, by their sizes, with the manifest that first had each.
    checkpoints: BTreeMap<u64, (Checkpoint, String)>,
    /// Where all events before are there: what a root can be worked out from.
    whole: Tree,
    /// Whether an event was missing, so that nothing after it adds to a root.
    has_gap: bool,
    begins_later: bool,
    events: u64,
    /// How many of the events are before `signed`.
    sequences: Vec<u64>,
    /// How many entries of the log are proved to be what they are.
    signed: u64,
    uncovered: BTreeSet<String>,
}

impl<'a> Proof<'a> {
    /// Nothing is proved yet.
    pub(super) fn new(key: &'a Key, remembered: Option<&'a Remembered>, from: u64) -> Self {
        Self {
            key,
            remembered,
            checkpoints: BTreeMap::new(),
            whole: Tree::default(),
            has_gap: false,
            begins_later: from > 0,
            events: 0,
            sequences: Vec::new(),
            signed: remembered.map_or(0, |log| log.checkpoint.size),
            uncovered: BTreeSet::new(),
        }
    }

    /// Adds the checkpoint of a run, if it has one. It must be signed, and must equal any checkpoint of the same size in
    /// another run.
    pub(super) fn note_checkpoint(&mut self, run: &Manifest, problems: &mut Problems) {
        let Some(note) = &run.checkpoint else { return };
        let (key, name) = (run.key(), self.key);
        match name.open(note) {
            Ok(checkpoint) => {
                let size = checkpoint.size;
                let kept = self.checkpoints.entry(size).or_insert_with(|| (checkpoint.clone(), key.clone()));
                if kept.0.root != checkpoint.root {
                    problems.add(format!(
                        "{key}: its checkpoint has another root for {size} entries than that of {}",
                        kept.1
                    ));
                }
            }
            Err(because) => problems.add(format!("{key}: {because}")),
        }
    }

    /// Takes the next event. `masked` is whether the stream leaves something out of events.
    pub(super) fn note_event(&mut self, event: &Value, masked: bool, problems: &mut Problems) {
        let entry = if masked { Entry::of_masked(event) } else { Entry::of(event) };
        let (sequence, hash) = match entry {
            Ok(entry) => {
                let Some(sequence) = entry.sequence else {
                    problems
                        .add(format!("{} has no sequence, and each event of an archive has", about(event)));
                    return;
                };
                let hash = entry.hash();
                // A mask may leave out the signature; then the context is among what is not proved.
                let is_shown = !entry.uncovered.iter().any(|name| name == "context");
                if is_service_record(event)
                    && is_shown
                    && let Err(because) = verify_service_record(event, self.key)
                {
                    problems.add(format!(
                        "sequence {sequence}: {}, a record of the service, is not its: {because}",
                        about(event)
                    ));
                }
                self.uncovered.extend(entry.uncovered);
                (sequence, hash)
            }
            Err(because) => {
                problems.add(format!("sequence {}: {}: {because}", event["sequence"], about(event)));
                return;
            }
        };
        self.events += 1;
        self.sequences.push(sequence);
        if let Err(because) = require_category(event) {
            problems.add(format!("sequence {sequence}: {}: {because}", about(event)));
        }
        if self.logged(sequence).is_some_and(|logged| logged != hash) {
            problems.add(format!("sequence {sequence}: {} is not what was logged", about(event)));
        }
        self.has_gap |= self.whole.size() != sequence;
        if !self.has_gap {
            self.whole.extend(&[hash]);
        }
    }

    fn logged(&self, sequence: u64) -> Option<Hash> {
        self.remembered?.tree.hashes().get(usize::try_from(sequence).ok()?).copied()
    }

    /// Works out the roots of all checkpoints as far as there are hashes: those that were remembered, or those of
    /// the events.
    pub(super) fn roots(&mut self, problems: &mut Problems) {
        let hashes = self.remembered.map_or(self.whole.hashes(), |log| log.tree.hashes());
        let mut tree = Tree::default();
        for (size, (checkpoint, key)) in &self.checkpoints {
            let before = usize::try_from(tree.size()).unwrap_or(usize::MAX);
            let Some(more) = usize::try_from(*size).ok().and_then(|end| hashes.get(before..end)) else {
                break;
            };
            tree.extend(more);
            if tree.root() != checkpoint.root {
                problems.add(format!(
                    "sequences {before} to {}: the events do not add up to the root that was signed for {size} \
                     entries, by the checkpoint of {key}",
                    size.saturating_sub(1)
                ));
                return;
            }
            self.signed = self.signed.max(*size);
        }
    }

    pub(super) fn workspace(&self) -> &str {
        self.key.workspace()
    }

    /// How many of them are proved.
    pub(super) fn proved(&self) -> u64 {
        self.sequences.iter().filter(|sequence| **sequence < self.signed).count() as u64
    }

    /// How many came after the last checkpoint that could be used.
    pub(super) fn beyond(&self) -> u64 {
        self.events - self.proved()
    }

    /// How many a checkpoint covers that could not be used, because events before them are not here.
    pub(super) fn behind_gaps(&self) -> u64 {
        let covered = self.checkpoints.keys().next_back().copied().unwrap_or_default();
        if self.remembered.is_some() || !(self.has_gap || self.begins_later) {
            return 0;
        }
        self.sequences.iter().filter(|sequence| (self.signed..covered).contains(*sequence)).count() as u64
    }

    /// Which events no checkpoint says anything about.
    pub(super) fn outside(&self) -> String {
        match self.beyond() {
            0 => "nothing".to_owned(),
            count => format!("{} events after the checkpoint", HumanCount(count)),
        }
    }

    /// Which members of events no proof is about.
    pub(super) fn uncovered(&self) -> String {
        self.uncovered.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// The checkpoint that it was proved by.
    pub(super) fn checkpoint(&self) -> String {
        let kept = self.remembered.map(|log| &log.checkpoint).filter(|kept| kept.size == self.signed);
        let signed = kept.or_else(|| self.checkpoints.get(&self.signed).map(|(checkpoint, _)| checkpoint));
        signed.map_or("none".to_owned(), |signed| format!("{} entries, root {}", signed.size, signed.root))
    }
}

/// An event in a message.
fn about(event: &Value) -> String {
    format!("the event {}", safe_line(event["id"].as_str().unwrap_or("without id")))
}
