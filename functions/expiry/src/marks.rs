//! Marks the events that sealed receipts name, and removes the marks under a hold.
//!
//! Receipts are found in the log: it is searched, from the size up to which all are marked, for entries with
//! the ids of receipts. So a receipt is found only once it is sealed, none is missed, and an event is marked
//! only by its own sequence.

use std::collections::BTreeSet;

use shared::{
    ledger::{Entry, hash::Hash, leaf, tree::Frontier},
    model::{
        error::Error,
        event::Event,
        id::WorkspaceId,
        keys::{Place, Position, READS, partition},
        retention::{RECEIPT_ID, is_receipt, receipt_action},
        settings::Settings,
        timestamp::Timestamp,
    },
    query::page::{Filter, Order, Page},
    store::{MAX_MARKS, Room, Store},
    system::Moment,
};

use crate::{
    Deadline, MAX_EVENTS,
    receipts::Named,
    step::{Expired, MARGIN_SECONDS, is_held},
    window::{entries, root},
};

/// A marked event is not deleted before this many seconds have passed; a hold placed meanwhile removes the mark
/// long before.
pub const MARK_AHEAD_SECONDS: i64 = 86_400;
/// Entries that are read at a time to find receipts, and the number of such reads in a step.
const SEARCHED: u64 = 1024;
const SEARCHES: u64 = 64;
/// A page of receipts, newest first.
const RECEIPTS: Room = Room { events: 100, bytes: 5_000_000, measure: |_| 20_000 };

/// Marks the events of the next receipt of the log.
pub(crate) async fn mark_next(
    store: &Store,
    workspace: &WorkspaceId,
    settings: &Settings,
    head: &Frontier,
    now: Timestamp,
    deadline: Deadline,
) -> Result<Expired, Error> {
    let begin = settings.expiry.marked_size;
    let mut from = begin;
    while from < head.size() && from < begin + SEARCHES * SEARCHED {
        let end = head.size().min(from + SEARCHED);
        for (sequence, entry) in store.entries(workspace, from..end).await? {
            let Some(receipt) = receipt(store, workspace, sequence, &entry).await? else { continue };
            let places = match named(store, workspace, settings, head, &receipt, now).await? {
                Ok(places) => places,
                // It marks nothing, and the other receipts are processed.
                Err(reason) => {
                    tracing::error!(%workspace, sequence, source = reason, "expiry failed");
                    Vec::new()
                }
            };
            let Some(marked) = mark(store, workspace, settings, &places, now, deadline).await? else {
                return Ok(Expired::Changed);
            };
            // If we crash here, the events are marked again.
            let noted = store.write_marked_size(workspace, settings, sequence + 1).await?;
            return Ok(if noted { Expired::Marked { events: marked } } else { Expired::Changed });
        }
        from = end;
    }
    let noted = store.write_marked_size(workspace, settings, from).await?;
    Ok(if noted { Expired::Marked { events: 0 } } else { Expired::Changed })
}

/// The receipt of an entry; `None` if it is another event.
async fn receipt(
    store: &Store,
    workspace: &WorkspaceId,
    sequence: u64,
    entry: &Entry,
) -> Result<Option<Event>, Error> {
    if !entry.place.position.id.as_str().starts_with(RECEIPT_ID) {
        return Ok(None);
    }
    let found = store.candidates(workspace, std::slice::from_ref(&entry.place)).await?;
    let Some(found) = found.into_iter().next() else { return Ok(None) };
    let event = found.event?;
    let is_sealed = Hash::of_leaf(leaf(&event).as_bytes()) == entry.leaf;
    if is_receipt(&event) && !is_sealed {
        let what = format!("{workspace}: the receipt of sequence {sequence} is not what was sealed");
        return Err(Error::Inconsistent(what.into()));
    }
    Ok(Some(event).filter(is_receipt))
}

/// The events that a receipt names, if they match the log and have all expired; otherwise the reason why the
/// receipt must not mark any.
async fn named(
    store: &Store,
    workspace: &WorkspaceId,
    settings: &Settings,
    head: &Frontier,
    receipt: &Event,
    now: Timestamp,
) -> Result<Result<Vec<Place>, &'static str>, Error> {
    let Some(named) = Named::read(&receipt.context) else { return Ok(Err("a receipt has another form")) };
    let count: u64 =
        named.runs.iter().map(|(first, last)| (last - first).saturating_add(1)).fold(0, u64::saturating_add);
    let last = named.runs.last().map_or(0, |(_, last)| *last);
    if count > MAX_EVENTS as u64 || last >= head.size() {
        return Ok(Err("a receipt names events that are not in the log"));
    }
    let wanted: BTreeSet<_> = named.runs.iter().flat_map(|(first, last)| *first..=*last).collect();
    let entries = entries(store, workspace, head, &wanted).await?;
    if root(entries.iter().map(|(_, entry)| entry.leaf)) != named.root {
        return Ok(Err("a receipt has another root than the log"));
    }
    let Some(before) = settings.retention.expires_before(now, MARGIN_SECONDS) else {
        return Ok(Ok(Vec::new()));
    };
    if entries.iter().any(|(_, entry)| before <= entry.place.position.timestamp) {
        return Ok(Err("a receipt names events that have not expired"));
    }
    Ok(Ok(entries.into_iter().map(|(_, entry)| entry.place).collect()))
}

