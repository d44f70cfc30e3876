//! The promises of the product, tested on the whole system: real HTTP, the real SDK, a real engine.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod access;
mod bad_input;
mod bus;
mod filters;
mod hostile_input;
mod idempotency;
mod inputs;
mod isolation;
mod masks;
mod open_routes;
mod paging;
mod quarantine;
mod rates;
mod read_records;
mod reading;
mod recording;
mod shards;
mod systems;
mod texts;
mod tokens;
