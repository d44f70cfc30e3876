//! How a workspace is kept: today, over how many shards.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Store, corrupt,
    item::{Item, Writer},
    unavailable,
};
use crate::{
    error::Error,
    id::WorkspaceId,
    json::canonical,
    shards::{SETTINGS_AGE_SECONDS, Shards},
};

/// What was read of workspaces, and when. An instance reads each workspace's settings once a
/// minute, so that recording an event is one round trip.
#[derive(Debug, Default)]
pub(super) struct SettingsCache(Mutex<HashMap<WorkspaceId, (Instant, Shards)>>);

/// Beyond this many workspaces an instance forgets them all and begins again.
const MAX_CACHED: usize = 10_000;

impl SettingsCache {
    fn get(&self, workspace: &WorkspaceId) -> Option<Shards> {
        let age = Duration::from_secs(SETTINGS_AGE_SECONDS.unsigned_abs());
        let cached = self.0.lock().ok()?;
        cached.get(workspace).filter(|(read_at, _)| read_at.elapsed() < age).map(|(_, shards)| shards.clone())
    }

    fn put(&self, workspace: &WorkspaceId, read_at: Instant, shards: &Shards) {
        if let Ok(mut cached) = self.0.lock() {
            if cached.len() >= MAX_CACHED {
                cached.clear();
            }
            cached.insert(workspace.clone(), (read_at, shards.clone()));
        }
    }
}

impl Store {
    /// The shards of a workspace, as they were within the last [`SETTINGS_AGE_SECONDS`]. That is
    /// good enough to write by: see [`Shards::change`].
    pub(super) async fn shards(&self, workspace: &WorkspaceId) -> Result<Shards, Error> {
        if let Some(shards) = self.settings.get(workspace) {
            return Ok(shards);
        }
        // The age counts from before the read: what is changed meanwhile is not missed for longer.
        let read_at = Instant::now();
        // Boxed: it is rarely taken, and would swell the state of every write.
        let shards = Box::pin(self.shards_now(workspace)).await?;
        self.settings.put(workspace, read_at, &shards);
        Ok(shards)
    }

    /// The shards of a workspace, as they are.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn shards_now(&self, workspace: &WorkspaceId) -> Result<Shards, Error> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.settings)
            .key("workspace", AttributeValue::S(workspace.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        output.item().map_or(Ok(Shards::default()), read)
    }

    /// Sets the shards of a workspace, if they are still `old`; whether they were.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they may not have been set.
    pub async fn set_shards(
        &self,
        workspace: &WorkspaceId,
        old: &Shards,
        new: &Shards,
    ) -> Result<bool, Error> {
        let item =
            Writer::default().text("workspace", workspace.as_str()).text("shards", canonical(new)).finish();
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.settings)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#shards) OR #shards = :old")
            .expression_attribute_names("#shards", "shards")
            .expression_attribute_values(":old", AttributeValue::S(canonical(old)))
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn read(item: &Item) -> Result<Shards, Error> {
    let text = item
        .get("shards")
        .and_then(|value| value.as_s().ok())
        .ok_or_else(|| corrupt("a workspace's shards"))?;
    serde_json::from_str(text).map_err(|_| corrupt("a workspace's shards"))
}
