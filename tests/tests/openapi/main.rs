//! Holds the description of the API, as it is served, against the template, the parser of queries and
//! what is answered.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

use std::collections::BTreeSet;

use boon::{Compiler, Schemas};
use local::template::{Authorizer, TEMPLATE, Template};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tests::{Answer, Fault, FaultyEngine, TestApp, invoke, sample::event};

const LOGS: &str = "/api/{workspace}/audit_logs";
const TOKENS: &str = "/api/{workspace}/tokens";
const TOKEN: &str = "/api/{workspace}/tokens/{token}";

/// The description, and what of it was seen to be true.
struct Description {
    document: Value,
    compiler: Compiler,
    schemas: Schemas,
    /// `METHOD path status id`, with the id of a problem or `gateway` for a refusal of its own.
    seen: BTreeSet<String>,
}

impl Description {
    async fn served_by(app: &TestApp) -> Self {
        let answer = app.client("").get("/api/openapi.json").await.expect(200);
        assert_eq!(answer.headers["content-type"], "application/json");
        let document = answer.body;
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("document", document.clone()).unwrap();
        Self { document, compiler, schemas: Schemas::new(), seen: BTreeSet::new() }
    }

    /// Every method and path, with what is said of it.
    fn operations(&self) -> Vec<(String, String, &Value)> {
        let paths = self.document["paths"].as_object().unwrap();
        let of_path = |(path, item): (&String, &'_ Value)| {
            let methods = item.as_object().unwrap().keys().filter(|name| *name != "parameters");
            methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
        };
        let all: Vec<_> = paths.iter().flat_map(of_path).collect();
        all.into_iter()
            .map(|(method, path)| {
                let operation = &self.document["paths"][&path][method.to_lowercase()];
                (method, path, operation)
            })
            .collect()
    }

    /// An answer must have a status that is described, and headers, content type and body as they are
    /// described for it.
    #[track_caller]
    fn holds(&mut self, method: &str, path: &str, answer: &Answer) {
        let Answer { status, headers, text, body } = answer;
        let body = if body.is_null() { &json!(text) } else { body };
        self.holds_of(method, path, *status, headers, body);
    }

    #[track_caller]
    fn holds_of(&mut self, method: &str, path: &str, status: u16, headers: &HeaderMap, body: &Value) {
        let route = format!("{method} {path} {status}");
        let pointer =
            format!("/paths/{}/{}/responses/{status}", path.replace('/', "~1"), method.to_lowercase());
        let described =
            self.document.pointer(&pointer).unwrap_or_else(|| panic!("{route} is not described")).clone();
        for name in ["link", "x-next-cursor", "retry-after", "www-authenticate"] {
            let known = described["headers"].as_object().into_iter().flatten();
            let known = known.map(|(name, _)| name.to_lowercase()).any(|known| known == name);
            assert!(known || !headers.contains_key(name), "{route} has {name}");
        }
        let Some(content_type) = headers.get("content-type") else {
            assert_eq!((described.get("content"), body), (None, &json!("")), "{route}");
            self.seen.insert(route);
            return;
        };
        let content_type = content_type.to_str().unwrap();
        assert!(described["content"].get(content_type).is_some(), "{route} as {content_type}");
        let schema = format!("document#{pointer}/content/{}/schema", content_type.replace('/', "~1"));
        let schema = self.compiler.compile(&schema, &mut self.schemas).unwrap();
        if let Err(error) = self.schemas.validate(body, schema) {
            panic!("{route}: {error:#}\n{body}");
        }
        let kind = match (content_type, status) {
            ("application/problem+json", _) => format!(" {}", body["id"].as_str().unwrap()),
            (_, 200..300) => String::new(),
            _ => " gateway".to_owned(),
        };
        self.seen.insert(format!("{route}{kind}"));
    }

    /// Everything that is described, in the form of `seen`.
    fn all(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (method, path, operation) in self.operations() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let route = format!("{method} {path} {status}");
                let content = answer["content"].as_object();
                if content.is_none() || status.starts_with('2') {
                    all.insert(route.clone());
                }
                for (content_type, content) in
                    content.into_iter().flatten().filter(|_| !status.starts_with('2'))
                {
                    if content_type == "application/problem+json" {
                        let ids =
                            content["schema"]["allOf"][1]["properties"]["id"]["enum"].as_array().unwrap();
                        all.extend(ids.iter().map(|id| format!("{route} {}", id.as_str().unwrap())));
                    } else {
                        all.insert(format!("{route} gateway"));
                    }
                }
            }
        }
        all
    }
}

