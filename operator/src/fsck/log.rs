//! The log itself: its deltas, the events that they name, and the tree over their leaves.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use shared::{
    ledger::{Delta, Entry, hash::Hash, leaf, tree::Frontier},
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
    expired::Expired,
    head_size,
    report::{Findings, Kind},
};

/// How many events are read at once: what one `BatchGetItem` takes.
const BATCH: usize = 100;
/// How many of these are under way.
const CONCURRENCY: usize = 8;

/// A log as its entries say it is.
#[derive(Debug, Default)]
pub(super) struct Log {
    frontier: Frontier,
    /// By level, from 1 on: the roots of the full tiles below it.
    pub(super) tile_roots: Vec<Vec<Hash>>,
    /// The tree at the size of the head.
    pub(super) at_head: Option<Frontier>,
    /// The root at each size that was asked for, as far as the log has come.
    pub(super) roots: BTreeMap<u64, Hash>,
    /// Whether a delta begins, or the log ends, where the head is.
    pub(super) is_head_between: bool,
    /// How many deltas there are beyond the head.
    pub(super) tail: u64,
    /// Whether it could not be followed to its end.
    pub(super) is_broken: bool,
    /// What it says of events that have expired.
    pub(super) expired: Expired,
}

/// What entries are held against.
struct Against<'a> {
    store: &'a Store,
    workspace: &'a WorkspaceId,
    shards: &'a Shards,
    /// Below this sequence every event must be stamped.
    stamped: u64,
}

impl Log {
    /// Follows the deltas from sequence 0 on to their end, or to where they do not follow each other.
    pub(super) async fn walk(
        store: &Store,
        workspace: &WorkspaceId,
        shards: &Shards,
        head: &StoredHead,
        sizes: &[u64],
        findings: &mut Findings,
        bar: &ProgressBar,
    ) -> Result<Self, Error> {
        let covered = head_size(head);
        let against = Against { store, workspace, shards, stamped: covered.unwrap_or(u64::MAX) };
        let mut log = Self::default();
        log.reach(covered, sizes);
        let mut rest = None;
        loop {
            let chunk = store.stored_deltas(workspace, rest).await?;
            let mut entries = Vec::new();
            for delta in &chunk.items {
                let Some(next) = log.follow(delta, findings) else { break };
                log.is_head_between |= covered == Some(next.first);
                log.tail += u64::from(covered.is_some_and(|covered| next.end() > covered));
                for (sequence, entry) in next.sequenced() {
                    log.push(sequence, entry.leaf);
                    log.reach(covered, sizes);
                    entries.push((sequence, entry.clone()));
                }
            }
            against.compare(entries, &mut log.expired, findings, bar).await?;
            rest = chunk.rest;
            if rest.is_none() || log.is_broken {
                log.is_head_between |= covered == Some(log.end());
                log.expired.settle(store, workspace, log.frontier.size(), findings).await?;
                return Ok(log);
            }
        }
    }

    /// The sequence after its last entry.
    pub(super) fn end(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of all its entries.
    pub(super) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The delta, if it is what follows.
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
                findings.at(Kind::DeltaUnreadable, end, format!("what {:?} holds is no delta", stored.key));
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

    /// Keeps what is asked for of the tree at its size.
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

impl Against<'_> {
    /// Holds entries against their events.
    async fn compare(
        &self,
        entries: Vec<(u64, Entry)>,
        expired: &mut Expired,
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
                if let Some(receipt) = kept.as_ref().and_then(|kept| kept.event.as_ref().ok()) {
                    expired.note(*sequence, receipt);
                }
                match self.misfit(*sequence, entry, kept) {
                    // A receipt, which comes later in the log, may be for it.
                    Some((kind, detail)) if kind.may_be_expired() => {
                        expired.look_for(*sequence, kind, detail);
                    }
                    Some((kind, detail)) => findings.at(kind, *sequence, detail),
                    None => {}
                }
            }
            bar.inc(batch.len() as u64);
        }
        Ok(())
    }

    /// How an entry and what is kept of its event do not go together.
    fn misfit(&self, sequence: u64, entry: &Entry, kept: Option<Kept>) -> Option<(Kind, String)> {
        let Entry { place, leaf: sealed } = entry;
        let of = |what: &str| {
            let position = &place.position;
            format!("the event {} of {} {what}", position.id, position.timestamp)
        };
        let Some(Kept { event, strange }) = kept else {
            return Some((Kind::EventMissing, of("is gone")));
        };
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                return Some((Kind::EventUnreadable, of(&format!("cannot be read: {why}"))));
            }
        };
        if hash(&event) != *sealed {
            return Some((Kind::EventChanged, of("is not what was sealed")));
        }
        match event.sequence {
            None if sequence < self.stamped => {
                return Some((Kind::EventUnstamped, of("bears no sequence")));
            }
            Some(other) if other != sequence => {
                return Some((Kind::EventOtherSequence, of(&format!("bears the sequence {other}"))));
            }
            _ => {}
        }
        if strange == ["expires_at"] {
            return Some((Kind::EventMarked, of("is to be deleted, and no receipt says why")));
        }
        if !strange.is_empty() {
            let names: Vec<_> = strange.iter().map(|name| format!("{name:?}")).collect();
            let what = format!("has attributes that do not follow from it: {}", names.join(", "));
            return Some((Kind::EventAttributes, of(&what)));
        }
        let (is, must) =
            (partition(self.workspace, place.shard), self.shards.partition(self.workspace, &place.position));
        (is != must).then(|| {
            let what =
                format!("is kept under {is:?}, and by the settings queries look for it under {must:?}");
            (Kind::EventMisplaced, of(&what))
        })
    }
}

fn hash(event: &Event) -> Hash {
    Hash::of_leaf(leaf(event).as_bytes())
}
