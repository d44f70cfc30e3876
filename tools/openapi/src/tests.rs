use std::{collections::BTreeSet, fs};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use shared::{
    intake::new_event::{Door, Fallback, NewEvent},
    model::{error::Error, id::WorkspaceId},
    system,
    text::json::{self, Document},
};
use utoipa::openapi::OpenApi;

use super::*;

/// The description as a schema library sees it.
struct Checker {
    compiler: Compiler,
    schemas: Schemas,
}

impl Checker {
    fn new(document: &Value) -> Self {
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("document", document.clone()).unwrap();
        Self { compiler, schemas: Schemas::new() }
    }

    fn at(&mut self, pointer: &str) -> SchemaIndex {
        self.compiler.compile(&format!("document#{pointer}"), &mut self.schemas).unwrap()
    }

    fn accepts(&mut self, pointer: &str, value: &Value) -> Result<(), String> {
        let index = self.at(pointer);
        self.schemas.validate(value, index).map_err(|error| format!("{error:#}"))
    }
}

/// Calls `visit` with every object of the document and its pointer.
fn walk(value: &Value, pointer: &str, visit: &mut impl FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(pointer, members);
            members.iter().for_each(|(name, member)| walk(member, &json::step(pointer, name), visit));
        }
        Value::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(index, element)| walk(element, &json::step(pointer, index), visit));
        }
        _ => {}
    }
}

#[test]
fn query_serves_what_the_code_gives() {
    for (name, expected) in [("openapi.json", document()), ("event.schema.json", event_schema())] {
        let path = format!("{}/../../functions/query/src/{name}", env!("CARGO_MANIFEST_DIR"));
        let served: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert!(served == expected, "{name} is of older code: cargo run -p openapi writes it anew");
    }
}

#[test]
fn the_page_for_people_is_what_the_code_gives() {
    let path = format!("{}/../../docs/api.md", env!("CARGO_MANIFEST_DIR"));
    let written = fs::read_to_string(path).unwrap();
    assert!(
        written == page(&document()),
        "docs/api.md is of older code: cargo run -p openapi writes it anew"
    );
    for (path, item) in document()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|name| *name != "parameters") {
            assert!(written.contains(&format!("`{} {path}`", method.to_uppercase())), "{method} {path}");
        }
    }
}

#[test]
fn every_key_is_one_of_openapi() {
    // utoipa's model drops members that OpenAPI does not define. Schemas are exempt: the model does not cover
    // all of JSON Schema.
    let mut document = document();
    document["components"]["schemas"] = json!({});
    let mut schemas = Vec::new();
    walk(&document, "", &mut |pointer, members| {
        schemas.extend(members.contains_key("schema").then(|| json::step(pointer, "schema")));
    });
    for pointer in schemas {
        *document.pointer_mut(&pointer).unwrap() = json!({"type": "string"});
    }
    let known: OpenApi = serde_json::from_value(document.clone()).unwrap();
    let known = serde_json::to_value(known).unwrap();
    walk(&document, "", &mut |pointer, members| {
        for name in members.keys() {
            let pointer = json::step(pointer, name);
            assert!(known.pointer(&pointer).is_some() || pointer == "/components/schemas", "{pointer}");
        }
    });
}

#[test]
fn every_reference_leads_to_a_schema() {
    for (document, prefix) in [(document(), "/components/schemas"), (event_schema(), "/$defs")] {
        let mut used = BTreeSet::new();
        walk(&document, "", &mut |_, members| {
            used.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
        });
        for target in &used {
            assert!(document.pointer(&target[1..]).is_some(), "{target}");
        }
        let named: BTreeSet<_> = document
            .pointer(prefix)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .map(|name| format!("#{prefix}/{name}"))
            .collect();
        assert_eq!(named.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new(), "are never used");
    }
}

