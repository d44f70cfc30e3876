//! Notifications about writes of this process. They replace DynamoDB's table streams in a program that runs the whole system.

use std::{fmt, sync::Arc};

/// A function of a partition key and a sort key.
type Listener = dyn Fn(&str, &str) + Send + Sync;

/// Calls a listener with the partition key and the sort key of each item that was written, or may have been.
#[derive(Clone)]
pub struct Hints(Arc<Listener>);

impl Hints {
    /// Calls `listener` after each write.
    pub fn new(listener: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    pub fn tell(&self, partition: &str, sort_key: &str) {
        (self.0)(partition, sort_key);
    }
}

impl fmt::Debug for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hints")
    }
}
