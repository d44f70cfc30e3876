//! The sealing protocol under crashes and races, and what invokes it.
//!
//! Two drills: each call of a pass is its last one ([`crash`]), and passes run into each other in chosen
//! orders ([`interleavings`]). After each, [`log::audit`] looks whether every event is sealed, once, as the
//! log says. That the drills can tell is shown by a protocol that is broken on purpose ([`broken`]).
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

/// Whether all of a drill is to be run.
fn is_full() -> bool {
    std::env::var_os("FULL").is_some()
}

/// What one thread does, for a future that needs no other.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
