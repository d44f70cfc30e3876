//! Merges the sorted sequences of a query, each of keys or whole events, into one.

use std::collections::VecDeque;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use futures::future::try_join_all;

use super::{
    Store, corrupt,
    item::{Item, text},
    read_units, unavailable,
};
use crate::{
    model::{
        catalogue::Action,
        error::Error,
        id::WorkspaceId,
        keys::{Position, READS, partition, time_range},
    },
    query::{
        page::{Filter, Order, READ_ACTION, ReadUnits},
        plan::Path,
    },
};

/// How many index keys cost as much as one: half a read unit is 4 KB (DynamoDB, read consistency), and one of our keys has
/// about 160 bytes.
const KEYS_OF_A_READ: usize = 25;

/// How many records of reads are requested first: most of these have less than 512 bytes, and a consistent read unit is
/// 4 KB. Each further request is for twice as many, up to [`MAX_READS`].
const FIRST_READS: usize = 8;
const MAX_READS: usize = 512;

/// The next event of a sequence.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) position: Position,
    /// The whole event from the table, or only its key from an index.
    pub(super) item: Item,
}

/// The events of one value in one partition, with some read ahead.
struct Stream {
    index: Option<&'static str>,
    /// The key attributes that all its events have in common.
    equal: Vec<(&'static str, String)>,
    ahead: VecDeque<Head>,
    /// The key after which the next read begins; the outer `None` at the end.
    rest: Option<Option<Item>>,
    /// For records of reads: how many the next read requests.
    next_limit: Option<usize>,
}

/// All sequences of a query, merged.
pub(super) struct Merge<'a> {
    store: &'a Store,
    filter: &'a Filter,
    streams: Vec<Stream>,
    /// The cost of the reads so far.
    pub(super) read: ReadUnits,
}

impl<'a> Merge<'a> {
    /// Merges the events of a path in these partitions and in the one of records of reads, if it is given, after the
    /// position `after`.
    pub(super) fn new(
        store: &'a Store,
        filter: &'a Filter,
        path: &Path<'_>,
        partitions: &[String],
        reads: Option<&str>,
        after: Option<&Position>,
    ) -> Self {
        let all = partitions.iter().map(|partition| (partition.as_str(), false));
        let streams =
            all.chain(reads.map(|partition| (partition, true))).flat_map(|(partition, of_reads)| {
                let stream = |index, values: &[(&'static str, &str)]| {
                    let mut equal = vec![("workspace", partition.to_owned())];
                    equal.extend(values.iter().map(|(name, value)| (*name, (*value).to_owned())));
                    let rest = Some(after.map(|position| key(&equal, position)));
                    let next_limit = of_reads.then_some(FIRST_READS);
                    Stream { index, equal, ahead: VecDeque::new(), rest, next_limit }
                };
                match path {
                    Path::Time => vec![stream(None, &[])],
                    Path::Action(actions) => {
                        let listed = actions.iter().filter(|action| !of_reads || **action == READ_ACTION);
                        listed.map(|action| stream(Some("by_action"), &[("action", action)])).collect()
                    }
                    Path::Actor(actor) => vec![stream(Some("by_actor"), &[("actor_id", actor)])],
                    Path::Entity { entity_type, entity_id } => {
                        vec![stream(
                            Some("by_entity"),
                            &[("entity_type", entity_type), ("entity_id", entity_id)],
                        )]
                    }
                }
            });
        Self { store, filter, streams: streams.collect(), read: ReadUnits::default() }
    }

    /// Takes the next `count` events in order, or all that are left if there are fewer.
    pub(super) async fn take(&mut self, count: usize) -> Result<Vec<Head>, Error> {
        let mut taken = Vec::new();
        while taken.len() < count {
            // One more than is wanted, to know whether another event follows.
            self.read_ahead(count - taken.len() + 1).await?;
            let places = self
                .streams
                .iter()
                .enumerate()
                .filter_map(|(index, stream)| Some((&stream.ahead.front()?.position, index)));
            let next = match self.filter.order {
                Order::Ascending => places.min(),
                Order::Descending => places.max(),
            };
            let Some(index) = next.map(|(_, index)| index) else { break };
            taken.extend(self.streams[index].ahead.pop_front());
        }
        Ok(taken)
    }

    /// Whether there are more events.
    pub(super) async fn has_next(&mut self) -> Result<bool, Error> {
        self.read_ahead(1).await?;
        Ok(self.streams.iter().any(|stream| !stream.ahead.is_empty()))
    }

    /// Reads until each sequence has its next event or has ended, because only then the first of them is the next of all.
    /// Each sequence is read ahead by its share of the wanted events, except that of records of reads: of these a few are
    /// read at first, because in most logs they are old or few.
    async fn read_ahead(&mut self, wanted: usize) -> Result<(), Error> {
        let (store, filter) = (self.store, self.filter);
        loop {
            let shares =
                self.streams.iter().filter(|stream| stream.rest.is_some() && stream.next_limit.is_none());
            let shares = shares.count().max(1);
            let dry =
                self.streams.iter_mut().filter(|stream| stream.ahead.is_empty() && stream.rest.is_some());
            let reads: Vec<_> = dry
                .map(|stream| {
                    let least = if stream.index.is_some() { KEYS_OF_A_READ } else { 1 };
                    let limit = match &mut stream.next_limit {
                        None => wanted.div_ceil(shares),
                        Some(next) => {
                            let limit = wanted.min(*next);
                            *next = (*next * 2).min(MAX_READS);
                            limit
                        }
                    };
                    stream.read(store, filter, limit.max(least))
                })
                .collect();
            if reads.is_empty() {
                return Ok(());
            }
            for read in try_join_all(reads).await? {
                self.read += read;
            }
        }
    }
}

impl Store {
    /// Whether any event of a workspace has this action. It reads the index, which follows the table within a moment.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn has_action(&self, workspace: &WorkspaceId, action: &Action) -> Result<bool, Error> {
        let partitions = self.settings(workspace).await?.shards.partitions(workspace, None, None);
        let (filter, path) = (Filter::default(), Path::Action(vec![action.name()]));
        let reads = (action.name() == READ_ACTION).then(|| partition(workspace, Some(READS)));
        Merge::new(self, &filter, &path, &partitions, reads.as_deref(), None).has_next().await
    }
}

