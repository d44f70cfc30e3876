//! Archiving: a bucket on this machine that refuses objects, and runs that end at any call. In every case each
//! event is in the archive once, and the manifests say so.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod memory;
mod shelf;
mod steps;
mod turns;
mod world;
