//! What anyone may ask: the catalogue, the schema of an event, and whether we are here.

use serde_json::{Value, json};
use shared::{
    catalogue::{CATALOGUE, CATEGORIES, CatalogueRow, Writer},
    http::{self, Response},
};

/// The JSON Schema (2020-12) of an event as a client sends it.
const SCHEMA: &str = include_str!("event.schema.json");

/// All actions, in the order of the catalogue.
pub(crate) fn actions() -> Response {
    let categories: Vec<_> = CATEGORIES
        .iter()
        .map(|category| json!({"category": category.name, "label": category.label}))
        .collect();
    let actions: Vec<_> = CATALOGUE.iter().map(row).collect();
    http::ok(&json!({"categories": categories, "actions": actions}))
}

fn row(row: &CatalogueRow) -> Value {
    let CatalogueRow { action, event, category, writer } = row;
    let recorded_by = match writer {
        Writer::Client => "client",
        Writer::Service => "service",
    };
    json!({"action": action, "event": event, "category": category.name, "recorded_by": recorded_by})
}

/// The rules of an event, for a client's own checks before it sends one.
pub(crate) fn schema() -> Response {
    http::ok_schema(SCHEMA)
}

/// That the API answers.
pub(crate) fn health() -> Response {
    http::ok(&json!({"status": "ok"}))
}

#[cfg(test)]
mod tests {
    use shared::new_event::{MAX_CHANGES, MAX_CONTEXT_KEYS, MAX_IDENTIFIER_BYTES, MAX_TEXT_BYTES};

    use super::*;

    #[test]
    fn the_schema_states_the_limits_that_are_enforced() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let check = |pointer: &str, limit: usize| {
            assert_eq!(schema.pointer(pointer), Some(&json!(limit)), "{pointer}")
        };
        check("/properties/context/maxProperties", MAX_CONTEXT_KEYS);
        check("/properties/changes/maxItems", MAX_CHANGES);
        check("/properties/description/maxLength", MAX_TEXT_BYTES);
        check("/$defs/identifier/maxLength", MAX_IDENTIFIER_BYTES);
    }
}
