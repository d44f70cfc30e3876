//! The time view: the events that a reader gets, and the record that each read leaves.

use serde_json::{Value, json};
use tests::{
    Client, Fault, FaultyEngine, TestApp, invoke,
    sample::{at, event},
};

/// Records an event at each of these seconds, with the second as its id.
async fn record(writer: &Client, seconds: impl IntoIterator<Item = i64>) {
    let events: Vec<_> = seconds.into_iter().map(|second| event(&format!("e-{second}"), second)).collect();
    writer.record(&json!({"events": events})).await.expect(201);
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["id"].as_str().unwrap()).collect()
}

/// The records of reads in acme.
async fn accesses(app: &TestApp) -> Vec<Value> {
    app.tables().events_of("acme", "audit_log_accessed").await
}

#[tokio::test]
async fn a_time_range_includes_its_start_and_excludes_its_end() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 0..5).await;
    let (from, to) = (at(1), at(3));
    check_ids(&client, &format!("start_timestamp={from}&end_timestamp={to}"), &["e-2", "e-1"]).await;
    check_ids(&client, &format!("start_timestamp={from}&end_timestamp={to}&order=asc"), &["e-1", "e-2"])
        .await;
    check_ids(&client, &format!("end_timestamp={to}"), &["e-2", "e-1", "e-0"]).await;
    check_ids(&client, &format!("start_timestamp={from}&end_timestamp={from}"), &[]).await;
    let far = "start_timestamp=0000-01-01T00:00:00Z&end_timestamp=9999-12-30T23:00:00%2B01:00";
    check_ids(&client, &format!("{far}&action=group_created&limit=2"), &["e-4", "e-3"]).await;
    check_ids(
        &client,
        "start_timestamp=2025-02-18T12:00:01%2B02:00&end_timestamp=2025-02-18T10:00:01.000001Z",
        &["e-1"],
    )
    .await;
}

async fn check_ids(client: &Client, query: &str, expected: &[&str]) {
    assert_eq!(ids(client.list(query).await.expect(200).events()), expected, "{query}");
}

#[tokio::test]
async fn the_newest_hundred_come_first_unless_asked_otherwise() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 0..120).await;
    let page = client.list(&format!("end_timestamp={}", at(120))).await.expect(200);
    assert_eq!((page.events().len(), &page.body["has_more"]), (100, &json!(true)));
    assert_eq!(ids(page.events())[0], "e-119");
    let page = client.list(&format!("end_timestamp={}&limit=1000", at(120))).await.expect(200);
    assert_eq!(
        (page.events().len(), &page.body["has_more"], &page.body["next_cursor"]),
        (120, &json!(false), &json!(null))
    );
    let page = client.list(&format!("end_timestamp={}&limit=120", at(120))).await.expect(200);
    assert_eq!((page.events().len(), &page.body["has_more"]), (120, &json!(false)));
}

#[tokio::test]
async fn actions_are_chosen_one_by_one_or_in_a_list() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let actions = ["group_created", "group_deleted", "x_own", "group_created", "org_user_invited"];
    let events: Vec<_> = actions
        .iter()
        .zip(0..)
        .map(|(action, second)| {
            let mut event = event(&format!("e-{second}"), second);
            event["action"] = json!(action);
            event
        })
        .collect();
    client.record(&json!({"events": events})).await.expect(201);
    check_ids(&client, "action=group_created", &["e-3", "e-0"]).await;
    check_ids(&client, "action=group_created&action=x_own", &["e-3", "e-2", "e-0"]).await;
    check_ids(&client, "action=group_created,x_own&order=asc", &["e-0", "e-2", "e-3"]).await;
    check_ids(&client, "action=group_created,group_created", &["e-3", "e-0"]).await;
    check_ids(&client, "action=group_member_added", &[]).await;
}

