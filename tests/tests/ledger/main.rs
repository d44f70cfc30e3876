//! The ledger over HTTP: the feed, the proofs, and both after a redaction.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod feed;
mod pollers;
mod proofs;
mod redaction;
