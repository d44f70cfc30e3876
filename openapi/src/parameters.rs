//! The parameters of paths and of the time view's query.

use serde_json::{Value, json};
use shared::page::{DEFAULT_LIMIT, MAX_LIMIT, Order};

use crate::reference;

/// The parameter of the path that names a workspace.
pub(crate) fn workspace() -> Value {
    json!({
        "name": "workspace",
        "in": "path",
        "required": true,
        "description": "The workspace that the credentials belong to.",
        "schema": reference("WorkspaceId"),
    })
}

/// The parameter of the path that names a workspace token.
pub(crate) fn token() -> Value {
    json!({
        "name": "token",
        "in": "path",
        "required": true,
        "description": "The public part of the token.",
        "schema": reference("TokenId"),
    })
}

/// All parameters of the time view, in the order of its parser.
pub(crate) fn query() -> Vec<Value> {
    query::FILTERS.into_iter().chain(query::LIST_NAMES).map(parameter).collect()
}

fn parameter(name: &str) -> Value {
    let time = || json!({"type": "string", "format": "date-time"});
    let text = || json!({"type": "string", "minLength": 1, "maxLength": shared::parameters::MAX_VALUE_BYTES});
    let (description, schema) = match name {
        "start_timestamp" => ("Only events that did not happen before this time.", time()),
        "end_timestamp" => ("Only events that happened before this time.", time()),
        "action" => (
            "Only events of this action, or of one of several.",
            json!({"type": "string", "pattern": "^[a-z][a-z0-9_]{2,63}(,[a-z][a-z0-9_]{2,63})*$"}),
        ),
        "category" => ("Only events of this category, or of one of several.", reference("Category")),
        "actor" => ("Only what this user did, by their id in the product.", text()),
        "entity_type" => ("Only what was done to entities of this type.", text()),
        "entity_id" => ("Only what was done to the entity of this id.", text()),
        "outcome" => ("Only what succeeded, or only what failed.", reference("Outcome")),
        "correlation_id" => ("Only events with this `correlation_id` in their context.", text()),
        "ip" => ("Only what was done from this address, as it was recorded.", text()),
        "order" => (
            "By time, newest first or oldest first.",
            json!({"type": "string", "enum": Order::NAMES, "default": Order::default().name()}),
        ),
        "limit" => (
            "The most events on the page.",
            json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
        ),
        "cursor" => (
            "Where to go on: `next_cursor` of the page before, with the same filters.",
            json!({"type": "string", "minLength": 1}),
        ),
        "format" => (
            "How to write the page; by default as `Accept` says, and JSON where it says nothing.",
            json!({"type": "string", "enum": query::FORMATS.map(|(_, name, _)| name)}),
        ),
        _ => unreachable!("the query parameter {name} has no description"),
    };
    let mut parameter =
        json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema});
    if query::LISTS.contains(&name) {
        let description = format!("{description} May be repeated, or list several with commas between them.");
        parameter["description"] = json!(description);
        parameter["schema"] = json!({"type": "array", "items": schema});
        parameter["style"] = json!("form");
        parameter["explode"] = json!(true);
    }
    parameter
}
