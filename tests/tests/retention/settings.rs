//! The settings of a workspace over HTTP, and the records of their changes.

use serde_json::{Value, json};
use shared::{
    model::{retention::NOTICE_SECONDS, timestamp::Timestamp},
    system,
};
use tests::TestApp;

fn nothing_set() -> Value {
    json!({
        "retention_days": null, "retained_from": null, "retention_to_come": null, "legal_hold": null,
        "receipted_to": null, "shards": [],
    })
}

#[tokio::test]
async fn a_change_says_when_it_takes_effect_and_is_recorded() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    assert_eq!(admin.settings().await.expect(200).body, nothing_set());

    let asked = system::now();
    let changed = admin.set(&json!({"retention_days": 30, "confirm": true})).await.expect(200).body;
    assert_eq!((&changed["retention_days"], &changed["retained_from"]), (&json!(null), &json!(null)));
    let to_come = &changed["retention_to_come"];
    let from = Timestamp::parse(to_come["from"].as_str().unwrap()).unwrap();
    assert_eq!(to_come["retention_days"], 30);
    assert!(from >= asked.plus_seconds(NOTICE_SECONDS), "{from}");
    // The same change again changes nothing, and leaves no record.
    let again = admin.set(&json!({"retention_days": 30, "confirm": true})).await.expect(200).body;
    assert_eq!(again, changed);

    let records = app.tables().events_of("acme", "x_audit_log_settings_changed").await;
    assert_eq!(records.len(), 1);
    assert_eq!(json_of(&records[0], "changes"), json!([{"path": "/retention_days", "old": null, "new": 30}]));
    let context = json_of(&records[0], "context");
    assert_eq!(context["effective_from"], json!(from));
    assert!(context["service_signature"].is_object(), "{context}");

    let held = admin.set(&json!({"legal_hold": {"reason": "a lawsuit"}})).await.expect(200).body;
    assert_eq!(held["legal_hold"]["reason"], "a lawsuit");
    assert_eq!((&held["legal_hold"]["until"], &held["retention_to_come"]), (&json!(null), to_come));
    assert_eq!(app.tables().events_of("acme", "x_audit_log_settings_changed").await.len(), 2);
}

fn json_of(record: &Value, name: &str) -> Value {
    serde_json::from_str::<Value>(record[name].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_change_that_lets_events_expire_must_be_confirmed() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let refused = admin.set(&json!({"retention_days": 30})).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.problems(), ["/confirm required"]);
    assert_eq!(admin.settings().await.expect(200).body, nothing_set());
    admin.set(&json!({"retention_days": null})).await.expect(200);
    assert!(app.tables().events("acme").await.is_empty());
}

#[tokio::test]
async fn a_change_waits_for_the_one_before_it_and_a_later_one_can_be_taken_back() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    let next_week = system::now().plus_seconds(7 * 86_400);
    let later = admin.set(&days(Some(7), Some(next_week))).await.expect(200).body;
    assert_eq!(later["retention_to_come"], json!({"retention_days": 7, "from": next_week}));
    let back = admin.set(&days(None, None)).await.expect(200).body;
    assert_eq!(back["retention_to_come"]["retention_days"], json!(null));
    admin.set(&days(Some(9), None)).await.expect_problem(409, "settings_changing");
}

fn days(days: Option<u32>, from: Option<Timestamp>) -> Value {
    json!({"retention_days": days, "effective_from": from, "confirm": true})
}

#[tokio::test]
async fn an_invalid_change_is_refused_with_its_problems() {
    let app = TestApp::start().await;
    let admin = app.admin("acme");
    check_refused(&admin, json!({}), &[" required"]).await;
    check_refused(&admin, json!({"retention_days": 0, "confirm": true}), &["/retention_days out_of_range"])
        .await;
    check_refused(
        &admin,
        json!({"retention_days": 3651, "confirm": true}),
        &["/retention_days out_of_range"],
    )
    .await;
    let past = json!({"retention_days": 1, "confirm": true, "effective_from": "2026-01-01T00:00:00Z"});
    check_refused(&admin, past, &["/effective_from out_of_range"]).await;
    check_refused(&admin, json!({"shards": 4}), &["/shards unknown_field"]).await;
    app.member("acme").settings().await.expect_problem(403, "forbidden");
    app.admin("globex").asking_for("acme").settings().await.expect_problem(404, "not_found");
}

async fn check_refused(admin: &tests::Client, body: Value, expected: &[&str]) {
    let answer = admin.set(&body).await.expect_problem(422, "invalid_body");
    assert_eq!(answer.problems(), expected, "{body}");
}
