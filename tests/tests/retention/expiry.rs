//! Expired events are deleted: a receipt in the log, a mark on each event once the receipt is sealed, and no event without both.

use indicatif::ProgressBar;
use serde_json::{Map, Value, json};
use shared::{
    ledger::{hash::Hash, tlog_proof::TlogProof, tree::Frontier},
    model::{
        id::TokenId,
        keys::{Place, Position},
        principal::TokenHolder,
        retention::{receipt_action, runs},
        scope::Scope,
        service_event::{self, Origin},
        shards::Shards,
        timestamp::Timestamp,
    },
    query::page::Filter,
    store::{Room, Store, Written},
    system,
};
use tests::{
    TestApp, invoke,
    sample::{at, event},
};

use crate::aged::{Aged, OLD, acme, days, hash, held, origin, seal_receipts, set};

const EVERYTHING: Room = Room { events: 1000, bytes: usize::MAX, measure: |_| 0 };

fn done(receipts: u64, events: usize) -> expiry::Response {
    let events = events as u64;
    expiry::Response { receipts, events, marked: events, unmarked: 0, left: 0 }
}

/// The results of a run, and of the next one after the receipts of the first are sealed.
async fn two_runs(app: &TestApp) -> expiry::Response {
    let first = invoke::expiry(&app.store(), "acme").await.unwrap();
    assert_eq!(first.marked, 0, "a receipt of this run is not sealed");
    seal_receipts(&fresh(app)).await;
    let second = invoke::expiry(&app.store(), "acme").await.unwrap();
    expiry::Response {
        receipts: first.receipts + second.receipts,
        events: first.events + second.events,
        marked: second.marked,
        ..second
    }
}

fn fresh(app: &TestApp) -> Store {
    app.fresh_store()
}

async fn fsck(aged: &Aged) -> operator::fsck::Report {
    let kept = operator::fsck::Kept { key: Some(aged.key().await), ..Default::default() };
    operator::fsck::check(&fresh(&aged.app), &acme(), &kept, system::now(), &ProgressBar::hidden())
        .await
        .unwrap()
}

async fn marked(app: &TestApp) -> usize {
    let events = app.tables().events("acme").await;
    events.iter().filter(|event| event.get("expires_at").is_some()).count()
}

#[tokio::test]
async fn a_receipt_names_the_expired_events_and_the_log_stays_sound() {
    let aged = Aged::start().await.under(&days(30)).await;
    let size = aged.checkpoint().await.size();
    assert_eq!(two_runs(&aged.app).await, done(1, OLD));
    assert_eq!(invoke::expiry(&aged.app.store(), "acme").await.unwrap(), done(0, 0));
    assert_eq!(marked(&aged.app).await, OLD);

    // It is an entry of the log like any other.
    let receipt = aged.receipt().await;
    let entry = aged.client.ledger(&format!("entries/{}", receipt["sequence"])).await.expect(200).body;
    let leaf = Hash::of_leaf(entry["leaf"].as_str().unwrap().as_bytes());
    TlogProof::parse(entry["proof"].as_str().unwrap()).unwrap().verify(leaf, &aged.key().await).unwrap();

    let context = &receipt["context"];
    assert_eq!((&context["count"], &context["sequences"]), (&json!(OLD), &json!("1-300")));
    assert!(context["log_size"].as_u64().unwrap() >= size);
    let mut tree = Frontier::default();
    for (_, entry) in aged.app.store().entries(&acme(), 1..301).await.unwrap() {
        tree.push(entry.leaf);
    }
    assert_eq!(hash(&context["root"]), tree.root());

    assert_eq!(fsck(&aged).await.findings.first(), None);
    assert_eq!(aged.app.tables().sweep().await, OLD);
    let report = fsck(&aged).await;
    assert_eq!(report.findings.first(), None, "{report}");
    assert_eq!(aged.client.feed("limit=1000").await.expect(200).body["expired"], OLD);
    aged.client.ledger("entries/7").await.expect_problem(410, "expired");
    aged.checkpoint().await;
}

#[tokio::test]
async fn a_deletion_without_a_receipt_is_found() {
    let aged = Aged::start().await.under(&days(30)).await;
    let stored = aged.app.tables().events("acme").await;
    // An expired event without a receipt: no receipt is given for an event that is not there.
    delete(&aged, &stored[7]).await;
    assert_eq!(two_runs(&aged.app).await, done(1, OLD - 1));
    assert_eq!(aged.app.tables().sweep().await, OLD - 1);
    let report = fsck(&aged).await;
    let found = report.findings.first().unwrap();
    assert_eq!((found.kind, found.sequence), (operator::fsck::Kind::EventMissing, 8), "{report}");
    assert_eq!(aged.receipt().await["context"]["sequences"], "1-7,9-300");
}

