//! Marks expired events, so that DynamoDB's TTL deletes them, and removes the marks during a legal hold.
//!
//! Each transaction checks the settings: the retention must be the one under which the caller decided, and the progress must
//! be the one that it read. So a process that is suspended for hours and then resumes marks nothing under a hold that was
//! placed meanwhile. A check by a separate read before the write would leave a window between the two.
//!
//! A transaction costs twice the units: 2 for each KB of an event, and 2 to 4 for the check, which 50 events share. It
//! blocks other transactions on the settings, so the caller waits between two transactions as long as each takes.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, ConditionCheck, TransactWriteItem, Update,
        builders::UpdateBuilder,
    },
};

use super::{Store, condition_failed, item::text, ledger::event_key, unavailable};
use crate::model::{
    error::Error,
    id::WorkspaceId,
    keys::{Place, Position},
    settings::Settings,
    timestamp::Timestamp,
};

/// The most events of one transaction. DynamoDB takes 100 writes and 4 MB of items, and an event has at most 64 KiB.
pub const MAX_MARKS: usize = 50;
/// The attempts for a transaction that conflicts with others, and the first and the longest wait between them.
const MAX_ATTEMPTS: u32 = 12;
const FIRST_WAIT: Duration = Duration::from_millis(20);
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Some marked events of a partition, and the position at which the read continues.
pub type MarkedPage = (Vec<Place>, Option<Position>);

impl Store {
    /// Marks the events at these places, at most [`MAX_MARKS`], for deletion from an instant on. Returns how many of them
    /// exist, or `None` if the settings have changed and no event was marked. Repeating the call changes only the instant.
    /// The update does not use the attribute `sequence`, so that IAM can deny it to the role.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they may not have been marked.
    pub async fn mark_expired(
        &self,
        workspace: &WorkspaceId,
        settings: &Settings,
        places: &[Place],
        at: Timestamp,
    ) -> Result<Option<u64>, Error> {
        let updates = places.iter().map(|place| {
            self.update_event(workspace, place)
                .update_expression("SET #expires_at = :at")
                .condition_expression("attribute_exists(#timestamp)")
                .expression_attribute_names("#timestamp", "timestamp")
                .expression_attribute_values(":at", AttributeValue::N(at.unix_seconds().to_string()))
        });
        self.under(workspace, settings, updates.collect()).await
    }

    /// Removes the marks of events, at most [`MAX_MARKS`]. Returns how many were marked, or `None` if the settings have
    /// changed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if some may still be marked.
    pub async fn unmark(
        &self,
        workspace: &WorkspaceId,
        settings: &Settings,
        places: &[Place],
    ) -> Result<Option<u64>, Error> {
        let updates = places.iter().map(|place| {
            self.update_event(workspace, place)
                .update_expression("REMOVE #expires_at")
                .condition_expression("attribute_exists(#expires_at)")
        });
        self.under(workspace, settings, updates.collect()).await
    }

