//! Streams: what admins set up, and how far each has come.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod admin;
mod crashes;
mod progress;
mod secrets;