async fn delete(aged: &Aged, event: &Value) {
    let key = ["workspace", "timestamp"].map(|name| (name, event[name].as_str().unwrap()));
    aged.app.tables().delete("AuditEvents", key).await;
}

#[tokio::test]
async fn a_receipt_that_the_service_did_not_write_explains_nothing() {
    let aged = Aged::start().await.under(&days(30)).await;
    let now = system::now();
    let context = json!({"sequences": "1-300", "root": Hash::of_empty_tree(), "count": OLD});
    let forged = service_event::expired(&acme(), origin(now), context.as_object().unwrap().clone());
    aged.app.store().append(&forged).await.unwrap();
    aged.app.sealed().await;
    let sequence = aged.receipt().await["sequence"].as_u64().unwrap();
    let report = fsck(&aged).await;
    let found = report.findings.first().unwrap();
    assert_eq!((found.kind, found.sequence), (operator::fsck::Kind::ServiceRecord, sequence), "{report}");
}

#[tokio::test]
async fn nothing_is_deleted_under_a_hold() {
    let aged = Aged::start().await.under(&held(&days(30))).await;
    assert_eq!(invoke::expiry(&aged.app.store(), "acme").await.unwrap(), done(0, 0));
    assert_eq!(marked(&aged.app).await, 0);
    assert_eq!(aged.client.read("action=x_audit_log_expired").await.len(), 0);
}

#[tokio::test]
async fn a_hold_placed_during_a_run_stops_its_receipt() {
    let aged = Aged::start().await.under(&days(30)).await;
    let store = aged.app.store();
    let settings = store.settings_now(&acme()).await.unwrap();
    set(&store, &held(&settings.retention)).await;
    let receipt = service_event::expired(&acme(), origin(system::now()), Default::default());
    let last = Position::from_sort_key("2025-02-18T10:00:00.000000Z#old-0").unwrap();
    assert_eq!(store.write_receipt(&settings, &last, &receipt, 7).await.unwrap(), Written::Before);
    assert_eq!(aged.app.tables().events_of("acme", "x_audit_log_expired").await, [json!(null); 0]);
}

#[tokio::test]
async fn expiry_stops_before_an_unsealed_event_and_continues_once_it_is_sealed() {
    let aged = Aged::start().await.under(&days(30)).await;
    // The first second, after the first event.
    aged.app.tables().put_events("acme", "x_late", 1).await;
    let blocked = expiry::Response { marked: 0, left: 1, ..done(1, 1) };
    assert_eq!(invoke::expiry(&aged.app.store(), "acme").await.unwrap(), blocked);
    let (_, late) = Place::from_key("acme", &format!("{}#x_late", at(0))).unwrap();
    sealer::seal(&aged.app.store(), &acme(), &[late], system::now()).await.unwrap();
    invoke::expiry(&aged.app.store(), "acme").await.unwrap();
    seal_receipts(&fresh(&aged.app)).await;
    invoke::expiry(&aged.app.store(), "acme").await.unwrap();
    assert_eq!(marked(&aged.app).await, OLD + 1);
}

#[tokio::test]
async fn an_event_that_differs_from_its_leaf_is_kept_as_evidence() {
    let aged = Aged::start().await.under(&days(30)).await;
    let stored = aged.app.tables().events("acme").await;
    let key = ["workspace", "timestamp"].map(|name| (name, stored[7][name].as_str().unwrap()));
    aged.app.tables().set_text("AuditEvents", key, "action", "group_deleted").await;
    let failed = expiry::Response { left: 1, ..done(0, 0) };
    assert_eq!(invoke::expiry(&aged.app.store(), "acme").await.unwrap(), failed);
    assert_eq!(marked(&aged.app).await, 0);
}

