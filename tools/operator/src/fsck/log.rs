//! The log itself: its deltas, the events that they name, and the tree over their leaves.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use shared::{
    ledger::{Delta, Entry, hash::Hash, leaf, note::Vkey, tree::Frontier},
    model::{
        error::Error,
        event::Event,
        id::WorkspaceId,
        keys::{Place, partition},
        shards::Shards,
    },
    store::{Kept, Store, StoredDelta, StoredHead},
};

use super::{
    head_size,
    report::{Findings, Kind, name_of},
    resume::Resume,
    service::ServiceRecords,
};

/// After how many entries the state is saved.
const SAVED_EACH: u64 = 2048;
/// Events read at once: the maximum of one `BatchGetItem`.
const BATCH: usize = 100;
/// Batches that are read concurrently.
const CONCURRENCY: usize = 8;

/// A log, as recorded in its deltas.
#[derive(Debug, Default)]
pub(super) struct Log {
    frontier: Frontier,
    /// The roots of the full tiles, by level, from level 1.
    pub(super) tile_roots: Vec<Vec<Hash>>,
    /// The tree at the size of the head.
    pub(super) at_head: Option<Frontier>,
    /// The root at each requested size that the log has reached.
    pub(super) roots: BTreeMap<u64, Hash>,
    /// True if a delta begins, or the log ends, at the size of the head.
    pub(super) is_head_between: bool,
    /// The number of deltas beyond the head.
    pub(super) tail: u64,
    /// True if the deltas could not be followed to the end of the log.
    pub(super) is_broken: bool,
    /// Its service records, and what they explain.
    pub(super) service: ServiceRecords,
}

/// The tables of a workspace.
#[derive(Clone, Copy)]
pub(super) struct Tables<'a> {
    pub(super) store: &'a Store,
    pub(super) workspace: &'a WorkspaceId,
    pub(super) shards: &'a Shards,
}

/// Compares entries with their events.
struct EntryCheck<'a> {
    store: &'a Store,
    workspace: &'a WorkspaceId,
    shards: &'a Shards,
    /// Every event below this sequence must have its sequence.
    stamped: u64,
}

impl Log {
    /// Follows the deltas from sequence 0 to the end, or to the first delta that does not continue the one
    /// before it. `None` if the saved state is not of this log.
    pub(super) async fn walk(
        Tables { store, workspace, shards }: Tables<'_>,
        head: &StoredHead,
        sizes: &[u64],
        key: Option<&Vkey>,
        findings: &mut Findings,
        bar: &ProgressBar,
        resume: Option<&Resume>,
    ) -> Result<Option<Self>, Error> {
        let covered = head_size(head);
        let check = EntryCheck { store, workspace, shards, stamped: covered.unwrap_or(u64::MAX) };
        let mut log = Self::default();
        log.reach(covered, sizes);
        let saved = resume.and_then(Resume::saved);
        let (checked, root) =
            saved.as_ref().map_or((0, String::new()), |saved| (saved.checked, saved.root.clone()));
        if let Some(saved) = saved {
            *findings = saved.findings.without_deltas();
            log.service = saved.service;
        }
        let mut rest = None;
        loop {
            let chunk = store.stored_deltas(workspace, rest).await?;
            let mut entries = Vec::new();
            // The root at each size where the state may be saved.
            let mut marks = BTreeMap::new();
            for delta in &chunk.items {
                let Some(next) = log.follow(delta, findings) else { break };
                log.is_head_between |= covered == Some(next.first);
                log.tail += u64::from(covered.is_some_and(|covered| next.end() > covered));
                for (sequence, entry) in next.sequenced() {
                    log.push(sequence, entry.leaf);
                    log.reach(covered, sizes);
                    if log.end().is_multiple_of(SAVED_EACH) {
                        marks.insert(log.end(), log.root());
                    }
                    if log.end() == checked && log.root().to_string() != root {
                        return Ok(None);
                    }
                    if sequence >= checked {
                        entries.push((sequence, entry.clone()));
                    } else {
                        bar.inc(1);
                    }
                }
            }
            while let Some((first, _)) = entries.first() {
                let room = usize::try_from(SAVED_EACH - first % SAVED_EACH).unwrap_or(usize::MAX);
                let end = first + entries.len().min(room) as u64;
                let later = entries.split_off(room.min(entries.len()));
                check.compare(entries, &mut log.service, findings, bar).await?;
                entries = later;
                if let (Some(resume), Some(root)) = (resume, marks.get(&end)) {
                    // If we crash here, the next run compares the events from `end` on.
                    resume.save(end, root, findings, &log.service);
                }
            }
            rest = chunk.rest;
            if rest.is_none() || log.is_broken {
                if log.end() < checked {
                    return Ok(None);
                }
                log.is_head_between |= covered == Some(log.end());
                log.service.settle(store, workspace, key, log.frontier.size(), findings).await?;
                return Ok(Some(log));
            }
        }
    }

