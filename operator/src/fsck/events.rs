//! The events that bear a sequence, wherever they are, and those that bear none.

use std::iter;

use indicatif::ProgressBar;
use shared::{
    model::{
        error::Error,
        id::WorkspaceId,
        keys::{MAX_SHARDS, Place},
        timestamp::Timestamp,
    },
    store::{Borne, Filed, Store},
};

use super::{
    log::Log,
    report::{Findings, Kind},
};

/// How long after it was received an event should be sealed.
pub(super) const OVERDUE_SECONDS: i64 = 600;

/// What the table of events told, beside what does not fit.
#[derive(Debug, Default)]
pub(super) struct Bearers {
    /// How many events are not sealed yet, and are young.
    pub(super) fresh: u64,
    /// How many should be sealed and are not.
    pub(super) overdue: u64,
    /// When the oldest of them was received.
    pub(super) oldest: Option<Timestamp>,
    /// How many items have not the key of an event.
    pub(super) strangers: u64,
}

/// A bit for each sequence.
struct Seen(Vec<u64>);

impl Bearers {
    /// Reads every shard that a workspace can have, whatever its settings say.
    pub(super) async fn read(
        store: &Store,
        workspace: &WorkspaceId,
        log: &Log,
        now: Timestamp,
        findings: &mut Findings,
        bar: &ProgressBar,
    ) -> Result<Self, Error> {
        let mut bearers = Self::default();
        let mut seen = Seen::of(log.end());
        for shard in iter::once(None).chain((0..MAX_SHARDS).map(Some)) {
            let mut rest = None;
            loop {
                let chunk = store.filed(workspace, shard, rest).await?;
                for filed in &chunk.items {
                    match filed.sequence {
                        Borne::Sequence(sequence) if sequence < log.end() => {
                            if seen.again(sequence) {
                                twice(store, workspace, shard, filed, sequence, findings).await?;
                            }
                        }
                        // Beyond where the log could be followed nothing is known.
                        Borne::Sequence(_) if log.is_broken => {}
                        Borne::Sequence(sequence) => {
                            beyond(store, workspace, shard, filed, sequence, findings).await?;
                        }
                        Borne::Nothing | Borne::Unreadable => bearers.count(filed, now),
                    }
                }
                bar.inc(chunk.items.len() as u64);
                rest = chunk.rest;
                if rest.is_none() {
                    break;
                }
            }
        }
        Ok(bearers)
    }

    fn count(&mut self, filed: &Filed, now: Timestamp) {
        let Filed { position: Some(position), received_at, .. } = filed else {
            self.strangers += 1;
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

/// Tells of a sequence that another event bore before this one. The entry's own event bears it, or is
/// found wrong itself; so one of the two was inserted.
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
            format!("the log gives it to {}, and another event bears it as well", own.position.id)
        }
        Some(own) => {
            format!("the item {:?} bears it, and the log gives it to {}", filed.sort_key, own.position.id)
        }
        None => format!("the item {:?} bears it, and so does another", filed.sort_key),
    };
    findings.at(Kind::SequenceForged, sequence, what);
    Ok(())
}

/// Looks whether the log has come meanwhile to a sequence that it had not.
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
        let what = format!("the item {:?} bears it, and the log gives it to no such event", filed.sort_key);
        findings.at(Kind::SequenceForged, sequence, what);
    }
    Ok(())
}

/// Where the log says that the event of a sequence is.
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
    fn of(size: u64) -> Self {
        Self(vec![0; usize::try_from(size.div_ceil(64)).expect("a log that fits in memory as bits")])
    }

    /// Whether the sequence was seen before; now it is.
    fn again(&mut self, sequence: u64) -> bool {
        let word = usize::try_from(sequence / 64).ok().and_then(|index| self.0.get_mut(index));
        let word = word.expect("only sequences below the size are asked for");
        let (before, bit) = (*word, 1 << (sequence % 64));
        *word |= bit;
        before & bit != 0
    }
}
