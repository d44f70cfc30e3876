//! The bus: events that the product puts on it are recorded once.

use serde_json::{Value, json};
use shared::model::catalogue::CATALOGUE;
use tests::{
    Fault, FaultyEngine, Plan, TestApp, entry, eventually,
    invoke::{self, batch, envelope},
    sample::{at, documented_event, event, full_event},
};

/// An event in the product's form, with its workspace.
pub(crate) fn detail(id: &str, seconds: i64) -> Value {
    let mut detail = event(id, seconds);
    detail["workspace_username"] = json!("acme");
    detail
}

#[tokio::test]
async fn all_50_actions_go_in_through_the_bus_and_are_read_back_with_exactly_their_content() {
    let app = TestApp::start().await;
    let reader = app.reader("acme").await;
    let sent: Vec<Value> = (0..)
        .zip(CATALOGUE)
        .map(|(number, row)| {
            let mut event = full_event(&format!("e-{number}"), number);
            event["action"] = json!(row.action);
            event["description"] = json!(format!("{}, number {number}", row.event));
            event["workspace_username"] = json!("acme");
            event["context"]["number"] = json!(number);
            event
        })
        .collect();
    let entries: Vec<_> = sent.iter().map(|event| entry("product", event)).collect();
    for ten in entries.chunks(10) {
        let answer = app.bus().put(ten).await.expect(200);
        assert_eq!(
            (&answer.body["FailedEntryCount"], answer.body["Entries"].as_array().unwrap().len()),
            (&json!(0), 10)
        );
    }

    // Reads leave records with the present time, which is outside of this range.
    let range = format!("start_timestamp={}&end_timestamp={}&order=asc", at(0), at(50));
    let read =
        eventually("50 events", async || Some(reader.read(&range).await).filter(|read| read.len() == 50));
    let mut read = read.await;
    for (event, row) in read.iter_mut().zip(CATALOGUE) {
        assert_eq!(event["category"], row.category.name);
        assert_eq!(event["sequence"], json!(null));
        event.as_object_mut().unwrap().retain(|name, _| {
            !["category", "sequence", "received_at", "salt", "redacted"].contains(&name.as_str())
        });
    }
    assert_eq!(read, sent);
    for (number, row) in CATALOGUE.iter().enumerate() {
        let one = reader.read(&format!("{range}&action={}", row.action)).await;
        assert_eq!(one.len(), 1, "{}", row.action);
        assert_eq!(one[0]["id"], format!("e-{number}"));
    }
}

#[tokio::test]
async fn bus_events_are_read_by_action_and_time_with_token_and_secret() {
    let app = TestApp::start().await;
    let created = app.admin("acme").create_token(&json!({"name": "siem"})).await.expect(201).body;
    let reader = app
        .client("acme")
        .with_basic(created["token"].as_str().unwrap(), created["secret"].as_str().unwrap());
    let sent = documented_event("acme");
    app.bus().send("product", &sent).await;
    app.settled().await;
    let query = "start_timestamp=2025-02-18T00:00:00Z&end_timestamp=2025-02-19T00:00:00Z&action=connection_group_added_with_role";
    let read = reader.list(query).await.expect(200).events()[0].clone();
    let mut expected = sent;
    expected["category"] = json!("workspace_connections");
    expected["outcome"] = json!("success");
    expected["changes"] = json!([]);
    expected["sequence"] = json!(null);
    expected["actor"]["type"] = json!("user");
    expected["received_at"] = read["received_at"].clone();
    expected["salt"] = read["salt"].clone();
    expected["redacted"] = json!(null);
    assert_eq!(read, expected);
}

#[tokio::test]
async fn an_event_without_a_key_gets_the_key_of_its_envelope() {
    let app = TestApp::start().await;
    let reader = app.reader("acme").await;
    let sent = json!({"workspace": "acme", "action": "group_deleted", "actor": {"user_id": "u1"}});
    let mut with_time = entry("product", &sent);
    with_time["Time"] = json!(1_739_875_657);
    let answer = app.bus().put(&[with_time]).await.expect(200);
    let read = eventually("the event", async || reader.read("action=group_deleted").await.first().cloned());
    let read = read.await;
    assert_eq!(read["id"], answer.body["Entries"][0]["EventId"]);
    assert_eq!(read["timestamp"], "2025-02-18T10:47:37.000000Z");
}

#[tokio::test]
async fn the_same_event_twice_on_the_bus_is_one_record() {
    let app = TestApp::start().await;
    let bus = app.bus();
    // Each gets its own envelope; the event is identified by its own members.
    let first = bus.send("product", &detail("e-1", 0)).await;
    let second = bus.send("product", &detail("e-1", 0)).await;
    assert_ne!(first, second);
    // A later event is handled later or at the same time, so wait for one and look again.
    let envelopes =
        [envelope("m-1", &detail("e-1", 0)).to_string(), envelope("m-2", &detail("e-1", 0)).to_string()];
    let delivery = batch(&[("1", &envelopes[0]), ("2", &envelopes[1]), ("3", &envelopes[0])]);
    let answer = invoke::ingest_bus(&app.store(), &delivery).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 0);
    app.settled().await;
    assert_eq!(app.tables().events("acme").await.len(), 1);
    assert_eq!(app.tables().quarantined("product").await, [] as [Value; 0]);
}

