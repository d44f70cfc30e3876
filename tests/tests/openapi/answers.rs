//! Every answer of the routes of events and tokens, seen once.

use serde_json::{Value, json};
use tests::{Answer, Client, TestApp, sample::event};

use crate::{LOGS, TOKEN, TOKENS, description::Description};

pub(crate) async fn record(app: &TestApp, description: &mut Description) {
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
        writer.post("/api/acme/audit_logs?dry_run=1", "{}").await.expect_problem(400, "invalid_query"),
        with_header(&writer, "idempotency-key", "").await.expect_problem(400, "invalid_header"),
        with_header(&writer, "content-encoding", "br").await.expect_problem(415, "unsupported_encoding"),
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

async fn with_header(writer: &Client, name: &str, value: &str) -> Answer {
    let request = writer.request(reqwest::Method::POST, "/api/acme/audit_logs").header(name, value);
    writer.send(request.body("{}")).await
}

pub(crate) async fn list(app: &TestApp, description: &mut Description) {
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
                let in_headers = format != "application/json";
                assert_eq!(answer.headers.contains_key("x-next-cursor"), in_headers);
                assert_eq!(answer.headers.get("x-has-more").is_some_and(|more| more == "true"), in_headers);
            }
            // The description treats JSON lines as text, even a single line.
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

pub(crate) async fn tokens(app: &TestApp, description: &mut Description) {
    let (admin, member, anonymous) = (app.admin("acme"), app.member("acme"), app.client("acme"));
    let wanted = json!({"name": "siem"});
    let created = admin.create_token(&wanted).await.expect(201);
    let token = created.body["token"].as_str().unwrap().to_owned();
    let mut answers = vec![
        created,
        admin.post("/api/acme/tokens", "{").await.expect_problem(400, "invalid_json"),
        anonymous.create_token(&wanted).await.expect_refusal(401, "Unauthorized"),
        anonymous
            .clone()
            .with_bearer("a.b.c")
            .create_token(&wanted)
            .await
            .expect_refusal(401, "Unauthorized"),
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
        anonymous.tokens().await.expect_refusal(401, "Unauthorized"),
        member.tokens().await.expect_problem(403, "forbidden"),
        admin.asking_for("globex").tokens().await.expect_problem(404, "not_found"),
        admin.get("/api/acme/tokens/").await.expect_refusal(404, "Not Found"),
    ];
    answers.iter().for_each(|answer| description.holds("GET", TOKENS, answer));

    let answers = [
        anonymous.revoke_token(&token).await.expect_refusal(401, "Unauthorized"),
        member.revoke_token(&token).await.expect_problem(403, "forbidden"),
        admin.asking_for("globex").revoke_token(&token).await.expect_problem(404, "not_found"),
        admin.revoke_token("000000000000").await.expect_problem(404, "not_found"),
        admin.revoke_token("").await.expect_refusal(404, "Not Found"),
        admin.revoke_token(&token).await.expect(204),
        admin.revoke_token(&token).await.expect(204),
    ];
    answers.iter().for_each(|answer| description.holds("DELETE", TOKEN, answer));
}
