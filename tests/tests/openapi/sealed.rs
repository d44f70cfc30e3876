//! Every answer of the feed, the ledger and redaction, seen once.

use serde_json::{Value, json};
use tests::{Answer, Client, TestApp, sample::event};

use crate::{
    CHECKPOINT, CONSISTENCY, ENTRY, FEED, INCLUSION, KEY, REDACTIONS, TILE, description::Description,
};

pub(crate) async fn feed(app: &TestApp, description: &mut Description) {
    let (writer, reader) = (app.writer("acme").await, app.reader("acme").await);
    writer.record(&event("f-1", 1)).await;
    app.sealed().await;
    let request =
        reader.request(reqwest::Method::GET, "/api/acme/audit_logs/feed").header("accept", "text/html");
    let mut answers = refused(app, (&reader, &writer), "audit_logs/feed").await;
    answers.push(reader.send(request).await.expect_problem(406, "not_acceptable"));
    answers.push(reader.feed("cursor=a").await.expect_problem(400, "invalid_query"));
    let formats = &description.document["paths"][FEED]["get"]["responses"]["200"]["content"];
    for format in formats.as_object().unwrap().keys() {
        let request = reader.request(reqwest::Method::GET, "/api/acme/audit_logs/feed?limit=2");
        let answer = reader.send(request.header("accept", format)).await.expect(200);
        assert_eq!(answer.headers["content-type"], *format);
        assert!(answer.headers.contains_key("x-next-after") && answer.headers.contains_key("x-has-more"));
        // The description treats JSON lines as text, even a single line.
        let body = if format == "application/json" { answer.body.clone() } else { Value::Null };
        answers.push(Answer { body, ..answer });
    }
    answers.iter().for_each(|answer| description.holds("GET", FEED, answer));
}

pub(crate) async fn proofs(app: &TestApp, description: &mut Description) {
    let (writer, reader) = (app.writer("acme").await, app.reader("acme").await);
    app.sealed().await;
    reader.ledger("checkpoint").await.expect(200);
    for (path, good, missing) in [
        (CHECKPOINT, "checkpoint", None),
        (KEY, "key", None),
        (TILE, "tile/0/000.p/1", Some(("tile/9/000", 404, "not_found"))),
        (TILE, "tile/entries/000.p/2", Some(("tile/entries", 404, "not_found"))),
        (ENTRY, "entries/0", Some(("entries/999999", 404, "not_found"))),
        (
            INCLUSION,
            "proof/inclusion?sequence=0",
            Some(("proof/inclusion?sequence=999999", 400, "invalid_query")),
        ),
        (
            CONSISTENCY,
            "proof/consistency?from=1",
            Some(("proof/consistency?from=999999", 400, "invalid_query")),
        ),
    ] {
        let bare = good.split('?').next().unwrap();
        let mut answers = refused(app, (&reader, &writer), &format!("ledger/{bare}")).await;
        answers.push(reader.ledger(good).await.expect(200));
        answers.push(reader.ledger(&format!("{bare}?unknown=1")).await.expect_problem(400, "invalid_query"));
        if let Some((missing, status, id)) = missing {
            answers.push(reader.ledger(missing).await.expect_problem(status, id));
        }
        if path == TILE {
            answers.push(reader.ledger("tile/").await.expect_refusal(404, "Not Found"));
        }
        answers.iter().for_each(|answer| description.holds("GET", path, answer));
    }
}

pub(crate) async fn redactions(app: &TestApp, description: &mut Description) {
    let (admin, member, anonymous) = (app.admin("acme"), app.member("acme"), app.client("acme"));
    let actor = json!({"actor": "u1"});
    app.sealed().await;
    let reader = app.reader("acme").await;
    reader.list("").await.expect(200);
    app.sealed().await;
    // Nothing can be erased from records of admins' actions, such as token creations; records of reads can be
    // erased.
    let reads = reader.read("action=audit_log_accessed").await;
    let sequence = reads.iter().find_map(|read| read["sequence"].as_u64()).unwrap();
    let answers = [
        admin.redact(&json!({"actor": "unknown"})).await.expect(200),
        admin
            .redact(&json!({"sequences": [sequence], "parts": ["context"], "reason": "r"}))
            .await
            .expect(200),
        admin.post("/api/acme/redactions", "{").await.expect_problem(400, "invalid_json"),
        anonymous.redact(&actor).await.expect_refusal(401, "Unauthorized"),
        anonymous.clone().with_bearer("a.b.c").redact(&actor).await.expect_refusal(401, "Unauthorized"),
        member.redact(&actor).await.expect_problem(403, "forbidden"),
        admin.asking_for("globex").redact(&actor).await.expect_problem(404, "not_found"),
        admin.redact(&json!({"sequences": [999_999]})).await.expect_problem(404, "not_found"),
        admin.post("/api/acme/redactions/", "{}").await.expect_refusal(404, "Not Found"),
        admin.post("/api/acme/redactions", " ".repeat(10_001)).await.expect_problem(413, "too_large"),
        admin.redact(&json!({})).await.expect_problem(422, "invalid_body"),
    ];
    answers.iter().for_each(|answer| description.holds("POST", REDACTIONS, answer));
}

/// The answers of a route for readers to callers who may not read.
async fn refused(app: &TestApp, (reader, writer): (&Client, &Client), path: &str) -> Vec<Answer> {
    let path = format!("/api/acme/{path}");
    let (anonymous, elsewhere) = (app.client("acme"), path.replace("/acme/", "/globex/"));
    let mut answers = vec![
        anonymous.get(&path).await.expect_refusal(401, "Unauthorized"),
        anonymous.with_bearer("alw_unknown").get(&path).await.expect_refusal(403, "Forbidden"),
        writer.get(&path).await.expect_problem(403, "forbidden"),
        reader.get(&elsewhere).await.expect_problem(404, "not_found"),
    ];
    // A slash at the end makes another route, except for a tile, which takes the rest of the path.
    if !path.contains("/tile/") {
        answers.push(reader.get(&format!("{path}/")).await.expect_refusal(404, "Not Found"));
    }
    answers
}