/// Marks events. Returns the number of those that still existed; `None` if the settings changed or the time is
/// up.
async fn mark(
    store: &Store,
    workspace: &WorkspaceId,
    settings: &Settings,
    places: &[Place],
    now: Timestamp,
    deadline: Deadline,
) -> Result<Option<u64>, Error> {
    let at = now.plus_seconds(MARK_AHEAD_SECONDS);
    let mut marked = 0;
    for places in places.chunks(MAX_MARKS) {
        let began = Moment::now();
        if !deadline.leaves_time() {
            return Ok(None);
        }
        let Some(there) = store.mark_expired(workspace, settings, places, at).await? else { return Ok(None) };
        marked += there;
        give_way(began).await;
    }
    Ok(Some(marked))
}

/// Waits as long as the last transaction took, at most a second: an admin's change of the settings needs a
/// moment without a transaction of ours on them.
async fn give_way(began: Moment) {
    if let Some(took) = began.age() {
        tokio::time::sleep(took.min(std::time::Duration::from_secs(1))).await;
    }
}

/// True if there may be marks although a hold is in effect: marks were made before it, and not all are known to
/// be gone.
pub(crate) fn may_have_marks(settings: &Settings) -> bool {
    let expiry = &settings.expiry;
    expiry.receipted_to.is_some()
        && expiry.unmarked_under.as_deref() != Some(settings.retention_digest.as_deref().unwrap_or_default())
}

/// The progress of a run that removes marks under a hold.
#[derive(Debug, Default)]
pub(crate) struct Unmarking {
    /// The number of the partition, and the position in it.
    partition: usize,
    from: Option<Position>,
}

impl Unmarking {
    /// Removes the marks of one read of the table, or notes that there are none left.
    pub(crate) async fn step(
        &mut self,
        store: &Store,
        workspace: &WorkspaceId,
        settings: &Settings,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Expired, Error> {
        let Some(to) = &settings.expiry.receipted_to else { return Ok(Expired::Nothing) };
        let mut partitions =
            settings.shards.partitions(workspace, None, Some(to.timestamp.plus_microseconds(1)));
        partitions.push(partition(workspace, Some(READS)));
        let Some(partition) = partitions.get(self.partition) else {
            let noted = store.write_unmarked(workspace, settings).await?;
            return Ok(if noted { Expired::Nothing } else { Expired::Changed });
        };
        let (places, next) = store.marked_events(partition, self.from.as_ref(), to).await?;
        if let Some(first) = places.first() {
            // Done before the first mark is removed: after a crash between the two, the event could stay
            // unmarked permanently.
            let size = receipt_before(store, workspace, &first.position, now).await?;
            if size < settings.expiry.marked_size {
                store.write_marked_size(workspace, settings, size).await?;
                return Ok(Expired::Changed);
            }
        }
        let mut events = 0;
        for places in places.chunks(MAX_MARKS) {
            let began = Moment::now();
            let is_to_go_on = deadline.leaves_time() && is_held(settings, shared::system::now());
            if !is_to_go_on {
                return Ok(Expired::Changed);
            }
            let Some(unmarked) = store.unmark(workspace, settings, places).await? else {
                return Ok(Expired::Changed);
            };
            events += unmarked;
            give_way(began).await;
        }
        self.from = next;
        if self.from.is_none() {
            self.partition += 1;
        }
        Ok(Expired::Unmarked { events })
    }
}

/// The sequence of the oldest receipt that may name an event at or after this position: after the end of the
/// hold, receipts are marked again from there. The start of the log, if the index of receipts shows none.
async fn receipt_before(
    store: &Store,
    workspace: &WorkspaceId,
    position: &Position,
    now: Timestamp,
) -> Result<u64, Error> {
    let filter = Filter { actions: vec![receipt_action()], order: Order::Descending, ..Filter::default() };
    let (mut oldest, mut is_named, mut after) = (u64::MAX, false, None);
    loop {
        let Page { events, next, .. } = store.page(workspace, &filter, after.as_ref(), RECEIPTS, now).await?;
        for receipt in events {
            let Some(named) = Named::read(&receipt.context) else { continue };
            if named.times.1 < position.timestamp {
                return Ok(if is_named { oldest } else { 0 });
            }
            is_named |= named.may_name(position);
            oldest = oldest.min(receipt.sequence.unwrap_or(u64::MAX));
        }
        after = next;
        if after.is_none() {
            return Ok(if is_named { oldest } else { 0 });
        }
    }
}
