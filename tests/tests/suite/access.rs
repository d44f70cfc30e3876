//! The callers that may read and record, and the refusals that all others get.

use serde_json::{Value, json};
use shared::{
    aws::config::Config,
    model::{
        id::WorkspaceId,
        identity::AdminClaims,
        principal::Admin,
        scope::Scope,
        service_event::{self, Origin},
        token::{PlainToken, WorkspaceToken},
    },
    store::Store,
    system,
};
use tests::{Answer, Client, Fault, FaultyEngine, TestApp, invoke, sample::event};

/// A token of acme that expired a second ago. Admins cannot create such a token.
async fn expired(app: &TestApp) -> Client {
    let plain = system::workspace_token().unwrap();
    keep(app, &plain, -1).await;
    app.client("acme").with_bearer(&plain.bearer())
}

async fn keep(app: &TestApp, plain: &PlainToken, good_for_seconds: i64) {
    let now = system::now();
    let workspace = WorkspaceId::parse("acme").unwrap();
    let token = WorkspaceToken {
        id: plain.id().clone(),
        workspace: workspace.clone(),
        name: "short".to_owned(),
        scopes: vec![Scope::Read, Scope::Write],
        hash: plain.hashed(),
        created_by: "u1".to_owned(),
        created_at: now,
        expires_at: now.plus_seconds(good_for_seconds),
        revoked_at: None,
        last_used_on: None,
    };
    let admin = Admin { workspace, user_id: "u1".to_owned(), username: None };
    let origin = Origin::without_request(now, system::event_id(), system::salt());
    let event =
        service_event::token_created(&admin, origin, plain.id(), "short", &token.scopes, token.expires_at);
    app.store().create_token(&token, &event).await.unwrap();
}

/// The same token with one character of its secret changed, and the checksum left or corrected.
fn altered(bearer: &str, with_checksum: bool) -> String {
    let (id, secret) = bearer.strip_prefix("alw_").unwrap().split_once('_').unwrap();
    let mut entropy = secret.as_bytes()[..PlainToken::SECRET_LENGTH].to_vec();
    entropy[0] = if entropy[0] == b'a' { b'b' } else { b'a' };
    let id: &[u8; PlainToken::ID_LENGTH] = id.as_bytes().try_into().unwrap();
    let fitting = PlainToken::new(id, entropy.as_slice().try_into().unwrap());
    if with_checksum {
        return fitting.bearer().to_string();
    }
    let entropy = String::from_utf8(entropy).unwrap();
    format!("alw_{}_{entropy}{}", fitting.id(), &secret[PlainToken::SECRET_LENGTH..])
}

async fn accesses(app: &TestApp, workspace: &str) -> usize {
    app.tables().events_of(workspace, "audit_log_accessed").await.len()
}

/// The answers of both audit routes, which must refuse alike.
async fn both(client: &Client) -> [Answer; 2] {
    [client.list("").await, client.record(&event("e-1", 0)).await]
}

