//! Pages: every event once and none missing, even while others write.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{
    Client, TestApp,
    sample::{at, event, event_of_bytes},
};

/// Records `count` events, one a second, five hundred in a request.
async fn record(writer: &Client, count: i64) {
    for start in (0..count).step_by(500) {
        let events: Vec<_> =
            (start..count.min(start + 500)).map(|second| event(&format!("e-{second}"), second)).collect();
        writer.record(&json!({"events": events})).await.expect(201);
    }
}

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

/// True if one event comes after another in this order, by timestamp and id.
fn comes_after(one: &Value, other: &Value, order: &str) -> bool {
    let place =
        |event: &Value| format!("{}#{}", event["timestamp"].as_str().unwrap(), event["id"].as_str().unwrap());
    let later = place(one) > place(other);
    later == (order == "asc")
}

#[tokio::test]
async fn a_workspace_of_2500_events_has_25_pages_while_another_client_writes() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 2500).await;
    let all: Vec<_> = (0..2500).map(|number| format!("e-{number}")).collect();

    let quiet = client.pages(&format!("end_timestamp={}&order=asc", at(2500))).await;
    assert_eq!(quiet.iter().map(Vec::len).collect::<Vec<_>>(), [100; 25]);
    assert_eq!(ids(&quiet.concat()), all);

    for order in ["asc", "desc"] {
        let writer = app.writer("acme").await;
        let (mut pages, mut must_follow, mut cursor) = (Vec::new(), Vec::new(), String::new());
        loop {
            // While a page is read, another client writes, before or behind the reader's place.
            let second = pages.len() as i64 * 937 % 2500;
            let between = event(&format!("{order}-{}", pages.len()), second);
            let query = format!("order={order}{cursor}");
            let (page, written) = tokio::join!(client.list(&query), writer.record(&between));
            let page = page.expect(200);
            written.expect(201);
            if page.events().last().is_some_and(|last| comes_after(&between, last, order)) {
                must_follow.push(between["id"].as_str().unwrap().to_owned());
            }
            pages.push(page.events().clone());
            let Some(next) = page.body["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let (last, full) = pages.split_last().unwrap();
        assert!(full.len() >= 25 && full.iter().all(|page| page.len() == 100) && last.len() <= 100);
        let seen = ids(&pages.concat());
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "no event twice");
        assert!(must_follow.len() > 5 && must_follow.iter().all(|id| seen.contains(id)));
        let mut first: Vec<_> = seen.into_iter().filter(|id| id.starts_with("e-")).collect();
        if order == "desc" {
            first.reverse();
        }
        assert_eq!(first, all);
    }
}

#[tokio::test]
async fn a_read_up_to_now_ends_and_contains_its_own_reads() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 25).await;
    let pages = client.pages("order=asc&limit=10").await;
    let seen = ids(&pages.concat());
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
    let actions: Vec<_> =
        pages.concat().iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect();
    assert_eq!(count(&actions, "group_created"), 25);
    assert_eq!(count(&actions, "api_token_workspace_created"), 1);
    assert_eq!(count(&actions, "audit_log_accessed"), pages.len() - 1);
}

fn count(actions: &[String], wanted: &str) -> usize {
    actions.iter().filter(|action| *action == wanted).count()
}

#[tokio::test]
async fn the_link_header_leads_through_the_same_pages() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 25).await;
    let query = format!(
        "start_timestamp={}&end_timestamp=2025-02-18T11:00:25%2B01:00&action=group_created,x_own&order=asc&limit=10",
        at(3)
    );
    let mut path = format!("/api/acme/audit_logs?{query}");
    let mut followed = Vec::new();
    loop {
        let page = client.get(&path).await.expect(200);
        followed.push(page.events().clone());
        let Some(link) = page.headers.get("link") else { break };
        let link = link.to_str().unwrap();
        path = link.strip_prefix('<').unwrap().strip_suffix(r#">; rel="next""#).unwrap().to_owned();
        assert!(path.ends_with(&format!("&cursor={}", page.body["next_cursor"].as_str().unwrap())), "{path}");
    }
    assert_eq!(followed.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 2]);
    assert_eq!(followed, client.pages(&query).await);
}

#[tokio::test]
async fn events_of_one_instant_are_paged_by_their_ids() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    // In the order of bytes, as in the table.
    let mut expected = ["-", ".", "0", "9", ":", "A", "Z", "_", "a", "z", "a-b", "aa", "B.1", "B:1", "00"];
    expected.sort_unstable();
    let events: Vec<_> = expected.iter().map(|id| event(id, 0)).collect();
    client.record(&json!({"events": events})).await.expect(201);
    for limit in 1..=expected.len() + 1 {
        let pages = client.pages(&format!("end_timestamp={}&order=asc&limit={limit}", at(1))).await;
        assert_eq!(pages.len(), expected.len().div_ceil(limit));
        assert_eq!(ids(&pages.concat()), expected);
        let mut down = ids(&client.read(&format!("end_timestamp={}&limit={limit}", at(1))).await);
        down.reverse();
        assert_eq!(down, expected);
    }
}

#[tokio::test]
async fn a_page_has_from_1_to_1000_events() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 1001).await;
    let range = format!("end_timestamp={}", at(1001));
    check_limit(&client, &range, "1", 1).await;
    check_limit(&client, &range, "1000", 1000).await;
    for limit in ["0", "1001", "-1", "1.5", "", "all", "18446744073709551616"] {
        let refused = client.list(&format!("limit={limit}")).await.expect_problem(400, "invalid_query");
        assert_eq!(refused.problems(), ["limit out_of_range"], "{limit}");
    }
}

