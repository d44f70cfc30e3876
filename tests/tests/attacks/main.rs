//! Attempts to break a promise, each with the answer that it must get.
//!
//! Each module attacks one part of the system. `cargo test -p tests --test attacks -- --nocapture` prints one line for
//! each attempt: the promise, the attempt and the answer.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod bodies;
mod delivery;
mod expiry;
mod intake;
mod reading;
mod records;
mod roles;
mod service_records;

use std::fmt::Display;

/// Prints an attempt that got the right answer. Call it after the assertion.
pub(crate) fn held(promise: &str, attempt: &str, answer: impl Display) {
    println!("{promise:<4} {attempt}: {answer}");
}