#[tokio::test]
async fn callers_without_a_valid_token_are_refused_and_leave_no_trace() {
    let app = TestApp::start_without_authorizer_cache().await;
    let admin = app.admin("acme");
    let good = admin
        .create_token(&json!({"name": "a", "scopes": ["audit_log:read", "audit_log:write"]}))
        .await
        .expect(201)
        .body;
    let bearer = good["bearer"].as_str().unwrap();
    let (token, secret) = (good["token"].as_str().unwrap(), good["secret"].as_str().unwrap());
    let anyone = app.client("acme");
    let before = app.tables().events("acme").await;

    for answer in both(&anyone).await {
        answer.expect_refusal(401, "Unauthorized");
    }
    for answer in both(&anyone.clone().with_authorization(" ")).await {
        answer.expect_refusal(401, "Unauthorized");
    }
    let forbidden = [
        ("wrong secret", anyone.clone().with_bearer(&altered(bearer, true))),
        ("bad checksum", anyone.clone().with_bearer(&altered(bearer, false))),
        ("wrong secret in Basic", anyone.clone().with_basic(token, &altered(bearer, true)[17..])),
        ("bad checksum in Basic", anyone.clone().with_basic(token, &altered(bearer, false)[17..])),
        ("the secret alone", anyone.clone().with_bearer(secret)),
        ("another scheme", anyone.clone().with_authorization(&format!("Digest {bearer}"))),
        ("no scheme", anyone.clone().with_authorization(bearer)),
        ("an unknown token", anyone.clone().with_bearer(&system::workspace_token().unwrap().bearer())),
        ("an admin's JWT", admin.clone()),
        ("a member's JWT", app.member("acme")),
        ("nonsense", anyone.clone().with_bearer("nonsense")),
        ("two at once", anyone.clone().with_authorization(&format!("Bearer {bearer},Bearer {bearer}"))),
        ("bytes", anyone.clone().with_authorization("Basic /////w==")),
    ];
    for (who, client) in &forbidden {
        for answer in both(client).await {
            assert_eq!(answer.status, 403, "{who}");
            answer.expect_refusal(403, "Forbidden");
        }
    }
    assert_eq!(app.tables().events("acme").await, before);
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let app = TestApp::start().await;
    let client = expired(&app).await;
    for answer in both(&client).await {
        answer.expect_refusal(403, "Forbidden");
    }
    assert_eq!(accesses(&app, "acme").await, 0);
    let plain = system::workspace_token().unwrap();
    keep(&app, &plain, 3600).await;
    app.client("acme").with_bearer(&plain.bearer()).list("").await.expect(200);
}

#[tokio::test]
async fn a_revoked_token_is_refused_as_soon_as_the_authorizer_runs_again() {
    let app = TestApp::start_without_authorizer_cache().await;
    let client = app.holder_of_both("acme").await;
    client.list("").await.expect(200);
    app.admin("acme").revoke_token(&client.token).await.expect(204);
    for answer in both(&client).await {
        answer.expect_refusal(403, "Forbidden");
    }
    assert_eq!(accesses(&app, "acme").await, 1);
}

#[tokio::test]
async fn the_gateway_caches_the_authorizers_answer_for_a_minute_on_every_route() {
    let app = TestApp::start().await;
    let (used, unused) = (app.holder_of_both("acme").await, app.reader("acme").await);
    used.list("").await.expect(200);
    for client in [&used, &unused] {
        app.admin("acme").revoke_token(&client.token).await.expect(204);
    }
    used.list("").await.expect(200);
    used.record(&event("e-1", 0)).await.expect(201);
    unused.list("").await.expect_refusal(403, "Forbidden");
}

#[tokio::test]
async fn an_authorizer_that_cannot_reach_the_tokens_fails_and_neither_admits_nor_refuses() {
    let app = TestApp::start().await;
    let created = app.admin("acme").create_token(&json!({"name": "siem"})).await.expect(201).body;
    let bearer = format!("Bearer {}", created["bearer"].as_str().unwrap());
    let without =
        async |operation| FaultyEngine::before(app.dynamodb_endpoint(), operation, Fault::Denied, 9).await;
    assert!(invoke::authorizer(&without("GetItem").await.store(), &bearer).await.is_err());
    // A bad checksum is refused without a read of the tokens.
    assert!(!invoke::authorizer(&without("GetItem").await.store(), "Bearer nonsense").await.unwrap());
    let unknown = format!("Bearer {}", altered(created["bearer"].as_str().unwrap(), false));
    assert!(!invoke::authorizer(&without("GetItem").await.store(), &unknown).await.unwrap());
    // A token is accepted although its use cannot be noted.
    assert!(invoke::authorizer(&without("UpdateItem").await.store(), &bearer).await.unwrap());
}

