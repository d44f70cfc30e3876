//! The settings of a workspace: its shards, its retention, and the progress of expiry.
//!
//! They are one item. Each change has the condition that its attribute is as it was read, and writes only that attribute.
//! IAM names the attributes that each role may write: operators set the shards, `settings` the retention, and `expiry` its
//! progress. `docs/protocols.md` explains why this is safe.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{
    Store, Written, condition_failed, corrupt,
    item::{self, Item, Writer, json, optional},
    transaction::{Statement, text},
    unavailable,
};
use crate::{
    model::{
        error::Error,
        event::Event,
        id::WorkspaceId,
        keys::Position,
        retention::{Expiry, Retained, Retention},
        settings::Settings,
        shards::{SETTINGS_AGE_SECONDS, Shards},
        timestamp::Timestamp,
    },
    system::Moment,
    text::json::canonical,
};

/// Cached settings of workspaces, each with the time before its read. An instance reads the settings of a workspace once a
/// minute, so that recording an event is one round trip.
#[derive(Debug, Default)]
pub(super) struct SettingsCache(Mutex<HashMap<WorkspaceId, (Moment, Arc<Settings>)>>);

/// The most workspaces in the cache. A full cache is emptied.
const MAX_CACHED: usize = 10_000;

impl SettingsCache {
    fn get(&self, workspace: &WorkspaceId) -> Option<Arc<Settings>> {
        let age = Duration::from_secs(SETTINGS_AGE_SECONDS.unsigned_abs());
        let cached = self.0.lock().ok()?;
        cached
            .get(workspace)
            .filter(|(read_at, _)| read_at.age().is_some_and(|since| since < age))
            .map(|(_, settings)| settings.clone())
    }

    fn put(&self, workspace: &WorkspaceId, read_at: Moment, settings: &Arc<Settings>) {
        if let Ok(mut cached) = self.0.lock() {
            if cached.len() >= MAX_CACHED {
                cached.clear();
            }
            cached.insert(workspace.clone(), (read_at, settings.clone()));
        }
    }
}

impl Store {
    /// The settings of a workspace, at most [`SETTINGS_AGE_SECONDS`] old. This is safe for reads and writes: see
    /// [`Shards::change`] and [`Retention`].
    pub(super) async fn settings(&self, workspace: &WorkspaceId) -> Result<Arc<Settings>, Error> {
        if let Some(settings) = self.settings.get(workspace) {
            return Ok(settings);
        }
        // The age counts from before the read, so that a change during the read is seen in time.
        let read_at = Moment::now();
        // The future is boxed because it is rarely used, and would enlarge the state of every write.
        let settings = Arc::new(Box::pin(self.settings_now(workspace)).await?);
        self.settings.put(workspace, read_at, &settings);
        Ok(settings)
    }

    /// The events of a workspace that readers get at an instant.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn retained(&self, workspace: &WorkspaceId, now: Timestamp) -> Result<Retained, Error> {
        Ok(Retained::at(&self.settings(workspace).await?.retention, now))
    }

    /// The settings of a workspace, by a consistent read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn settings_now(&self, workspace: &WorkspaceId) -> Result<Settings, Error> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.settings)
            .key("workspace", AttributeValue::S(workspace.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        output.item().map_or(Ok(Settings::default()), to_settings)
    }

    /// All workspaces that have settings, with the settings. The scan is not consistent.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn workspaces_with_settings(&self) -> Result<Vec<(WorkspaceId, Settings)>, Error> {
        let mut workspaces = Vec::new();
        let mut start = None;
        loop {
            let output = self
                .client
                .scan()
                .table_name(&self.tables.settings)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            for item in output.items() {
                let workspace = WorkspaceId::parse(item::text(item, "workspace")?);
                let workspace = workspace.map_err(|_| corrupt("the workspace of settings"))?;
                workspaces.push((workspace, to_settings(item)?));
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(workspaces);
            }
        }
    }

    /// Sets the shards of a workspace, if they are still `old`. Returns whether they were.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they may not have been set.
    pub async fn set_shards(
        &self,
        workspace: &WorkspaceId,
        old: &Shards,
        new: &Shards,
    ) -> Result<bool, Error> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.settings)
            .key("workspace", AttributeValue::S(workspace.to_string()))
            .update_expression("SET #shards = :new")
            .condition_expression("attribute_not_exists(#shards) OR #shards = :old")
            .expression_attribute_names("#shards", "shards")
            .expression_attribute_values(":new", AttributeValue::S(canonical(new)))
            .expression_attribute_values(":old", AttributeValue::S(canonical(old)))
            .send()
            .await;
        match update {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Sets the retention of a workspace, if it is still `old`, and records the event about the change, both or neither.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been set.
    pub async fn set_retention(
        &self,
        old: &Retention,
        new: &Retention,
        event: &Event,
    ) -> Result<Written, Error> {
        let event = &self.sign_record(event).await?;
        let table = &self.tables.settings;
        let (old_text, new_text) = (canonical(old), canonical(new));
        let digest = retention_digest(&new_text);
        let workspace = event.workspace.as_str();
        let update = Statement::new(
            format!(
                r#"UPDATE "{table}" SET "retention"=? SET "retention_digest"=? WHERE "workspace"=? AND ("retention" IS MISSING OR "retention"=?)"#
            ),
            [text(&new_text), text(&digest), text(workspace), text(old_text)],
        );
        match self.write_with_event(update, event).await? {
            // The workspace may have no settings item yet, and an UPDATE does not create one.
            Written::Before if *old == Retention::default() => {
                let item = Writer::default()
                    .text("workspace", workspace)
                    .text("retention", new_text)
                    .text("retention_digest", digest);
                self.write_with_event(Statement::insert(&self.tables.settings, item.0), event).await
            }
            written => Ok(written),
        }
    }
}

/// The digest by which a receipt's transaction checks that the retention has not changed. The role that expires events may
/// use this attribute in a write, but not the retention itself.
fn retention_digest(retention: &str) -> String {
    let hash = Sha256::digest(retention);
    URL_SAFE_NO_PAD.encode(hash)
}

fn to_settings(item: &Item) -> Result<Settings, Error> {
    Ok(Settings {
        shards: json(item, "shards")?.unwrap_or_default(),
        retention: json(item, "retention")?.unwrap_or_default(),
        retention_digest: item.get("retention_digest").and_then(|value| value.as_s().ok()).cloned(),
        expiry: Expiry {
            receipted_to: position(item, "receipted_to")?,
            marked_size: optional(item, "marked_size", |value| value.as_n().ok()?.parse().ok())?
                .unwrap_or_default(),
            unmarked_under: optional(item, "unmarked_under", |value| value.as_s().ok().cloned())?,
        },
    })
}

fn position(item: &Item, name: &'static str) -> Result<Option<Position>, Error> {
    optional(item, name, |value| Position::from_sort_key(value.as_s().ok()?))
}
