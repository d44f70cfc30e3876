//! Word of what this process wrote, for who runs the sealer without the table's stream.

use std::{fmt, sync::Arc};

/// Takes a partition key and a sort key.
type Told = dyn Fn(&str, &str) + Send + Sync;

/// Is told the key of every event that was written, or may have been: partition key and sort key.
#[derive(Clone)]
pub struct Hints(Arc<Told>);

impl Hints {
    /// Tells `told`.
    pub fn new(told: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    pub(super) fn tell(&self, partition: &str, sort_key: &str) {
        (self.0)(partition, sort_key);
    }
}

impl fmt::Debug for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hints")
    }
}
