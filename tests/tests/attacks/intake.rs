//! Attempts to keep an event out of the log, to have something else recorded than was sent, and to bring a
//! function down with a body.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    Answer, Client, TestApp, invoke,
    sample::{at, event},
};

use crate::held;

fn statuses(answer: &Answer) -> String {
    let results = answer.body["results"].as_array().unwrap().iter();
    results.map(|result| result["status"].as_str().unwrap()).collect::<Vec<_>>().join(", ")
}

async fn with_headers(client: &Client, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
    let request = client.request(Method::POST, "/api/acme/audit_logs").body(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    client.send(request).await
}

fn keyed(key: &str) -> [(&str, &str); 1] {
    [("idempotency-key", key)]
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn an_odd_user_agent_keeps_no_event_out() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for (number, user_agent) in
        ["\u{85}", "Mozilla\u{9b}31m", "\u{0}", "\u{202e}", "\u{ffff}", &"A".repeat(60_000)]
            .iter()
            .enumerate()
    {
        let mut sent = event(&format!("e-{number}"), 0);
        sent["actor"]["user_agent"] = json!(user_agent);
        let answer = client.record(&sent).await.expect(201);
        held(
            "P3",
            &format!("user agent {:?}", user_agent.chars().take(12).collect::<String>()),
            answer.status,
        );
    }
    app.bus().send("product", &odd_detail("b-1")).await;
    app.settled().await;
    assert_eq!(app.tables().quarantined("product").await.len(), 0);
    let read = client.read("action=user.login").await;
    assert_eq!(read[0]["actor"]["user_agent"], r"\u{85}");
    held("P3", "the same on the bus, with a malformed address", "recorded");
}

fn odd_detail(id: &str) -> Value {
    json!({"workspace": "acme", "id": id, "timestamp": at(0), "action": "user.login",
        "actor": {"user_id": "u1", "user_agent": "\u{85}", "ip": "not an address\u{7f}"}})
}

#[tokio::test]
async fn one_bad_event_does_not_spoil_its_batch() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for (number, (bad, expected)) in [
        (r#""description": "cut \ud83d""#, "recorded, recorded"),
        (r#""context": {"n": NaN}"#, "recorded, invalid"),
        (r#""context": {"n": [-Infinity, undefined]}"#, "recorded, invalid"),
        (r#""context": {"n": 1e400}"#, "recorded, invalid"),
        (r#""context": {"n": 01}"#, "recorded, invalid"),
        (r#""context": {"n": -0}"#, "recorded, recorded"),
        (r#""context": {"a": 1, "a": 2}"#, "recorded, invalid"),
        ("\"description\": \"a\u{1}b\"", "recorded, invalid"),
        (
            &format!(r#""context": {{"a": {}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000)),
            "recorded, invalid",
        ),
        (&format!(r#""context": {{"n": {}}}"#, "9".repeat(100_000)), "recorded, invalid"),
    ]
    .into_iter()
    .enumerate()
    {
        let (good, other) =
            (event(&format!("good-{number}"), 0).to_string(), event(&format!("bad-{number}"), 0));
        let other = other.to_string().replacen('{', &format!("{{{bad},"), 1);
        let answer = client.record_bytes(format!(r#"{{"events": [{good}, {other}]}}"#)).await;
        assert_eq!(statuses(&answer), expected, "{bad:.60}: {}", answer.text);
        held("P12", &format!("{bad:.40} in a batch"), answer.status);
    }
    let cut = format!(r#"{{"events": [{}, {{"a": 1"#, event("e-1", 0));
    let answer = client.record_bytes(cut).await.expect_problem(400, "invalid_json");
    assert!(answer.body["message"].as_str().unwrap().contains("line 1 column"), "{}", answer.text);
    held("P12", "a truncated batch", &answer.body["message"]);
}

#[tokio::test]
async fn no_answer_outgrows_its_limit() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let repeated = format!(r#"{{"context": {{"a": 1{}}}}}"#, r#","a":1"#.repeat(60_000));
    let answer =
        client.record_bytes(format!(r#"{{"events": [{}, {repeated}]}}"#, event("good", 0))).await.expect(207);
    assert_eq!(statuses(&answer), "recorded, invalid");
    held("P12", "60,000 repeated keys beside a good event", format!("{} bytes", answer.text.len()));
    // Each problem has a pointer of characters that JSON escapes twice.
    let key = r"\u0001".repeat(190);
    let one = format!(r#"{{"{key}": {{{}}}}}"#, vec![r#""k": 1"#; 90].join(","));
    let body = format!(r#"{{"events": [{}]}}"#, vec![one.as_str(); 500].join(","));
    let answer = client.record_bytes(body).await;
    assert_eq!(answer.status, 207, "{:.200}", answer.text);
    let bytes = json!(answer.text).to_string().len();
    assert!(bytes < 6_000_000, "{bytes}");
    held("P12", "500 events of 90 problems with long pointers", format!("{bytes} bytes"));
}

#[tokio::test]
async fn one_bad_message_does_not_fail_its_batch() {
    let app = TestApp::start().await;
    let ids: Vec<_> = (0..9_000_u64).map(|number| (9_007_199_254_740_993 + number).to_string()).collect();
    let long_key = format!(r#"{{"{}": [{}]}}"#, "k".repeat(90_000), ids.join(","));
    let repeated = format!(r#"{{"{}": {{"a": 1{}}}}}"#, "k".repeat(1_000), r#","a":1"#.repeat(100_000));
    let deep = format!(r#"{{"a": {}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for (name, context) in [
        ("one key of 90,000 characters over 9,000 ids", long_key),
        ("100,000 repeated keys", repeated),
        ("nesting of 100,000", deep),
    ] {
        let mut messages: Vec<_> = (0..31)
            .map(|number| {
                let mut detail = event(&format!("{}-{number}", &name[..3].trim()), 0);
                detail["workspace"] = json!("acme");
                (format!("m-{number}"), invoke::envelope(&format!("m-{number}"), &detail).to_string())
            })
            .collect();
        let detail = json!({"workspace": "acme", "action": "group_created", "actor": {"user_id": "u1"}, "context": "[here]"});
        let envelope = invoke::envelope(name.split(' ').next().unwrap(), &detail).to_string();
        messages.push(("bad".to_owned(), envelope.replace("\"[here]\"", &context)));
        let messages: Vec<_> = messages.iter().map(|(id, body)| (id.as_str(), body.as_str())).collect();
        let before = app.tables().events("acme").await.len();
        let answer = invoke::ingest_bus(&app.store(), &invoke::batch(&messages)).await.unwrap();
        assert!(answer.batch_item_failures.is_empty());
        assert_eq!(app.tables().events("acme").await.len() - before, 31);
        held(
            "P3",
            &format!("{name}, in a message of {} bytes", messages[31].1.len()),
            "quarantined, 31 recorded",
        );
    }
    let mut kept = app.tables().quarantined("product").await;
    kept.dedup_by_key(|part| part["quarantined_at"].as_str().unwrap().split('#').nth(1).unwrap().to_owned());
    assert_eq!(kept.len(), 3, "{:?}", kept.iter().map(|part| &part["quarantined_at"]).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_number_is_recorded_exactly_or_refused() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for (number, (sent, recorded)) in [
        ("1.152921504606847e18", false),
        ("1152921504606847000", false),
        ("9007199254740992.0", false),
        ("1e20", false),
        ("9007199254740991.0", true),
        ("1e21", true),
        ("1000000000000000000000", true),
        ("-0.0", true),
        ("5e-324", true),
    ]
    .into_iter()
    .enumerate()
    {
        let mut first = event(&format!("n-{number}"), 0);
        first["context"] = json!({"n": "[here]"});
        let answer = client.record_bytes(first.to_string().replace("\"[here]\"", sent)).await;
        if recorded {
            answer.expect(201);
            let read = client.read(&format!("start_timestamp={}&action=group_created", at(0))).await;
            let read = read.iter().find(|event| event["id"] == first["id"]).unwrap();
            first["context"] = read["context"].clone();
            client.record(&first).await.expect(200);
            held(
                "P2",
                &format!("the number {sent}"),
                format!("read as {}, taken again", read["context"]["n"]),
            );
        } else {
            let answer = answer.expect_problem(422, "invalid_event");
            assert_eq!(answer.problems(), ["/context/n inexact_number"]);
            held("P12", &format!("the number {sent}"), "refused with its pointer");
        }
    }
}

#[tokio::test]
async fn claims_of_a_jwt_enter_the_log_escaped() {
    let app = TestApp::start().await;
    let in_an_hour = jiff::Timestamp::now().as_second() + 3600;
    for (number, (sub, username)) in [
        ("u\u{1b}[31m", "a\r\nb"),
        ("\u{202e}nimda", "\u{202e}nimda"),
        (&*"s".repeat(7_000), &*"n".repeat(7_000)),
        ("\u{0}", "\u{85}"),
    ]
    .into_iter()
    .enumerate()
    {
        let claims = json!({"iss": "https://identity.example.com", "aud": "audit-logs", "exp": in_an_hour,
            "sub": sub, "username": username, "workspace": "acme", "role": "admin"});
        let admin = app.client("acme").with_bearer(&app.jwt_with(&claims));
        let created = admin.create_token(&json!({"name": format!("t-{number}")})).await.expect(201);
        admin.create_stream(&json!({})).await;
        admin.set(&json!({"legal_hold": null})).await;
        let by = created.body["created_by"].as_str().unwrap_or_default().to_owned();
        assert!(by.chars().count() <= 256 && !by.contains(['\u{1b}', '\u{0}', '\u{202e}']), "{by:?}");
    }
    let read = app
        .holder_of_both("acme")
        .await
        .read("action=api_token_workspace_created,x_audit_log_stream_created")
        .await;
    let attacked: Vec<_> =
        read.iter().filter(|event| event["context"]["audit_log_escaped"].is_object()).collect();
    assert_eq!(attacked.len(), 8);
    for event in attacked {
        for (name, most) in [("user_id", 256), ("username", 255)] {
            let text = event["actor"][name].as_str().unwrap();
            assert!(text.chars().count() <= most && !text.contains(char::is_control), "{text:?}");
        }
        assert!(!event["actor"]["user_id"].as_str().unwrap().contains('\u{202e}'));
        let mark = &event["context"]["audit_log_escaped"];
        assert!(mark["/actor/user_id"].is_string(), "{mark}");
        held("P14", "claims with controls, overrides or 7,000 characters", mark);
    }
}

#[tokio::test]
async fn a_compressed_body_is_read_within_the_same_limits() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let encoding = ("content-encoding", "gzip");
    let good = gzip(event("e-1", 0).to_string().as_bytes());
    with_headers(&client, &[encoding], good.clone()).await.expect(201);
    with_headers(&client, &[("content-encoding", "X-GZIP")], good.clone()).await.expect(200);
    held("P12", "a body with gzip", "recorded, then a duplicate");
    for (name, body, status, id) in [
        ("a bomb of 100 MB", gzip(&vec![b' '; 100_000_000]), 413, "too_large"),
        ("gzip that is cut", good[..good.len() / 2].to_vec(), 422, "invalid_body"),
        ("no gzip at all", b"{}".to_vec(), 422, "invalid_body"),
        ("gzip within gzip", gzip(&good), 400, "invalid_json"),
    ] {
        let answer = with_headers(&client, &[encoding], body).await.expect_problem(status, id);
        held("P12", name, answer.status);
    }
    for encoding in ["br", "deflate", "zstd", "gzip, gzip"] {
        let answer = with_headers(&client, &[("content-encoding", encoding)], good.clone()).await;
        let answer = answer.expect_problem(415, "unsupported_encoding");
        assert_eq!(answer.headers["accept-encoding"], "gzip, identity");
        held("P12", &format!("Content-Encoding: {encoding}"), &answer.body["message"]);
    }
}

#[tokio::test]
async fn an_idempotency_key_makes_a_retry_the_same_event() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let mut sent = event("", 0);
    sent.as_object_mut().unwrap().remove("id");
    let first = with_headers(&client, &keyed("\"8e03978e-40d5\""), sent.to_string()).await.expect(201);
    assert_eq!(first.result()["id"], "8e03978e-40d5");
    with_headers(&client, &keyed("8e03978e-40d5"), sent.to_string()).await.expect(200);
    held("P2", "the same request twice with Idempotency-Key", "one event");
    let mut other = sent.clone();
    other["actor"]["user_id"] = json!("u2");
    with_headers(&client, &keyed("8e03978e-40d5"), other.to_string()).await.expect_problem(409, "conflict");
    held("P2", "another event with the same key", 409);
    let refused = with_headers(&client, &keyed("k"), event("e-1", 0).to_string()).await.expect(422);
    assert_eq!(refused.problems(), ["/id mismatch"]);
    held("P2", "a key beside another id", 422);
    sent.as_object_mut().unwrap().remove("timestamp");
    let refused = with_headers(&client, &keyed("k"), sent.to_string()).await.expect(422);
    assert_eq!(refused.problems(), ["/timestamp required"]);
    held("P2", "a key without a timestamp", &refused.body["errors"][0]["detail"]);
    for bad in ["", "\"\"", &"k".repeat(300)] {
        with_headers(&client, &keyed(bad), sent.to_string()).await.expect_problem(400, "invalid_header");
    }
    held("P12", "keys that are empty or long", 400);
    let mut part = event("", 1);
    part.as_object_mut().unwrap().remove("id");
    let batch = json!({"events": [part, part, event("own", 2)]}).to_string();
    let answer = with_headers(&client, &keyed("batch-1"), batch.clone()).await.expect(201);
    let ids: Vec<_> = answer.body["results"].as_array().unwrap().iter().map(|result| &result["id"]).collect();
    assert_eq!(ids, ["batch-1.0", "batch-1.1", "own"]);
    let again = with_headers(&client, &keyed("batch-1"), batch).await.expect(200);
    assert_eq!(statuses(&again), "duplicate, duplicate, duplicate");
    held("P2", "a batch with a key, twice", "each event once");
}

#[tokio::test]
async fn a_misspelt_name_is_reported_and_not_ignored() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let request = client.request(Method::POST, "/api/acme/audit_logs?dry_run=true");
    let refused =
        client.send(request.body(event("e-1", 0).to_string())).await.expect_problem(400, "invalid_query");
    assert_eq!(refused.problems(), ["dry_run unknown_parameter"]);
    held("P12", "POST with a query", 400);
    let mut sent = event("e-1", 0);
    sent["actor"] = json!({"id": "u1"});
    let refused = client.record(&sent).await.expect(422);
    let details: Vec<_> =
        refused.body["errors"].as_array().unwrap().iter().map(|error| &error["detail"]).collect();
    assert!(
        details.iter().any(|detail| detail.as_str().unwrap().ends_with("did you mean user_id?")),
        "{details:?}"
    );
    held("P12", "actor.id", details[1]);
    let refused = client.list("from=2025-02-18T10:00:00Z").await.expect(400);
    assert!(refused.text.contains("did you mean start_timestamp?"), "{}", refused.text);
    held("P12", "the parameter from", &refused.body["errors"][0]["detail"]);
}

#[tokio::test]
async fn times_and_action_names_of_other_systems_are_accepted() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for (number, time) in
        ["2025-02-18t10:47:37z", "2025-02-18t10:47:37.5+02:00", "2025-02-18T10:47:37.123456789012Z"]
            .into_iter()
            .enumerate()
    {
        let mut sent = event(&format!("t-{number}"), 0);
        sent["timestamp"] = json!(time);
        let answer = client.record(&sent).await.expect(201);
        held("P3", time, &answer.result()["timestamp"]);
    }
    for (number, action) in [
        "user.login",
        "ConsoleLogin",
        "google.iam.v1.SetIamPolicy",
        "Add member to role.",
        "org.add_member",
        "Microsoft.Compute/virtualMachines/write",
        "user.session.start",
        "s3:PutObject",
        "4624",
        "ユーザー登録",
        "a+b&c=d",
    ]
    .into_iter()
    .enumerate()
    {
        let mut detail = event(&format!("a-{number}"), 0);
        detail["workspace"] = json!("acme");
        detail["action"] = json!(action);
        app.bus().send("product", &detail).await;
        app.settled().await;
        let query: String = form_encoded(action);
        let read = client.read(&format!("action={query}")).await;
        assert_eq!((read.len(), &read[0]["category"]), (1, &json!("other")), "{action}");
        held("P3", &format!("the action {action} on the bus"), "kept under other, found by its name");
        let refused = client
            .record(&{
                detail.as_object_mut().unwrap().remove("workspace");
                detail
            })
            .await
            .expect(422);
        assert_eq!(refused.problems(), ["/action unknown_action"]);
    }
    assert_eq!(app.tables().quarantined("product").await, [] as [Value; 0]);
}

fn form_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
