//! The description of the API (OpenAPI 3.1) and the schema of an event, written from the code that
//! they describe.
//!
//! Bodies of answers are derived from the types that are serialized; names, limits and statuses are
//! the constants and tables that the functions go by; examples are made by the functions' own code.
//! Only prose is at home here. A field, parameter, format or problem without a description here
//! stops the build or a test.
//!
//! The knowledge of all functions comes together here, because they may not depend on each other. `cargo run -p
//! openapi` writes both documents into `query`, which serves them as text; so there is no generator
//! in a Lambda.

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

/// Where the schemas of a description are.
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

/// The JSON Schema (2020-12) of an event as a client sends it, on its own.
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

/// Every schema that has a name: of what is answered, by the types, and of what is sent, by the rules.
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

/// Gathers the names of all schemas that `schema` refers to, and those refer to in turn.
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

/// Makes all references those of a schema that stands alone.
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
