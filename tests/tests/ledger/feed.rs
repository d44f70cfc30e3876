//! The feed: every sealed event once, in the order of its sequence.

use serde_json::{Value, json};
use tests::{Client, FaultyEngine, TestApp, invoke, sample::event};

/// Reads the feed from beginning to end. Returns the events, and the number of pages.
async fn drain(client: &Client, query: &str) -> (Vec<Value>, usize) {
    let (mut events, mut pages, mut after) = (Vec::new(), 0, json!(-1));
    loop {
        let page = client.feed(&format!("after={after}&{query}")).await.expect(200).body;
        events.extend(page["audit_logs"].as_array().unwrap().iter().cloned());
        pages += 1;
        after = page["next_after"].clone();
        if page["has_more"] == json!(false) {
            return (events, pages);
        }
    }
}

fn sequences(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_empty_log_has_an_empty_page_with_a_next_place() {
    let app = TestApp::start().await;
    let reader = app.reader("acme").await;
    let page = reader.feed("").await.expect(200);
    assert_eq!(page.body["audit_logs"], json!([]));
    assert_eq!((&page.body["next_after"], &page.body["has_more"]), (&json!(-1), &json!(false)));
    assert_eq!(page.body["checkpoint"]["size"], 0);
    assert_eq!(
        (&page.headers["x-next-after"], &page.headers["x-has-more"]),
        (&"-1".parse().unwrap(), &"false".parse().unwrap())
    );
}

#[tokio::test]
async fn every_event_has_its_sequence_and_the_feed_has_them_all() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    let events: Vec<_> = (0..300).map(|number| event(&format!("e-{number}"), number)).collect();
    client.record(&json!({ "events": events })).await.expect(201);
    app.sealed().await;

    let (events, pages) = drain(&client, "limit=70").await;
    // The creation of the token and the 300 events; then the records of the pages, as far as they were sealed.
    assert!(sequences(&events).into_iter().eq(0..events.len() as u64));
    let (told, reads) = events.split_at(301);
    assert!(told.iter().all(|event| event["action"] != "audit_log_accessed"));
    assert!(reads.iter().all(|event| event["action"] == "audit_log_accessed") && reads.len() <= pages);
    app.sealed().await;
    let listed = client.read("limit=1000&action=group_created").await;
    assert!(listed.iter().all(|event| event["sequence"].is_u64()));
}

#[tokio::test]
async fn a_drain_ends_although_it_leaves_records() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    client.record(&event("e-1", 1)).await.expect(201);
    app.sealed().await;
    let first = client.feed("").await.expect(200).body;
    app.sealed().await;
    let own = client.feed(&format!("after={}", first["next_after"])).await.expect(200).body;
    assert_eq!(own["audit_logs"].as_array().unwrap().len(), 1);
    assert_eq!(own["audit_logs"][0]["action"], "audit_log_accessed");
    assert_eq!(own["audit_logs"][0]["context"]["last_sequence"], 1);
    app.sealed().await;
    let end = client.feed(&format!("after={}", own["next_after"])).await.expect(200).body;
    assert_eq!((&end["audit_logs"], &end["next_after"]), (&json!([]), &own["next_after"]));
}

#[tokio::test]
async fn a_filtered_feed_skips_events_and_never_goes_back() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    let mut events: Vec<_> = (0..40).map(|number| event(&format!("e-{number}"), number)).collect();
    events[7]["actor"]["user_id"] = json!("another-user");
    client.record(&json!({ "events": events })).await.expect(201);
    app.sealed().await;
    let (found, _) = drain(&client, "limit=3&actor=another-user").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["id"], "e-7");
    let page = client.feed("actor=unknown").await.expect(200).body;
    assert_eq!((&page["audit_logs"], &page["next_after"]), (&json!([]), &json!(40)));
}

#[tokio::test]
async fn a_rare_event_is_found_without_reading_every_event() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    let events: Vec<_> = (0..400).map(|number| event(&format!("e-{number}"), number)).collect();
    client.record(&json!({ "events": events })).await.expect(201);
    app.sealed().await;
    let engine = FaultyEngine::counting(app.dynamodb_endpoint()).await;
    let route = "GET /api/{workspace}/audit_logs/feed";
    let request = invoke::by_token(route, &[], "actor=unknown&limit=1");
    let (status, page) = invoke::query(&engine.store(), request).await;
    assert_eq!((status, &page["next_after"]), (200, &json!(400)));
    let calls = engine.calls("BatchGetItem");
    assert!(calls <= 12, "{calls}");
}

#[tokio::test]
async fn a_waiting_reader_gets_the_next_event_and_not_reads() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    app.sealed().await;
    let wait = async {
        let page = client.feed("after=0&wait=20").await.expect(200).body;
        let actions = page["audit_logs"].as_array().unwrap().iter();
        actions.map(|event| event["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let write = async {
        let other = app.reader("acme").await;
        other.list("").await.expect(200);
        client.record(&event("e-1", 1)).await.expect(201);
    };
    let (actions, ()) = tokio::join!(wait, write);
    assert!(actions.iter().any(|action| action != "audit_log_accessed"), "{actions:?}");
}

#[tokio::test]
async fn the_feed_is_written_in_every_format() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    client.record(&event("e-1", 1)).await.expect(201);
    app.sealed().await;
    for (format, content_type, lines) in [
        ("ndjson", "application/x-ndjson", 2),
        ("csv", "text/csv; charset=utf-8", 3),
        ("ocsf", "application/vnd.ocsf+x-ndjson", 2),
    ] {
        let page = client.feed(&format!("format={format}&limit=2")).await.expect(200);
        assert_eq!(page.headers["content-type"], content_type);
        assert_eq!(page.text.lines().count(), lines, "{}", page.text);
        assert_eq!(page.headers["x-next-after"], "1");
    }
}

#[tokio::test]
async fn an_invalid_feed_query_is_refused_with_its_problems() {
    let app = TestApp::start().await;
    let reader = app.reader("acme").await;
    check_refused(&reader, "after=-2", &["after out_of_range"]).await;
    check_refused(&reader, "after=x", &["after out_of_range"]).await;
    check_refused(&reader, "after=9007199254740992", &["after out_of_range"]).await;
    check_refused(&reader, "wait=21", &["wait out_of_range"]).await;
    check_refused(
        &reader,
        "limit=0&cursor=a&order=asc",
        &["cursor unknown_parameter", "order unknown_parameter", "limit out_of_range"],
    )
    .await;
}

async fn check_refused(reader: &Client, query: &str, expected: &[&str]) {
    let answer = reader.feed(query).await.expect_problem(400, "invalid_query");
    assert_eq!(answer.problems(), expected, "{query}");
}
