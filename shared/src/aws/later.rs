//! What is made for its first use, because most invocations need none of it and every start would pay for it.

use std::sync::LazyLock;

/// A value that is made when it is first asked for.
pub type Later<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send>>;

/// A value that this makes when it is first asked for.
pub fn later<T>(make: impl FnOnce() -> T + Send + 'static) -> Later<T> {
    LazyLock::new(Box::new(make))
}
