//! Values that are made at their first use. Most invocations do not need them, and each start would pay for them.

use std::sync::LazyLock;

/// A value that is made at its first use.
pub type Later<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send>>;

/// Calls `make` at the first use of the value.
pub fn later<T>(make: impl FnOnce() -> T + Send + 'static) -> Later<T> {
    LazyLock::new(Box::new(make))
}
