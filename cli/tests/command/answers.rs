//! The answers of the test API, in the formats of the real one.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::{
    api::{BEARER, PAGE, SECRET},
    events,
};

/// This page has no events, and yet a next.
const EMPTY_PAGE: usize = 2;

/// A page of the time view of all these events. The cursor counts the events before it; one page has
/// none.
pub(crate) fn page(
    mut all: Vec<Value>,
    csv: fn(&[Value]) -> String,
    query: &BTreeMap<String, String>,
) -> Response {
    // Times of one form are in the order of their texts.
    let (start, end) = (query.get("start_timestamp"), query.get("end_timestamp"));
    all.retain(|event| {
        let time = event["timestamp"].as_str().unwrap();
        start.is_none_or(|start| start.as_str() <= time) && end.is_none_or(|end| time < end.as_str())
    });
    let events = all.len();
    if query.get("action").is_some_and(|action| action == "Wrong") {
        let errors = json!([{"parameter": "action", "code": "unknown_action", "detail": "is no action"}]);
        let message = "The query is not valid.";
        return problem(
            400,
            &json!({"id": "invalid_query", "message": message, "request_id": "r-1", "errors": errors}),
        );
    }
    let (from, was_empty) = match query.get("cursor").map(|cursor| cursor.split_once('-').unwrap()) {
        Some((from, kind)) => (from.parse().unwrap(), kind == "empty"),
        None => (0, false),
    };
    let limit = query.get("limit").map_or(PAGE, |limit| limit.parse().unwrap());
    let is_empty = from == EMPTY_PAGE * PAGE && !was_empty;
    let to = if is_empty { from } else { (from + PAGE.min(limit)).min(events) };
    if query.get("order").is_none_or(|order| order == "desc") {
        all.reverse();
    }
    let shown = all.get(from..to).unwrap_or_default();
    let response = match query.get("format").map(String::as_str) {
        Some("ndjson") => respond(200, "application/x-ndjson", events::lines(shown)),
        Some("csv") => respond(200, "text/csv", csv(shown)),
        Some("ocsf") => respond(200, "application/vnd.ocsf+x-ndjson", events::ocsf(shown)),
        _ => success(200, &json!({"audit_logs": shown, "has_more": to < events})),
    };
    if to == events {
        let mut response = response;
        response.headers_mut().insert("x-has-more", HeaderValue::from_static("false"));
        return response;
    }
    with_cursor(response, &format!("{to}-{}", if is_empty { "empty" } else { "full" }))
}

pub(crate) fn created(body: &str) -> Response {
    let wanted: Value = serde_json::from_str(body).unwrap();
    let mut token = json!({"token": "AbC123AbC123", "secret": SECRET, "bearer": BEARER, "created_by": "u1",
                           "created_at": "2025-01-01T00:00:00.000000Z", "expires_at": "2026-01-01T00:00:00.000000Z"});
    token["name"] = wanted["name"].clone();
    token["scopes"] = wanted["scopes"].clone();
    success(201, &token)
}

pub(crate) fn settings() -> Value {
    json!({
        "retention_days": 365,
        "retained_from": "2024-02-19T10:00:00.000000Z",
        "retention_to_come": {"retention_days": null, "from": "2025-03-01T00:00:00.000000Z"},
        "legal_hold": {
            "reason": "case 17", "by": "af03c0246b82", "from": "2025-02-18T10:00:00.000000Z", "until": null,
        },
        "receipted_to": "2024-02-18T23:59:59.000000Z",
        "shards": [],
    })
}

/// The secret of a stream that is new.
pub(crate) const STREAM_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(crate) fn stream() -> Value {
    json!({
        "stream": "str_9fK2ZsW7xLdQ",
        "name": "SIEM",
        "destination": {"type": "webhook", "url": "https://siem.example.com/audit"},
        "format": "native",
        "filter": {"actions": ["group_created", "group_deleted"]},
        "mask": ["/actor/ip"],
        "previous_secret_until": null,
        "created_by": "af03c0246b82",
        "created_at": "2025-02-18T10:00:00.000000Z",
        "status": {
            "state": "failing",
            "next": 81234,
            "lag": 17,
            "delivered": 0,
            "delivered_at": null,
            "failing_since": "2025-02-18T10:47:37.000000Z",
            "attempts": 3,
            "retry_at": "2025-02-18T10:49:37.000000Z",
            "last_problem": {"code": "timeout", "detail": "no answer in time", "at": "2025-02-18T10:48:17.000000Z"},
            "paused": null,
            "test_requested_at": null,
            "last_test": null,
        },
    })
}

/// The same with a secret that is new.
pub(crate) fn stream_with_secret() -> Value {
    let mut stream = stream();
    stream["secret"] = json!(STREAM_SECRET);
    stream
}

pub(crate) fn tokens() -> Value {
    let token = |id: &str, expires_at: &str, revoked_at: Value| {
        json!({"token": id, "name": "=cmd", "scopes": ["audit_log:read"], "created_by": "u1",
               "created_at": "2025-01-01T00:00:00.000000Z", "expires_at": expires_at,
               "revoked_at": revoked_at, "last_used_on": null})
    };
    json!([
        token("AAAAAAAAAAAA", "9998-01-01T00:00:00.000000Z", Value::Null),
        token("BBBBBBBBBBBB", "2025-01-02T00:00:00.000000Z", Value::Null),
        token("CCCCCCCCCCCC", "9998-01-01T00:00:00.000000Z", json!("2025-01-02T00:00:00.000000Z")),
    ])
}

pub(crate) fn catalogue() -> Value {
    json!({
        "categories": [{"category": "user_groups", "label": "User Groups"}, {"category": "custom", "label": "Custom"}],
        "actions": [{"action": "group_created", "event": "Create a group", "category": "user_groups",
                     "recorded_by": "client"}],
    })
}

pub(crate) fn forbidden() -> Response {
    respond(403, "application/json", json!({"message": "Forbidden"}).to_string())
}

pub(crate) fn success(status: u16, body: &Value) -> Response {
    respond(status, "application/json", body.to_string())
}

pub(crate) fn problem(status: u16, body: &Value) -> Response {
    respond(status, "application/problem+json", body.to_string())
}

pub(crate) fn respond(status: u16, content_type: &'static str, body: String) -> Response {
    (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, content_type)], body).into_response()
}

pub(crate) fn with_cursor(mut response: Response, cursor: &str) -> Response {
    response.headers_mut().insert("x-next-cursor", HeaderValue::from_str(cursor).unwrap());
    response
}
