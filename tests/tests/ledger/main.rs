//! The ledger over HTTP: the feed, the proofs, and what redaction leaves of both.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod feed;
mod pollers;
mod proofs;
mod redaction;
