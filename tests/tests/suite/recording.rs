//! Recording over HTTP: accepted events are recorded once, and the others are refused.

use serde_json::{Value, json};
use tests::{
    Client, TestApp,
    sample::{at, documented_event, event, event_of_bytes, event_of_numbers, full_event},
};

/// All events of an action, as a reader gets them.
pub(crate) async fn read_all(reader: &Client, action: &str) -> Vec<Value> {
    reader.read(&format!("action={action}&limit=1000")).await
}

/// The statuses of the results, which must be in the order of the request.
pub(crate) fn statuses(body: &Value) -> Vec<&str> {
    let results = body["results"].as_array().unwrap();
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["index"], index);
    }
    results.iter().map(|result| result["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_event_is_read_back_with_exactly_the_content_that_was_sent() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let sent = full_event("e-1", 0);
    let answer = client.record(&sent).await.expect(201);
    let result =
        json!({"index": 0, "status": "recorded", "id": "e-1", "timestamp": at(0), "retry_safe": true});
    assert_eq!(answer.body["results"], json!([result]));

    let mut read = read_all(&client, "connection_group_added_with_role").await;
    let received_at = read[0].as_object_mut().unwrap().remove("received_at").unwrap();
    assert_eq!(received_at.as_str().unwrap().len(), at(0).len());
    let mut expected = sent;
    expected["category"] = json!("workspace_connections");
    expected["sequence"] = json!(null);
    expected["workspace_username"] = json!("acme");
    expected["salt"] = read[0]["salt"].clone();
    expected["redacted"] = json!(null);
    assert_eq!(read, [expected]);
}

#[tokio::test]
async fn omitted_members_get_their_defaults() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    client.record(&event("e-1", 0)).await.expect(201);
    let read = read_all(&client, "group_created").await;
    let filters = vec![
        (r#""received_at": "\S{27}""#, r#""received_at": "[time]""#),
        (r#""salt": "\S{22}""#, r#""salt": "[salt]""#),
    ];
    insta::with_settings!({filters => filters}, {
        insta::assert_json_snapshot!(read);
    });
}

#[tokio::test]
async fn the_documented_event_takes_one_write_unit_of_the_table_and_one_of_each_index() {
    let app = TestApp::start().await;
    let client = app.writer("charismabrotherscorp").await;
    let answer = client.record(&documented_event("charismabrotherscorp")).await.expect(201);
    assert_eq!(answer.body["debug"], json!({"write_units": {"table": 1.0, "indexes": 3.0}}));
}

#[tokio::test]
async fn without_an_id_every_request_is_a_new_event_and_the_answer_says_so() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    let sent = json!({"action": "x_invoice_paid", "actor": {"user_id": "u1"}});
    for _ in 0..2 {
        let answer = client.record(&sent).await.expect(201);
        assert_eq!(answer.result()["retry_safe"], false);
    }
    assert_eq!(app.tables().events_of("acme", "x_invoice_paid").await.len(), 2);
}

#[tokio::test]
async fn an_id_without_a_timestamp_is_refused_and_the_reverse() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    check_missing(&client, "id").await;
    check_missing(&client, "timestamp").await;
}

async fn check_missing(client: &Client, missing: &str) {
    let mut sent = event("e-1", 0);
    sent.as_object_mut().unwrap().remove(missing);
    let refused = client.record(&sent).await.expect_problem(422, "invalid_event");
    assert_eq!(refused.problems(), [format!("/{missing} required")]);
}

#[tokio::test]
async fn a_batch_of_500_with_3_bad_events_stores_497_and_explains_each_refusal() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    let mut events: Vec<_> = (0..500).map(|number| event(&format!("e-{number}"), number)).collect();
    events[7]["action"] = json!("group_crated");
    events[250] = json!("not an event");
    events[499]["actor"] = json!({"user_id": "", "name": "peter"});
    events[499]["timestamp"] = json!("yesterday");
    let answer = client.record(&json!({"events": events})).await.expect(207);

    let statuses = statuses(&answer.body);
    assert_eq!(statuses.len(), 500);
    let invalid: Vec<_> = (0..500).filter(|index| statuses[*index] == "invalid").collect();
    assert_eq!(invalid, [7, 250, 499]);
    assert_eq!(statuses.iter().filter(|status| **status == "recorded").count(), 497);
    let problems: Vec<_> = invalid.iter().map(|index| &answer.body["results"][index]["problem"]).collect();
    insta::assert_json_snapshot!(problems);

    let kept = app.tables().events_of("acme", "group_created").await;
    assert_eq!(kept.len(), 497);
    let expected = (0..500).filter(|number| !invalid.contains(&(*number as usize)));
    let expected: Vec<_> = expected.map(|number| format!("{}#e-{number}", at(number))).collect();
    assert_eq!(kept.iter().map(|item| item["timestamp"].as_str().unwrap()).collect::<Vec<_>>(), expected);
    assert_eq!(answer.body["debug"]["write_units"]["table"], 497.0);

    let again = client.record(&json!({"events": events})).await.expect(207);
    assert_eq!(self::statuses(&again.body).iter().filter(|status| **status == "duplicate").count(), 497);
}

