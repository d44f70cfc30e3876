//! Generates the description of the API (OpenAPI 3.1) and the schema of an event from the code that they
//! describe.
//!
//! Bodies of answers are derived from the serialized types; names, limits and statuses are the constants and
//! tables of the functions; the functions' own code makes the examples. Only the prose is written here. A
//! field, parameter, format or problem without a description stops the build or fails a test.
//!
//! This crate may depend on all functions, which may not depend on each other. `cargo run -p openapi` writes
//! both documents into `query`, which serves them as text, so that the generator is not part of a Lambda.

mod answers;
mod examples;
mod parameters;
mod reference;
mod routes;
mod sent;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use shared::{
    http::Problem,
    model::{disclosure::Part, event::ReadEvent, id::EventId, scope::Scope, timestamp::Timestamp},
};
use utoipa::ToSchema;

pub use self::reference::page;

/// The path of the schemas in a description.
const SCHEMAS: &str = "#/components/schemas/";

/// The description of the API.
pub fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Audit Logs",
            "version": env!("CARGO_PKG_VERSION"),
            "description": include_str!("introduction.md"),
            "license": {"name": "Apache License 2.0", "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "servers": [{"url": "/", "description": "Where this document was found."}],
        "tags": [
            {"name": routes::AUDIT_LOG, "description": "Record events and read them."},
            {"name": routes::LEDGER, "description": "Prove the content of the log without trusting the server."},
            {"name": routes::REDACTIONS, "description": "Erase personal data, as an admin of the workspace."},
            {"name": routes::SETTINGS, "description": "How long events are kept, as an admin of the workspace."},
            {"name": routes::STREAMS, "description": "Send the log on to where you want it, as an admin of the workspace."},
            {"name": routes::TOKENS, "description": "Manage tokens, as an admin of the workspace."},
            {"name": routes::OPEN, "description": "What anyone may ask."},
        ],
        "paths": routes::paths(),
        "components": {"schemas": schemas(), "securitySchemes": security_schemes()},
    })
}

/// The JSON Schema (2020-12) of an event as clients send it, as a separate document.
pub fn event_schema() -> Value {
    let mut schemas = schemas();
    let mut schema = schemas.remove("NewEvent").unwrap_or_default();
    let mut needed = BTreeSet::new();
    collect(&schema, &schemas, &mut needed);
    schemas.retain(|name, _| needed.contains(name));
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["$id"] = json!("/api/schema");
    schema["title"] = json!("Event");
    schema["$defs"] = Value::Object(schemas);
    relocate(&mut schema);
    schema
}

/// All named schemas: of answers, from their types, and of requests, from the rules.
fn schemas() -> Map<String, Value> {
    fn add<T: ToSchema>(schemas: &mut Map<String, Value>) {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        schemas.extend(found.into_iter().map(|(name, schema)| (name, json!(schema))));
    }
    let mut schemas = sent::schemas();
    add::<ReadEvent<'_>>(&mut schemas);
    add::<query::Listing<'_>>(&mut schemas);
    add::<query::FeedPage<'_>>(&mut schemas);
    add::<query::Catalogue>(&mut schemas);
    add::<query::Health>(&mut schemas);
    add::<ingest_api::Recording<'_>>(&mut schemas);
    add::<ledger::LogEntry<'_>>(&mut schemas);
    add::<ledger::InclusionProof>(&mut schemas);
    add::<ledger::ConsistencyProof>(&mut schemas);
    add::<redactions::Redacted>(&mut schemas);
    add::<settings::WorkspaceSettings<'_>>(&mut schemas);
    add::<streams::SetStream<'_>>(&mut schemas);
    add::<streams::ListedStreams<'_>>(&mut schemas);
    add::<tokens::CreatedToken<'_>>(&mut schemas);
    add::<tokens::Tokens<'_>>(&mut schemas);
    add::<Problem>(&mut schemas);
    add::<EventId>(&mut schemas);
    add::<Part>(&mut schemas);
    add::<Scope>(&mut schemas);
    add::<Timestamp>(&mut schemas);
    schemas.insert("GatewayRefusal".to_owned(), answers::gateway_refusal());
    schemas
}

fn security_schemes() -> Value {
    json!({
        routes::BEARER: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "alw_<token>_<secret>",
            "description": "A workspace token. It opens one workspace, for the scopes it was generated with.",
        },
        routes::BASIC: {
            "type": "http",
            "scheme": "basic",
            "description": "The same token in two parts: its public part as user, its secret as password.",
        },
        routes::ADMIN: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A JWT of the product's identity provider: its `role` is `admin` in `workspace`.",
        },
    })
}

/// A reference to a schema by its name.
fn reference(name: &str) -> Value {
    json!({"$ref": format!("{SCHEMAS}{name}")})
}

/// Collects the names of all schemas that `schema` refers to, directly or indirectly.
fn collect(schema: &Value, schemas: &Map<String, Value>, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let name =
                members.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix(SCHEMAS));
            if let Some(name) = name
                && names.insert(name.to_owned())
                && let Some(schema) = schemas.get(name)
            {
                collect(schema, schemas, names);
            }
            members.values().for_each(|member| collect(member, schemas, names));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, schemas, names)),
        _ => {}
    }
}

/// Rewrites all references for a separate schema.
fn relocate(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref") {
                *target = target.replace(SCHEMAS, "#/$defs/");
            }
            members.values_mut().for_each(relocate);
        }
        Value::Array(elements) => elements.iter_mut().for_each(relocate),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
