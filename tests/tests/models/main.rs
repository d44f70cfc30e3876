//! Executable models of the protocols in `docs/protocols.md`, checked for small sizes.
//!
//! A model has the state of the tables and of each process, and executes one store call at a time, in every
//! order. Each model also has variants that are broken on purpose: the checker must find them.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod archive;
mod expiry;
mod sealing;
mod settings;