#[tokio::test]
async fn receipts_and_changes_of_settings_never_expire() {
    let aged = Aged::start().await.under(&days(30)).await;
    let store = aged.app.store();
    invoke::expiry(&store, "acme").await.unwrap();
    aged.app.sealed().await;
    let first = aged.receipt().await["sequence"].as_u64().unwrap();
    let changed = aged.client.read("action=x_audit_log_settings_changed").await;
    aged.app.sealed().await;

    // In sixty days all present events have expired, except the receipt and the change of settings that allowed it.
    let lasting = [changed[0]["sequence"].as_u64().unwrap(), first];
    let then = system::now().plus_seconds(60 * 86_400);
    let size = store.head(&acme()).await.unwrap().size();
    let expired = loop {
        match expiry::expire(&fresh(&aged.app), &acme(), then).await.unwrap() {
            expiry::Expired::Marked { .. } => {}
            expired => break expired,
        }
    };
    let rest: Vec<_> = (0..size).filter(|sequence| *sequence == 0 || *sequence > 300).collect();
    let rest: Vec<_> = rest.into_iter().filter(|sequence| !lasting.contains(sequence)).collect();
    assert_eq!(expired, expiry::Expired::Receipted { receipts: 1, events: rest.len() as u64 });
    let second = &aged.app.tables().events_of("acme", "x_audit_log_expired").await[1];
    let context: Value = serde_json::from_str(second["context"].as_str().unwrap()).unwrap();
    assert_eq!(context["sequences"], runs(&rest));

    let filter = Filter { actions: vec![receipt_action()], ..Filter::default() };
    let page = store.page(&acme(), &filter, None, EVERYTHING, then).await.unwrap();
    assert_eq!(page.events.iter().filter(|event| event.sequence == Some(first)).count(), 1);
    // The second one is of that time.
    let before = Filter { end: Some(then), ..Filter::default() };
    let feed = store.feed(&acme(), &before, 0, EVERYTHING, then).await.unwrap();
    let given: Vec<_> = feed.events.iter().filter_map(|event| event.sequence).collect();
    assert_eq!((given, feed.expired), (lasting.to_vec(), size - 2));
}

#[tokio::test]
async fn the_events_of_all_shards_expire() {
    let app = TestApp::start().await;
    let four =
        Shards::default().change(4, time("2025-02-18T00:00:00Z"), time("2025-02-01T00:00:00Z")).unwrap();
    assert!(fresh(&app).set_shards(&acme(), &Shards::default(), &four).await.unwrap());
    let client = app.holder_of_both("acme").await;
    let events: Vec<_> = (0..40).map(|number| event(&format!("e-{number}"), number)).collect();
    client.record(&json!({ "events": events })).await.expect(201);
    app.reconcile().await;
    set(&fresh(&app), &days(30)).await;
    assert_eq!(two_runs(&app).await, done(1, 40));
    assert_eq!(app.tables().sweep().await, 40);
    // Progress leaves the settings unchanged.
    let settings = fresh(&app).settings_now(&acme()).await.unwrap();
    assert_eq!((settings.shards, settings.retention.days(system::now())), (four, Some(30)));
}

/// Records of reads of February 2025, as many as there are seconds here.
async fn old_records_of_reads(app: &TestApp, seconds: std::ops::Range<i64>) {
    let holder = TokenHolder {
        workspace: acme(),
        token: TokenId::parse("AbCd01234567").unwrap(),
        scopes: vec![Scope::Read],
    };
    for second in seconds {
        let origin = Origin::without_request(time(&at(second)), system::read_id(), system::salt());
        app.store().append(&service_event::audit_log_accessed(&holder, origin, Map::new())).await.unwrap();
    }
}

#[tokio::test]
async fn records_of_reads_expire_with_the_other_events() {
    let aged = Aged::start().await;
    old_records_of_reads(&aged.app, 100..120).await;
    aged.app.reconcile().await;
    let aged = aged.under(&days(30)).await;
    assert_eq!(two_runs(&aged.app).await, done(1, OLD + 20));
    assert_eq!(marked(&aged.app).await, OLD + 20);
    assert_eq!(fsck(&aged).await.findings.first(), None);
    assert_eq!(aged.app.tables().sweep().await, OLD + 20);
    assert_eq!(fsck(&aged).await.findings.first(), None);
}

#[tokio::test]
async fn a_hold_removes_the_marks_of_records_of_reads() {
    let aged = Aged::start().await;
    old_records_of_reads(&aged.app, 100..120).await;
    aged.app.reconcile().await;
    let aged = aged.under(&days(30)).await;
    two_runs(&aged.app).await;
    set(&fresh(&aged.app), &held(&days(30))).await;
    let aged = aged.under(&held(&days(30))).await;
    let unmarked = invoke::expiry(&aged.app.store(), "acme").await.unwrap().unmarked;
    assert_eq!((unmarked, marked(&aged.app).await), (OLD as u64 + 20, 0));
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}
