//! The routes that need no credentials.

use serde_json::json;
use shared::model::catalogue::{CATALOGUE, CATEGORIES};
use tests::TestApp;

#[tokio::test]
async fn anyone_may_list_the_50_actions_in_9_categories_in_the_order_of_the_catalogue() {
    let app = TestApp::start().await;
    let answer = app.client("").get("/api/actions").await.expect(200);
    let categories: Vec<_> =
        CATEGORIES.iter().map(|row| json!({"category": row.name, "label": row.label})).collect();
    assert_eq!(answer.body["categories"], json!(categories));
    assert_eq!(categories.len(), 9);
    let listed = answer.body["actions"].as_array().unwrap();
    let names: Vec<_> = listed.iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(names, CATALOGUE.iter().map(|row| row.action).collect::<Vec<_>>());
    assert_eq!(names.len(), 50);
    assert_eq!(
        listed[0],
        json!({
            "action": "org_user_role_changed",
            "event": "Change the role of a member",
            "category": "user_membership",
            "recorded_by": "client",
        })
    );
    let reserved: Vec<_> =
        listed.iter().filter(|row| row["recorded_by"] == "service").map(|row| &row["action"]).collect();
    assert_eq!(
        reserved,
        ["api_token_workspace_created", "api_token_workspace_revoked", "audit_log_accessed"]
    );
}

#[tokio::test]
async fn anyone_may_read_the_schema_of_an_event_and_see_that_the_api_is_up() {
    let app = TestApp::start().await;
    let anyone = app.client("");
    let schema = anyone.get("/api/schema").await.expect(200);
    assert_eq!(schema.headers["content-type"], "application/schema+json");
    assert_eq!(schema.body["required"], json!(["action", "actor"]));
    assert_eq!(anyone.get("/api/health").await.expect(200).body, json!({"status": "ok"}));
}

#[tokio::test]
async fn credentials_do_no_harm_on_an_open_route() {
    let app = TestApp::start().await;
    let stranger = app.client("").with_bearer("alw_nobody_knows");
    stranger.get("/api/actions").await.expect(200);
}
