//! Workspace tokens: created, listed and revoked by admins, each time with an event.

use serde_json::{Value, json};
use tests::{Fault, FaultyEngine, TestApp, invoke, sample::event};

/// The event about a token, as a reader of the log gets it, without the values that differ on every call.
async fn event_about(app: &TestApp, action: &str, token: &str) -> Value {
    let reader = app.reader("acme").await;
    let mut events = reader.read(&format!("action={action}")).await;
    events.retain(|event| event["entity"]["entity_id"] == token);
    assert_eq!(events.len(), 1, "{action}");
    let mut event = events.remove(0);
    for name in ["id", "timestamp", "received_at", "salt", "redacted"] {
        assert!(event.as_object_mut().unwrap().remove(name).is_some());
    }
    event
}

#[tokio::test]
async fn a_new_token_works_at_once_and_is_valid_for_a_year() {
    let app = TestApp::start().await;
    let created = app.admin("acme").create_token(&json!({"name": "siem"})).await.expect(201).body;
    assert_eq!(
        time(&created, "expires_at").duration_since(time(&created, "created_at")).as_secs(),
        365 * 86_400
    );
    assert_eq!((&created["name"], &created["scopes"]), (&json!("siem"), &json!(["audit_log:read"])));
    assert_eq!(created["created_by"], "af03c0246b82");
    app.client("acme").with_token(&created).list("").await.expect(200);
}

fn time(created: &Value, name: &str) -> jiff::Timestamp {
    created[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
}

#[tokio::test]
async fn a_token_has_the_requested_name_scopes_and_expiry() {
    let app = TestApp::start().await;
    let expires_at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let wanted =
        json!({"name": "séance 🕸", "scopes": ["audit_log:write"], "expires_at": format!("{expires_at:.6}")});
    let created = app.admin("acme").create_token(&wanted).await.expect(201).body;
    for name in ["name", "scopes", "expires_at"] {
        assert_eq!(created[name], wanted[name]);
    }
    app.client("acme").with_token(&created).record(&event("e-1", 0)).await.expect(201);
}

#[tokio::test]
async fn the_secret_is_shown_once_and_stored_nowhere() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let created = admin.create_token(&json!({"name": "siem"})).await.expect(201).body;
    let listed = admin.tokens().await.expect(200);
    let mut expected = created.clone();
    expected
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !["secret", "bearer", "debug"].contains(&name.as_str()));
    assert_eq!(listed.body, json!({"tokens": [expected]}));

    let secret = created["secret"].as_str().unwrap();
    let entropy = &secret[..43];
    app.client("acme").with_token(&created).list("").await.expect(200);
    let stored = json!([app.tables().tokens("acme").await, app.tables().events("acme").await]).to_string();
    assert!(!stored.contains(entropy));
    // The stored hash is in no answer.
    let hash = app.tables().tokens("acme").await[0]["hash"].as_str().unwrap().to_owned();
    assert!(!admin.tokens().await.text.contains(&hash));
}

#[tokio::test]
async fn the_day_of_the_last_use_is_noted() {
    let app = TestApp::start().await;
    let client = app.reader("acme").await;
    assert_eq!(last_used(&app).await, json!(null));
    let before = jiff::Timestamp::now().to_string()[..10].to_owned();
    client.list("").await.expect(200);
    let after = jiff::Timestamp::now().to_string()[..10].to_owned();
    let noted = last_used(&app).await;
    assert!(noted == before || noted == after, "{noted}");
}

async fn last_used(app: &TestApp) -> Value {
    app.admin("acme").tokens().await.body["tokens"][0]["last_used_on"].clone()
}

#[tokio::test]
async fn creating_and_revoking_a_token_each_leave_an_event_that_names_it() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let created = admin.create_token(&json!({"name": "siem"})).await.expect(201).body;
    let token = created["token"].as_str().unwrap();
    let mut expected = json!({
        "action": "api_token_workspace_created",
        "category": "api_token",
        "description": "Create workspace token",
        "sequence": null,
        "workspace_username": "acme",
        "outcome": "success",
        "actor": {"user_id": "af03c0246b82", "username": "peter_parker", "ip": "127.0.0.1", "type": "user"},
        "entity": {"entity_type": "workspace_token", "entity_id": token, "entity_name": "siem"},
        "context": {"scopes": ["audit_log:read"], "expires_at": created["expires_at"]},
        "changes": [],
    });
    assert_eq!(event_about(&app, "api_token_workspace_created", token).await, expected);

    admin.revoke_token(token).await.expect(204);
    expected["action"] = json!("api_token_workspace_revoked");
    expected["description"] = json!("Revoke workspace token");
    expected["context"] = json!({});
    assert_eq!(event_about(&app, "api_token_workspace_revoked", token).await, expected);
}

#[tokio::test]
async fn revoking_a_token_again_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let token = app.reader("acme").await.token;
    let answer = admin.revoke_token(&token).await.expect(204);
    assert_eq!(answer.text, "");
    let before = (app.tables().events("acme").await, app.tables().tokens("acme").await);
    assert_eq!(before.0.len(), 2);
    admin.revoke_token(&token).await.expect(204);
    assert_eq!((app.tables().events("acme").await, app.tables().tokens("acme").await), before);
    assert!(admin.tokens().await.body["tokens"][0]["revoked_at"].is_string());
}

