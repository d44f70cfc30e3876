//! Four pollers of the feed, while events arrive late and out of order.
//!
//! `EVENTS` (1,000) sets the number of events; the full run is
//! `EVENTS=20000 cargo test -p tests --test ledger pollers -- --nocapture`.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use fastrand::Rng;
use futures::{StreamExt as _, future::join_all, stream};
use serde_json::{Value, json};
use tests::{Client, TestApp, sample::at};

const BATCH: usize = 100;

/// The meaning of a filter, written independently of the server.
type Matches = fn(&Value) -> bool;

/// Polls until all events are written and the feed is at its end. Returns the events in order.
async fn poll(client: Client, filter: &str, all_written: &AtomicBool) -> Vec<Value> {
    let (mut events, mut after) = (Vec::new(), json!(-1));
    loop {
        // Read before the page is requested: an event that is written later need not be on it.
        let last = all_written.load(Ordering::SeqCst);
        let page = client.feed(&format!("after={after}&limit=500&{filter}")).await.expect(200).body;
        let found = page["audit_logs"].as_array().unwrap();
        events.extend(found.iter().cloned());
        after = page["next_after"].clone();
        if last && found.is_empty() && page["has_more"] == json!(false) {
            return events;
        }
    }
}

fn random_event(number: usize, random: &mut Rng) -> Value {
    json!({
        "id": format!("e-{number}"),
        // The time is anywhere within years, independent of the arrival.
        "timestamp": at(random.i64(-30_000_000..30_000_000)),
        "action": one_of(&["group_created", "group_deleted", "x_own", "report_schedule_edited"], random),
        "actor": {"user_id": one_of(&["u1", "u2", "u3"], random)},
        "outcome": one_of(&["success", "success", "success", "failure"], random),
    })
}

fn one_of(values: &[&str], random: &mut Rng) -> String {
    values[random.usize(..values.len())].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_poller_sees_every_matching_event_once_in_order_and_ends() {
    let count = std::env::var("EVENTS").map_or(1_000, |text| text.parse().unwrap());
    let app = TestApp::start_sealing().await;
    let writer = app.writer("acme").await;
    let mut random = Rng::with_seed(1);
    let mut sent: Vec<_> = (0..count).map(|number| random_event(number, &mut random)).collect();
    random.shuffle(&mut sent);

    let filters: [(&str, Matches); 4] = [
        ("", |_| true),
        ("actor=u1", |event| event["actor"]["user_id"] == "u1"),
        ("action=group_created,x_own", |event| {
            event["action"] == "group_created" || event["action"] == "x_own"
        }),
        ("category=user_groups&outcome=failure", |event| {
            event["action"].as_str().unwrap().starts_with("group_") && event["outcome"] == "failure"
        }),
    ];
    let all_written = AtomicBool::new(false);
    let write = async {
        let batches = stream::iter(sent.chunks(BATCH)).map(async |batch| {
            let answer = writer.record(&json!({ "events": batch })).await.expect(201);
            assert_eq!(answer.body["results"].as_array().unwrap().len(), batch.len());
        });
        batches.buffer_unordered(2).collect::<Vec<_>>().await;
        app.sealed().await;
        all_written.store(true, Ordering::SeqCst);
    };
    let readers = join_all(filters.iter().map(|_| app.reader("acme"))).await;
    let polls = filters.iter().zip(readers).map(|((filter, _), reader)| poll(reader, filter, &all_written));
    let ((), seen) = tokio::join!(write, join_all(polls));

    for ((filter, matches), seen) in filters.iter().zip(seen) {
        let sequences: Vec<_> = seen.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
        assert!(sequences.is_sorted_by(|one, next| one < next), "{filter}: not in order, or twice");
        let mut expected: HashMap<_, _> = sent
            .iter()
            .filter(|event| matches(event))
            .map(|event| (event["id"].as_str().unwrap(), event))
            .collect();
        let (wanted, mut reads) = (expected.len(), 0);
        for event in &seen {
            match expected.remove(event["id"].as_str().unwrap()) {
                Some(sent) => {
                    assert_eq!((&event["action"], &event["timestamp"]), (&sent["action"], &sent["timestamp"]))
                }
                None => {
                    assert_eq!(*filter, "", "{event} does not match {filter}");
                    reads += 1;
                }
            }
        }
        assert!(expected.is_empty(), "{filter}: {} events were not seen", expected.len());
        println!("{filter:40} {wanted} events seen, and {reads} records of tokens and reads");
    }
}
