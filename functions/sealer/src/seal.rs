//! One pass over a workspace, from the events in the table to the head of the log.
//!
//! ```text
//! read the head and turn ─▶ another's turn? ─yes─▶ leave the places, look again ─▶ end
//!        ▲                          │no
//!        │                          ▼
//!        │                    a delta there? ─yes─▶ finish it ─▶ again
//!        │                          │no
//!        │                          ▼
//!        │        read the candidates ─▶ write the deltas, each once ─▶ stamp the events, keep roots ─▶ move the head
//!        │                                                                                                │
//!        └──────────── more to seal ◀─ read the backlog ◀──────────────────────────────────────────────────┘
//! ```
//!
//! No event is sealed twice. An event is read only after the head was read, or moved by this pass, and
//! everything below the head is stamped; so an event without a stamp is in no delta below the head. The delta
//! at the head is written by exactly one pass, which read its events while there was none; so they are in no
//! delta above it either. A pass that loses the race begins again at the head. Several deltas of a round are
//! written one after the other, the second only after the first succeeded: so each of them is the only one at
//! its sequence.
//!
//! A crash loses nothing. Any sealer can repeat each step, and the tables show what was written. An error with
//! an unknown effect ends the pass, and the next one reads the truth.
//!
//! No work is done twice. A pass has the workspace for its turn, which is stored with the deltas and the head.
//! Other passes leave their places in the backlog and end. They read the turn again after this write, and a
//! pass reads the backlog after it has given up its turn; so one of the two sees the other. If the pass that
//! has the turn shows no sign of life, waiting passes take over when its turn is over. Correctness does not
//! depend on the turn: with wrong clocks, two passes do the same work, and the conditions of their writes keep
//! the log right.
//!
//! A pass that begins no round in time leaves its places, gives up its turn and ends. If it were cut off
//! instead, the workspace would wait for the end of its turn, and its last round would be repeated. For the same reason
//! rounds become smaller while they take a large part of a turn. The ended turn stays in the head; a pass that finds
//! one begins with a small round: if several passes find it at the same time, all but one read their events for nothing.

use std::{collections::HashSet, time::Duration};

use futures::future::{try_join, try_join_all};
use shared::{
    ledger::{Delta, Entry, hash::Hash, leaf, tree::Frontier, turn::Turn},
    model::{error::Error, event::Event, id::WorkspaceId, keys::Place, timestamp::Timestamp},
    store::{Candidate, Misfit, Standing, Store, Waiting, WriteUnits, Written},
    system,
};
use tokio::time::{Instant, sleep};

/// Events of the largest round.
const MAX_ROUND: usize = 1_024;
/// Events of the smallest round, if there are as many: a tile.
const MIN_ROUND: usize = 256;
/// Events of the first round of a pass that finds an ended turn: those of one read.
const FIRST_ROUND: usize = 100;
/// A round that takes longer is followed by a smaller one, so that it ends well within the turn.
const ROUND_TIME: Duration = Duration::from_secs(Turn::SECONDS.unsigned_abs() / 3);
/// Lost races for the next delta, before a pass gives up.
const MAX_LOST: usize = 50;
/// Pause before a pass looks again whether the pass that has the turn is alive. Each pause is twice as long as the
/// one before it, up to the longest one.
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// The result of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sealed {
    /// The number of events that got their sequence, including those of other passes' deltas.
    pub events: u64,
    /// The number of events that could not be read and were set aside.
    pub set_aside: u64,
    /// The number of places that were left to the pass that has the turn.
    pub left: usize,
    /// True if the time of the pass was over and the backlog has more.
    pub more: bool,
    /// The cost of its writes.
    pub write_units: WriteUnits,
}

/// Seals the events at `places`, which may be missing or sealed already, and the backlog of the workspace.
/// Places must not repeat. No round begins after `until`: then the backlog keeps the rest.
///
/// # Errors
/// [`Error::Unavailable`] if it did not finish; completed work stays, and another pass continues from there.
/// [`Error::Inconsistent`] or [`Error::Internal`] if the log is not as we write it.
pub async fn seal_until(
    store: &Store,
    workspace: &WorkspaceId,
    places: &[Place],
    now: Timestamp,
    until: Instant,
) -> Result<Sealed, Error> {
    let id = system::event_id().to_string();
    let since = Instant::now();
    let sealed = Sealed::default();
    let mut pass = Pass { store, workspace, id, began_at: now, since, until, round: MAX_ROUND / 2, sealed };
    pass.run(places).await?;
    Ok(pass.sealed)
}

