//! Reads the events that match a filter, one page at a time.
//!
//! Three rules make pages complete. A sequence ends only if DynamoDB returns no key to continue from; an empty or short
//! answer does not end it. The next page begins after the last event that was examined. And each page advances by at least
//! one event, however large it is, so that no event can block the ones after it.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    Store,
    item::{self, Item, text, whole_key},
    read_units,
    streams::{Head, Merge},
    unavailable,
};
use crate::{
    model::{
        error::Error,
        event::Event,
        id::WorkspaceId,
        keys::{Position, READS, partition},
        timestamp::Timestamp,
    },
    query::{
        page::{Filter, Order, Page, ReadUnits},
        plan::{Path, Plan},
    },
};

/// The most events, and the most bytes, that are examined for a page.
pub(super) const MAX_EVALUATED: usize = 10_000;
pub(super) const MAX_EVALUATED_BYTES: usize = 50_000_000;
/// How many events are in memory at a time.
pub(super) const CHUNK: usize = 300;
/// The most keys of one `BatchGetItem` (DynamoDB API reference).
const BATCH: usize = 100;
/// How often unprocessed keys of a `BatchGetItem` are requested again. Each wait is twice as long as the last one.
const MAX_ATTEMPTS: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The size limits of a page.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The most events.
    pub events: usize,
    /// The most bytes by `measure`. The first event is returned however large it is.
    pub bytes: usize,
    /// Computes the bytes of an event in the answer.
    pub measure: fn(&Event) -> usize,
}