#[tokio::test]
async fn bearer_and_basic_are_the_same_token() {
    let app = TestApp::start().await;
    let created = app.admin("acme").create_token(&json!({"name": "siem"})).await.expect(201).body;
    let (token, secret) = (created["token"].as_str().unwrap(), created["secret"].as_str().unwrap());
    assert_eq!(created["bearer"], format!("alw_{token}_{secret}"));
    app.client("acme").with_basic(token, secret).list("").await.expect(200);
    app.client("acme").with_bearer(created["bearer"].as_str().unwrap()).list("").await.expect(200);
    let kept = app.tables().events_of("acme", "audit_log_accessed").await;
    for record in kept {
        let actor: Value = serde_json::from_str(record["actor"].as_str().unwrap()).unwrap();
        assert_eq!((&record["actor_id"], &actor["type"]), (&json!(token), &json!("workspace_token")));
    }
}

#[tokio::test]
async fn another_workspace_is_answered_like_one_that_does_not_exist() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.holder_of_both("acme").await, app.holder_of_both("globex").await);
    globex.record(&event("e-1", 0)).await.expect(201);
    let before = app.tables().events("globex").await;
    let existing = refusals(&acme, "globex").await;
    for other in ["nowhere", "ACME", "acme%20", "..%2Facme", "acme%23", "%00", "acme%2Fx"] {
        assert_eq!(refusals(&acme, other).await, existing, "{other}");
    }
    assert_eq!(app.tables().events("globex").await, before);
    assert_eq!(accesses(&app, "acme").await, 0);

    // The same for a token without the scope: the refusal says nothing about the other workspace.
    app.reader("acme")
        .await
        .asking_for("globex")
        .record(&event("e-2", 0))
        .await
        .expect_problem(404, "not_found");
}

async fn refusals(acme: &Client, workspace: &str) -> [String; 2] {
    both(&acme.asking_for(workspace)).await.map(|answer| {
        let answer = answer.expect_problem(404, "not_found");
        answer.text.replace(answer.body["request_id"].as_str().unwrap(), "[id]")
    })
}

#[tokio::test]
async fn a_token_is_valid_for_its_scopes_only() {
    let app = TestApp::start().await;
    let (reader, writer) = (app.reader("acme").await, app.writer("acme").await);
    let refused = reader.record(&event("e-1", 0)).await.expect_problem(403, "forbidden");
    assert!(refused.body["message"].as_str().unwrap().contains("audit_log:write"));
    let refused = writer.list("").await.expect_problem(403, "forbidden");
    assert!(refused.body["message"].as_str().unwrap().contains("audit_log:read"));
    assert_eq!(accesses(&app, "acme").await, 0);
    assert_eq!(app.tables().events_of("acme", "group_created").await.len(), 0);
    reader.list("").await.expect(200);
    writer.record(&event("e-1", 0)).await.expect(201);
}

