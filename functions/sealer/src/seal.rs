//! One pass over a workspace, from the table's events to the head of its log.
//!
//! ```text
//! read the head ─▶ a delta there? ─yes─▶ finish it ─▶ again
//!                       │no
//!                       ▼
//! read the candidates ─▶ write the delta, once ─▶ stamp the events ─▶ keep roots ─▶ move the head
//! ```
//!
//! Why no event is sealed twice. An event is looked at only after the head was read, and everything
//! below the head is stamped; so an event without a stamp is in no delta below it. The delta at the head
//! is written by exactly one pass, which had read its events while there was none; so they are in no
//! delta above it either. Whoever loses the race begins again at the head.
//!
//! Why a crash loses nothing. Each step can be done again by anybody, and what is decided can be read
//! from the tables. An error whose effect is unknown ends the pass, and the next one reads the truth.

use shared::{
    error::Error,
    event::Event,
    id::WorkspaceId,
    keys::Place,
    ledger::{Delta, Entry, hash::Hash, leaf, tree::Frontier},
    store::{Candidate, Misfit, Store, WriteUnits, Written},
    timestamp::Timestamp,
};

/// How many events are looked at for a delta, which has at most as many.
const MAX_READ: usize = 256;
/// How often a pass may lose the race for the next delta before it leaves the field.
const MAX_LOST: usize = 50;

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sealed {
    /// How many events it gave their sequence, those of others' deltas included.
    pub events: u64,
    /// How many it could not read and set aside.
    pub set_aside: u64,
    /// What it wrote.
    pub write_units: WriteUnits,
}

/// Seals the events at `places`, each of which may be there or not, and sealed or not. Places must not
/// repeat.
///
/// # Errors
/// [`Error::Unavailable`] if it did not come to the end; whatever it did stands, and another pass goes on
/// from there. [`Error::Inconsistent`] or [`Error::Internal`] if the log is not as we write it.
pub async fn seal(
    store: &Store,
    workspace: &WorkspaceId,
    places: &[Place],
    now: Timestamp,
) -> Result<Sealed, Error> {
    let mut left = places;
    let mut sealed = Sealed::default();
    let mut lost = 0;
    loop {
        let head = store.head(workspace).await?;
        if let Some(delta) = store.delta(workspace, head.size()).await? {
            sealed.write_units += finish(store, workspace, &head, &delta).await?;
            sealed.events += delta.entries.len() as u64;
            continue;
        }
        // Whatever is sealed already is passed over with this head: it is looked at after it, all the same.
        let (delta, rest) = loop {
            if left.is_empty() {
                return Ok(sealed);
            }
            let (next, rest) = left.split_at(MAX_READ.min(left.len()));
            let (delta, unreadable) = propose(store, workspace, &head, next).await?;
            for (place, reason) in unreadable {
                store.set_aside(workspace, &place, &reason, now).await?;
                sealed.set_aside += 1;
                tracing::error!(%workspace, reason, "set aside");
            }
            match delta {
                Some(delta) => break (delta, rest),
                None => left = rest,
            }
        };
        match store.write_delta(workspace, &delta).await? {
            Written::Now(units) => {
                sealed.write_units += units;
                sealed.write_units += finish(store, workspace, &head, &delta).await?;
                sealed.events += delta.entries.len() as u64;
                // A delta that fills its tile may have had no room for all of them.
                if delta.entries.len() < Delta::room(head.size()) {
                    left = rest;
                }
            }
            // Another pass was first: its delta is finished, and then these events are looked at again.
            Written::Before => lost += 1,
        }
        if lost > MAX_LOST {
            return Err(Error::Unavailable("other passes seal this workspace all the time".into()));
        }
    }
}

/// What would follow the head: the unsealed ones of these events, by the time they were received, as many
/// as its tile has room for; and those that cannot be read, each with the reason.
///
/// # Errors
/// [`Error::Unavailable`] if the store does not answer.
pub async fn propose(
    store: &Store,
    workspace: &WorkspaceId,
    head: &Frontier,
    places: &[Place],
) -> Result<(Option<Delta>, Vec<(Place, String)>), Error> {
    let mut unsealed = Vec::new();
    let mut unreadable = Vec::new();
    for Candidate { place, event } in store.candidates(workspace, places).await? {
        match event {
            Ok(Event { sequence: Some(_), .. }) => {}
            Ok(event) => unsealed.push((event.received_at, event.id.clone(), place, event)),
            Err(Error::Internal(reason)) => unreadable.push((place, reason.to_string())),
            Err(error) => return Err(error),
        }
    }
    unsealed.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let entry = |(_, _, place, event)| Entry { place, leaf: Hash::of_leaf(leaf(&event).as_bytes()) };
    let room = Delta::room(head.size());
    let entries: Vec<_> = unsealed.into_iter().take(room).map(entry).collect();
    Ok(((!entries.is_empty()).then_some(Delta { first: head.size(), entries }), unreadable))
}

/// Does all that belongs to a delta that is decided: stamps its events, keeps the roots of the tiles that
/// it fills, and moves the head. Whoever finds it half done may do it again.
///
/// # Errors
/// [`Error::Unavailable`] if not all may be done.
pub async fn finish(
    store: &Store,
    workspace: &WorkspaceId,
    head: &Frontier,
    delta: &Delta,
) -> Result<WriteUnits, Error> {
    let (misfits, mut units) = store.stamp_all(workspace, delta).await?;
    for (sequence, misfit) in misfits {
        match misfit {
            // The log keeps its place: readers see the gap, and fsck names it.
            Misfit::Gone => tracing::error!(%workspace, sequence, "a sealed event is gone"),
            Misfit::Other => tracing::error!(%workspace, sequence, "an event bears another sequence"),
        }
    }
    // If we crash here, the events say their sequence and the head does not cover them yet.
    let mut next = head.clone();
    for (sequence, entry) in delta.sequenced() {
        let complete = next.push(entry.leaf);
        for (level, root) in (1..).zip(complete.iter().skip(8).step_by(8)) {
            units += store.write_root(workspace, level, sequence >> (8 * level), *root).await?;
        }
    }
    // If we crash here, the tiles are whole and the head does not tell.
    if let Written::Now(taken) = store.advance(workspace, head, &next).await? {
        units += taken;
    }
    Ok(units)
}
