//! Scans the events table: the events that have a sequence, in whichever shard, and the events that have none.

use indicatif::ProgressBar;
use shared::{
    model::{
        error::Error,
        id::WorkspaceId,
        keys::{Place, all_partitions},
        timestamp::Timestamp,
    },
    store::{Filed, Store, StoredSequence},
};

use super::{
    log::Log,
    report::{Findings, Kind},
};

/// An event should be sealed within this time after it was received.
pub(super) const OVERDUE_SECONDS: i64 = 600;

/// The events that have no sequence, counted.
#[derive(Debug, Default)]
pub(super) struct EventScan {
    /// Unsealed events that were received recently.
    pub(super) fresh: u64,
    /// Unsealed events that should be sealed by now.
    pub(super) overdue: u64,
    /// The time at which the oldest overdue event was received.
    pub(super) oldest: Option<Timestamp>,
    /// Items whose key is not the key of an event.
    pub(super) invalid_keys: u64,
    /// Events that are sealed beyond the part of the log that was followed.
    pub(super) later: u64,
}

/// A bit for each sequence: set once an event with the sequence was seen.
struct Seen(Vec<u64>);

impl EventScan {
    /// Reads every partition that a workspace can have, not only those that its settings name.
    pub(super) async fn read(
        store: &Store,
        workspace: &WorkspaceId,
        log: &Log,
        now: Timestamp,
        findings: &mut Findings,
        bar: &ProgressBar,
    ) -> Result<Self, Error> {
        let mut scan = Self::default();
        let mut seen = Seen::with_size(log.end());
        for shard in all_partitions() {
            let mut rest = None;
            loop {
                let chunk = store.filed(workspace, shard, rest).await?;
                for filed in &chunk.items {
                    match filed.sequence {
                        StoredSequence::Sequence(sequence) if sequence < log.end() => {
                            if !seen.insert(sequence) {
                                twice(store, workspace, shard, filed, sequence, findings).await?;
                            }
                        }
                        // The log could not be followed beyond its end, so these sequences cannot be judged.
                        StoredSequence::Sequence(_) if log.is_broken => scan.later += 1,
                        StoredSequence::Sequence(sequence) => {
                            scan.later += 1;
                            beyond(store, workspace, shard, filed, sequence, findings).await?;
                        }
                        StoredSequence::Nothing | StoredSequence::Unreadable => scan.count(filed, now),
                    }
                }
                bar.inc(chunk.items.len() as u64);
                rest = chunk.rest;
                if rest.is_none() {
                    break;
                }
            }
        }
        Ok(scan)
    }

    /// The number of events that are not in the part of the log that was followed.
    pub(super) fn outside(&self) -> u64 {
        self.fresh + self.overdue + self.later
    }

    fn count(&mut self, filed: &Filed, now: Timestamp) {
        let Filed { position: Some(position), received_at, .. } = filed else {
            self.invalid_keys += 1;
            return;
        };
        let received_at = received_at.unwrap_or(position.timestamp);
        if received_at.plus_seconds(OVERDUE_SECONDS) > now {
            self.fresh += 1;
            return;
        }
        self.overdue += 1;
        self.oldest = Some(self.oldest.map_or(received_at, |oldest| oldest.min(received_at)));
    }
}

/// Reports a sequence that two events have. The entry's own event has it too, or is itself reported as a
/// mismatch; so one of the two was inserted.
async fn twice(
    store: &Store,
    workspace: &WorkspaceId,
    shard: Option<u8>,
    filed: &Filed,
    sequence: u64,
    findings: &mut Findings,
) -> Result<(), Error> {
    let own = place_of(store, workspace, sequence).await?;
    let what = match own {
        Some(own) if Some(&own) == place(shard, filed).as_ref() => {
            format!("the log gives it to {}, and another event has it as well", own.position.id)
        }
        Some(own) => {
            format!("the item {:?} has it, and the log gives it to {}", filed.sort_key, own.position.id)
        }
        None => format!("the item {:?} has it, and so does another", filed.sort_key),
    };
    findings.at(Kind::SequenceForged, sequence, what);
    Ok(())
}

/// Reports a sequence beyond the end of the log, unless the log has grown to it since it was read.
async fn beyond(
    store: &Store,
    workspace: &WorkspaceId,
    shard: Option<u8>,
    filed: &Filed,
    sequence: u64,
    findings: &mut Findings,
) -> Result<(), Error> {
    let own = place_of(store, workspace, sequence).await?;
    if own.is_none() || own != place(shard, filed) {
        let what = format!("the item {:?} has it, and the log gives it to no such event", filed.sort_key);
        findings.at(Kind::SequenceForged, sequence, what);
    }
    Ok(())
}

/// The place of the event that has this sequence according to the log.
async fn place_of(store: &Store, workspace: &WorkspaceId, sequence: u64) -> Result<Option<Place>, Error> {
    match store.entries(workspace, sequence..sequence.saturating_add(1)).await {
        Ok(entries) => Ok(entries.into_iter().next().map(|(_, entry)| entry.place)),
        Err(Error::Internal(_) | Error::Inconsistent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn place(shard: Option<u8>, filed: &Filed) -> Option<Place> {
    Some(Place { shard, position: filed.position.clone()? })
}

impl Seen {
    fn with_size(size: u64) -> Self {
        Self(vec![0; usize::try_from(size.div_ceil(64)).expect("a log that fits in memory as bits")])
    }

    /// Adds a sequence; false if it was there already.
    fn insert(&mut self, sequence: u64) -> bool {
        let word = usize::try_from(sequence / 64).ok().and_then(|index| self.0.get_mut(index));
        let word = word.expect("only sequences below the size are asked for");
        let (before, bit) = (*word, 1 << (sequence % 64));
        *word |= bit;
        before & bit == 0
    }
}