impl Stream {
    /// Reads at most `limit` more. DynamoDB may return fewer or none although there are more. The sequence ends only if the
    /// answer has no key to continue from.
    async fn read(&mut self, store: &Store, filter: &Filter, limit: usize) -> Result<ReadUnits, Error> {
        let (from, to) = time_range(filter.start, filter.end);
        let mut query = store
            .client
            .query()
            .table_name(&store.tables.events)
            .set_index_name(self.index.map(str::to_owned))
            .key_condition_expression(match self.index {
                None => "#workspace = :workspace AND #timestamp BETWEEN :from AND :to",
                Some("by_action") => {
                    "#workspace = :workspace AND #action = :action AND #timestamp BETWEEN :from AND :to"
                }
                Some("by_actor") => {
                    "#workspace = :workspace AND #actor_id = :actor_id AND #timestamp BETWEEN :from AND :to"
                }
                Some(_) => {
                    "#workspace = :workspace AND #entity_type = :entity_type AND #entity_id = :entity_id \
                     AND #timestamp BETWEEN :from AND :to"
                }
            })
            .expression_attribute_names("#timestamp", "timestamp")
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .scan_index_forward(filter.order == Order::Ascending)
            // An index cannot be read consistently; the table can.
            .consistent_read(self.index.is_none())
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(self.rest.take().flatten())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        for (name, value) in &self.equal {
            query = query
                .expression_attribute_names(format!("#{name}"), *name)
                .expression_attribute_values(format!(":{name}"), AttributeValue::S(value.clone()));
        }
        let output = query.send().await.map_err(unavailable)?;
        let units = read_units(output.consumed_capacity.as_slice());
        self.rest = output.last_evaluated_key.map(Some);
        let items = output.items.unwrap_or_default();
        let (keys, events) = if self.index.is_some() { (items.len(), 0) } else { (0, items.len()) };
        for item in items {
            let position = Position::from_sort_key(text(&item, "timestamp")?)
                .ok_or_else(|| corrupt("an event's sort key"))?;
            self.ahead.push_back(Head { position, item });
        }
        Ok(ReadUnits { units, keys, events })
    }
}

/// The key of an event at a position, whether it exists or not.
fn key(equal: &[(&'static str, String)], position: &Position) -> Item {
    let mut key: Item =
        equal.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::S(value.clone()))).collect();
    key.insert("timestamp".to_owned(), AttributeValue::S(position.sort_key()));
    key
}
