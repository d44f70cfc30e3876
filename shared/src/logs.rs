//! What a function logs, and how: lines on standard output, at the level and in the format that Lambda names.
//!
//! The runtime has such a subscriber itself, but with directives for single modules, and the engine for regular
//! expressions that those need: a quarter of a megabyte by its symbols, and work at each start.

use tracing_subscriber::{filter::LevelFilter, fmt};

use crate::config::Logs;

/// Starts to log. To be called once, before anything else.
pub fn start(logs: &Logs) {
    let Logs { level, json } = logs;
    // What is no level is an operator's slip, and no reason to lose all lines or to show what only debugging needs.
    let level = level.as_deref().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    // Lambda writes the time of a line beside it.
    let lines = fmt().with_max_level(level).with_target(false).without_time();
    if *json { lines.json().init() } else { lines.init() }
}
