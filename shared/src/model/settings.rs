//! The settings of a workspace.

use crate::model::{
    retention::{Expiry, Retention},
    shards::Shards,
};

/// All settings of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Over how many partitions its events are spread.
    pub shards: Shards,
    /// How long its events are kept.
    pub retention: Retention,
    /// What the store compares to tell that the retention is still this one; `None` if none was ever set.
    pub retention_digest: Option<String>,
    /// How far expiry has come.
    pub expiry: Expiry,
}
