//! Attacks by readers.

mod questions;
mod waits;
