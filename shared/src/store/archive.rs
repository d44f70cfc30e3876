//! The progress of the archive of a stream: beside what every stream notes, the hash of its last manifest, which the
//! next one has in it, and the run that is being written.

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
    /// Decides what a run has in it, before its first object is put; whether the note was taken. If it was not, the
    /// lease is another's or the stream was changed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been decided: the next turn reads which.
    pub async fn plan_run(&self, lease: &Lease, plan: &PlannedRun) -> Result<bool, Error> {
        let update = self
            .update_leased(lease)
            .update_expression("SET #archive_run = :plan")
            .expression_attribute_names("#archive_run", "archive_run")
            .expression_attribute_values(":plan", AttributeValue::S(canonical(plan)));
        written(update.send().await)
    }

    /// Notes a run whose objects and manifest are all in the bucket; the progress after it, or `None` if the note was
    /// not taken: then the lease is another's or the stream was changed, and the same run is written again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been noted: if not, the same run is written again.
    pub async fn record_run(
        &self,
        lease: &Lease,
        before: &Progress,
        delivered: &Delivered,
        run: &LastRun,
    ) -> Result<Option<Progress>, Error> {
        let Delivered { next, events: _, at } = delivered;
        // A run without events says as much about the bucket as any other.
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

/// The last run, by the stream's item.
pub(super) fn last_run(item: &Item) -> Result<Option<LastRun>, Error> {
    let Some(Stored { manifest, at }) = json(item, "archive")? else { return Ok(None) };
    let manifest = Hash::parse(&manifest).map_err(|error| Error::Internal(error.into()))?;
    Ok(Some(LastRun { manifest, at }))
}