#[tokio::test]
async fn the_routes_of_the_template_are_described_with_who_may_call_and_no_others() {
    let app = TestApp::start().await;
    let description = Description::served_by(&app).await;
    let schemes = |security: &Value| -> Vec<String> {
        let names = security.as_array().unwrap().iter().flat_map(|choice| choice.as_object().unwrap().keys());
        names.cloned().collect()
    };
    let described: BTreeSet<_> = description
        .operations()
        .into_iter()
        .map(|(method, path, operation)| format!("{method} {path} {:?}", schemes(&operation["security"])))
        .collect();
    let deployed = Template::parse(TEMPLATE).unwrap().api.routes.into_iter().map(|route| {
        let schemes: &[&str] = match route.authorizer {
            Authorizer::Token => &["workspaceToken", "workspaceTokenBasic"],
            Authorizer::Jwt => &["workspaceAdmin"],
            Authorizer::Open => &[],
        };
        format!("{} {} {schemes:?}", route.method, route.path)
    });
    assert_eq!(described, deployed.collect());
    let defined = description.document["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(
        defined.keys().collect::<Vec<_>>(),
        ["workspaceAdmin", "workspaceToken", "workspaceTokenBasic"]
    );
}

#[tokio::test]
async fn the_parameters_that_are_described_are_taken_and_no_others() {
    let app = TestApp::start().await;
    let holder = app.holder_of_both("acme").await;
    for number in 0..3 {
        holder.record(&event(&format!("e-{number}"), number)).await.expect(201);
    }
    let cursor = holder.list("limit=1").await.expect(200).body["next_cursor"].as_str().unwrap().to_owned();
    let description = Description::served_by(&app).await;
    let parameters = description.document["paths"][LOGS]["get"]["parameters"].as_array().unwrap();
    assert!(parameters.len() > 10);
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap();
        let schema = |schema: &Value| match schema["$ref"].as_str() {
            Some(target) => description.document.pointer(&target[1..]).unwrap().clone(),
            None => schema.clone(),
        };
        let whole = schema(&parameter["schema"]);
        let (one, list) =
            if whole["type"] == "array" { (schema(&whole["items"]), true) } else { (whole, false) };
        let value = match (name, &one) {
            ("cursor", _) => cursor.clone(),
            ("action", _) => "group_created".to_owned(),
            (_, one) if one["format"] == "date-time" => "2025-02-18T10:00:01Z".to_owned(),
            (_, one) if one["type"] == "integer" => one["minimum"].to_string(),
            (_, one) => one["enum"][0].as_str().unwrap_or("a").to_owned(),
        };
        holder.list(&format!("{name}={value}")).await.expect(200);
        let twice = holder.list(&format!("{name}={value}&{name}={value}")).await;
        assert_eq!(twice.status, if list { 200 } else { 400 }, "{name}: {}", twice.text);
        let problem = if name == "cursor" { "invalid_cursor" } else { "invalid_query" };
        holder.list(&format!("{name}=")).await.expect_problem(400, problem);

        if let Some(values) = one["enum"].as_array() {
            for value in values {
                holder.list(&format!("{name}={}", value.as_str().unwrap())).await.expect(200);
            }
            holder.list(&format!("{name}=nonsense")).await.expect_problem(400, "invalid_query");
        }
        if let Some(maximum) = one["maximum"].as_u64() {
            holder.list(&format!("{name}={maximum}")).await.expect(200);
            holder.list(&format!("{name}={}", maximum + 1)).await.expect_problem(400, "invalid_query");
        }
        if let Some(length) = one["maxLength"].as_u64() {
            let long = "a".repeat(length.try_into().unwrap());
            holder.list(&format!("{name}={long}")).await.expect(200);
            holder.list(&format!("{name}={long}a")).await.expect_problem(400, "invalid_query");
        }
    }
    let unknown = holder.list("unknown=1").await.expect_problem(400, "invalid_query");
    assert_eq!(unknown.problems(), ["unknown unknown_parameter"]);
}

