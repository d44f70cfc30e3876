//! The routes of the ledger and of the feed, over a log.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::{
    answers,
    api::PAGE,
    events,
    ledger::{self, Log},
};

/// Whether the feed has something after what was seen.
pub(crate) fn has_new(log: &Log, query: &BTreeMap<String, String>) -> bool {
    first(query) < log.signed
}

/// A page of the feed, of at most 10 events. An outcome may be asked for: then it may well be empty.
pub(crate) fn feed(log: &Log, query: &BTreeMap<String, String>) -> Response {
    let first = first(query);
    let limit = query["limit"].parse().unwrap();
    let next = (first + PAGE.min(limit)).min(log.signed).max(first);
    let outcome = query.get("outcome");
    let shown: Vec<_> = log.events[first..next]
        .iter()
        .filter(|event| outcome.is_none_or(|outcome| event["outcome"] == **outcome))
        .cloned()
        .collect();
    let page = match query["format"].as_str() {
        "csv" => answers::respond(200, "text/csv", ledger::csv(&shown)),
        _ => answers::respond(200, "application/x-ndjson", events::lines(&shown)),
    };
    let last = next.checked_sub(1).map_or("-1".to_owned(), |last| last.to_string());
    with_place(page, &last, next < log.signed)
}

/// The page with where it leads.
pub(crate) fn with_place(mut page: Response, next_after: &str, has_more: bool) -> Response {
    page.headers_mut().insert("x-next-after", HeaderValue::from_str(next_after).unwrap());
    page.headers_mut()
        .insert("x-has-more", HeaderValue::from_static(if has_more { "true" } else { "false" }));
    page
}

fn first(query: &BTreeMap<String, String>) -> usize {
    query.get("after").map_or(0, |after| after.parse::<usize>().unwrap() + 1)
}

/// The answer to a path after `/ledger/`.
pub(crate) fn ledger(log: &Log, path: &str, query: &BTreeMap<String, String>) -> Response {
    fn text(text: String) -> Response {
        answers::respond(200, "text/plain; charset=utf-8", text)
    }
    match path.split_once('/').unwrap_or((path, "")) {
        ("key", "") => text(log.key() + "\n"),
        ("checkpoint", "") => text(log.checkpoint()),
        ("tile", name) => log.tile(name).map_or_else(missing, |tile| {
            ([(header::CONTENT_TYPE, "application/octet-stream")], tile).into_response()
        }),
        ("proof", "consistency") => {
            let [from, to] = ["from", "to"].map(|name| query[name].parse().unwrap());
            answers::success(200, &log.consistency(from, to))
        }
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
