//! Compares the description of the API, as it is served, with the template, the parser of queries and the
//! answers.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod answers;
mod description;
mod faults;
mod kept;
mod sealed;
mod streams;

use std::collections::BTreeSet;

use local::template::{Authorizer, TEMPLATE, Template};
use serde_json::Value;
use tests::{Client, TestApp, sample::event};

use self::description::Description;

const LOGS: &str = "/api/{workspace}/audit_logs";
const FEED: &str = "/api/{workspace}/audit_logs/feed";
const TOKENS: &str = "/api/{workspace}/tokens";
const TOKEN: &str = "/api/{workspace}/tokens/{token}";
const REDACTIONS: &str = "/api/{workspace}/redactions";
const SETTINGS: &str = "/api/{workspace}/settings";
const STREAMS: &str = "/api/{workspace}/streams";
const STREAM: &str = "/api/{workspace}/streams/{stream}";
const PAUSE: &str = "/api/{workspace}/streams/{stream}/pause";
const RESUME: &str = "/api/{workspace}/streams/{stream}/resume";
const REPLAY: &str = "/api/{workspace}/streams/{stream}/replay";
const TEST: &str = "/api/{workspace}/streams/{stream}/test";
const CHECKPOINT: &str = "/api/{workspace}/ledger/checkpoint";
const KEY: &str = "/api/{workspace}/ledger/key";
const TILE: &str = "/api/{workspace}/ledger/tile/{tile}";
const ENTRY: &str = "/api/{workspace}/ledger/entries/{sequence}";
const INCLUSION: &str = "/api/{workspace}/ledger/proof/inclusion";
const CONSISTENCY: &str = "/api/{workspace}/ledger/proof/consistency";

#[tokio::test]
async fn exactly_the_routes_of_the_template_are_described_with_their_callers() {
    let app = TestApp::start().await;
    let description = Description::served_by(&app).await;
    let described: BTreeSet<_> = description
        .operations()
        .into_iter()
        .map(|(method, path, operation)| format!("{method} {path} {:?}", schemes(&operation["security"])))
        .collect();
    let routes = Template::parse(TEMPLATE).unwrap().api.routes.into_iter();
    // The page for people is not part of the API: it consists of files.
    let deployed = routes.filter(|route| route.function != "viewer").map(|route| {
        let schemes: &[&str] = match route.authorizer {
            Authorizer::Token => &["workspaceToken", "workspaceTokenBasic"],
            Authorizer::Jwt => &["workspaceAdmin"],
            Authorizer::Open => &[],
        };
        // OpenAPI has no parameter for the rest of a path, so it is described like any other.
        format!("{} {} {schemes:?}", route.method, route.path.replace("+}", "}"))
    });
    assert_eq!(described, deployed.collect());
    let defined = description.document["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(
        defined.keys().collect::<Vec<_>>(),
        ["workspaceAdmin", "workspaceToken", "workspaceTokenBasic"]
    );
}

fn schemes(security: &Value) -> Vec<String> {
    let names = security.as_array().unwrap().iter().flat_map(|choice| choice.as_object().unwrap().keys());
    names.cloned().collect()
}

#[tokio::test]
async fn exactly_the_described_parameters_are_accepted() {
    let app = TestApp::start_sealing().await;
    let holder = app.holder_of_both("acme").await;
    for number in 0..3 {
        holder.record(&event(&format!("e-{number}"), number)).await.expect(201);
    }
    app.sealed().await;
    let cursor = holder.list("limit=1").await.expect(200).body["next_cursor"].as_str().unwrap().to_owned();
    let description = Description::served_by(&app).await;
    for path in [LOGS, FEED, INCLUSION, CONSISTENCY] {
        take_parameters(&holder, &description, path, &cursor).await;
    }
    for path in [CHECKPOINT, KEY, TILE, ENTRY] {
        assert_eq!(description.document["paths"][path]["get"].get("parameters"), None, "{path}");
    }
}

