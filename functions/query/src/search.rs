//! Reads that look through many events for a few matches.
//!
//! Every read looks at up to a thousand events. To look at more, it needs a slot of its token and its
//! workspace, so that searches cannot use up the executions that other readers need. Without a slot, the page
//! ends there, with a cursor.

use std::time::Duration;

use shared::{
    model::{error::Error, event::Event, keys::Position, principal::TokenHolder, rate::LongRead},
    query::page::{Filter, Page},
    store::{Room, Slots, Store},
    system,
};

/// Events that a read looks at without a slot.
pub(crate) const WITHOUT_SLOT: usize = 1000;
/// Further events that it looks at with a slot: 10,000 for a page in all.
const WITH_SLOT: usize = 9000;
/// The longest search: within the timeout of its function.
const LONGEST: Duration = Duration::from_secs(25);

/// A page of the time view.
pub(crate) async fn page(
    store: &Store,
    holder: &TokenHolder,
    filter: &Filter,
    after: Option<&Position>,
    room: Room,
) -> Result<Page, Error> {
    let workspace = &holder.workspace;
    let mut page = store.page_within(workspace, filter, after, room, WITHOUT_SLOT, system::now()).await?;
    let (Some(next), Some(left)) = (&page.next, left(room, &page.events)) else { return Ok(page) };
    let Some(slots) = slots(store, holder).await else { return Ok(page) };
    let more = store.page_within(workspace, filter, Some(next), left, WITH_SLOT, system::now()).await;
    store.free_slots(slots).await;
    let Page { events, next, read } = more?;
    page.events.extend(events);
    page.read += read;
    Ok(Page { next, ..page })
}

/// The room that is left in a page which ended because it had looked at enough events; `None` for a full page.
/// A page with half of its bytes counts as full.
pub(crate) fn left(room: Room, events: &[Event]) -> Option<Room> {
    let bytes: usize = events.iter().map(room.measure).sum();
    let is_full = events.len() >= room.events || bytes > room.bytes / 2;
    (!is_full).then(|| Room { events: room.events - events.len(), bytes: room.bytes - bytes, ..room })
}

/// The slots of a search. Without slots, or if the store cannot say whether there are any, the page stays
/// short.
pub(crate) async fn slots(store: &Store, holder: &TokenHolder) -> Option<Slots> {
    store.take_slots(holder, LongRead::Search, LONGEST, system::now()).await.ok().flatten()
}
