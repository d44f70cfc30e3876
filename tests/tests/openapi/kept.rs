//! Every answer of the settings, and the answers for expired events.

use serde_json::json;
use shared::{
    aws::config::Config,
    model::{id::WorkspaceId, keys::Place},
    store::Store,
    system,
};
use tests::{TestApp, sample::at};

use crate::{ENTRY, REDACTIONS, SETTINGS, TILE, description::Description};

pub(crate) async fn settings(app: &TestApp, description: &mut Description) {
    let (admin, member, anonymous) = (app.admin("hooli"), app.member("hooli"), app.client("hooli"));
    let (path, year) = ("/api/hooli/settings", json!({"retention_days": 365, "confirm": true}));
    let shown = [
        admin.settings().await.expect(200),
        anonymous.settings().await.expect_refusal(401, "Unauthorized"),
        member.settings().await.expect_problem(403, "forbidden"),
        admin.asking_for("globex").settings().await.expect_problem(404, "not_found"),
        admin.get(&format!("{path}/")).await.expect_refusal(404, "Not Found"),
    ];
    shown.iter().for_each(|answer| description.holds("GET", SETTINGS, answer));
    let changed = [
        admin.set(&json!({"retention_days": 365})).await.expect_problem(422, "invalid_body"),
        admin.set(&year).await.expect(200),
        admin
            .set(&json!({"retention_days": 30, "confirm": true}))
            .await
            .expect_problem(409, "settings_changing"),
        admin.set(&json!({"legal_hold": {"reason": "case 17"}})).await.expect(200),
        admin.send(patch(&admin, path, "{".to_owned())).await.expect_problem(400, "invalid_json"),
        anonymous.set(&year).await.expect_refusal(401, "Unauthorized"),
        member.set(&year).await.expect_problem(403, "forbidden"),
        admin.asking_for("globex").set(&year).await.expect_problem(404, "not_found"),
        admin.send(patch(&admin, path, " ".repeat(10_001))).await.expect_problem(413, "too_large"),
        admin
            .send(patch(&admin, &format!("{path}/"), "{}".to_owned()))
            .await
            .expect_refusal(404, "Not Found"),
    ];
    changed.iter().for_each(|answer| description.holds("PATCH", SETTINGS, answer));
}

fn patch(admin: &tests::Client, path: &str, body: String) -> reqwest::RequestBuilder {
    admin.request(reqwest::Method::PATCH, path).body(body)
}

/// Answers for an event of February, where events are kept for a day.
pub(crate) async fn expired(app: &TestApp, description: &mut Description) {
    let workspace = WorkspaceId::parse("umbrella").unwrap();
    // No instance has read its settings yet.
    let store = Store::connect(&Config::local(app.dynamodb_endpoint()));
    app.tables().put_events("umbrella", "group_created", 1).await;
    let (_, place) = Place::from_key("umbrella", &format!("{}#group_created", at(0))).unwrap();
    sealer::seal(&store, &workspace, &[place], system::now()).await.unwrap();
    app.keep_days("umbrella", 1).await;

    let reader = app.reader("umbrella").await;
    reader.ledger("checkpoint").await.expect(200);
    let answer = reader.ledger("entries/0").await.expect_problem(410, "expired");
    description.holds("GET", ENTRY, &answer);
    let answer = reader.ledger("tile/entries/000.p/1").await.expect_problem(410, "expired");
    description.holds("GET", TILE, &answer);
    let answer = app.admin("umbrella").redact(&json!({"sequences": [0]})).await;
    description.holds("POST", REDACTIONS, &answer.expect_problem(410, "expired"));
}