/// Sends each parameter of a route alone, with the parameters that the route requires.
async fn take_parameters(holder: &Client, description: &Description, path: &str, cursor: &str) {
    let ask =
        async |query: &str| holder.get(&format!("{}?{query}", path.replace("{workspace}", "acme"))).await;
    let taken = async |query: &str| {
        // A number is accepted even if this log is not that long.
        let answer = ask(query).await;
        let is_beyond = answer.status == 400 && answer.body["errors"][0]["code"] == "out_of_range";
        assert!(answer.status == 200 || is_beyond, "{path}?{query}: {}", answer.text);
    };
    let parameters = description.document["paths"][path]["get"]["parameters"].as_array().unwrap();
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap();
        let others = parameters.iter().filter(|other| other["required"] == true && *other != parameter);
        let others: String = others.map(|other| format!("{}=0&", other["name"].as_str().unwrap())).collect();
        let whole = resolved(description, &parameter["schema"]);
        let (one, list) = if whole["type"] == "array" {
            (resolved(description, &whole["items"]), true)
        } else {
            (whole, false)
        };
        let value = match (name, &one) {
            ("cursor", _) => cursor.to_owned(),
            ("action", _) => "group_created".to_owned(),
            ("mask", _) => "/context/**/email".to_owned(),
            ("ip", _) => "2001:db8::/32".to_owned(),
            (_, one) if one["format"] == "date-time" => "2025-02-18T10:00:01Z".to_owned(),
            (_, one) if one["type"] == "integer" => one["minimum"].to_string(),
            (_, one) => one["enum"][0].as_str().unwrap_or("a").to_owned(),
        };
        taken(&format!("{others}{name}={value}")).await;
        let twice = ask(&format!("{others}{name}={value}&{name}={value}")).await;
        assert_eq!(twice.status, if list { 200 } else { 400 }, "{name}: {}", twice.text);
        let problem = if name == "cursor" { "invalid_cursor" } else { "invalid_query" };
        ask(&format!("{others}{name}=")).await.expect_problem(400, problem);

        if let Some(values) = one["enum"].as_array() {
            for value in values {
                taken(&format!("{others}{name}={}", value.as_str().unwrap())).await;
            }
            ask(&format!("{others}{name}=nonsense")).await.expect_problem(400, "invalid_query");
        }
        if let (Some(minimum), Some(maximum)) = (one["minimum"].as_i64(), one["maximum"].as_i64()) {
            taken(&format!("{others}{name}={maximum}")).await;
            for beyond in [minimum - 1, maximum + 1] {
                ask(&format!("{others}{name}={beyond}")).await.expect_problem(400, "invalid_query");
            }
        }
        if let Some(length) = one["maxLength"].as_u64() {
            let long = "a".repeat(length.try_into().unwrap());
            taken(&format!("{others}{name}={long}")).await;
            ask(&format!("{others}{name}={long}a")).await.expect_problem(400, "invalid_query");
        }
    }
    for parameter in parameters.iter().filter(|parameter| parameter["required"] == true) {
        let missing = ask("").await.expect_problem(400, "invalid_query");
        assert_eq!(missing.problems(), [format!("{} required", parameter["name"].as_str().unwrap())]);
    }
    let unknown = ask("unknown=1").await.expect_problem(400, "invalid_query");
    assert!(unknown.problems().contains(&"unknown unknown_parameter".to_owned()));
}

fn resolved(description: &Description, schema: &Value) -> Value {
    match schema["$ref"].as_str() {
        Some(target) => description.document.pointer(&target[1..]).unwrap().clone(),
        None => schema.clone(),
    }
}

#[tokio::test]
async fn every_answer_is_described_and_every_described_answer_is_seen() {
    let app = TestApp::start_sealing().await;
    let mut description = Description::served_by(&app).await;

    for path in ["/api/actions", "/api/schema", "/api/openapi.json", "/api/health"] {
        description.holds("GET", path, &app.client("").get(path).await);
    }
    answers::record(&app, &mut description).await;
    answers::list(&app, &mut description).await;
    sealed::feed(&app, &mut description).await;
    sealed::proofs(&app, &mut description).await;
    sealed::redactions(&app, &mut description).await;
    kept::settings(&app, &mut description).await;
    kept::expired(&app, &mut description).await;
    streams::streams(&app, &mut description).await;
    // The last of these, because it uses up all tokens of the workspace.
    answers::tokens(&app, &mut description).await;
    faults::too_many_reads(&mut description).await;
    faults::too_many_changes(&mut description).await;
    faults::unavailable(&app, &mut description).await;
    faults::no_service_key(&app, &mut description).await;
    streams::unavailable(&app, &mut description).await;
    faults::inconsistent(&app, &mut description).await;

    // Answers that need a fault of API Gateway or of our own, or a client that no server admits; a key that is
    // not on this machine; transactions that conflict, which the tests of faults cover; and a bundle of the
    // largest events.
    let all = description.all();
    assert_eq!(
        all.difference(&description.seen).filter(|what| !is_never_seen(what)).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

fn is_never_seen(what: &&String) -> bool {
    [
        "414",
        "429 gateway",
        "500 gateway",
        "500 internal",
        "503 gateway",
        "401 unauthenticated",
        "409 contention",
        "tile/{tile} 413 too_large",
        "413 gateway",
        "ledger/key 503 unavailable",
    ]
    .iter()
    .any(|rare| what.ends_with(rare))
}
