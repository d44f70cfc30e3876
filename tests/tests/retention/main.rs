//! Retention: expired events have no reader, and the log still verifies.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod aged;
mod clocks;
mod expiry;
mod reads;
mod settings;
mod steps;
mod volume;
