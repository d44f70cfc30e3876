//! Bytes, headers and paths that no well-behaved client sends.

use serde_json::json;
use tests::{TestApp, sample::event};

#[tokio::test]
async fn a_body_with_another_content_type_is_still_read() {
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
async fn unknown_routes_and_methods_are_not_found() {
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
    check_header(&app, "Host: localhost\r\n", 200).await;
    check_header(&app, "", 200).await;
    check_header(&app, "Host: \r\n", 200).await;
    check_header(&app, "Host: a b/../?#@[::\r\n", 200).await;
    check_header(&app, "Host: \"><script>\r\n", 200).await;
    check_header(&app, "Host: \u{fc}\u{1f578}\r\n", 200).await;
    check_header(&app, "Host: one\r\nHost: two\r\n", 200).await;
    check_header(&app, "Host: localhost\r\nX-Forwarded-Proto: javascript:\r\nX-Forwarded-For: '; DROP\r\nX-Forwarded-Host: [\r\n", 200).await;
    check_header(&app, "Host: localhost\r\nCookie: ;;=;a\r\nContent-Type: ;\r\n", 200).await;

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

async fn check_header(app: &TestApp, headers: &str, expected: u16) {
    let request = format!("GET /api/health HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    let (status, body) = app.send_raw(request.as_bytes()).await;
    assert_eq!(status, expected, "{headers:?}: {body}");
}

#[tokio::test]
async fn a_path_of_any_bytes_is_answered() {
    let app = TestApp::start().await;
    let created = app.admin("acme").create_token(&json!({"name": "raw"})).await.expect(201);
    let authorization = format!("Authorization: Bearer {}", created.body["bearer"].as_str().unwrap());
    check_path(&app, &authorization, "/api/%61cme/audit_logs", 200).await;
    check_path(&app, &authorization, "/api/acme/audit_logs?", 200).await;
    check_path(&app, &authorization, "/api//audit_logs", 404).await;
    check_path(&app, &authorization, "/api/acme%2faudit_logs", 404).await;
    check_path(&app, &authorization, "/api/acme%00/audit_logs", 404).await;
    check_path(&app, &authorization, "/api/%ff%fe/audit_logs", 404).await;
    check_path(&app, &authorization, "/api/%/audit_logs", 404).await;
    check_path(&app, &authorization, "/api/acme/../globex/audit_logs", 404).await;
    check_path(&app, &authorization, "/api/%2e%2e/audit_logs", 404).await;
    check_path(&app, &authorization, "/api/{workspace}/audit_logs", 404).await;
    check_path(&app, &authorization, &format!("/api/{}/audit_logs", "a".repeat(5_000)), 404).await;
}

async fn check_path(app: &TestApp, authorization: &str, path: &str, expected: u16) {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\nConnection: close\r\n\r\n");
    let (status, body) = app.send_raw(request.as_bytes()).await;
    assert_eq!(status, expected, "{path}: {body}");
}