    /// The sequence after the last entry.
    pub(super) fn end(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of all entries.
    pub(super) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The delta, if it begins where the log ends so far.
    fn follow<'a>(&mut self, stored: &'a StoredDelta, findings: &mut Findings) -> Option<&'a Delta> {
        let end = self.end();
        match &stored.delta {
            Some(delta) if delta.first == end => return Some(delta),
            Some(delta) if delta.first > end => {
                let next = delta.first;
                findings.at(
                    Kind::DeltaMissing,
                    end,
                    format!("no delta decides it; the next one begins with {next}"),
                );
            }
            Some(delta) => {
                let what = format!("a delta begins with it, and the one before that has come to {end}");
                findings.at(Kind::DeltaOverlaps, delta.first, what);
            }
            None => {
                findings.at(Kind::DeltaUnreadable, end, format!("the item {:?} is not a delta", stored.key));
            }
        }
        self.is_broken = true;
        None
    }

    fn push(&mut self, sequence: u64, leaf: Hash) {
        let complete = self.frontier.push(leaf);
        for (level, root) in complete.iter().skip(8).step_by(8).enumerate() {
            if self.tile_roots.len() == level {
                self.tile_roots.push(Vec::new());
            }
            debug_assert_eq!(self.tile_roots[level].len() as u64, sequence >> (8 * (level + 1)));
            self.tile_roots[level].push(*root);
        }
    }

    /// Stores the tree, or its root, if it was requested for the current size.
    fn reach(&mut self, covered: Option<u64>, sizes: &[u64]) {
        let size = self.end();
        if covered == Some(size) {
            self.at_head = Some(self.frontier.clone());
        }
        if sizes.contains(&size) {
            self.roots.insert(size, self.root());
        }
    }
}

impl EntryCheck<'_> {
    /// Reads the events of entries, and reports each that does not match its entry.
    async fn compare(
        &self,
        entries: Vec<(u64, Entry)>,
        service: &mut ServiceRecords,
        findings: &mut Findings,
        bar: &ProgressBar,
    ) -> Result<(), Error> {
        let batches: Vec<_> = entries.chunks(BATCH).collect();
        let reads = batches.into_iter().map(|batch| async move {
            let places: Vec<Place> = batch.iter().map(|(_, entry)| entry.place.clone()).collect();
            Ok::<_, Error>((batch, self.store.kept(self.workspace, &places).await?))
        });
        let mut reads = stream::iter(reads).buffered(CONCURRENCY);
        while let Some((batch, kept)) = reads.try_next().await? {
            for ((sequence, entry), kept) in batch.iter().zip(kept) {
                if let Some(event) = kept.as_ref().and_then(|kept| kept.event.as_ref().ok()) {
                    service.note(*sequence, event);
                }
                match self.mismatch(*sequence, entry, kept) {
                    // A receipt later in the log may explain it.
                    Some((kind, _)) if kind.may_be_expired() => service.may_explain(*sequence, kind),
                    Some((kind, detail)) => findings.at(kind, *sequence, detail),
                    None => {}
                }
            }
            bar.inc(batch.len() as u64);
        }
        Ok(())
    }

    /// The first difference between an entry and its stored event.
    fn mismatch(&self, sequence: u64, entry: &Entry, kept: Option<Kept>) -> Option<(Kind, String)> {
        let Entry { place, leaf: sealed } = entry;
        let name = name_of(place);
        let Some(Kept { event, strange }) = kept else {
            return Some((Kind::EventMissing, String::new()));
        };
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                return Some((Kind::EventUnreadable, format!("{name} cannot be read: {why}")));
            }
        };
        if hash(&event) != *sealed {
            return Some((Kind::EventChanged, format!("{name} is not what was sealed")));
        }
        match event.sequence {
            None if sequence < self.stamped => {
                return Some((Kind::EventUnstamped, format!("{name} has no sequence")));
            }
            Some(other) if other != sequence => {
                return Some((Kind::EventOtherSequence, format!("{name} has the sequence {other}")));
            }
            _ => {}
        }
        if strange == ["expires_at"] {
            return Some((Kind::EventMarked, String::new()));
        }
        if !strange.is_empty() {
            let attributes: Vec<_> = strange.iter().map(|attribute| format!("{attribute:?}")).collect();
            let detail =
                format!("{name} has attributes that do not follow from it: {}", attributes.join(", "));
            return Some((Kind::EventAttributes, detail));
        }
        let (is, must) =
            (partition(self.workspace, place.shard), self.shards.partition(self.workspace, &place.position));
        (is != must).then(|| {
            let detail = format!(
                "{name} is kept under {is:?}, and by the settings queries look for it under {must:?}"
            );
            (Kind::EventMisplaced, detail)
        })
    }
}

fn hash(event: &Event) -> Hash {
    Hash::of_leaf(leaf(event).as_bytes())
}
