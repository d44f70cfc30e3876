//! The progress of an archive. In addition to the progress of every stream it has the hash of the last manifest, which the
//! next manifest contains, and the plan of the current run.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{
    Lease, Store,
    item::{Item, json},
    written,
};
use crate::{
    ledger::hash::Hash,
    model::{error::Error, timestamp::Timestamp},
    stream::{Delivered, LastRun, PlannedRun, Progress},
    text::json::canonical,
};

#[derive(Serialize, Deserialize)]
struct Stored {
    manifest: String,
    at: Timestamp,
}

impl Store {
    /// Stores the plan of a run before its first object is put. Returns false if another deliverer has the lease or the
    /// stream was changed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the plan may or may not have been stored. The next attempt reads it.
    pub async fn plan_run(&self, lease: &Lease, plan: &PlannedRun) -> Result<bool, Error> {
        let update = self
            .update_leased(lease)
            .update_expression("SET #archive_run = :plan")
            .expression_attribute_names("#archive_run", "archive_run")
            .expression_attribute_values(":plan", AttributeValue::S(canonical(plan)));
        written(update.send().await)
    }

    /// Records a run whose objects and manifest are all in the bucket. Returns the new progress, or `None` if another
    /// deliverer has the lease or the stream was changed; then the same run is written again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been recorded. If not, the same run is written again.
    pub async fn record_run(
        &self,
        lease: &Lease,
        before: &Progress,
        delivered: &Delivered,
        run: &LastRun,
    ) -> Result<Option<Progress>, Error> {
        let Delivered { next, events: _, at } = delivered;
        // A run without events also shows that the bucket accepts writes, so it ends a failure.
        let after =
            Progress { delivered_at: Some(*at), ..before.after_delivery(delivered).without_failure() };
        let stored = Stored { manifest: run.manifest.to_string(), at: run.at };
        let update = self
            .update_leased(lease)
            .update_expression(
                "SET #next = :next, #delivered = :delivered, #delivered_at = :at, #archive = :run \
                 REMOVE #failure, #archive_run",
            )
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#delivered", "delivered")
            .expression_attribute_names("#delivered_at", "delivered_at")
            .expression_attribute_names("#archive", "archive")
            .expression_attribute_names("#archive_run", "archive_run")
            .expression_attribute_names("#failure", "failure")
            .expression_attribute_values(":next", AttributeValue::N(next.to_string()))
            .expression_attribute_values(":delivered", AttributeValue::N(after.delivered.to_string()))
            .expression_attribute_values(":at", AttributeValue::S(at.to_string()))
            .expression_attribute_values(":run", AttributeValue::S(canonical(&stored)));
        Ok(written(update.send().await)?.then_some(after))
    }
}

/// The last run in a stream's item.
pub(super) fn last_run(item: &Item) -> Result<Option<LastRun>, Error> {
    let Some(Stored { manifest, at }) = json(item, "archive")? else { return Ok(None) };
    let manifest = Hash::parse(&manifest).map_err(|error| Error::Internal(error.into()))?;
    Ok(Some(LastRun { manifest, at }))
}