#[tokio::test]
async fn concurrent_revocations_of_one_token_leave_one_event() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let token = app.reader("acme").await.token;
    let answers = tokio::join!(
        revoke(&admin, &token),
        revoke(&admin, &token),
        revoke(&admin, &token),
        revoke(&admin, &token)
    );
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        answer.expect(204);
    }
    assert_eq!(app.tables().events_of("acme", "api_token_workspace_revoked").await.len(), 1);
}

async fn revoke(admin: &tests::Client, token: &str) -> tests::Answer {
    admin.revoke_token(token).await
}

#[tokio::test]
async fn a_workspace_has_at_most_50_live_tokens() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let mut tokens = Vec::new();
    for number in 0..50 {
        let created = admin.create_token(&json!({"name": format!("t-{number}")})).await.expect(201);
        tokens.push(created.body["token"].as_str().unwrap().to_owned());
    }
    let before = app.tables().events("acme").await;
    admin.create_token(&json!({"name": "one more"})).await.expect_problem(409, "too_many_tokens");
    assert_eq!(app.tables().events("acme").await, before);
    app.admin("globex").create_token(&json!({"name": "elsewhere"})).await.expect(201);

    admin.revoke_token(&tokens[7]).await.expect(204);
    admin.create_token(&json!({"name": "in its place"})).await.expect(201);
    assert_eq!(admin.tokens().await.body["tokens"].as_array().unwrap().len(), 51);
}

#[tokio::test]
async fn a_token_of_another_workspace_is_answered_like_an_unknown_one() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let foreign = app.reader("globex").await;
    let unknown = refusal(&admin, "abcdefABCDEF").await;
    for token in [foreign.token.as_str(), "short", "abcdefABCDE%00", "abcdefABCDEF0", "%F0%9F%95%B8"] {
        assert_eq!(refusal(&admin, token).await, unknown, "{token}");
    }
    foreign.list("").await.expect(200);
    assert_eq!(app.tables().events("acme").await, [] as [Value; 0]);
}

async fn refusal(admin: &tests::Client, token: &str) -> String {
    let answer = admin.revoke_token(token).await.expect_problem(404, "not_found");
    answer.text.replace(answer.body["request_id"].as_str().unwrap(), "[id]")
}

#[tokio::test]
async fn an_invalid_token_request_is_refused_with_all_its_problems() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    check_refused(&admin, json!({}), &["/name required"]).await;
    check_refused(&admin, json!({"name": ""}), &["/name empty"]).await;
    check_refused(
        &admin,
        json!({"name": "a", "scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z", "secret": "x"}),
        &["/scopes/0 unknown_value", "/expires_at out_of_range", "/secret unknown_field"],
    )
    .await;
    admin.post("/api/acme/tokens", "").await.expect_problem(400, "invalid_json");
    assert_eq!(app.tables().tokens("acme").await, [] as [Value; 0]);
    assert_eq!(app.tables().events("acme").await, [] as [Value; 0]);
}

async fn check_refused(admin: &tests::Client, body: Value, expected: &[&str]) {
    let refused = admin.create_token(&body).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.problems(), expected, "{body}");
}

#[tokio::test]
async fn a_failed_transaction_leaves_neither_token_nor_event() {
    let app = TestApp::start().await;
    let faulty = FaultyEngine::before(app.dynamodb_endpoint(), "ExecuteTransaction", Fault::Denied, 2).await;
    let create = invoke::tokens("POST /api/{workspace}/tokens", "", &json!({"name": "siem"}));
    let (status, problem) = invoke::manage_tokens(&faulty.store(), create.clone()).await;
    assert_eq!((status, &problem["id"], problem.get("secret")), (503, &json!("unavailable"), None));
    assert_eq!(app.tables().tokens("acme").await, [] as [Value; 0]);
    assert_eq!(app.tables().events("acme").await, [] as [Value; 0]);

    let token = app.reader("acme").await.token;
    let revoke = invoke::tokens("DELETE /api/{workspace}/tokens/{token}", &token, &json!(null));
    let (status, _) = invoke::manage_tokens(&faulty.store(), revoke.clone()).await;
    assert_eq!(status, 503);
    assert_eq!(app.tables().tokens("acme").await[0].get("revoked_at"), None);
    assert_eq!(app.tables().events("acme").await.len(), 1);

    // The third call succeeds.
    let (status, _) = invoke::manage_tokens(&faulty.store(), revoke).await;
    assert_eq!(status, 204);
    assert_eq!(app.tables().events("acme").await.len(), 2);
}

#[tokio::test]
async fn a_transaction_that_the_sdk_repeats_is_applied_once() {
    let app = TestApp::start().await;
    let create = invoke::tokens("POST /api/{workspace}/tokens", "", &json!({"name": "siem"}));
    let (status, created) = invoke::manage_tokens(&losing_the_first_answer(&app).await.store(), create).await;
    assert_eq!(status, 201);
    assert_eq!(app.tables().tokens("acme").await.len(), 1);
    assert_eq!(app.tables().events("acme").await.len(), 1);
    app.client("acme").with_token(&created).list("").await.expect(200);

    let token = created["token"].as_str().unwrap();
    let revoke = invoke::tokens("DELETE /api/{workspace}/tokens/{token}", token, &json!(null));
    let (status, _) = invoke::manage_tokens(&losing_the_first_answer(&app).await.store(), revoke).await;
    assert_eq!(status, 204);
    assert_eq!(app.tables().events_of("acme", "api_token_workspace_revoked").await.len(), 1);
}

async fn losing_the_first_answer(app: &TestApp) -> FaultyEngine {
    FaultyEngine::before(app.dynamodb_endpoint(), "ExecuteTransaction", Fault::AnswerLost, 1).await
}
