//! The description of the API as a page for people: `docs/api.md`.
//!
//! All of its text comes from the description, so that there is one source.

use serde_json::{Map, Value};

/// Writes the page of a description.
pub fn page(document: &Value) -> String {
    let mut written = format!(
        "# The API\n\n<!-- Written by `cargo run -p openapi` from the code; a test holds it against it. -->\n\n{}",
        text(&document["info"]["description"]),
    );
    contents(&mut written, document);
    written.push_str("\n## Credentials\n\n| | |\n|---|---|\n");
    for (name, scheme) in members(&document["components"]["securitySchemes"]) {
        row(&mut written, &[&format!("`{name}`"), &text(&scheme["description"])]);
    }
    for tag in elements(&document["tags"]) {
        let name = text(&tag["name"]);
        push(&mut written, format!("\n## {name}\n\n{}\n", text(&tag["description"])));
        for (method, path, item, operation) in operations(document, &name) {
            describe(&mut written, &method.to_uppercase(), path, item, operation);
        }
    }
    written.push_str("\n## What is sent and answered\n");
    for (name, schema) in members(&document["components"]["schemas"]) {
        describe_schema(&mut written, name, schema);
    }
    written
}

fn contents(page: &mut String, document: &Value) {
    page.push_str("\n## Contents\n\n- [Credentials](#credentials)\n");
    for tag in elements(&document["tags"]) {
        let name = text(&tag["name"]);
        push(page, format!("- {}\n", heading_link(&name)));
        for (method, path, _, operation) in operations(document, &name) {
            let heading = heading_link(&text(&operation["summary"]));
            push(page, format!("  - {heading}: `{} {path}`\n", method.to_uppercase()));
        }
    }
    push(page, format!("- {}\n", heading_link("What is sent and answered")));
}

/// A link to a heading of the page, with the anchor that GitHub gives to it.
fn heading_link(heading: &str) -> String {
    let anchor: String = heading
        .to_lowercase()
        .chars()
        .filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'))
        .map(|character| if character == ' ' { '-' } else { character })
        .collect();
    format!("[{heading}](#{anchor})")
}

/// The operations of a tag: method, path, the item of the path, and the operation.
fn operations<'a>(
    document: &'a Value,
    tag: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Value, &'a Value)> {
    members(&document["paths"])
        .flat_map(|(path, item)| {
            members(item).map(move |(method, operation)| (method, path, item, operation))
        })
        .filter(move |(_, _, _, operation)| elements(&operation["tags"]).any(|name| *name == tag))
}

fn describe(page: &mut String, method: &str, path: &str, item: &Value, operation: &Value) {
    push(page, format!("\n### {}\n\n`{method} {path}`\n", text(&operation["summary"])));
    let description = text(&operation["description"]);
    if !description.is_empty() {
        push(page, format!("\n{description}\n"));
    }
    let who: Vec<_> = elements(&operation["security"])
        .flat_map(members)
        .map(|(scheme, scopes)| {
            let scopes: Vec<_> = elements(scopes).map(|scope| format!("`{}`", text(scope))).collect();
            if scopes.is_empty() {
                format!("`{scheme}`")
            } else {
                format!("`{scheme}` with {}", scopes.join(", "))
            }
        })
        .collect();
    let who = if who.is_empty() { "anyone".to_owned() } else { who.join(", or ") };
    push(page, format!("\nFor {who}.\n"));
    let parameters: Vec<_> =
        elements(&item["parameters"]).chain(elements(&operation["parameters"])).collect();
    if !parameters.is_empty() {
        page.push_str("\n| parameter | in | is | |\n|---|---|---|---|\n");
        for parameter in parameters {
            let required = if parameter["required"] == true { ", required" } else { "" };
            row(
                page,
                &[
                    &format!("`{}`", text(&parameter["name"])),
                    &format!("{}{required}", text(&parameter["in"])),
                    &kind(&parameter["schema"]),
                    &text(&parameter["description"]),
                ],
            );
        }
    }
    let body = &operation["requestBody"];
    for (content_type, content) in members(&body["content"]) {
        push(
            page,
            format!(
                "\nBody, `{content_type}`: {}. {}\n",
                kind(&content["schema"]),
                text(&body["description"])
            ),
        );
        for (_, example) in members(&content["examples"]) {
            code(page, &text(&example["summary"]), &example["value"]);
        }
    }
    page.push_str("\n| status | as | is | `id` of a problem |\n|---|---|---|---|\n");
    for (status, answer) in members(&operation["responses"]) {
        let types: Vec<_> = members(&answer["content"]).map(|(name, _)| format!("`{name}`")).collect();
        let ids: Vec<_> = members(&answer["content"])
            .flat_map(|(_, content)| elements(&content["schema"]["allOf"][1]["properties"]["id"]["enum"]))
            .map(|id| format!("`{}`", text(id)))
            .collect();
        row(page, &[status, &types.join(", "), &text(&answer["description"]), &ids.join(", ")]);
    }
    for (status, answer) in members(&operation["responses"]).filter(|(status, _)| status.starts_with('2')) {
        let headers: Vec<_> = members(&answer["headers"])
            .map(|(name, header)| format!("- `{name}` ({status}): {}", text(&header["description"])))
            .collect();
        if !headers.is_empty() {
            push(page, format!("\n{}\n", headers.join("\n")));
        }
        let json = answer["content"].get("application/json");
        if let Some(example) = json.and_then(|content| content.get("example")) {
            code(page, status, example);
        }
    }
}

