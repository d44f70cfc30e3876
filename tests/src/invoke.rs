//! Calls handlers with a store of the test's choice, as Lambda would.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsBatchResponse;
use lambda_http::{RequestExt as _, Service as _};
use lambda_runtime::{Context, Error, LambdaEvent};
use ledger::Ledger;
use serde_json::{Value, json};
use shared::{
    aws::{
        config::{Config, Streaming},
        secrets::Secrets,
    },
    http::Response,
    model::identity::AdminClaims,
    store::Store,
    system,
};
use streams::Streams;

/// The answer of a function behind the API: status and JSON body.
pub type HttpAnswer = (i64, Value);

/// A request to `GET` or `POST /api/acme/audit_logs` by the holder of a token with all scopes.
pub fn audit_logs(method: &str, body: &Value) -> Value {
    request(&format!("{method} /api/{{workspace}}/audit_logs"), token_holder(), body)
}

/// A request to any route of acme that takes no body, by the same holder.
pub fn by_token(route: &str, path_parameters: &[(&str, &str)], query: &str) -> Value {
    let mut request = request(route, token_holder(), &json!(null));
    request["rawQueryString"] = json!(query);
    for (name, value) in path_parameters {
        request["pathParameters"][name] = json!(value);
    }
    request
}

/// A request to a route of `/api/acme/tokens` by an admin of acme.
pub fn tokens(route: &str, token: &str, body: &Value) -> Value {
    let mut request = request(route, admin(), body);
    request["pathParameters"]["token"] = json!(token);
    request
}

/// A request to `POST /api/acme/redactions` by the same admin.
pub fn redact(body: &Value) -> Value {
    request("POST /api/{workspace}/redactions", admin(), body)
}

/// A request to a route of `/api/acme/settings` by the same admin.
pub fn settings(route: &str, body: &Value) -> Value {
    request(route, admin(), body)
}

/// A request to a route of `/api/acme/streams` by the same admin.
pub fn streams(route: &str, stream: &str, body: &Value) -> Value {
    let mut request = request(route, admin(), body);
    request["pathParameters"]["stream"] = json!(stream);
    request
}

fn token_holder() -> Value {
    json!({"lambda": {
        "workspace": "acme",
        "token": "abcdefABCDEF",
        "scopes": "audit_log:read audit_log:write",
    }})
}

fn admin() -> Value {
    json!({"jwt": {"claims": {"workspace": "acme", "role": "admin", "sub": "u1"}, "scopes": null}})
}

fn request(route: &str, authorizer: Value, body: &Value) -> Value {
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": "/api/acme/audit_logs",
        "rawQueryString": "",
        "headers": {},
        "pathParameters": {"workspace": "acme"},
        "requestContext": {
            "routeKey": route,
            "requestId": "request-1",
            "authorizer": authorizer,
            "http": {"method": route.split(' ').next(), "path": "/api/acme/audit_logs"},
        },
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}

/// Calls `query`.
pub async fn query(store: &Store, request: Value) -> HttpAnswer {
    answer(query::handle(store, event(request)).await)
}

/// Calls `ingest-api`.
pub async fn ingest_api(store: &Store, request: Value) -> HttpAnswer {
    answer(ingest_api::handle(store, event(request)).await)
}

/// Calls `tokens`.
pub async fn manage_tokens(store: &Store, request: Value) -> HttpAnswer {
    answer(tokens::handle(store, &Arc::default(), event(request)).await)
}

/// Lists the tokens of acme with a JWT of these claims, where a deployment has these names for them.
pub async fn list_tokens_with(store: &Store, names: AdminClaims, claims: &Value) -> HttpAnswer {
    let authorizer = json!({"jwt": {"claims": claims, "scopes": null}});
    let request = request("GET /api/{workspace}/tokens", authorizer, &json!(null));
    answer(tokens::handle(store, &Arc::new(names), event(request)).await)
}

/// Calls `redactions`.
pub async fn redactions(store: &Store, request: Value) -> HttpAnswer {
    answer(redactions::handle(store, &Arc::default(), event(request)).await)
}

/// Calls `redactions` so near its deadline that it reads once and ends.
pub async fn redactions_in_a_hurry(store: &Store, request: Value) -> HttpAnswer {
    answer(redactions::handle(store, &Arc::default(), with_deadline(request, 0)).await)
}

/// Calls `settings`.
pub async fn manage_settings(store: &Store, request: Value) -> HttpAnswer {
    answer(settings::handle(store, &Arc::default(), event(request)).await)
}

/// Calls `streams`, over the secrets of the system at this endpoint.
pub async fn manage_streams(store: &Store, secrets: &str, request: Value) -> HttpAnswer {
    let streaming = Streaming {
        secrets_prefix: "local".to_owned(),
        secrets_endpoint: Some(secrets.to_owned()),
        ..Streaming::default()
    };
    let secrets = Secrets::connect(&Config::local(secrets), &streaming);
    let (store, operator) = (store.clone(), streaming.operator);
    let streams = Streams { store, secrets, operator, claims: Arc::default() };
    answer(streams::handle(&streams, event(request)).await)
}

/// Calls `ledger`, with a key of its own, on a route that answers in JSON.
pub async fn ledger(store: &Store, request: Value) -> HttpAnswer {
    let ledger = ledger_of(store);
    answer(ledger::handle(&ledger, event(request)).await)
}

/// Lets the log's key of [`ledger`] vouch for the service key, as its schedule does. Where a whole system runs over the
/// tables it has done so itself.
pub async fn vouch(store: &Store) {
    ledger::vouch(&ledger_of(store)).await.unwrap();
}