#[tokio::test]
async fn an_event_sent_through_both_doors_is_one_record() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    app.bus().send("product", &detail("e-1", 0)).await;
    app.settled().await;
    assert_eq!(client.record(&event("e-1", 0)).await.expect(200).result()["status"], "duplicate");
    let mut other = event("e-1", 0);
    other["outcome"] = json!("failure");
    client.record(&other).await.expect_problem(409, "conflict");
}

#[tokio::test]
async fn a_well_formed_unknown_action_is_recorded_as_other() {
    let app = TestApp::start().await;
    let reader = app.reader("acme").await;
    let mut unknown = detail("e-1", 0);
    unknown["action"] = json!("dashboard_shared");
    app.bus().send("product", &unknown).await;
    let read = eventually("the event", async || reader.read("action=dashboard_shared").await.pop()).await;
    assert_eq!((&read["category"], &read["description"]), (&json!("other"), &json!("dashboard_shared")));
}

#[tokio::test]
async fn only_messages_that_could_not_be_written_are_reported_for_another_delivery() {
    let app = TestApp::start().await;
    let plan = Plan::default().first(1, "ExecuteStatement", Fault::Denied).first(
        1,
        "BatchExecuteStatement",
        Fault::Denied,
    );
    let faulty = FaultyEngine::with(app.dynamodb_endpoint(), plan).await;
    let envelopes: Vec<_> = (0..5)
        .map(|number| envelope(&format!("m-{number}"), &detail(&format!("e-{number}"), 0)).to_string())
        .collect();
    let messages: Vec<_> =
        ["0", "1", "2", "3", "4"].into_iter().zip(envelopes.iter().map(String::as_str)).collect();
    let answer = invoke::ingest_bus(&faulty.store(), &batch(&messages)).await.unwrap();
    let failed: Vec<_> =
        answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(failed.len(), 1);
    let recorded = app.tables().events("acme").await;
    assert_eq!(recorded.len(), 4);
    let missing = format!("#e-{}", failed[0]);
    assert!(recorded.iter().all(|item| !item["timestamp"].as_str().unwrap().ends_with(&missing)));

    invoke::ingest_bus(&faulty.store(), &batch(&messages)).await.unwrap();
    assert_eq!(app.tables().events("acme").await.len(), 5);
}

#[tokio::test]
async fn a_message_that_could_not_be_quarantined_is_reported_too() {
    let app = TestApp::start().await;
    let faulty = FaultyEngine::before(app.dynamodb_endpoint(), "ExecuteStatement", Fault::Denied, 1).await;
    let answer = invoke::ingest_bus(&faulty.store(), &batch(&[("m-1", "no JSON")])).await.unwrap();
    assert_eq!(answer.batch_item_failures[0].item_identifier, "m-1");
}

#[tokio::test]
async fn a_bare_envelope_is_recorded_or_the_invocation_fails() {
    let app = TestApp::start().await;
    let bare = envelope("bare", &detail("e-1", 0));
    let faulty = FaultyEngine::before(app.dynamodb_endpoint(), "ExecuteStatement", Fault::Denied, 1).await;
    assert!(invoke::ingest_bus(&faulty.store(), &bare).await.is_err());
    let answer = invoke::ingest_bus(&faulty.store(), &bare).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 0);
    assert_eq!(app.tables().events("acme").await.len(), 1);
}

#[tokio::test]
async fn an_entry_for_another_bus_fails_alone() {
    let app = TestApp::start().await;
    let mut elsewhere = entry("product", &detail("e-1", 0));
    elsewhere["EventBusName"] = json!("elsewhere");
    let mut nowhere = entry("product", &detail("e-2", 0));
    nowhere.as_object_mut().unwrap().remove("EventBusName");
    let mut malformed = entry("product", &detail("e-3", 0));
    malformed["Detail"] = json!("no JSON");
    let good = entry("product", &detail("e-4", 0));
    let answer = app.bus().put(&[elsewhere, nowhere, malformed, good]).await.expect(200);
    assert_eq!(answer.body["FailedEntryCount"], 3);
    let codes: Vec<_> =
        answer.body["Entries"].as_array().unwrap().iter().map(|entry| entry["ErrorCode"].as_str()).collect();
    let unknown = Some("ResourceNotFoundException");
    assert_eq!(codes, [unknown, unknown, Some("MalformedDetail"), None]);
    app.settled().await;
    assert_eq!(app.tables().events("acme").await.len(), 1);
}

#[tokio::test]
async fn a_call_with_11_entries_or_none_is_refused_completely() {
    let app = TestApp::start().await;
    let eleven: Vec<_> = (0..11).map(|number| entry("product", &detail(&format!("e-{number}"), 0))).collect();
    for entries in [&eleven[..], &[]] {
        let refused = app.bus().put(entries).await.expect(400);
        assert!(refused.text.contains("ValidationException"), "{}", refused.text);
    }
    app.settled().await;
    assert_eq!(app.tables().events("acme").await, [] as [Value; 0]);
}