#[test]
fn every_example_keeps_its_schema() {
    let document = document();
    let mut checker = Checker::new(&document);
    let mut examples = Vec::new();
    walk(&document, "", &mut |pointer, members| {
        if !members.contains_key("schema") || !pointer.contains("/content/") {
            return;
        }
        let several = members.get("examples").and_then(Value::as_object).into_iter().flatten();
        let all = several.map(|(_, example)| &example["value"]).chain(members.get("example"));
        examples.extend(all.map(|example| (json::step(pointer, "schema"), example.clone())));
    });
    assert!(examples.len() > 40, "{}", examples.len());
    for (pointer, example) in examples {
        checker.accepts(&pointer, &example).unwrap_or_else(|error| panic!("{pointer}: {error}"));
    }
}

#[test]
fn every_error_is_described_somewhere() {
    // A new error stops the build here: add it to the routes that may answer with it, and to this list.
    fn described(error: &Error) -> Option<&'static str> {
        match error {
            Error::InvalidJson(_) => Some("invalid_json"),
            Error::InvalidBody(_) => Some("invalid_body"),
            Error::InvalidEvent(_) => Some("invalid_event"),
            Error::InvalidQuery(_) => Some("invalid_query"),
            Error::InvalidHeader(_) => Some("invalid_header"),
            Error::UnsupportedEncoding => Some("unsupported_encoding"),
            Error::InvalidCursor => Some("invalid_cursor"),
            Error::NotAcceptable(_) => Some("not_acceptable"),
            Error::TooLarge(_) => Some("too_large"),
            Error::Conflict => Some("conflict"),
            Error::Expired => Some("expired"),
            Error::SettingsChanging(_) => Some("settings_changing"),
            Error::UnknownWorkspace
            | Error::UnknownToken
            | Error::UnknownStream
            | Error::UnknownSequence
            | Error::UnknownTile => Some("not_found"),
            // API Gateway knows the routes, and answers by itself for an unknown one.
            Error::UnknownRoute => None,
            Error::Unauthenticated => Some("unauthenticated"),
            Error::Forbidden(_) => Some("forbidden"),
            Error::TooManyStreams(_) => Some("too_many_streams"),
            Error::TooManyTokens(_) => Some("too_many_tokens"),
            Error::TooManyReads(_) => Some("too_many_reads"),
            Error::Contention(_) => Some("contention"),
            Error::TooManyChanges(_) => Some("too_many_changes"),
            Error::NoServiceKey => Some("no_service_key"),
            Error::Unavailable(_) => Some("unavailable"),
            Error::Inconsistent(_) => Some("inconsistent_log"),
            Error::Internal(_) => Some("internal"),
        }
    }
    assert_eq!(described(&Error::UnknownRoute), None);
    let mut found = BTreeSet::new();
    walk(&document(), "", &mut |_, members| {
        let id = members.get("value").and_then(|example| example["id"].as_str());
        found.extend(id.filter(|_| members["value"].get("title").is_some()).map(str::to_owned));
    });
    let expected = [
        "conflict",
        "contention",
        "expired",
        "forbidden",
        "inconsistent_log",
        "internal",
        "invalid_body",
        "invalid_cursor",
        "invalid_event",
        "invalid_header",
        "invalid_json",
        "invalid_query",
        "no_service_key",
        "not_acceptable",
        "not_found",
        "settings_changing",
        "too_large",
        "too_many_changes",
        "too_many_reads",
        "too_many_streams",
        "too_many_tokens",
        "unauthenticated",
        "unavailable",
        "unsupported_encoding",
    ];
    assert_eq!(found, BTreeSet::from(expected.map(str::to_owned)));
}