fn describe_schema(page: &mut String, name: &str, schema: &Value) {
    push(page, format!("\n### {name}\n"));
    let description = text(&schema["description"]);
    if !description.is_empty() {
        push(page, format!("\n{description}\n"));
    }
    let parts = std::iter::once(schema).chain(elements(&schema["allOf"]));
    let properties: Vec<_> = parts.clone().flat_map(|part| members(&part["properties"])).collect();
    let required: Vec<_> = parts.flat_map(|part| elements(&part["required"])).collect();
    if properties.is_empty() {
        push(page, format!("\n{}\n", kind(schema)));
        return;
    }
    page.push_str("\n| member | is | |\n|---|---|---|\n");
    for (name, property) in properties {
        let needed = if required.iter().any(|required| *required == name) { "" } else { ", may be left out" };
        let described = std::iter::once(property).chain(elements(&property["oneOf"]));
        let description = described.map(|part| text(&part["description"])).find(|text| !text.is_empty());
        row(
            page,
            &[&format!("`{name}`"), &format!("{}{needed}", kind(property)), &description.unwrap_or_default()],
        );
    }
}

/// The allowed values of a schema, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        let kinds: Vec<_> = elements(&schema[choice]).map(kind).collect();
        if !kinds.is_empty() {
            return kinds.join(if choice == "allOf" { " and " } else { " or " });
        }
    }
    let values: Vec<_> = elements(&schema["enum"]).map(|value| format!("`{}`", text(value))).collect();
    if !values.is_empty() {
        return values.join(", ");
    }
    let mut words = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
        Value::String(kind) if kind == "array" => format!("list of {}", self::kind(&schema["items"])),
        Value::String(kind) => kind.clone(),
        _ => "any JSON".to_owned(),
    };
    if let Some(format) = schema["format"].as_str() {
        push(&mut words, format!(", {format}"));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        push(&mut words, format!(", `{pattern}`"));
    }
    for (name, word) in [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("maxLength", "characters at most"),
        ("maxItems", "elements at most"),
    ] {
        if !schema[name].is_null() {
            push(&mut words, format!(", {word} {}", schema[name]));
        }
    }
    words
}

fn code(page: &mut String, title: &str, value: &Value) {
    push(page, format!("\n{title}:\n\n```json\n{value:#}\n```\n"));
}

/// A row of a table. Line breaks and `|` in a cell are escaped.
fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('\n', " ").replace('|', "\\|")).collect();
    push(page, format!("| {} |\n", cells.join(" | ")));
}

fn push(page: &mut String, text: String) {
    page.push_str(&text);
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> + Clone {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}
