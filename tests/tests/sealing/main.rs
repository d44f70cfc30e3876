//! The sealing protocol under crashes and races, and what invokes it.
//!
//! There are two drills: a pass crashes at each of its calls ([`crash`]), and passes run at the same time in
//! chosen orders ([`interleavings`]). After each, [`log::audit`] checks that every event is sealed once, as the
//! log says. Protocols that are broken on purpose show that the drills find violations ([`broken`]).
//!
//! CI runs a part of each drill. `FULL=1` runs all, which is for a release build:
//! `FULL=1 cargo test --release -p tests --test sealing -- --nocapture`.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod broken;
mod crash;
mod engine;
mod handler;
mod interleavings;
mod log;
mod protocol;
mod stream;
mod throughput;

/// True if the drills run in full.
fn is_full() -> bool {
    std::env::var_os("FULL").is_some()
}

/// Runs a future to its end on this thread.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
