//! The routes of the ledger, over a log.

use std::collections::BTreeMap;

use axum::response::Response;
use serde_json::{Value, json};

use crate::{answers, ledger::Log};

/// What a path after `/ledger/` is answered with.
pub(crate) fn ledger(log: &Log, path: &str, _query: &BTreeMap<String, String>) -> Response {
    let text = |text: String| answers::respond(200, "text/plain; charset=utf-8", text);
    match path.split_once('/').unwrap_or((path, "")) {
        ("key", "") => text(log.key() + "\n"),
        ("entries", sequence) => {
            json_or_missing(sequence.parse().ok().and_then(|sequence| log.entry(sequence)))
        }
        _ => missing(),
    }
}

fn json_or_missing(value: Option<Value>) -> Response {
    value.map_or_else(missing, |value| answers::success(200, &value))
}

fn missing() -> Response {
    answers::problem(404, &json!({"id": "not_found", "message": "There is no such thing in the log."}))
}