async fn check_limit(client: &Client, range: &str, limit: &str, first: usize) {
    let page = client.list(&format!("{range}&limit={limit}")).await.expect(200);
    assert_eq!((page.events().len(), &page.body["has_more"]), (first, &json!(true)));
}

#[tokio::test]
async fn a_cursor_of_another_workspace_filter_or_order_is_refused() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.holder_of_both("acme").await, app.holder_of_both("globex").await);
    record(&acme, 5).await;
    record(&globex, 5).await;
    let query = format!("end_timestamp={}&limit=2", at(5));
    let first = acme.list(&query).await.expect(200);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    check_refused(cursor, &globex, query.clone()).await;
    check_refused(cursor, &acme, format!("{query}&order=asc")).await;
    check_refused(cursor, &acme, format!("{query}&action=group_created")).await;
    check_refused(cursor, &acme, format!("{query}&start_timestamp={}", at(0))).await;
    check_refused(cursor, &acme, format!("end_timestamp={}&limit=2", at(6))).await;
    check_refused(cursor, &acme, "limit=2".to_owned()).await;
    for damaged in [&cursor[1..], "AAAA", "%F0%9F%95%B8", "", "..%2F.."] {
        acme.list(&format!("{query}&cursor={damaged}")).await.expect_problem(400, "invalid_cursor");
    }

    // A reader may change the size of its pages, and may use one cursor twice.
    for limit in [1, 3] {
        let page =
            acme.list(&format!("end_timestamp={}&limit={limit}&cursor={cursor}", at(5))).await.expect(200);
        assert_eq!(ids(page.events()), ["e-2", "e-1", "e-0"][..limit]);
    }
}

async fn check_refused(cursor: &str, client: &Client, query: String) {
    client.list(&format!("{query}&cursor={cursor}")).await.expect_problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_page_of_the_largest_events_is_cut_to_fit_the_answer() {
    // Quotes need the most space: each is escaped in JSON, and again in Lambda's JSON around it.
    check_pages('a', 90, 2).await;
    check_pages('"', 60, 2).await;
}

async fn check_pages(filler: char, count: i64, fewest_pages: usize) {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let events: Vec<_> =
        (0..count).map(|second| event_of_bytes(&format!("e-{second}"), second, 65_536, filler)).collect();
    for fifteen in events.chunks(15) {
        client.record(&json!({"events": fifteen})).await.expect(201);
    }
    for order in ["asc", "desc"] {
        let query = format!("end_timestamp={}&limit=1000&order={order}", at(count));
        let mut seen = Vec::new();
        let (mut cursor, mut pages) = (String::new(), 0);
        loop {
            let page = client.list(&format!("{query}{cursor}")).await.expect(200);
            assert!(json!(page.text).to_string().len() < 6_000_000, "{filler}");
            assert!(!page.events().is_empty());
            seen.extend(ids(page.events()));
            pages += 1;
            let Some(next) = page.body["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert!(pages >= fewest_pages, "{pages} pages of {filler}");
        if order == "desc" {
            seen.reverse();
        }
        assert_eq!(seen, (0..count).map(|second| format!("e-{second}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_event_of_64_kib_is_one_among_1000_on_a_page() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 1000).await;
    let large = event_of_bytes("large", 500, 65_536, '"');
    client.record(&large).await.expect(201);
    let mut all: Vec<_> = (0..1000).map(|number| format!("e-{number}")).collect();
    all.insert(501, "large".to_owned());

    // From the table and from an index, with the large event before, at and after the end of a page.
    for filter in ["", "&action=group_created"] {
        for (limit, pages) in [(1000, [1000, 1].as_slice()), (501, &[501, 500]), (502, &[502, 499])] {
            for order in ["asc", "desc"] {
                let query = format!("end_timestamp={}&limit={limit}&order={order}{filter}", at(1000));
                let read = client.pages(&query).await;
                assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), pages, "{query}");
                let mut seen = ids(&read.concat());
                if order == "desc" {
                    seen.reverse();
                }
                assert_eq!(seen, all, "{query}");
                let read = read.concat();
                let found = read.iter().find(|event| event["id"] == "large").unwrap();
                assert_eq!(found["context"], large["context"]);
            }
        }
    }
    for format in ["ndjson", "csv", "ocsf"] {
        let query = format!("end_timestamp={}&limit=1000&order=asc&format={format}", at(1000));
        let page = client.list(&query).await.expect(200);
        let header = usize::from(format == "csv");
        assert_eq!(page.text.lines().count(), 1000 + header, "{format}");
        assert!(page.text.len() > 65_536 && page.headers.contains_key("x-next-cursor"), "{format}");
    }
}

#[tokio::test]
async fn a_filter_that_matches_few_events_finds_all_of_them() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    record(&client, 1200).await;
    let mut rare = event("rare", 0);
    rare["action"] = json!("group_deleted");
    client.record(&rare).await.expect(201);
    for order in ["asc", "desc"] {
        assert_eq!(ids(&client.read(&format!("action=group_deleted&order={order}")).await), ["rare"]);
    }
}

#[tokio::test]
async fn a_page_without_a_match_yet_is_empty_and_has_a_cursor() {
    let app = TestApp::start().await;
    let reader = app.reader("acme").await;
    app.tables().put_events("acme", "group_created", 10_500).await;
    app.tables().put_events("acme", "collection_created", 1).await;
    // With `custom` among them, no index has all the requested actions.
    let query = format!("category=custom,workspace_collections&end_timestamp={}", at(20_000));
    let pages = reader.pages(&query).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1]);
}
