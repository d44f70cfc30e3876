//! The worst bodies of 1 MB: the memory that a function needs for one, as a multiple of the body.

use serde_json::{Value, json};
use tests::{
    TestApp,
    process::{PATIENCE, invoke, start},
    sample::event,
};

use crate::held;

/// The memory for a request beyond that of an idle function, in bytes for each byte of the body:
/// `docs/events.md` states it.
const MOST: f64 = 64.0;

const SIZE: usize = 1_000_000;

/// A batch of one event whose context repeats a text until the body has the full size.
fn filled(begin: &str, repeated: &str, end: &str) -> String {
    let event = event("e-1", 0).to_string().replacen('{', r#"{"context":{"a":[here]},"#, 1);
    let room = SIZE - with_content(&event, &format!("{begin}{end}")).len();
    with_content(&event, &format!("{begin}{}{end}", repeated.repeat(room / repeated.len())))
}

fn with_content(event: &str, content: &str) -> String {
    format!(r#"{{"events":[{}]}}"#, event.replace("[here]", content))
}

fn bodies() -> Vec<(&'static str, String)> {
    let many_keys: String = (0..70_000).map(|number| format!(r#","k{number}":{{}}"#)).collect();
    vec![
        ("zeros", filled("[0", ",0", "]")),
        ("empty arrays", filled("[0", ",[]", "]")),
        ("arrays of one", filled("[0", ",[0]", "]")),
        ("objects of one", filled("[0", r#",{"":0}"#, "]")),
        ("empty texts", filled("[0", r#","""#, "]")),
        ("repeated keys", filled(r#"{"k":0"#, r#","k":0"#, "}")),
        ("other keys", format!(r#"{{"events":[{{"context":{{"a":{{"b":0{many_keys}}}}}}}]}}"#)),
        (
            "inexact numbers under a long key",
            filled(&format!(r#"{{"{}":[0"#, "k".repeat(90_000)), ",9007199254740993", "]}"),
        ),
        ("nesting", filled("[", "[", "]")),
        ("a long number", filled("0.", "1", "")),
        ("a text of escapes", filled("\"", r"\u0001", "\"")),
        ("a text of DEL", filled("\"", "\u{7f}", "\"")),
        ("a text of halves of pairs", filled("\"", r"\ud800", "\"")),
        ("texts of a control character", filled("[0", r#","\u0001""#, "]")),
        ("tokens that are not JSON", filled("[0", ",x", "]")),
        (
            "500 events of unknown members",
            repeated(
                &format!("{{{}}}", (0..180).map(|n| format!(r#""m{n}":0"#)).collect::<Vec<_>>().join(",")),
                500,
            ),
        ),
        ("15 events of objects of one", fifteen(r#"{"":0}"#)),
        ("15 events of arrays of one", fifteen("[0]")),
        ("15 events of empty texts", fifteen("\"\"")),
        ("many events", repeated("{}", 333_000)),
    ]
}

fn repeated(event: &str, count: usize) -> String {
    format!(r#"{{"events":[{}]}}"#, vec![event; count].join(","))
}

/// A batch of 15 events, each with as many of `part` as an event may have.
fn fifteen(part: &str) -> String {
    let events = (0..15).map(|number| {
        let event = event(&format!("e-{number}"), 0).to_string();
        let parts = vec![part; 65_000 / (part.len() + 1)].join(",");
        event.replacen('{', &format!(r#"{{"context":{{"a":[{parts}]}},"#), 1)
    });
    format!(r#"{{"events":[{}]}}"#, events.collect::<Vec<_>>().join(","))
}

fn request(body: &str) -> Value {
    let mut request = json!({
        "version": "2.0", "routeKey": "POST /api/{workspace}/audit_logs", "rawPath": "/api/acme/audit_logs",
        "rawQueryString": "", "headers": {}, "pathParameters": {"workspace": "acme"}, "isBase64Encoded": false,
        "requestContext": {
            "routeKey": "POST /api/{workspace}/audit_logs", "requestId": "request-1",
            "authorizer": {"lambda": {"workspace": "acme", "token": "abcdefABCDEF", "scopes": "audit_log:write"}},
            "http": {"method": "POST", "path": "/api/acme/audit_logs"},
        },
    });
    request["body"] = json!(body);
    request
}

#[tokio::test]
async fn the_worst_bodies_need_memory_of_a_small_multiple_of_their_size() {
    let app = TestApp::start().await;
    let mut worst = Vec::new();
    for (name, body) in bodies() {
        let function = start(env!("CARGO_BIN_EXE_function"), "ingest-api", app.dynamodb_endpoint()).await;
        invoke(&function, &request("{}"), PATIENCE).await.unwrap();
        let idle = function.max_rss_bytes().unwrap();
        let answer = invoke(&function, &request(&body), PATIENCE).await.unwrap();
        let status = answer["statusCode"].as_u64().unwrap();
        assert!((200..500).contains(&status), "{name}: {status}");
        let multiple = (function.max_rss_bytes().unwrap() - idle) as f64 / body.len() as f64;
        held(
            "P12",
            &format!("{name}, {} bytes", body.len()),
            format!("{status}, {multiple:.1} times the body"),
        );
        if multiple > MOST {
            worst.push((name, multiple));
        }
    }
    assert!(worst.is_empty(), "{worst:?}");
}
