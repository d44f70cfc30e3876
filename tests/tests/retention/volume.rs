//! Imported events that expire together: receipts name all of them, and two runs mark them.

use std::{collections::BTreeSet, env};

use local::Storage;
use shared::{
    aws::config::Config,
    model::{
        keys::Place,
        retention::{parse_runs, receipt_action},
    },
    query::page::Filter,
    store::{Room, Store},
    system,
};
use tests::{FaultyEngine, Tables, invoke};

use crate::aged::{acme, days, seal_receipts, set};

const RECEIPTS: Room = Room { events: 1000, bytes: usize::MAX, measure: |_| 0 };

/// `EXPIRED_EVENTS=300000` runs the large size.
#[tokio::test]
async fn every_event_of_an_import_is_marked_by_two_runs_and_none_before_its_receipt_is_sealed() {
    let count: i64 = env::var("EXPIRED_EVENTS").map_or(2600, |count| count.parse().unwrap());
    let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
    let (tables, store) = (Tables::at(engine.endpoint()), Store::connect(&Config::local(engine.endpoint())));
    invoke::vouch(&store).await;
    let keys = tables.put_burst("acme", "group_created", count).await;
    let mut places: Vec<_> = keys.iter().map(|key| Place::from_key("acme", key).unwrap().1).collect();
    // Part of the log has an order that differs from that of time.
    fastrand::Rng::with_seed(7).shuffle(&mut places[..keys.len() / 2]);
    for places in places.chunks(1000) {
        sealer::seal(&store, &acme(), places, system::now()).await.unwrap();
    }
    set(&store, &days(30)).await;

    let counted = FaultyEngine::counting(engine.endpoint()).await;
    let first = invoke::expiry(&counted.store(), "acme").await.unwrap();
    let receipt_calls = counted.all_calls();
    assert_eq!((first.events, first.marked, first.left), (count as u64, 0, 0));
    let filter = Filter { actions: vec![receipt_action()], ..Filter::default() };
    let receipts = store.page(&acme(), &filter, None, RECEIPTS, system::now()).await.unwrap().events;
    let mut named = BTreeSet::new();
    for receipt in &receipts {
        let runs = parse_runs(receipt.context["sequences"].as_str().unwrap()).unwrap();
        for sequence in runs.into_iter().flat_map(|(first, last)| first..=last) {
            assert!(named.insert(sequence), "{sequence} is named twice");
        }
    }
    assert_eq!(named, (0..count as u64).collect());
    seal_receipts(&store).await;

    let second = invoke::expiry(&counted.store(), "acme").await.unwrap();
    assert_eq!((second.marked, second.left), (count as u64, 0));
    let (marked, mark_calls) = (second.marked, counted.all_calls() - receipt_calls);
    println!(
        "{count} events: 2 runs; {} receipts in {receipt_calls} calls, {marked} marks in {mark_calls} calls, {} of them transactions",
        receipts.len(),
        counted.calls("TransactWriteItems"),
    );
    let events = tables.events_of("acme", "group_created").await;
    assert_eq!(events.iter().filter(|event| event.get("expires_at").is_some()).count(), count as usize);
}