impl Store {
    /// Reads the retained events that match, after the position `after`, in the filter's order, up to the limits of `room`.
    ///
    /// A page ends early if its bytes are used up, or if [`MAX_EVALUATED`] events were examined, so that the reader gets an
    /// answer. [`Page::next`] then has the position to continue from.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn page(
        &self,
        workspace: &WorkspaceId,
        filter: &Filter,
        after: Option<&Position>,
        room: Room,
        now: Timestamp,
    ) -> Result<Page, Error> {
        self.page_within(workspace, filter, after, room, MAX_EVALUATED, now).await
    }

    /// The same as [`Self::page`], with another limit of events to examine.
    ///
    /// # Errors
    /// The same as [`Self::page`].
    pub async fn page_within(
        &self,
        workspace: &WorkspaceId,
        filter: &Filter,
        after: Option<&Position>,
        room: Room,
        max_evaluated: usize,
        now: Timestamp,
    ) -> Result<Page, Error> {
        let nothing = Page { events: Vec::new(), next: None, read: ReadUnits::default() };
        let Some(filter) = filter.retained_by(self.retained(workspace, now).await?) else {
            return Ok(nothing);
        };
        // The event of a cursor may have expired meanwhile, and then all older ones have as well. In descending order nothing
        // is left; in ascending order the read begins at the oldest retained event.
        let expired = |position: &&Position| filter.start.is_some_and(|start| position.timestamp < start);
        match (after.filter(expired), filter.order) {
            (Some(_), Order::Descending) => Ok(nothing),
            (Some(_), Order::Ascending) => {
                self.page_of_all(workspace, &filter, None, room, max_evaluated).await
            }
            (None, _) => self.page_of_all(workspace, &filter, after, room, max_evaluated).await,
        }
    }

    /// The same as [`Self::page_within`], for all stored events, with expired ones.
    pub(super) async fn page_of_all(
        &self,
        workspace: &WorkspaceId,
        filter: &Filter,
        after: Option<&Position>,
        room: Room,
        max_evaluated: usize,
    ) -> Result<Page, Error> {
        let settings = self.settings(workspace).await?;
        let partitions = settings.shards.partitions(workspace, filter.start, filter.end);
        let Plan { path, residual, with_reads } = Plan::of(filter, workspace, partitions.len());
        let reads = with_reads.then(|| partition(workspace, Some(READS)));
        let mut merge = Merge::new(self, filter, &path, &partitions, reads.as_deref(), after);
        let mut events = Vec::new();
        let mut read = ReadUnits::default();
        let (mut page_bytes, mut evaluated, mut evaluated_bytes) = (0, 0, 0);
        // If most events match, the read is limited to the room of the page, until an event does not match.
        let mut is_thin = residual;
        loop {
            let left = room.events - events.len();
            let heads = merge.take(if is_thin { CHUNK } else { left.min(CHUNK) }).await?;
            let Some(last) = heads.last().map(|head| head.position.clone()) else {
                read += merge.read;
                return Ok(Page { events, next: None, read });
            };
            evaluated += heads.len();
            let mut before = None;
            for event in self.whole(heads, &path, &mut read).await? {
                let bytes = (room.measure)(&event);
                evaluated_bytes += bytes;
                let position = event.position();
                if filter.matches(&event) {
                    if events.len() == room.events || (page_bytes + bytes > room.bytes && !events.is_empty())
                    {
                        read += merge.read;
                        return Ok(Page {
                            next: before.or(events.last().map(Event::position)),
                            events,
                            read,
                        });
                    }
                    page_bytes += bytes;
                    events.push(event);
                } else {
                    is_thin = true;
                }
                before = Some(position);
            }
            if events.len() == room.events
                || evaluated >= max_evaluated
                || evaluated_bytes >= MAX_EVALUATED_BYTES
            {
                let next = merge.has_next().await?.then_some(last);
                read += merge.read;
                return Ok(Page { events, next, read });
            }
        }
    }

    /// The whole events of these heads, in their order. Events that were deleted meanwhile are left out.
    async fn whole(
        &self,
        heads: Vec<Head>,
        path: &Path<'_>,
        read: &mut ReadUnits,
    ) -> Result<Vec<Event>, Error> {
        if *path == Path::Time {
            return heads.iter().map(|head| item::to_event(&head.item)).collect();
        }
        let keys: Vec<_> = heads.iter().map(|head| key(&head.item)).collect::<Result<_, _>>()?;
        let found = self.get_there(keys, read).await?;
        let mut events = Vec::new();
        for head in &heads {
            if let Some(item) = found.get(&whole_key(&head.item)?) {
                events.push(item::to_event(item)?);
            }
        }
        Ok(events)
    }

    /// The items of these keys, which an index or a delta lists, by their whole keys.
    ///
    /// An index or a delta may list an event before every replica of the table has it. Items that one replica does not have
    /// are read again consistently, so that no event is missed.
    pub(super) async fn get_there(
        &self,
        keys: Vec<Item>,
        read: &mut ReadUnits,
    ) -> Result<HashMap<(String, String), Item>, Error> {
        let mut found = self.get_all(keys.clone(), false, read).await?;
        let missing: Vec<_> = keys
            .into_iter()
            .filter(|key| !whole_key(key).is_ok_and(|key| found.contains_key(&key)))
            .collect();
        if !missing.is_empty() {
            found.extend(self.get_all(missing, true, read).await?);
        }
        Ok(found)
    }

    /// The items of these keys that exist, by their whole keys.
    pub(super) async fn get_all(
        &self,
        keys: Vec<Item>,
        consistent: bool,
        read: &mut ReadUnits,
    ) -> Result<HashMap<(String, String), Item>, Error> {
        let batches: Vec<_> = keys.chunks(BATCH).map(<[Item]>::to_vec).collect();
        let answers =
            stream::iter(batches).map(|batch| self.get_batch(batch, consistent)).buffered(CHUNK / BATCH);
        let answers: Vec<_> = answers.try_collect().await?;
        let mut found = HashMap::new();
        for (items, units) in answers {
            *read += ReadUnits { units, keys: 0, events: items.len() };
            for item in items {
                found.insert(whole_key(&item)?, item);
            }
        }
        Ok(found)
    }

    async fn get_batch(&self, keys: Vec<Item>, consistent: bool) -> Result<(Vec<Item>, f64), Error> {
        let mut items = Vec::new();
        let mut units = 0.0;
        let mut left = Some(keys);
        let mut wait = FIRST_WAIT;
        for _ in 0..MAX_ATTEMPTS {
            let Some(keys) = left.take() else { break };
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(consistent)
                .build()
                .map_err(|error| Error::Internal(error.into()))?;
            let output = self
                .client
                .batch_get_item()
                .request_items(&self.tables.events, wanted)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(unavailable)?;
            units += read_units(output.consumed_capacity());
            items
                .extend(output.responses.unwrap_or_default().remove(&self.tables.events).unwrap_or_default());
            // Keys that exceeded the size of the answer or the table's capacity are returned, and must be requested again.
            left =
                output.unprocessed_keys.unwrap_or_default().remove(&self.tables.events).map(|rest| rest.keys);
            if left.is_some() {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
        }
        match left {
            None => Ok((items, units)),
            Some(_) => Err(Error::Unavailable("the table did not give all items".into())),
        }
    }
}

fn key(item: &Item) -> Result<Item, Error> {
    ["workspace", "timestamp"]
        .into_iter()
        .map(|name| Ok((name.to_owned(), AttributeValue::S(text(item, name)?.to_owned()))))
        .collect()
}