#[tokio::test]
async fn only_an_admin_of_the_workspace_manages_its_tokens() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let victim = app.reader("acme").await;
    let before = (app.tables().events("acme").await, app.tables().tokens("acme").await);
    let now = jiff::Timestamp::now().as_second();
    let unauthorized = [
        ("no credentials", app.client("acme")),
        ("a workspace token", victim.clone()),
        ("nonsense", app.client("acme").with_bearer("a.b.c")),
        ("expired", with_claims(&app, claims(now, "exp", json!(now - 1)))),
        ("another issuer", with_claims(&app, claims(now, "iss", json!("https://elsewhere.example.com")))),
        ("another audience", with_claims(&app, claims(now, "aud", json!("elsewhere")))),
        ("another system's key", TestApp::start().await.admin("acme").at(&app)),
    ];
    for (who, client) in &unauthorized {
        for answer in manage_tokens(&victim, client).await {
            assert_eq!(answer.status, 401, "{who}: {}", answer.text);
            answer.expect_refusal(401, "Unauthorized");
        }
    }
    let forbidden = [
        ("a member", app.member("acme")),
        ("no role", with_claims(&app, claims(now, "role", json!(null)))),
        ("a list of other roles", with_claims(&app, claims(now, "role", json!(["member", "no-admin"])))),
        ("no workspace", with_claims(&app, claims(now, "workspace", json!(null)))),
        ("no user", with_claims(&app, claims(now, "sub", json!("")))),
    ];
    for (who, client) in &forbidden {
        for answer in manage_tokens(&victim, client).await {
            assert_eq!(answer.status, 403, "{who}: {}", answer.text);
            answer.expect_problem(403, "forbidden");
        }
    }
    let elsewhere =
        [admin.asking_for("globex"), admin.asking_for("nowhere"), app.admin("globex").asking_for("acme")];
    for client in &elsewhere {
        for answer in manage_tokens(&victim, client).await {
            answer.expect_problem(404, "not_found");
        }
    }
    assert_eq!((app.tables().events("acme").await, app.tables().tokens("acme").await), before);
    let lists = [
        ("a list of roles", with_claims(&app, claims(now, "role", json!(["member", "admin"])))),
        ("a list of workspaces", with_claims(&app, claims(now, "workspace", json!(["globex", "acme"])))),
    ];
    for (who, client) in &lists {
        assert_eq!(client.tokens().await.status, 200, "{who}");
    }
    assert_eq!(app.tables().tokens("globex").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_deployment_names_the_claims_of_its_admins() {
    let app = TestApp::start().await;
    let store = Store::connect(&Config::local(app.dynamodb_endpoint()));
    let names = AdminClaims {
        workspace: "custom:workspace".to_owned(),
        user_id: "oid".to_owned(),
        username: "preferred_username".to_owned(),
        admin: "cognito:groups".to_owned(),
        admin_values: vec!["audit-admins".to_owned()],
    };
    let admin = json!({"custom:workspace": "acme", "oid": "u1", "cognito:groups": "[editors audit-admins]"});
    for (changed, expected, named) in [
        (json!({}), 200, ""),
        (json!({"cognito:groups": "[editors]"}), 403, "admins"),
        (json!({"oid": ""}), 403, "claim oid"),
        (json!({"custom:workspace": null}), 403, "claim custom:workspace"),
        (json!({"custom:workspace": "globex"}), 404, ""),
    ] {
        let mut claims = admin.clone();
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let (status, body) = invoke::list_tokens_with(&store, names.clone(), &claims).await;
        assert_eq!(status, expected, "{changed}: {body}");
        assert!(body.to_string().contains(named), "{changed}: {body}");
    }
    // The default names are not read.
    let claims = json!({"workspace": "acme", "role": "admin", "sub": "u1"});
    assert_eq!(invoke::list_tokens_with(&store, names, &claims).await.0, 403);
}

fn claims(now: i64, name: &str, value: Value) -> Value {
    let mut claims = json!({
        "iss": "https://identity.example.com", "aud": "audit-logs", "exp": now + 60,
        "sub": "u1", "workspace": "acme", "role": "admin",
    });
    claims[name] = value;
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn with_claims(app: &TestApp, claims: Value) -> Client {
    app.client("acme").with_bearer(&app.jwt_with(&claims))
}

async fn manage_tokens(victim: &Client, client: &Client) -> [Answer; 3] {
    [
        client.create_token(&json!({"name": "a"})).await,
        client.tokens().await,
        client.revoke_token(&victim.token).await,
    ]
}

#[tokio::test]
async fn a_token_reads_and_records_in_its_own_workspace_only() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.holder_of_both("acme").await, app.holder_of_both("globex").await);
    acme.record(&event("of-acme", 0)).await.expect(201);
    globex.record(&event("of-globex", 0)).await.expect(201);
    for (client, workspace, id) in [(&acme, "acme", "of-acme"), (&globex, "globex", "of-globex")] {
        let read = client.read("action=group_created").await;
        assert_eq!(read.len(), 1);
        assert_eq!((&read[0]["id"], &read[0]["workspace_username"]), (&json!(id), &json!(workspace)));
    }
}