fn ledger_of(store: &Store) -> Ledger {
    Ledger::with_seed(store.clone(), "audit-logs.local", [7; 32])
}

/// Calls `sealer` with a batch of the stream, or the schedule's event; the answer.
pub async fn sealer(store: &Store, payload: Value) -> Value {
    let mut context = Context::default();
    context.deadline = u64::MAX / 2;
    let event = LambdaEvent::new(serde_json::from_value(payload).unwrap(), context);
    json!(sealer::handle(store, event).await.unwrap())
}

/// Calls `expiry` for a workspace; what it says of it.
pub async fn expiry(store: &Store, workspace: &str) -> Result<expiry::Response, Error> {
    expire(store, json!({ "workspace": workspace })).await
}

/// Calls `expiry` with a trigger of the schedule. Returns the result of the run.
pub async fn expire(store: &Store, trigger: Value) -> Result<expiry::Response, Error> {
    let mut context = Context::default();
    context.deadline = u64::MAX / 2;
    expiry::handle(store, LambdaEvent::new(serde_json::from_value(trigger).unwrap(), context)).await
}

/// Calls `archiver` for one stream of acme. Returns its result for the stream.
pub async fn archiver(archiver: &archiver::Archiver, stream: &str) -> Result<archiver::Response, Error> {
    let mut context = Context::default();
    context.deadline = u64::try_from(system::now().plus_seconds(300).unix_ms()).unwrap();
    let trigger = serde_json::from_value(json!({"workspace": "acme", "stream": stream})).unwrap();
    archiver::handle(archiver, LambdaEvent::new(trigger, context)).await
}

/// Calls `deliver` for one stream of acme. Returns its result for the stream.
pub async fn deliver(post: &deliver::Post, stream: &str) -> Result<deliver::Response, Error> {
    let mut context = Context::default();
    context.deadline = u64::try_from(system::now().plus_seconds(60).unix_ms()).unwrap();
    let trigger = serde_json::from_value(json!({"workspace": "acme", "stream": stream})).unwrap();
    deliver::handle(post, LambdaEvent::new(trigger, context)).await
}

/// Gets a path under `/api/acme/ledger/`, such as `checkpoint`. Returns status and text.
pub async fn log_text(ledger: &Ledger, what: &str) -> (i64, String) {
    let mut request = audit_logs("GET", &Value::Null);
    request["routeKey"] = json!(format!("GET /api/{{workspace}}/ledger/{what}"));
    request["requestContext"]["routeKey"] = request["routeKey"].clone();
    let response = ledger::handle(ledger, event(request)).await.unwrap();
    (response.status().into(), response.text().expect("the log answers in text").to_owned())
}

/// Calls `authorizer` with the value of an `Authorization` header. Returns true if it lets the caller in.
///
/// # Errors
/// If the function fails, which API Gateway answers with 500.
pub async fn authorizer(store: &Store, authorization: &str) -> Result<bool, Error> {
    let mut request = request("GET /api/{workspace}/audit_logs", json!(null), &json!(null));
    request["type"] = json!("REQUEST");
    request["identitySource"] = json!([authorization]);
    let event = LambdaEvent::new(serde_json::from_value(request).unwrap(), Context::default());
    Ok(authorizer::handle(store, event).await?.is_authorized)
}

/// Calls `ingest-bus` with any delivery.
pub async fn ingest_bus(store: &Store, delivery: &Value) -> Result<SqsBatchResponse, Error> {
    let delivery = serde_json::from_str(&delivery.to_string()).unwrap();
    ingest_bus::handle(store, LambdaEvent::new(delivery, Context::default())).await
}

/// An SQS batch of messages with these ids and bodies.
pub fn batch(messages: &[(&str, &str)]) -> Value {
    json!({"Records": messages.iter().map(|(id, body): &(&str, &str)| {
        json!({
            "messageId": id,
            "receiptHandle": id,
            "body": body,
            "attributes": {"SentTimestamp": "1739875657000", "ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:BusQueue",
            "awsRegion": "us-east-1",
        })
    }).collect::<Vec<_>>()})
}

/// The envelope that EventBridge would put around a detail.
pub fn envelope(id: &str, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": "audit event",
        "source": "product",
        "account": "000000000000",
        "time": "2025-02-18T10:47:37Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    })
}

/// Gives a payload of API Gateway to a handler, as `lambda_http::run` does; the payload that it answers.
pub async fn payload<'a, F>(payload: &str, handler: impl FnMut(lambda_http::Request) -> F) -> Value
where
    F: Future<Output = Result<Response, Error>> + Send + 'a,
{
    let event = LambdaEvent::new(serde_json::from_str(payload).unwrap(), Context::default());
    let mut service = lambda_http::Adapter::from(lambda_http::service_fn(handler));
    json!(service.call(event).await.unwrap())
}

fn event(request: Value) -> lambda_http::Request {
    with_deadline(request, u64::MAX / 2)
}

fn with_deadline(request: Value, deadline_ms: u64) -> lambda_http::Request {
    let mut context = Context::default();
    context.deadline = deadline_ms;
    lambda_http::request::from_str(&request.to_string()).unwrap().with_lambda_context(context)
}

fn answer(response: Result<Response, Error>) -> HttpAnswer {
    let response = response.unwrap();
    if response.status() == 503 {
        assert_eq!(response.headers()["retry-after"], "1");
    }
    let body = response.text().map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    (response.status().into(), body)
}
