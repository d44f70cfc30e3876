//! How far the archive of a stream has come: beside what every stream notes, the hash of its last manifest, which
//! the next one has in it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{
    Lease, Store,
    deliveries::written,
    item::{Item, json},
};
use crate::{
    error::Error,
    json::canonical,
    ledger::hash::Hash,
    stream::{Delivered, LastRun},
    timestamp::Timestamp,
};

#[derive(Serialize, Deserialize)]
struct Stored {
    manifest: String,
    at: Timestamp,
}

impl Store {
    /// Notes a run whose objects and manifest are all in the bucket; whether the note was taken. If it was not, the
    /// lease is another's or the stream was changed, and the run is written again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been noted: if not, the run is written again.
    pub async fn record_run(
        &self,
        lease: &Lease,
        delivered: &Delivered,
        run: &LastRun,
    ) -> Result<bool, Error> {
        let Delivered { next, events, at } = delivered;
        let stored = Stored { manifest: run.manifest.to_string(), at: run.at };
        let update = self
            .update_leased(lease)
            .update_expression(
                "SET #next = :next, #delivered = #delivered + :events, #delivered_at = :at, #archive = :run \
                 REMOVE #failure",
            )
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#delivered", "delivered")
            .expression_attribute_names("#delivered_at", "delivered_at")
            .expression_attribute_names("#archive", "archive")
            .expression_attribute_names("#failure", "failure")
            .expression_attribute_values(":next", AttributeValue::N(next.to_string()))
            .expression_attribute_values(":events", AttributeValue::N(events.to_string()))
            .expression_attribute_values(":at", AttributeValue::S(at.to_string()))
            .expression_attribute_values(":run", AttributeValue::S(canonical(&stored)));
        written(update.send().await)
    }
}

/// What a stream's item says of the last run.
pub(super) fn last_run(item: &Item) -> Result<Option<LastRun>, Error> {
    let Some(Stored { manifest, at }) = json(item, "archive")? else { return Ok(None) };
    let manifest = Hash::parse(&manifest).map_err(|error| Error::Internal(error.into()))?;
    Ok(Some(LastRun { manifest, at }))
}