/// The same without a limit of time.
///
/// # Errors
/// Those of [`seal_until`].
pub async fn seal(
    store: &Store,
    workspace: &WorkspaceId,
    places: &[Place],
    now: Timestamp,
) -> Result<Sealed, Error> {
    let a_day = Duration::from_secs(86_400);
    seal_until(store, workspace, places, now, Instant::now() + a_day).await
}

struct Pass<'a> {
    store: &'a Store,
    workspace: &'a WorkspaceId,
    /// An id that is unique to this pass.
    id: String,
    began_at: Timestamp,
    since: Instant,
    /// No round begins later.
    until: Instant,
    /// The number of events of the next round.
    round: usize,
    sealed: Sealed,
}

impl Pass<'_> {
    async fn run(&mut self, places: &[Place]) -> Result<(), Error> {
        let Self { store, workspace, .. } = *self;
        let mut queue = places.to_vec();
        let mut taken: Vec<Waiting> = Vec::new();
        // The head as this pass has moved it, and true if the head says that this pass has the turn.
        let mut known: Option<(Frontier, bool)> = None;
        // True if the next round follows an ended turn of another pass.
        let mut follows_ended_turn = false;
        let mut lost = 0;
        loop {
            let (head, has_turn) = match known.take() {
                Some(known) => known,
                None => match self.enter(&queue, &taken).await? {
                    None => return Ok(()),
                    Some(Standing { head, delta: Some(delta), .. }) => {
                        let turn = (!queue.is_empty()).then(|| self.turn());
                        self.finish(&head, &delta, turn.as_ref()).await?;
                        continue;
                    }
                    Some(Standing { head, turn, .. }) => {
                        let has_turn = turn.as_ref().is_some_and(|turn| turn.sealer == self.id);
                        follows_ended_turn = turn.is_some() && !has_turn;
                        (head, has_turn)
                    }
                },
            };
            if queue.is_empty() {
                if has_turn {
                    self.give_up(&head, None).await?;
                }
                // A pass that leaves places from here on sees that the turn is free. Places that were left
                // before are read now.
                self.forget(&taken).await?;
                taken = store.waiting(workspace, None).await?;
                self.sealed.more = !taken.is_empty() && self.is_over();
                if taken.is_empty() || self.sealed.more {
                    return Ok(());
                }
                queue = places_of(&taken);
                continue;
            }
            if self.is_over() {
                return self.stop(&head, has_turn, &queue, taken).await;
            }
            let began = Instant::now();
            let size = if std::mem::take(&mut follows_ended_turn) { FIRST_ROUND } else { self.round };
            let next: Vec<_> = queue.drain(..size.min(queue.len())).collect();
            let (deltas, unreadable) = propose(store, workspace, &head, &next).await?;
            self.set_aside(unreadable).await?;
            if deltas.is_empty() {
                known = Some((head, has_turn));
                continue;
            }
            let decided = self.decide(&deltas).await?;
            if decided < deltas.len() {
                // Another pass was first: its delta is finished, and then these events are read again.
                lost += 1;
                queue.extend(next);
            }
            if decided > 0 {
                known = self.complete(&head, &deltas[..decided], &mut queue, &mut taken).await?;
            }
            if lost > MAX_LOST {
                return Err(Error::Unavailable("other passes seal this workspace all the time".into()));
            }
            self.resize(began.elapsed());
        }
    }

    /// Ends a pass whose time is over.
    async fn stop(
        &mut self,
        head: &Frontier,
        has_turn: bool,
        queue: &[Place],
        mut taken: Vec<Waiting>,
    ) -> Result<(), Error> {
        self.leave(queue, &taken).await?;
        if has_turn {
            self.give_up(head, Some(&Turn::ended(&self.id))).await?;
        }
        let unsealed: HashSet<_> = queue.iter().collect();
        taken.retain(|waiting| !waiting.places.iter().any(|place| unsealed.contains(place)));
        self.forget(&taken).await?;
        self.sealed.more = true;
        Ok(())
    }

    /// The state of the log, once the turn is free or this pass has it. `None` if another pass has it: then the places
    /// are in the backlog, the other pass still had its turn after that, and it has shown that it is alive.
    async fn enter(&mut self, queue: &[Place], taken: &[Waiting]) -> Result<Option<Standing>, Error> {
        let mut before = None;
        let mut pause = PAUSE;
        loop {
            let standing = self.store.standing(self.workspace).await?;
            if !standing.turn.as_ref().is_some_and(|turn| turn.excludes(&self.id, self.now())) {
                return Ok(Some(standing));
            }
            match &before {
                None if !self.leave(queue, taken).await? => return Ok(None),
                None => before = Some(standing),
                Some(before) if *before != standing => return Ok(None),
                Some(_) => {
                    sleep(pause).await;
                    pause = LONGEST_PAUSE.min(2 * pause);
                }
            }
        }
    }

    /// Leaves the places in the backlog that are not there. Returns true if there are any.
    async fn leave(&mut self, queue: &[Place], taken: &[Waiting]) -> Result<bool, Error> {
        let there: HashSet<_> = taken.iter().flat_map(|waiting| &waiting.places).collect();
        let own: Vec<_> = queue.iter().filter(|place| !there.contains(place)).cloned().collect();
        // If we crash after this, the places are in the backlog, and the batch that named them is delivered again.
        self.sealed.write_units += self.store.leave(self.workspace, &own, self.now()).await?;
        self.sealed.left += own.len();
        Ok(!own.is_empty())
    }

    async fn give_up(&mut self, head: &Frontier, ended: Option<&Turn>) -> Result<(), Error> {
        self.sealed.write_units += units(self.store.advance(self.workspace, head, head, ended).await?);
        Ok(())
    }

    /// Writes deltas, one after the other. Returns how many of them were not written by another pass before.
    async fn decide(&mut self, deltas: &[Delta]) -> Result<usize, Error> {
        for (decided, delta) in deltas.iter().enumerate() {
            match self.store.write_delta(self.workspace, delta, Some(&self.turn())).await? {
                // If we crash here, the delta is at the head, or after others that are.
                Written::Now(units) => self.sealed.write_units += units,
                Written::Before => return Ok(decided),
            }
        }
        Ok(deltas.len())
    }

    /// Completes the deltas of this pass, and reads the backlog meanwhile if it has no more events to seal.
    /// Returns the new head, and true if it says that this pass keeps the turn; `None` if another pass has
    /// moved the head.
    async fn complete(
        &mut self,
        head: &Frontier,
        deltas: &[Delta],
        queue: &mut Vec<Place>,
        taken: &mut Vec<Waiting>,
    ) -> Result<Option<(Frontier, bool)>, Error> {
        let Self { store, workspace, .. } = *self;
        let looks = queue.is_empty() && !self.is_over();
        let last = taken.last();
        let look = async { if looks { store.waiting(workspace, last).await } else { Ok(Vec::new()) } };
        let ((next, marked), mut waiting) = try_join(mark(store, workspace, head, deltas), look).await?;
        self.sealed.write_units += marked;
        self.sealed.events += deltas.iter().map(|delta| delta.entries.len() as u64).sum::<u64>();
        waiting.retain(|waiting| !taken.contains(waiting));
        queue.extend(places_of(&waiting));
        taken.append(&mut waiting);
        let turn = (!queue.is_empty()).then(|| self.turn());
        // If we crash here, the tiles are complete and the head does not cover them yet.
        Ok(match store.advance(workspace, head, &next, turn.as_ref()).await? {
            Written::Now(units) => {
                self.sealed.write_units += units;
                Some((next, turn.is_some()))
            }
            Written::Before => None,
        })
    }

    async fn finish(&mut self, head: &Frontier, delta: &Delta, turn: Option<&Turn>) -> Result<(), Error> {
        self.sealed.write_units += finish(self.store, self.workspace, head, delta, turn).await?;
        self.sealed.events += delta.entries.len() as u64;
        Ok(())
    }

    async fn set_aside(&mut self, unreadable: Vec<(Place, String)>) -> Result<(), Error> {
        for (place, reason) in unreadable {
            self.store.set_aside(self.workspace, &place, &reason, self.now()).await?;
            self.sealed.set_aside += 1;
            tracing::error!(workspace = %self.workspace, reason, "set aside");
        }
        Ok(())
    }

    /// Deletes the places from the backlog that are sealed now.
    async fn forget(&mut self, taken: &[Waiting]) -> Result<(), Error> {
        let deletes = taken.iter().map(|waiting| self.store.forget_waiting(self.workspace, waiting));
        for units in try_join_all(deletes).await? {
            self.sealed.write_units += units;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Sets the size of the next round by the time of the last one.
    fn resize(&mut self, took: Duration) {
        self.round = match took {
            long if long > ROUND_TIME => MIN_ROUND.max(self.round / 2),
            short if short < ROUND_TIME / 2 => MAX_ROUND.min(2 * self.round),
            _ => self.round,
        };
    }

    fn now(&self) -> Timestamp {
        // If the process was stopped, less time is counted than has passed; then its turn seems to last longer
        // to itself than to others, which costs work but is safe.
        let passed = i64::try_from(self.since.elapsed().as_micros()).unwrap_or_default();
        self.began_at.plus_microseconds(passed)
    }

    fn turn(&self) -> Turn {
        Turn::of(&self.id, self.now())
    }
}

fn units(written: Written) -> WriteUnits {
    match written {
        Written::Now(units) => units,
        Written::Before => WriteUnits::default(),
    }
}

/// The places of several backlog items, each once.
fn places_of(waiting: &[Waiting]) -> Vec<Place> {
    let mut once = HashSet::new();
    waiting.iter().flat_map(|waiting| &waiting.places).filter(|place| once.insert(*place)).cloned().collect()
}

/// The deltas that follow the head: the unsealed ones of these events, by the time of receipt, split at the
/// ends of tiles; and the events that cannot be read, each with the reason.
///
/// # Errors
/// [`Error::Unavailable`] if the store does not answer.
pub async fn propose(
    store: &Store,
    workspace: &WorkspaceId,
    head: &Frontier,
    places: &[Place],
) -> Result<(Vec<Delta>, Vec<(Place, String)>), Error> {
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
    let mut entries: Vec<_> = unsealed
        .into_iter()
        .map(|(_, _, place, event)| Entry { place, leaf: Hash::of_leaf(leaf(&event).as_bytes()) })
        .collect();
    let mut deltas = Vec::new();
    let mut first = head.size();
    while !entries.is_empty() {
        let rest = entries.split_off(Delta::room(first).min(entries.len()));
        let delta = Delta { first, entries };
        first = delta.end();
        deltas.push(delta);
        entries = rest;
    }
    Ok((deltas, unreadable))
}

/// Completes a written delta: stamps its events, stores the roots of the tiles that it fills, and moves the
/// head. A pass that finds it partly completed may repeat it.
///
/// # Errors
/// [`Error::Unavailable`] if a part of it may be missing.
pub async fn finish(
    store: &Store,
    workspace: &WorkspaceId,
    head: &Frontier,
    delta: &Delta,
    turn: Option<&Turn>,
) -> Result<WriteUnits, Error> {
    let (next, mut taken) = mark(store, workspace, head, std::slice::from_ref(delta)).await?;
    // If we crash here, the tiles are complete and the head does not cover them yet.
    taken += units(store.advance(workspace, head, &next, turn).await?);
    Ok(taken)
}

/// Stamps the events of deltas that follow the head, and stores the roots of the tiles that they fill. Returns
/// the next head.
async fn mark(
    store: &Store,
    workspace: &WorkspaceId,
    head: &Frontier,
    deltas: &[Delta],
) -> Result<(Frontier, WriteUnits), Error> {
    let mut next = head.clone();
    let mut roots = Vec::new();
    for (sequence, entry) in deltas.iter().flat_map(Delta::sequenced) {
        let complete = next.push(entry.leaf);
        for (level, root) in (1..).zip(complete.into_iter().skip(8).step_by(8)) {
            roots.push(store.write_root(workspace, level, sequence >> (8 * level), root));
        }
    }
    // If we crash here, some events have their sequence and some roots are stored, and the head does not cover
    // them yet.
    let ((misfits, mut units), roots) =
        try_join(store.stamp_all(workspace, deltas), try_join_all(roots)).await?;
    for taken in roots {
        units += taken;
    }
    for (sequence, misfit) in misfits {
        match misfit {
            // The log keeps its entry: readers see the gap, and fsck reports it.
            Misfit::Gone => tracing::error!(%workspace, sequence, "a sealed event is gone"),
            Misfit::Other => tracing::error!(%workspace, sequence, "an event has another sequence"),
        }
    }
    Ok((next, units))
}
