//! Recorded events: appended once, read by time, never changed.

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure},
};

use super::{
    Store, WriteUnits,
    item::{self, Item},
    unavailable,
};
use crate::{
    error::Error,
    event::Event,
    id::WorkspaceId,
    keys::{Position, time_range},
    page::{Filter, MAX_LIMIT, Order, Page},
};

/// What became of an event that was to be recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Appended {
    /// Whether it is recorded now, was before, or cannot be.
    pub status: Status,
    /// What the write took.
    pub write_units: WriteUnits,
}

/// Whether an event is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is recorded, by this write.
    Recorded,
    /// It was recorded before, with the same content.
    Duplicate,
    /// Another event was recorded under its key before, and stands.
    Conflict,
}

impl Store {
    /// Records an event, once.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been written; the same call again is safe.
    pub async fn append(&self, event: &Event) -> Result<Appended, Error> {
        let item = item::from_event(event);
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.events)
            .set_item(Some(item.clone()))
            .condition_expression("attribute_not_exists(#timestamp)")
            .expression_attribute_names("#timestamp", "timestamp")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        // If we crash here, the event is recorded and its sender does not know: sent again with
        // the same key it is a duplicate.
        match put {
            Ok(output) => Ok(Appended {
                status: Status::Recorded,
                write_units: WriteUnits::of(output.consumed_capacity.as_slice()),
            }),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failure)) => {
                    let status = match failure.item() {
                        Some(there) if *there == item => Status::Recorded,
                        Some(there) if item::same_event(there, &item) => Status::Duplicate,
                        _ => Status::Conflict,
                    };
                    // A failed condition takes the units of a write, which the answer does not tell.
                    Ok(Appended { status, write_units: WriteUnits::default() })
                }
                _ => Err(unavailable(error)),
            },
        }
    }

    /// Reads at most `limit` events that match, after the place `after`, in the filter's order.
    ///
    /// A page ends early where its events fill 5 MB, or where so many events were read
    /// that match nothing that the reader should hear from us; [`Page::next`] then leads on. It
    /// always moves forward by at least one event, unless there is none left.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn page(
        &self,
        workspace: &WorkspaceId,
        filter: &Filter,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Page, Error> {
        let mut start = after.map(|position| key(workspace, position));
        let mut events: Vec<Event> = Vec::new();
        let (mut bytes, mut evaluated) = (0, 0);
        loop {
            // One more than asked for, so that a last page knows that it is the last.
            let wanted = if filter.actions.is_empty() { limit + 1 - events.len() } else { MAX_LIMIT };
            let (items, next) = self.query_by_time(workspace, filter, start, wanted).await?;
            evaluated += items.len();
            for item in &items {
                let event = item::to_event(item)?;
                if !filter.matches(&event) {
                    continue;
                }
                bytes += wire_bytes(&event);
                if events.len() == limit || (bytes > MAX_PAGE_BYTES && !events.is_empty()) {
                    let next = events.last().map(Event::position);
                    return Ok(Page { events, next });
                }
                events.push(event);
            }
            if next.is_none() {
                return Ok(Page { events, next: None });
            }
            if evaluated >= MAX_EVALUATED {
                let last = items.last().map(item::to_event).transpose()?;
                return Ok(Page { events, next: last.map(|event| event.position()) });
            }
            start = next;
        }
    }

    async fn query_by_time(
        &self,
        workspace: &WorkspaceId,
        filter: &Filter,
        start: Option<Item>,
        limit: usize,
    ) -> Result<(Vec<Item>, Option<Item>), Error> {
        let (from, to) = time_range(filter.start, filter.end);
        let output = self
            .client
            .query()
            .table_name(&self.tables.events)
            .key_condition_expression("#workspace = :workspace AND #timestamp BETWEEN :from AND :to")
            .expression_attribute_names("#workspace", "workspace")
            .expression_attribute_names("#timestamp", "timestamp")
            .expression_attribute_values(":workspace", AttributeValue::S(workspace.to_string()))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .scan_index_forward(filter.order == Order::Ascending)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(unavailable)?;
        let read_units = output.consumed_capacity().and_then(|consumed| consumed.capacity_units());
        tracing::debug!(read_units, items = output.count(), "queried by time");
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }
}

/// The most bytes that the events of a page have on their way through Lambda, whose answers may
/// have 6 MB (AWS Lambda quotas, invocation payload).
const MAX_PAGE_BYTES: usize = 5_000_000;

/// How many events a page may read for those it returns.
const MAX_EVALUATED: usize = 10_000;

fn key(workspace: &WorkspaceId, position: &Position) -> Item {
    Item::from([
        ("workspace".to_owned(), AttributeValue::S(workspace.to_string())),
        ("timestamp".to_owned(), AttributeValue::S(position.sort_key())),
    ])
}

/// The bytes of an event in an answer, which is JSON within a JSON string: each quote and
/// backslash is escaped once more.
fn wire_bytes(event: &Event) -> usize {
    let json = serde_json::to_vec(event).map_or(Event::MAX_BYTES, |json| {
        json.len() + json.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count()
    });
    json + 1
}
