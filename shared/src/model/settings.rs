//! The settings of a workspace.

use crate::model::{
    retention::{Expiry, Retention},
    shards::Shards,
};

/// All settings of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The number of partitions that hold its events.
    pub shards: Shards,
    /// How long its events are kept.
    pub retention: Retention,
    /// A digest of the retention. The store compares it to detect that the retention has changed. `None` if none was set.
    pub retention_digest: Option<String>,
    /// The progress of expiry.
    pub expiry: Expiry,
}
