//! Archiving: a bucket on this machine that refuses, and runs that end at any call. Whatever happens, each event is in
//! the archive once, and the manifests say so.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod memory;
mod shelf;
mod steps;
mod turns;
mod world;