#[tokio::test]
async fn the_log_of_an_unused_workspace_is_empty() {
    let app = TestApp::start().await;
    let reader = app.reader("acme").await;
    let page = reader.list(&format!("end_timestamp={}", at(0))).await.expect(200);
    assert_eq!(page.body, json!({"audit_logs": [], "has_more": false, "next_cursor": null}));
    assert_eq!(page.headers.get("link"), None);
    assert_eq!(page.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn every_read_leaves_exactly_one_record_with_reader_and_query() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 0..5).await;
    let query = format!(
        "start_timestamp={}&end_timestamp=2025-02-18T12:00:04%2B02:00&action=group_created,x_own&order=asc&limit=2",
        at(0)
    );
    let request = client.request(reqwest::Method::GET, &format!("/api/acme/audit_logs?{query}"));
    client.send(request.header("user-agent", "siem/1.0")).await.expect(200);

    let kept = accesses(&app).await;
    assert_eq!(kept.len(), 1);
    let actor = json!({"type": "workspace_token", "ip": "127.0.0.1", "user_agent": "siem/1.0"});
    assert_eq!(part(&kept[0], "actor"), actor);
    assert_eq!(
        ["actor_id", "entity_type", "entity_id"].map(|name| &kept[0][name]),
        [&json!(client.token), &json!("audit_log"), &json!("acme")]
    );
    assert_eq!(
        part(&kept[0], "context"),
        json!({
            "route": "GET /api/{workspace}/audit_logs",
            "filters": {
                "start_timestamp": at(0), "end_timestamp": at(4), "action": "group_created,x_own", "order": "asc",
            },
            "count": 2,
            "first": {"timestamp": at(0), "id": "e-0"},
            "last": {"timestamp": at(1), "id": "e-1"},
        })
    );

    // One more record for each page, an empty page included.
    assert_eq!(client.pages(&query).await.len(), 2);
    client.list("action=group_deleted").await.expect(200);
    let kept = accesses(&app).await;
    assert_eq!(kept.len(), 4);
    let context: Value = serde_json::from_str(kept[3]["context"].as_str().unwrap()).unwrap();
    let nothing = json!({"route": "GET /api/{workspace}/audit_logs", "filters": {"action": "group_deleted"}, "count": 0});
    assert_eq!(context, nothing);
}

fn part(record: &Value, name: &str) -> Value {
    serde_json::from_str(record[name].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn the_next_read_returns_the_record_of_a_read() {
    let app = TestApp::start().await;
    let reader = app.reader("acme").await;
    reader.list("").await.expect(200);
    let next = reader.list("action=audit_log_accessed").await.expect(200);
    assert_eq!(next.events().len(), 1);
    assert_eq!(next.events()[0]["actor"]["user_id"], reader.token);
    assert_eq!(next.events()[0]["category"], "audit_logs_access");
}

#[tokio::test]
async fn a_refused_query_leaves_no_record() {
    let app = TestApp::start().await;
    let reader = app.reader("acme").await;
    reader.list("limit=0").await.expect_problem(400, "invalid_query");
    reader.list("cursor=abc").await.expect_problem(400, "invalid_cursor");
    assert_eq!(accesses(&app).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_read_that_cannot_be_recorded_is_refused_without_data() {
    let app = TestApp::start().await;
    app.writer("acme").await.record(&event("secret-1", 0)).await.expect(201);
    let faulty = FaultyEngine::before(app.dynamodb_endpoint(), "ExecuteStatement", Fault::Denied, 1).await;
    let request = invoke::audit_logs("GET", &json!(null));
    let (status, problem) = invoke::query(&faulty.store(), request.clone()).await;
    insta::assert_json_snapshot!((status, &problem));
    assert_eq!(accesses(&app).await, [] as [Value; 0]);

    let (status, body) = invoke::query(&faulty.store(), request).await;
    assert_eq!((status, body["audit_logs"].as_array().unwrap().len()), (200, 2));
    assert_eq!(accesses(&app).await.len(), 1);
}

#[tokio::test]
async fn a_read_whose_record_was_written_but_not_acknowledged_is_refused_too() {
    let app = TestApp::start().await;
    let faulty =
        FaultyEngine::before(app.dynamodb_endpoint(), "ExecuteStatement", Fault::AnswerLost, usize::MAX)
            .await;
    let (status, problem) = invoke::query(&faulty.store(), invoke::audit_logs("GET", &json!(null))).await;
    assert_eq!((status, &problem["id"], problem.get("audit_logs")), (503, &json!("unavailable"), None));
    // Records may exceed reads, but never the other way round.
    assert_eq!(accesses(&app).await.len(), 1);
}

#[tokio::test]
async fn a_record_of_a_read_that_the_sdk_repeats_is_stored_once() {
    let app = TestApp::start().await;
    let faulty =
        FaultyEngine::before(app.dynamodb_endpoint(), "ExecuteStatement", Fault::AnswerLost, 1).await;
    let (status, _) = invoke::query(&faulty.store(), invoke::audit_logs("GET", &json!(null))).await;
    assert_eq!(status, 200);
    assert_eq!(accesses(&app).await.len(), 1);
}