#[tokio::test]
async fn a_request_with_501_events_or_over_a_megabyte_stores_nothing() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    let events: Vec<_> = (0..501).map(|number| event(&format!("e-{number}"), 0)).collect();
    client.record(&json!({"events": events})).await.expect_problem(413, "too_large");

    client.record_bytes(padded(1_000_001)).await.expect_problem(413, "too_large");
    client.record_bytes(padded(7_000_000)).await.expect(413);
    assert_eq!(app.tables().events_of("acme", "group_created").await, [] as [Value; 0]);

    client.record_bytes(padded(1_000_000)).await.expect(201);
}

fn padded(bytes: usize) -> String {
    let event = event("e-1", 0).to_string();
    let spaces = " ".repeat(bytes - event.len());
    event + &spaces
}

#[tokio::test]
async fn an_event_may_have_64_kib_and_no_more() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let largest = event_of_bytes("e-1", 0, 65_536, 'a');
    client.record(&largest).await.expect(201);
    assert_eq!(read_all(&client, "group_created").await[0]["context"], largest["context"]);
    let refused = client.record(&event_of_numbers("e-2", 0)).await.expect_problem(422, "invalid_event");
    assert_eq!(refused.problems(), [" too_large"]);

    // A text never causes a refusal, so texts are cut until the event fits.
    for (index, filler) in ['a', '"', 'ü'].into_iter().enumerate() {
        let larger = event_of_bytes(&format!("larger-{index}"), 1, 65_537, filler);
        client.record(&larger).await.expect(201);
        client.record(&larger).await.expect(200);
    }
    let read = client.read(&format!("start_timestamp={}&action=group_created", at(1))).await;
    assert_eq!(read.len(), 3);
    for event in read {
        let cut = event["context"]["audit_log_escaped"].as_object().unwrap();
        assert!(cut.values().all(|mark| mark.as_str().unwrap().starts_with("cut: ")), "{cut:?}");
        let texts = event["context"].as_object().unwrap().values().filter_map(Value::as_str);
        assert!(texts.map(|text| text.chars().count()).all(|length| length <= 8192));
    }
}

#[tokio::test]
async fn an_unknown_action_is_refused_with_the_nearest_names() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    check_near(&client, "group_crated", "; did you mean group_created or group_deleted").await;
    check_near(&client, "org_user_invite", "; did you mean org_user_invited or org_user_reinvited").await;
    check_near(&client, "dashboard_shared", "nor a custom one (x_…)").await;
}

async fn check_near(client: &Client, action: &str, near: &str) {
    let mut sent = event("e-1", 0);
    sent["action"] = json!(action);
    let refused = client.record(&sent).await.expect_problem(422, "invalid_event");
    assert_eq!(refused.problems(), ["/action unknown_action"]);
    let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains(near), "{detail}");
}

#[tokio::test]
async fn actions_of_the_service_are_refused_from_senders() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    let before = app.tables().events("acme").await;
    for action in ["api_token_workspace_created", "api_token_workspace_revoked", "audit_log_accessed"] {
        let mut sent = event("e-1", 0);
        sent["action"] = json!(action);
        let refused = client.record(&sent).await.expect_problem(422, "invalid_event");
        assert_eq!(refused.problems(), ["/action reserved_action"]);
    }
    assert_eq!(app.tables().events("acme").await, before);
}

#[tokio::test]
async fn an_event_for_another_workspace_than_the_tokens_is_refused() {
    let app = TestApp::start().await;
    let client = app.writer("acme").await;
    for name in ["workspace", "workspace_username"] {
        let mut sent = event("e-1", 0);
        sent[name] = json!("globex");
        let refused = client.record(&sent).await.expect_problem(422, "invalid_event");
        assert_eq!(refused.problems(), [format!("/{name} mismatch")]);
    }
    assert_eq!(app.tables().events("globex").await, [] as [Value; 0]);
}
