//! Delivery: real receivers on this machine that fail in every way, and runs that end at any call.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod buses;
mod collectors;
mod failures;
mod ledger;
mod memory;
mod order;
mod receiver;
mod steps;
mod volume;
mod world;