#[tokio::test]
async fn what_is_answered_is_described_and_what_is_described_is_answered() {
    let app = TestApp::start().await;
    let mut description = Description::served_by(&app).await;

    for path in ["/api/actions", "/api/schema", "/api/openapi.json", "/api/health"] {
        description.holds("GET", path, &app.client("").get(path).await);
    }
    record(&app, &mut description).await;
    list(&app, &mut description).await;
    tokens(&app, &mut description).await;
    unavailable(&app, &mut description).await;

    // What takes a fault of API Gateway or of our own, or a client that no server lets so far.
    let never = |what: &&String| {
        [
            "414",
            "429 gateway",
            "500 gateway",
            "500 internal",
            "503 gateway",
            "401 unauthenticated",
            "413 gateway",
        ]
        .iter()
        .any(|rare| what.ends_with(rare))
    };
    let all = description.all();
    assert_eq!(
        all.difference(&description.seen).filter(|what| !never(what)).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

async fn record(app: &TestApp, description: &mut Description) {
    let (writer, reader) = (app.writer("acme").await, app.reader("acme").await);
    let path = "/api/acme/audit_logs";
    let one = event("e-1", 1);
    let other =
        json!({"id": "e-1", "timestamp": one["timestamp"], "action": "group_deleted", "actor": one["actor"]});
    let answers = [
        writer.record(&one).await.expect(201),
        writer
            .record(&json!({"events": [event("e-2", 2), {"action": "x_own", "actor": {"user_id": "u1"}}]}))
            .await,
        writer.record(&one).await.expect(200),
        writer.record(&json!({"events": [one, other, event("e-3", 3), {}, 7]})).await.expect(207),
        writer.record_bytes("{").await.expect_problem(400, "invalid_json"),
        app.client("acme").record(&one).await.expect_refusal(401, "Unauthorized"),
        app.client("acme").with_bearer("alw_nobody").record(&one).await.expect_refusal(403, "Forbidden"),
        reader.record(&one).await.expect_problem(403, "forbidden"),
        writer.asking_for("globex").record(&one).await.expect_problem(404, "not_found"),
        writer.post("/api/acme/audit_logs/", "{}").await.expect_refusal(404, "Not Found"),
        writer.record(&other).await.expect_problem(409, "conflict"),
        writer.record(&json!({"events": vec![one.clone(); 501]})).await.expect_problem(413, "too_large"),
        writer.record_bytes(" ".repeat(1_000_001)).await.expect_problem(413, "too_large"),
        writer.record(&json!([])).await.expect_problem(422, "invalid_body"),
        writer.record(&json!({})).await.expect_problem(422, "invalid_event"),
    ];
    assert_eq!(
        description.document["paths"][LOGS]["post"]["security"][0],
        json!({"workspaceToken": ["audit_log:write"]})
    );
    answers.iter().for_each(|answer| description.holds("POST", LOGS, answer));
    let request = writer
        .request(reqwest::Method::POST, path)
        .header("accept", "text/html")
        .body(event("e-4", 4).to_string());
    description.holds("POST", LOGS, &writer.send(request).await.expect(201));
}

async fn list(app: &TestApp, description: &mut Description) {
    let (writer, reader) = (app.writer("acme").await, app.reader("acme").await);
    let request = reader.request(reqwest::Method::GET, "/api/acme/audit_logs").header("accept", "text/html");
    let mut answers = vec![
        reader.send(request).await.expect_problem(406, "not_acceptable"),
        reader.list("limit=0").await.expect_problem(400, "invalid_query"),
        reader.list("cursor=a").await.expect_problem(400, "invalid_cursor"),
        app.client("acme").list("").await.expect_refusal(401, "Unauthorized"),
        app.client("acme").with_bearer("alw_nobody").list("").await.expect_refusal(403, "Forbidden"),
        writer.list("").await.expect_problem(403, "forbidden"),
        reader.asking_for("globex").list("").await.expect_problem(404, "not_found"),
        reader.get("/api/acme/audit_logs/").await.expect_refusal(404, "Not Found"),
    ];
    let formats =
        description.document["paths"][LOGS]["get"]["responses"]["200"]["content"].as_object().unwrap();
    let formats: Vec<_> = formats.keys().cloned().collect();
    assert_eq!(formats.len(), 4);
    for format in &formats {
        for query in ["limit=2", "action=x_own&format=json"] {
            let path = format!("/api/acme/audit_logs?{query}");
            let request = reader.request(reqwest::Method::GET, &path).header("accept", format);
            let answer = reader.send(request).await.expect(200);
            if query == "limit=2" {
                assert_eq!(answer.headers["content-type"], *format);
                assert!(answer.headers.contains_key("link"));
                assert_eq!(answer.headers.contains_key("x-next-cursor"), format != "application/json");
            }
            // Lines of JSON are text to the description, even where there is but one.
            let body = if answer.headers["content-type"] == "application/json" {
                answer.body.clone()
            } else {
                Value::Null
            };
            answers.push(Answer { body, ..answer });
        }
    }
    answers.iter().for_each(|answer| description.holds("GET", LOGS, answer));
}

async fn tokens(app: &TestApp, description: &mut Description) {
    let (admin, member, nobody) = (app.admin("acme"), app.member("acme"), app.client("acme"));
    let wanted = json!({"name": "siem"});
    let created = admin.create_token(&wanted).await.expect(201);
    let token = created.body["token"].as_str().unwrap().to_owned();
    let mut answers = vec![
        created,
        admin.post("/api/acme/tokens", "{").await.expect_problem(400, "invalid_json"),
        nobody.create_token(&wanted).await.expect_refusal(401, "Unauthorized"),
        nobody.clone().with_bearer("a.b.c").create_token(&wanted).await.expect_refusal(401, "Unauthorized"),
        member.create_token(&wanted).await.expect_problem(403, "forbidden"),
        admin.asking_for("globex").create_token(&wanted).await.expect_problem(404, "not_found"),
        admin.post("/api/acme/tokens/", "{}").await.expect_refusal(404, "Not Found"),
        admin.post("/api/acme/tokens", " ".repeat(10_001)).await.expect_problem(413, "too_large"),
        admin.create_token(&json!({})).await.expect_problem(422, "invalid_body"),
    ];
    assert!(answers[3].headers.contains_key("www-authenticate"));
    while answers.last().unwrap().status != 409 {
        answers.push(admin.create_token(&wanted).await);
    }
    answers.iter().for_each(|answer| description.holds("POST", TOKENS, answer));

    let answers = [
        admin.tokens().await.expect(200),
        nobody.tokens().await.expect_refusal(401, "Unauthorized"),
        member.tokens().await.expect_problem(403, "forbidden"),
        admin.asking_for("globex").tokens().await.expect_problem(404, "not_found"),
        admin.get("/api/acme/tokens/").await.expect_refusal(404, "Not Found"),
    ];
    answers.iter().for_each(|answer| description.holds("GET", TOKENS, answer));

    let answers = [
        nobody.revoke_token(&token).await.expect_refusal(401, "Unauthorized"),
        member.revoke_token(&token).await.expect_problem(403, "forbidden"),
        admin.asking_for("globex").revoke_token(&token).await.expect_problem(404, "not_found"),
        admin.revoke_token("000000000000").await.expect_problem(404, "not_found"),
        admin.revoke_token("").await.expect_refusal(404, "Not Found"),
        admin.revoke_token(&token).await.expect(204),
        admin.revoke_token(&token).await.expect(204),
    ];
    answers.iter().for_each(|answer| description.holds("DELETE", TOKEN, answer));
}

/// What is answered while the store is out of reach.
async fn unavailable(app: &TestApp, description: &mut Description) {
    let denied = async |operation| {
        FaultyEngine::before(app.dynamodb_endpoint(), operation, Fault::Denied, usize::MAX).await
    };
    let (puts, queries) = (denied("PutItem").await, denied("Query").await);
    let several = json!({"events": [event("e-8", 8), {}]});
    let create = invoke::tokens(&format!("POST {TOKENS}"), "", &json!({"name": "siem"}));
    let answers = [
        ("POST", LOGS, invoke::ingest_api(&puts.store(), invoke::audit_logs("POST", &event("e-9", 9))).await),
        ("POST", LOGS, invoke::ingest_api(&puts.store(), invoke::audit_logs("POST", &several)).await),
        ("GET", LOGS, invoke::query(&puts.store(), invoke::audit_logs("GET", &json!(null))).await),
        ("POST", TOKENS, invoke::manage_tokens(&queries.store(), create).await),
        (
            "GET",
            TOKENS,
            invoke::manage_tokens(
                &queries.store(),
                invoke::tokens(&format!("GET {TOKENS}"), "", &json!(null)),
            )
            .await,
        ),
    ];
    let revoke = invoke::tokens(&format!("DELETE {TOKEN}"), "000000000000", &json!(null));
    let gets = denied("GetItem").await;
    let revoked = ("DELETE", TOKEN, invoke::manage_tokens(&gets.store(), revoke).await);
    let headers = HeaderMap::from_iter([(
        reqwest::header::CONTENT_TYPE,
        reqwest::header::HeaderValue::from_static("application/problem+json"),
    )]);
    for (method, path, (status, problem)) in answers.into_iter().chain([revoked]) {
        assert_eq!((status, &problem["id"]), (503, &json!("unavailable")), "{method} {path}");
        description.holds_of(method, path, 503, &headers, &problem);
    }
}
