//! Every answer of the routes of streams.

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use shared::stream::MAX_STREAMS;
use tests::{Client, Fault, FaultyEngine, TestApp, invoke};

use crate::{PAUSE, REPLAY, RESUME, STREAM, STREAMS, TEST, description::Description};

/// A route, a body that it accepts, and true if it takes a body at all.
fn routes() -> [(Method, &'static str, Value, bool); 9] {
    let webhook =
        json!({"name": "siem", "destination": {"type": "webhook", "url": "https://siem.example.com"}});
    [
        (Method::GET, STREAMS, Value::Null, false),
        (Method::POST, STREAMS, webhook, true),
        (Method::GET, STREAM, Value::Null, false),
        (Method::PATCH, STREAM, json!({"rotate_secret": true}), true),
        (Method::POST, PAUSE, json!({"reason": "maintenance"}), true),
        (Method::POST, RESUME, Value::Null, false),
        (Method::POST, REPLAY, json!({"from": 0}), true),
        (Method::POST, TEST, Value::Null, false),
        (Method::DELETE, STREAM, Value::Null, false),
    ]
}

pub(crate) async fn streams(app: &TestApp, description: &mut Description) {
    let (admin, member, anonymous) = (app.admin("hooli"), app.member("hooli"), app.client("hooli"));
    let all = json!({
        "format": "ocsf", "mask": ["/actor/ip"], "from": 0,
        "filter": {"actions": ["x_a"], "categories": ["custom"], "actors": ["u"], "entity_types": ["t"], "outcome": "failure"},
    });
    admin.create_stream(&all).await;
    let splunk = json!({"type": "splunk", "url": "https://hec.example.com", "index": "a", "source": "b", "sourcetype": "c"});
    admin.create_stream(&json!({"destination": splunk, "secret": "token"})).await;
    let datadog = json!({"type": "datadog", "site": "datadoghq.eu", "service": "a", "tags": ["env:a"]});
    admin.create_stream(&json!({"destination": datadog, "secret": "key"})).await;
    let created = admin.create_stream(&json!({})).await;
    let id = created["stream"].as_str().unwrap();
    for (method, route, body, takes_body) in routes() {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut answers = vec![
            send(&method, &anonymous, &path_of(route, id), text.clone())
                .await
                .expect_refusal(401, "Unauthorized"),
            send(&method, &member, &path_of(route, id), text.clone()).await.expect_problem(403, "forbidden"),
            send(&method, &admin.asking_for("globex"), &path_of(route, id), text.clone())
                .await
                .expect_problem(404, "not_found"),
            send(&method, &admin, &format!("{}/", path_of(route, id)), text.clone())
                .await
                .expect_refusal(404, "Not Found"),
        ];
        if takes_body {
            answers.push(
                send(&method, &admin, &path_of(route, id), "{".to_owned())
                    .await
                    .expect_problem(400, "invalid_json"),
            );
            answers.push(
                send(&method, &admin, &path_of(route, id), " ".repeat(16_385))
                    .await
                    .expect_problem(413, "too_large"),
            );
            let wrong = json!({"unknown": 1}).to_string();
            answers.push(
                send(&method, &admin, &path_of(route, id), wrong).await.expect_problem(422, "invalid_body"),
            );
        }
        if route != STREAMS {
            let unknown = send(&method, &admin, &path_of(route, "str_000000000000"), text.clone()).await;
            answers.push(unknown.expect_problem(404, "not_found"));
        }
        let done = send(&method, &admin, &path_of(route, id), text.clone()).await;
        assert!((200..300).contains(&done.status), "{method} {route}: {}", done.text);
        answers.push(done);
        answers.iter().for_each(|answer| description.holds(method.as_str(), route, answer));
    }
    while admin.streams(Method::GET, "", &Value::Null).await.body["streams"].as_array().unwrap().len()
        < MAX_STREAMS
    {
        admin.create_stream(&json!({})).await;
    }
    let (method, _, body, _) = &routes()[1];
    let full = admin.streams(method.clone(), "", body).await.expect_problem(409, "too_many_streams");
    description.holds("POST", STREAMS, &full);
}

async fn send(method: &Method, client: &Client, rest: &str, body: String) -> tests::Answer {
    let path = format!("/api/{}/streams{rest}", client.workspace());
    client.send(client.request(method.clone(), &path).body(body)).await
}

fn path_of(route: &str, id: &str) -> String {
    route.replace("/api/{workspace}/streams", "").replace("{stream}", id)
}

/// Answers while the store is unavailable.
pub(crate) async fn unavailable(app: &TestApp, description: &mut Description) {
    let headers = HeaderMap::from_iter([(
        reqwest::header::CONTENT_TYPE,
        reqwest::header::HeaderValue::from_static("application/problem+json"),
    )]);
    for (method, route, body, _) in routes() {
        let operation = if route == STREAMS { "Query" } else { "GetItem" };
        let engine =
            FaultyEngine::before(app.dynamodb_endpoint(), operation, Fault::Denied, usize::MAX).await;
        let request = invoke::streams(&format!("{method} {route}"), "str_000000000000", &body);
        let (status, problem) = invoke::manage_streams(&engine.store(), app.endpoint(), request).await;
        assert_eq!((status, &problem["id"]), (503, &json!("unavailable")), "{method} {route}");
        description.holds_of(method.as_str(), route, 503, &headers, &problem);
    }
}
