//! Records of reads: they are apart from the other events, and merged with them where a reader wants them.

use serde_json::{Map, Value, json};
use shared::{
    model::{
        event::Event,
        id::{TokenId, WorkspaceId},
        keys::Place,
        principal::TokenHolder,
        scope::Scope,
        service_event::{Origin, audit_log_accessed},
        timestamp::Timestamp,
    },
    query::page::Filter,
    store::{Room, Status, Store},
    system,
};
use tests::{
    Client, TestApp,
    sample::{at, event},
};

const EVENTS: i64 = 100;
const READS_AFTER_EACH: usize = 10;

fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

fn origin(second: i64) -> Origin {
    let time = Timestamp::parse(&at(second)).unwrap();
    Origin::without_request(time, system::read_id(), system::salt())
}

fn record_of_a_read(origin: Origin) -> Event {
    let holder = TokenHolder {
        workspace: acme(),
        token: TokenId::parse("AbCd01234567").unwrap(),
        scopes: vec![Scope::Read],
    };
    audit_log_accessed(&holder, origin, Map::from_iter([("count".to_owned(), json!(3))]))
}

/// The same record as a version before 0.3 wrote it, in the partition of the other events.
fn record_of_an_earlier_version(second: i64) -> Event {
    record_of_a_read(Origin { event_id: system::event_id(), ..origin(second) })
}

/// A workspace with events, each followed by records of reads.
async fn often_read() -> (TestApp, Client) {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let events: Vec<_> = (0..EVENTS).map(|number| event(&format!("e-{number}"), number)).collect();
    client.record(&json!({ "events": events })).await.expect(201);
    let reads: Vec<_> = (0..EVENTS)
        .flat_map(|second| (0..READS_AFTER_EACH).map(move |_| record_of_a_read(origin(second))))
        .collect();
    let appended = app.store().append_all(&reads.iter().collect::<Vec<_>>()).await;
    assert!(appended.results.iter().all(|result| matches!(result, Ok(Status::Recorded))));
    (app, client)
}

async fn units(store: &Store, filter: Filter) -> f64 {
    let room = Room { events: 50, bytes: usize::MAX, measure: |_| 0 };
    let page = store.page(&acme(), &filter, None, room, system::now()).await.unwrap();
    assert_eq!(page.events.len(), 50, "{filter:?}");
    page.read.units
}

/// Without the events about the token and the records of this test's own reads, which are of the present.
const PAST: &str = "end_timestamp=2025-03-01T00:00:00Z";

#[tokio::test]
async fn a_page_without_records_of_reads_takes_nothing_for_them() {
    let alone = TestApp::start().await;
    let client = alone.holder_of_both("acme").await;
    let events: Vec<_> = (0..EVENTS).map(|number| event(&format!("e-{number}"), number)).collect();
    client.record(&json!({ "events": events })).await.expect(201);
    let (often, _) = often_read().await;
    let filters = [
        Filter { exclude_reads: true, ..Filter::default() },
        Filter { actor: Some("u1".to_owned()), ..Filter::default() },
        Filter {
            outcome: Some(shared::model::event::Outcome::Success),
            exclude_reads: true,
            ..Filter::default()
        },
    ];
    for filter in filters {
        let (without, with) =
            (units(&alone.store(), filter.clone()).await, units(&often.store(), filter.clone()).await);
        assert!(with <= without * 1.05, "{with} units, and {without} without records of reads: {filter:?}");
    }
}

#[tokio::test]
async fn events_and_records_of_reads_are_merged_completely_and_in_order() {
    let (app, client) = often_read().await;
    let earlier = record_of_an_earlier_version(7);
    assert_eq!(app.store().append(&earlier).await.unwrap().status, Status::Recorded);
    let (all, reads) = (EVENTS as usize * (1 + READS_AFTER_EACH) + 1, EVENTS as usize * READS_AFTER_EACH + 1);
    for (query, expected) in [
        (String::new(), all),
        ("&reads=exclude".to_owned(), all - reads),
        ("&action=audit_log_accessed".to_owned(), reads),
        ("&action=audit_log_accessed,group_created".to_owned(), all),
        ("&category=audit_logs_access".to_owned(), reads),
        ("&actor=AbCd01234567".to_owned(), reads),
        ("&entity_type=audit_log&entity_id=acme".to_owned(), reads),
        ("&not_action=audit_log_accessed".to_owned(), all - reads),
        ("&not_action=group_created".to_owned(), reads),
        ("&contains=accessed".to_owned(), reads),
    ] {
        for order in ["asc", "desc"] {
            let pages = client.pages(&format!("{PAST}&order={order}&limit=170{query}")).await;
            let events: Vec<_> = pages.into_iter().flatten().collect();
            let mut keys: Vec<_> = events.iter().map(key).collect();
            assert_eq!(keys.len(), expected, "{order}{query}");
            if order == "desc" {
                keys.reverse();
            }
            assert!(keys.is_sorted_by(|one, next| one < next), "{order}{query}");
        }
    }
}