#[test]
fn the_schema_and_the_parser_agree() {
    let workspace = WorkspaceId::parse("acme").unwrap();
    let mut checker = Checker::new(&event_schema());
    let mut check = |members: &str, fits: bool| {
        let text = format!(r#"{{"action": "group_created", "actor": {{"user_id": "u"}}{members}}}"#);
        let event: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            parsed(&workspace, &text).map(|_| ()).map_err(|problems| problems.len()).is_ok(),
            fits,
            "{text}"
        );
        assert_eq!(checker.accepts("", &event).is_ok(), fits, "{text}: {:?}", checker.accepts("", &event));
    };
    check("", true);
    check(r#", "id": "a.b:c_d-E", "timestamp": "2025-02-18T10:47:37.123456789+05:00""#, true);
    check(r#", "id": "a""#, false);
    check(r#", "timestamp": "2025-02-18T10:47:37Z""#, false);
    check(r#", "id": "a#b", "timestamp": "2025-02-18T10:47:37Z""#, false);
    check(r#", "id": "a", "timestamp": "2025-02-18""#, false);
    check(r#", "category": "user_groups", "workspace": "acme", "workspace_username": "acme""#, true);
    check(r#", "category": "nonsense""#, false);
    check(r#", "workspace": "Acme""#, false);
    check(r#", "outcome": "failure", "description": "a\nb""#, true);
    check(r#", "outcome": "maybe""#, false);
    check(r#", "description": "\u0000""#, true);
    check(&format!(r#", "description": "{}""#, long(16_384)), true);
    check(&format!(r#", "description": "{}""#, long(16_385)), true);
    check(r#", "entity": {"entity_type": "a", "entity_id": "b", "entity_name": null}"#, true);
    check(r#", "entity": {"entity_type": "a"}"#, false);
    check(r#", "entity": {"entity_type": "a", "entity_id": ""}"#, false);
    check(r#", "entity": {"entity_type": "a", "entity_id": "\u202e"}"#, false);
    check(r#", "entity": {"entity_type": "a", "entity_id": "b", "more": 1}"#, false);
    check(&format!(r#", "context": {{{}}}"#, members(50)), true);
    check(&format!(r#", "context": {{{}}}"#, members(51)), false);
    check(&format!(r#", "context": {{"{}": 1}}"#, long(128)), true);
    check(&format!(r#", "context": {{"{}": 1}}"#, long(129)), true);
    check(r#", "context": {"a": [{"b": null}, 9007199254740991, 0.1, "\t", true]}"#, true);
    check(r#", "context": {"a": [{"b": 9007199254740992}]}"#, false);
    check(r#", "context": {"a": {"\n": 1}}"#, true);
    check(r#", "context": {"a": ["\u0007"]}"#, true);
    check(&format!(r#", "changes": [{}]"#, changes(50)), true);
    check(&format!(r#", "changes": [{}]"#, changes(51)), false);
    check(r#", "changes": [{"path": "a"}]"#, false);
    check(r#", "changes": [{"path": "/a"}]"#, true);
    check(r#", "changes": null, "context": null, "entity": null, "id": null, "outcome": null"#, true);
    check(r#", "received_at": "2025-02-18T10:47:37Z""#, false);
    check(r#", "unknown": 1"#, false);
}

fn parsed(workspace: &WorkspaceId, text: &str) -> Result<NewEvent, Vec<shared::text::problem::FieldError>> {
    let Document { value, problems } = json::parse(text.as_bytes(), json::MAX_DEPTH).unwrap();
    let fallback = Fallback { now: system::now(), id: system::event_id(), salt: system::salt() };
    NewEvent::parse(value, problems, Door::Api(workspace), fallback)
}

fn changes(count: usize) -> String {
    vec![r#"{"path": "/a", "old": 1, "new": null}"#; count].join(",")
}

fn members(count: usize) -> String {
    (0..count).map(|n| format!(r#""k{n}": 1"#)).collect::<Vec<_>>().join(",")
}

fn long(length: usize) -> String {
    "a".repeat(length)
}

#[test]
fn the_schema_and_the_parser_agree_on_names_of_actions() {
    let mut checker = Checker::new(&event_schema());
    let mut check = |action: &str, fits: bool| {
        let event = json!({"action": action, "actor": {"user_id": "u"}});
        assert_eq!(checker.accepts("", &event).is_ok(), fits, "{action}");
    };
    check("org_user_role_changed", true);
    check("audit_log_accessed", false);
    check("dashboard_shared", false);
    check("x_", false);
    check("x_audit_log_redacted", false);
    check(&format!("x_{}", "a".repeat(61)), true);
    check(&format!("x_{}", "a".repeat(62)), false);
}
