//! Bad input: each kind is told what is wrong with it, and none of it is stored.

use serde_json::json;
use tests::{Answer, TestApp, sample::event};

/// What each refusal is: its status, the id of its problem, and the places and codes it lists.
fn told(answer: &Answer) -> String {
    let id = answer.body["id"].as_str().unwrap_or("-");
    format!("{} {id} {}", answer.status, answer.problems().join(", ")).trim_end().to_owned()
}

/// An event with one member replaced, given as JSON text, so that it may be what no value can hold.
fn with(name: &str, json_text: &str) -> String {
    let mut event = event("e-1", 0);
    event[name] = json!("[here]");
    event.to_string().replace(r#""[here]""#, json_text)
}

#[tokio::test]
async fn a_body_that_is_not_right_is_refused_with_every_problem_and_its_place() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    let before = app.tables().events("acme").await;
    let deep = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let long = |length: usize| format!("\"{}\"", "a".repeat(length));
    let keys = |count: usize| {
        json!((0..count).map(|number| (format!("k{number}"), json!(0))).collect::<serde_json::Map<_, _>>())
            .to_string()
    };
    let ahead = format!("{:.6}", jiff::Timestamp::now() + jiff::SignedDuration::from_mins(11));
    let check = async |body: Vec<u8>, expected: &str| {
        let answer = client.record_bytes(body.clone()).await;
        assert_eq!(told(&answer), expected, "{}", String::from_utf8_lossy(&body[..body.len().min(300)]));
    };
    let cases: Vec<(String, &str)> = vec![
        // JSON
        (String::new(), "400 invalid_json"),
        ("{".into(), "400 invalid_json"),
        ("{} {}".into(), "400 invalid_json"),
        ("{'action': 1}".into(), "400 invalid_json"),
        ("\u{feff}{}".into(), "400 invalid_json"),
        ("[".repeat(100_000), "400 invalid_json"),
        (r#"{"events":["#.repeat(1000), "400 invalid_json"),
        (with("context", "NaN"), "400 invalid_json"),
        (with("context", r#"{"a": Infinity}"#), "400 invalid_json"),
        (with("context", r#"{"a": 01}"#), "400 invalid_json"),
        (with("description", r#""\ud800""#), "400 invalid_json"),
        (with("description", "\"a\u{0}b\""), "400 invalid_json"),
        ("null".into(), "422 invalid_body  wrong_type"),
        ("[]".into(), "422 invalid_body  wrong_type"),
        ("7".into(), "422 invalid_body  wrong_type"),
        (r#""event""#.into(), "422 invalid_body  wrong_type"),
        // Batches
        (r#"{"events": []}"#.into(), "422 invalid_body /events empty"),
        (r#"{"events": null}"#.into(), "422 invalid_body /events wrong_type"),
        (r#"{"events": {}}"#.into(), "422 invalid_body /events wrong_type"),
        (r#"{"events": [{}], "events": [{}]}"#.into(), "422 invalid_body /events duplicate_key"),
        (r#"{"events": [{}], "workspace": "acme"}"#.into(), "422 invalid_body /workspace unknown_field"),
        // Numbers and keys
        (with("context", r#"{"a": 9007199254740993}"#), "422 invalid_event /context/a inexact_number"),
        (with("context", r#"{"a": [1e999]}"#), "422 invalid_event /context/a/0 inexact_number"),
        (with("context", r#"{"a": 0.1000000000000000055}"#), "422 invalid_event /context/a inexact_number"),
        (with("context", r#"{"a": 1, "a": 1}"#), "422 invalid_event /context/a duplicate_key"),
        (
            with("context", r#"{"a/b": {"c~d": 1, "c\u007ed": 2}}"#),
            "422 invalid_event /context/a~1b/c~0d duplicate_key",
        ),
        (with("id", r#""e-1", "id": "e-1""#), "422 invalid_event /id duplicate_key"),
        (with("colour", "1"), "422 invalid_event /colour unknown_field"),
        (with("sequence", "7"), "422 invalid_event /sequence read_only"),
        (with("received_at", r#""2025-02-18T10:00:00Z""#), "422 invalid_event /received_at read_only"),
        // Depth and size
        (with("context", &deep(31)), "201 -"),
        (
            with("context", &deep(32)),
            "422 invalid_event /context/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a too_deep",
        ),
        (with("context", &keys(51)), "422 invalid_event /context too_many"),
        (with("context", &format!(r#"{{"a": {}}}"#, long(16_385))), "422 invalid_event /context/a too_long"),
        (
            with("changes", &format!("[{}]", vec![r#"{"path": "/a"}"#; 51].join(","))),
            "422 invalid_event /changes too_many",
        ),
        (with("description", &long(16_385)), "422 invalid_event /description too_long"),
        (
            with("description", &format!("\"{}\"", "ü".repeat(8_193))),
            "422 invalid_event /description too_long",
        ),
        (
            with("actor", &format!(r#"{{"user_id": {}}}"#, long(257))),
            "422 invalid_event /actor/user_id too_long",
        ),
        // Texts
        (with("description", r#""a\u0000b""#), "422 invalid_event /description control_character"),
        (with("context", r#"{"a": "\u001b[31m"}"#), "422 invalid_event /context/a control_character"),
        (with("context", r#"{"a\n": 1}"#), "422 invalid_event /context/a\n control_character"),
        (
            with("actor", r#"{"user_id": "u1", "username": "\u202egpj.exe"}"#),
            "422 invalid_event /actor/username bidi_override",
        ),
        (with("actor", r#"{"user_id": "u1\n"}"#), "422 invalid_event /actor/user_id control_character"),
        // Types and values
        (with("action", "7"), "422 invalid_event /action wrong_type"),
        (with("action", "null"), "422 invalid_event /action required"),
        (with("action", r#""""#), "422 invalid_event /action empty"),
        (with("action", r#""x_Own""#), "422 invalid_event /action unknown_action"),
        (with("category", r#""report_activity""#), "422 invalid_event /category mismatch"),
        (with("outcome", r#""perhaps""#), "422 invalid_event /outcome unknown_value"),
        (with("actor", "[]"), "422 invalid_event /actor wrong_type"),
        (with("actor", "{}"), "422 invalid_event /actor/user_id required"),
        (
            with("actor", r#"{"user_id": 7, "type": "robot"}"#),
            "422 invalid_event /actor/user_id wrong_type, /actor/type unknown_value",
        ),
        (
            with("actor", r#"{"user_id": "u1", "on_behalf_of": {}}"#),
            "422 invalid_event /actor/on_behalf_of/user_id required",
        ),
        (with("entity", r#"{"entity_id": "1"}"#), "422 invalid_event /entity/entity_type required"),
        (with("context", "[]"), "422 invalid_event /context wrong_type"),
        (with("changes", "{}"), "422 invalid_event /changes wrong_type"),
        (
            with("changes", r#"[{"path": "role"}, 7]"#),
            "422 invalid_event /changes/0/path invalid_path, /changes/1 wrong_type",
        ),
        (with("workspace", r#""GLOBEX""#), "422 invalid_event /workspace invalid_workspace"),
        // Keys and times
        (with("id", r#""a#b""#), "422 invalid_event /id invalid_id"),
        (with("id", &long(129)), "422 invalid_event /id invalid_id"),
        (with("id", "null"), "422 invalid_event /id required"),
        (with("timestamp", r#""2025-02-18""#), "422 invalid_event /timestamp invalid_timestamp"),
        (with("timestamp", r#""2025-02-18 10:00:00Z""#), "422 invalid_event /timestamp invalid_timestamp"),
        (with("timestamp", r#""2025-02-18T10:00:00""#), "422 invalid_event /timestamp invalid_timestamp"),
        (with("timestamp", r#""2025-02-30T10:00:00Z""#), "422 invalid_event /timestamp invalid_timestamp"),
        (with("timestamp", r#""2016-12-31T23:59:60Z""#), "422 invalid_event /timestamp invalid_timestamp"),
        (
            with("timestamp", r#""2025-02-18T10:00:00.0000000001Z""#),
            "422 invalid_event /timestamp invalid_timestamp",
        ),
        (with("timestamp", "1739872800"), "422 invalid_event /timestamp wrong_type"),
        (with("timestamp", r#""1999-12-31T23:59:59.999999Z""#), "422 invalid_event /timestamp out_of_range"),
        (with("timestamp", r#""3000-01-01T00:00:00Z""#), "422 invalid_event /timestamp out_of_range"),
        (with("timestamp", &format!("\"{ahead}\"")), "422 invalid_event /timestamp out_of_range"),
    ];
    for (body, expected) in cases {
        check(body.into_bytes(), expected).await;
    }
    check(b"\"\xff\"".to_vec(), "400 invalid_json").await;
    check(b"{\"action\": \"\xc3\x28\"}".to_vec(), "400 invalid_json").await;
    // The one that is right was stored, and nothing else.
    assert_eq!(app.tables().events("acme").await.len(), before.len() + 1);
}

#[tokio::test]
async fn a_body_of_another_kind_is_read_all_the_same() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    for (number, kind) in
        ["application/octet-stream", "text/plain", "application/x-www-form-urlencoded", "no kind"]
            .iter()
            .enumerate()
    {
        let request =
            client.request(reqwest::Method::POST, "/api/acme/audit_logs").header("content-type", *kind);
        client.send(request.body(event(&format!("e-{number}"), 0).to_string())).await.expect(201);
    }
    let request = client
        .request(reqwest::Method::POST, "/api/acme/audit_logs")
        .body("")
        .header("content-encoding", "gzip");
    client.send(request).await.expect_problem(400, "invalid_json");
}

#[tokio::test]
async fn a_query_that_is_not_right_is_refused_with_every_problem_and_its_parameter() {
    let app = TestApp::start().await;
    let reader = app.reader("acme").await;
    let before = app.tables().events("acme").await;
    let cases = [
        ("limit=0", "400 invalid_query limit out_of_range"),
        ("limit=1001", "400 invalid_query limit out_of_range"),
        ("limit=1e2", "400 invalid_query limit out_of_range"),
        ("limit=%D9%A3", "400 invalid_query limit out_of_range"),
        ("limit=1&limit=1", "400 invalid_query limit repeated"),
        ("Limit=1", "400 invalid_query Limit unknown_parameter"),
        ("=1", "400 invalid_query  unknown_parameter"),
        ("order=newest", "400 invalid_query order unknown_value"),
        ("order=ASC", "400 invalid_query order unknown_value"),
        ("action=", "400 invalid_query action unknown_action"),
        ("action=group_created,", "400 invalid_query action unknown_action"),
        ("action=*", "400 invalid_query action unknown_action"),
        ("action=%00", "400 invalid_query action unknown_action"),
        ("actions=group_created", "400 invalid_query actions unknown_parameter"),
        ("workspace=globex", "400 invalid_query workspace unknown_parameter"),
        ("start_timestamp=yesterday", "400 invalid_query start_timestamp invalid_timestamp"),
        ("start_timestamp=2025-02-18", "400 invalid_query start_timestamp invalid_timestamp"),
        ("start_timestamp=2025-02-18T10:00:00+01:00", "400 invalid_query start_timestamp invalid_timestamp"),
        ("start_timestamp=", "400 invalid_query start_timestamp invalid_timestamp"),
        ("end_timestamp=2025-02-30T10:00:00Z", "400 invalid_query end_timestamp invalid_timestamp"),
        (
            "start_timestamp=2025-02-18T10:00:01Z&end_timestamp=2025-02-18T10:00:00Z",
            "400 invalid_query end_timestamp out_of_range",
        ),
        (
            "limit=0&order=x&colour=red",
            "400 invalid_query colour unknown_parameter, order unknown_value, limit out_of_range",
        ),
        ("%FF=%FE", "400 invalid_query \u{fffd} unknown_parameter"),
        ("limit=%", "400 invalid_query limit out_of_range"),
        ("cursor=", "400 invalid_cursor"),
        ("cursor=AQ", "400 invalid_cursor"),
        ("cursor=%2F%2F%2F", "400 invalid_cursor"),
        ("cursor=a&cursor=a", "400 invalid_query cursor repeated"),
    ];
    for (query, expected) in cases {
        assert_eq!(told(&reader.list(query).await), expected, "{query}");
    }
    let long = format!("cursor={}", "A".repeat(8_000));
    assert_eq!(told(&reader.list(&long).await), "400 invalid_cursor");
    assert_eq!(app.tables().events("acme").await, before);
}

#[tokio::test]
async fn routes_and_methods_that_there_are_not_are_not_found() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let paths = [
        ("PUT", "/api/acme/audit_logs"),
        ("DELETE", "/api/acme/audit_logs"),
        ("PATCH", "/api/acme/audit_logs"),
        ("OPTIONS", "/api/acme/audit_logs"),
        ("BREW", "/api/acme/audit_logs"),
        ("POST", "/api/actions"),
        ("GET", "/api/acme"),
        ("GET", "/api"),
        ("POST", "/"),
        ("GET", "/api/acme/audit_logs/"),
        ("GET", "/api/acme/audit_logs/e-1"),
        ("GET", "/API/acme/audit_logs"),
        ("GET", "/api/acme/tokens/abcdefABCDEF"),
        ("POST", "/api/acme/tokens/abcdefABCDEF"),
        ("GET", "/favicon.ico"),
    ];
    for (method, path) in paths {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = client.send(client.request(method.clone(), path)).await;
        assert_eq!((answer.status, &answer.body), (404, &json!({"message": "Not Found"})), "{method} {path}");
    }
    let head = client.send(client.request(reqwest::Method::HEAD, "/api/acme/audit_logs")).await;
    assert_eq!(head.status, 404);
}

#[tokio::test]
async fn a_hostile_header_does_no_harm() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let check = async |headers: &str, expected: u16| {
        let request = format!("GET /api/health HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        let (status, body) = app.send_raw(request.as_bytes()).await;
        assert_eq!(status, expected, "{headers:?}: {body}");
    };
    check("Host: localhost\r\n", 200).await;
    check("", 200).await;
    check("Host: \r\n", 200).await;
    check("Host: a b/../?#@[::\r\n", 200).await;
    check("Host: \"><script>\r\n", 200).await;
    check("Host: \u{fc}\u{1f578}\r\n", 200).await;
    check("Host: one\r\nHost: two\r\n", 200).await;
    check("Host: localhost\r\nX-Forwarded-Proto: javascript:\r\nX-Forwarded-For: '; DROP\r\nX-Forwarded-Host: [\r\n", 200).await;
    check("Host: localhost\r\nCookie: ;;=;a\r\nContent-Type: ;\r\n", 200).await;

    for authorization in [
        &b"Bearer \xff\xfe"[..],
        b"Bearer alw_\xc3\xbc",
        b"Basic \t=",
        b"\x80",
        b"Bearer a\r\nAuthorization: Bearer b",
    ] {
        let request = [
            b"GET /api/acme/audit_logs HTTP/1.1\r\nConnection: close\r\nAuthorization: ",
            authorization,
            b"\r\n\r\n",
        ];
        let (status, body) = app.send_raw(&request.concat()).await;
        assert_eq!((status, body.as_str()), (403, r#"{"message":"Forbidden"}"#), "{authorization:?}");
    }

    for name in ["host", "user-agent", "x-forwarded-for", "forwarded"] {
        for value in ["", "a b/../?#@[::", "evil.example.com:99999", "\u{1f578}"] {
            let request =
                client.request(reqwest::Method::GET, "/api/acme/audit_logs?limit=1").header(name, value);
            client.send(request).await.expect(200);
        }
    }
    let long =
        client.request(reqwest::Method::GET, "/api/acme/audit_logs").header("user-agent", "a".repeat(8_000));
    client.send(long).await.expect(200);
}

#[tokio::test]
async fn a_path_of_any_bytes_is_answered() {
    let app = TestApp::start().await;
    let created = app.admin("acme").create_token(&json!({"name": "raw"})).await.expect(201);
    let authorization = format!("Authorization: Bearer {}", created.body["bearer"].as_str().unwrap());
    let check = async |path: &str, expected: u16| {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\nConnection: close\r\n\r\n");
        let (status, body) = app.send_raw(request.as_bytes()).await;
        assert_eq!(status, expected, "{path}: {body}");
    };
    check("/api/%61cme/audit_logs", 200).await;
    check("/api/acme/audit_logs?", 200).await;
    check("/api//audit_logs", 404).await;
    check("/api/acme%2faudit_logs", 404).await;
    check("/api/acme%00/audit_logs", 404).await;
    check("/api/%ff%fe/audit_logs", 404).await;
    check("/api/%/audit_logs", 404).await;
    check("/api/acme/../globex/audit_logs", 404).await;
    check("/api/%2e%2e/audit_logs", 404).await;
    check("/api/{workspace}/audit_logs", 404).await;
    check(&format!("/api/{}/audit_logs", "a".repeat(5_000)), 404).await;
}