fn key(event: &Value) -> (String, String) {
    ["timestamp", "id"].map(|name| event[name].as_str().unwrap().to_owned()).into()
}

#[tokio::test]
async fn every_door_that_reads_records_apart_from_the_events() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    client.record(&event("e-1", 0)).await.expect(201);
    app.sealed().await;
    client.list("").await.expect(200);
    client.feed("after=-1").await.expect(200);
    client.ledger("entries/1").await.expect(200);
    app.sealed().await;
    let records = app.tables().records_of_reads("acme").await;
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|record| record["sequence"].is_u64()), "{records:?}");
    for record in &records {
        let sequence = record["sequence"].as_u64().unwrap();
        let entry = client.ledger(&format!("entries/{sequence}")).await.expect(200).body;
        assert_eq!(entry["event"]["action"], "audit_log_accessed");
        client.ledger(&format!("proof/inclusion?sequence={sequence}")).await.expect(200);
    }
    let feed = client.feed("after=-1&limit=1000").await.expect(200);
    let sequences: Vec<_> = feed.events().iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.iter().copied().eq(0..sequences.len() as u64), "{sequences:?}");
    let without = client.feed("after=-1&limit=1000&reads=exclude").await.expect(200);
    assert_eq!(without.events().len(), 2);
}

#[tokio::test]
async fn the_id_alone_tells_the_partition_so_no_sender_can_choose_it() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for id in ["x_audit_log_read.1", "X_Audit_Log_Read.1"] {
        let refused = client.record(&event(id, 0)).await.expect(422);
        assert!(refused.text.contains("reserved_id"), "{}", refused.text);
    }
    app.bus()
        .send(
            "product",
            &json!({
                "workspace_username": "acme", "id": "x_audit_log_read.1", "timestamp": at(0),
                "action": "audit_log_accessed", "actor": {"user_id": "u1"},
            }),
        )
        .await;
    // The product's own records of reads are events like all others.
    app.bus()
        .send(
            "product",
            &json!({
                "workspace_username": "acme", "id": "r-1", "timestamp": at(0), "action": "audit_log_accessed",
                "actor": {"user_id": "u1"},
            }),
        )
        .await;
    app.settled().await;
    assert_eq!(app.tables().quarantined("product").await.len(), 1);
    assert_eq!(app.tables().records_of_reads("acme").await.len(), 0);
    assert_eq!(app.tables().events_of("acme", "audit_log_accessed").await.len(), 1);
}

#[tokio::test]
async fn a_record_of_a_read_that_is_written_again_is_a_duplicate() {
    let app = TestApp::start().await;
    let store = app.store();
    let record = record_of_a_read(origin(0));
    assert_eq!(store.append(&record).await.unwrap().status, Status::Recorded);
    let again = record_of_a_read(Origin { event_id: record.id.clone(), ..origin(0) });
    assert_eq!(store.append(&again).await.unwrap().status, Status::Duplicate);
    let other = Event { context: Map::new(), ..again };
    assert_eq!(store.append(&other).await.unwrap().status, Status::Conflict);
    let batch = store.append_all(&[&other, &record]).await.results;
    let statuses: Vec<_> = batch.into_iter().map(Result::unwrap).collect();
    assert_eq!(statuses, [Status::Conflict, Status::Recorded]);
}

#[tokio::test]
async fn the_search_for_unsealed_events_finds_records_of_reads() {
    let app = TestApp::start().await;
    let record = record_of_a_read(origin(0));
    app.store().append(&record).await.unwrap();
    let place = app.store().place_of(&record).await.unwrap();
    let key = record.position().sort_key();
    assert_eq!(Place::from_key("acme#16", &key), Some((acme(), place.clone())));
    let found = app.store().find_unsealed(None).await.unwrap().unsealed;
    assert!(found.contains(&(acme(), place)), "{found:?}");
    app.reconcile().await;
    assert!(app.tables().records_of_reads("acme").await[0]["sequence"].is_u64());
}

#[tokio::test]
async fn a_record_of_a_read_is_redacted_by_its_sequence_and_by_its_actor() {
    let app = TestApp::start_sealing().await;
    let client = app.holder_of_both("acme").await;
    client.list("contains=grünspan").await.expect(200);
    client.list("contains=mary").await.expect(200);
    app.sealed().await;
    let records = app.tables().records_of_reads("acme").await;
    let first = records[0]["sequence"].as_u64().unwrap();
    let body = json!({"sequences": [first], "parts": ["context"]});
    let redacted = app.admin("acme").redact(&body).await.expect(200).body;
    assert_eq!(redacted["redacted"], 1);
    assert_eq!(app.tables().mentions("AuditEvents", "grünspan").await, 0);
    let body = json!({"actor": client.token});
    let redacted = app.admin("acme").redact(&body).await.expect(200).body;
    assert_eq!(redacted["redacted"], 2);
    let after = app.tables().records_of_reads("acme").await;
    assert!(after.iter().all(|record| record.get("actor_id").is_none()), "{after:?}");
}