    /// The marked events of a partition from one position to another, both included, as far as one read returns them.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn marked_events(
        &self,
        partition: &str,
        from: Option<&Position>,
        to: &Position,
    ) -> Result<MarkedPage, Error> {
        let output = self
            .client
            .query()
            .table_name(&self.tables.events)
            .key_condition_expression("#workspace = :workspace AND #timestamp BETWEEN :from AND :to")
            .filter_expression("attribute_exists(#expires_at)")
            .projection_expression("#workspace, #timestamp")
            .expression_attribute_names("#workspace", "workspace")
            .expression_attribute_names("#timestamp", "timestamp")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_values(":workspace", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(
                ":from",
                AttributeValue::S(from.map_or("0".to_owned(), Position::sort_key)),
            )
            .expression_attribute_values(":to", AttributeValue::S(to.sort_key()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        let mut places = Vec::new();
        for item in output.items() {
            let place = Place::from_key(text(item, "workspace")?, text(item, "timestamp")?);
            let (_, place) = place.ok_or_else(|| super::corrupt("the key of an event"))?;
            places.push(place);
        }
        let last = output.last_evaluated_key.as_ref().map(|key| text(key, "timestamp")).transpose()?;
        let next =
            last.map(|key| Position::from_sort_key(key).ok_or_else(|| super::corrupt("the key of an event")));
        Ok((places, next.transpose()?))
    }

    /// Stores the size of the log up to which all receipts' events are marked, if the settings are still `settings`. Returns
    /// whether they are. If the write is lost, the events are marked again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been written.
    pub async fn write_marked_size(
        &self,
        workspace: &WorkspaceId,
        settings: &Settings,
        size: u64,
    ) -> Result<bool, Error> {
        let condition = Unchanged::of(settings);
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.settings)
            .key("workspace", AttributeValue::S(workspace.to_string()))
            .update_expression("SET #marked_size = :new")
            .condition_expression(condition.expression)
            .expression_attribute_names("#retention_digest", "retention_digest")
            .expression_attribute_names("#marked_size", "marked_size")
            .set_expression_attribute_values(Some(condition.values))
            .expression_attribute_values(":new", AttributeValue::N(size.to_string()))
            .send()
            .await;
        match update {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Records that no event is marked under this retention, whose hold stops deletion. Returns whether the retention is
    /// unchanged.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been written.
    pub async fn write_unmarked(&self, workspace: &WorkspaceId, settings: &Settings) -> Result<bool, Error> {
        let condition = Unchanged::of(settings);
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.settings)
            .key("workspace", AttributeValue::S(workspace.to_string()))
            .update_expression("SET #unmarked_under = :under")
            .condition_expression(condition.expression)
            .expression_attribute_names("#retention_digest", "retention_digest")
            .expression_attribute_names("#marked_size", "marked_size")
            .expression_attribute_names("#unmarked_under", "unmarked_under")
            .set_expression_attribute_values(Some(condition.values))
            .expression_attribute_values(
                ":under",
                AttributeValue::S(settings.retention_digest.clone().unwrap_or_default()),
            )
            .send()
            .await;
        match update {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    fn update_event(&self, workspace: &WorkspaceId, place: &Place) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.events)
            .set_key(Some(event_key(workspace, place)))
            .expression_attribute_names("#expires_at", "expires_at")
    }

    /// Updates events in one transaction, if the settings are still `settings`. Returns how many updates met their condition.
    /// An update whose condition fails, because the event is missing or was updated before, is left out of the next attempt.
    async fn under(
        &self,
        workspace: &WorkspaceId,
        settings: &Settings,
        updates: Vec<UpdateBuilder>,
    ) -> Result<Option<u64>, Error> {
        fn internal(error: aws_sdk_dynamodb::error::BuildError) -> Error {
            Error::Internal(error.into())
        }
        let condition = Unchanged::of(settings);
        let check = ConditionCheck::builder()
            .table_name(&self.tables.settings)
            .key("workspace", AttributeValue::S(workspace.to_string()))
            .condition_expression(condition.expression)
            .expression_attribute_names("#retention_digest", "retention_digest")
            .expression_attribute_names("#marked_size", "marked_size")
            .set_expression_attribute_values(Some(condition.values))
            .build()
            .map_err(internal)?;
        let check = TransactWriteItem::builder().condition_check(check).build();
        let mut left = Vec::new();
        for update in updates {
            left.push(TransactWriteItem::builder().update(update.build().map_err(internal)?).build());
        }
        let mut wait = FIRST_WAIT;
        for _ in 0..MAX_ATTEMPTS {
            if left.is_empty() {
                return Ok(Some(0));
            }
            let writes = [check.clone()].into_iter().chain(left.iter().cloned()).collect();
            let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
            let Err(error) = sent else { return Ok(Some(left.len() as u64)) };
            let reasons = codes(&error);
            let failed = |index: usize| reasons.get(index) == Some(&"ConditionalCheckFailed");
            if failed(0) {
                return Ok(None);
            }
            let count = left.len();
            let rest = left.into_iter().zip(1..).filter(|(_, index)| !failed(*index));
            left = rest.map(|(write, _)| write).collect();
            if left.len() < count {
                continue;
            }
            if !reasons.iter().any(|code| RETRIED.contains(code)) {
                return Err(unavailable(error));
            }
            // Nothing was written, because another transaction used one of the items, or a table was too busy.
            tokio::time::sleep(wait).await;
            wait = MAX_WAIT.min(wait * 2);
        }
        Err(Error::Unavailable("other transactions have the settings or the events all the time".into()))
    }
}

/// The reasons of cancelled transactions that may succeed when they are sent again.
const RETRIED: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// The reason for each write of a cancelled transaction, in the order of the writes; empty for any other error.
fn codes(error: &SdkError<TransactWriteItemsError>) -> Vec<&str> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled
            .cancellation_reasons()
            .iter()
            .map(|reason| CancellationReason::code(reason).unwrap_or(""))
            .collect(),
        _ => Vec::new(),
    }
}

/// The condition that the retention and the marked size are as they were read.
struct Unchanged {
    expression: String,
    values: HashMap<String, AttributeValue>,
}

impl Unchanged {
    fn of(settings: &Settings) -> Self {
        let size = settings.expiry.marked_size;
        let mut values = HashMap::from([(":marked_size".to_owned(), AttributeValue::N(size.to_string()))]);
        // Items written by older versions have neither attribute.
        let retention = match &settings.retention_digest {
            None => "attribute_not_exists(#retention_digest)",
            Some(digest) => {
                values.insert(":retention".to_owned(), AttributeValue::S(digest.clone()));
                "#retention_digest = :retention"
            }
        };
        let size = match size {
            0 => "(attribute_not_exists(#marked_size) OR #marked_size = :marked_size)",
            _ => "#marked_size = :marked_size",
        };
        Self { expression: format!("{retention} AND {size}"), values }
    }
}
