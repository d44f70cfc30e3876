//! Streams: their setup by admins, and their progress.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod admin;
mod crashes;
mod progress;
mod secrets;
