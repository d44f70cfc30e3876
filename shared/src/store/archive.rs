//! How far the archive of a stream has come: beside what every stream notes, the hash of its last manifest, which
//! the next one has in it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{
    Lease, Store,
    deliveries::{key, written},
    item::json,
    unavailable,
};
use crate::{
    error::Error,
    id::WorkspaceId,
    json::canonical,
    ledger::hash::Hash,
    stream::{Delivered, StreamId},
    timestamp::Timestamp,
};

/// The last run of an archive that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// The hash of its manifest.
    pub manifest: Hash,
    /// When it was written.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    manifest: String,
    at: Timestamp,
}

impl Store {
    /// The last run of a stream's archive, if there was one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn last_run(&self, workspace: &WorkspaceId, id: &StreamId) -> Result<Option<LastRun>, Error> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.streams)
            .set_key(Some(key(workspace, id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        let Some(item) = output.item() else { return Ok(None) };
        let Some(Stored { manifest, at }) = json(item, "archive")? else { return Ok(None) };
        let manifest = Hash::parse(&manifest).map_err(|error| Error::Internal(error.into()))?;
        Ok(Some(LastRun { manifest, at }))
    }

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
