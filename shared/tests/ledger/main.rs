//! Compares the ledger with other implementations of the same specifications.
#![allow(clippy::unwrap_used, reason = "an unwrap in a test is an assertion")]

mod c2sp;
mod differential;
mod log;
mod notes;
mod paths;
mod properties;
