//! The sealing rate when each call to the tables takes 5 ms, by the number of sealers with the same records.
//!
//! Times depend on the machine, so the tests assert numbers of calls only. `FULL=1` seals more events, for the
//! table in `docs/operations.md`.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use serde_json::{Value, json};
use tests::{
    invoke,
    sample::{at, unix_microseconds},
};

use crate::{
    engine::{Door, Engine, Rule},
    is_full,
    log::Prepared,
    run,
};

const LATENCY: Duration = Duration::from_millis(5);
/// The largest batch of stream records, as in the template.
const BATCH: usize = 500;

struct Measured {
    seconds: f64,
    /// The number of calls of each operation.
    calls: BTreeMap<String, usize>,
}

#[test]
fn more_sealers_of_a_workspace_do_no_work_twice() {
    let events = if is_full() { 8_192 } else { 1_024 };
    let (one, four, eight) = (measured(events, 1), measured(events, 4), measured(events, 8));
    for (sealers, measured) in [(1, &one), (4, &four), (8, &eight)] {
        measured.print(&format!("1 workspace, {sealers} sealers"), events);
    }
    for more in [four, eight] {
        assert_eq!(more.count("UpdateItem"), 0, "no event is stamped twice");
        // 25 events to a request of stamps; rounds of other sizes may need one more for each of their deltas.
        assert!(more.count("BatchExecuteStatement") <= one.count("BatchExecuteStatement") * 3 / 2);
    }
}

fn measured(events: usize, sealers: usize) -> Measured {
    run(measure(&sealed_by(sealers, events, |_| "acme".to_owned())))
}

#[test]
fn a_workspace_with_shards_and_many_workspaces_are_sealed() {
    let events = if is_full() { 8_192 } else { 1_024 };
    let sharded = run(measure(&sealed_by(8, events, |sealer| format!("acme#{sealer}"))));
    sharded.print("1 workspace, 8 shards, 8 sealers", events);
    assert_eq!(sharded.count("UpdateItem"), 0, "no event is stamped twice");

    let workspaces = if is_full() { 1_000 } else { 100 };
    let (mut all, mut number) = (vec![Vec::new(); 8], 0);
    for event in 0..4 {
        for workspace in 0..workspaces {
            all[workspace % 8].push(item(&format!("w{workspace}"), event));
            number += 1;
        }
    }
    let many = run(measure(&all));
    many.print(&format!("{workspaces} workspaces, 8 sealers"), number);
    assert_eq!(many.count("UpdateItem"), 0);
}

/// The stream records of the events for each sealer.
fn sealed_by(sealers: usize, events: usize, partition: impl Fn(usize) -> String) -> Vec<Vec<Value>> {
    let mut all = vec![Vec::new(); sealers];
    for number in 0..events {
        let sealer = number % sealers;
        all[sealer].push(item(&partition(sealer), i64::try_from(number).unwrap()));
    }
    all
}

fn item(partition: &str, second: i64) -> Value {
    json!({
        "workspace": {"S": partition},
        "timestamp": {"S": format!("{}#e-{second}", at(second))},
        "action": {"S": "group_created"},
        "received_at": {"N": unix_microseconds(second)},
        "salt": {"B": "AAAAAAAAAAAAAAAAAAAAAA=="},
        "actor_id": {"S": "u1"},
    })
}

/// Lets each sealer seal its records, in batches of the stream. Returns the measurements.
async fn measure(told: &[Vec<Value>]) -> Measured {
    let engine = Engine::start().await;
    engine.reset(&Prepared::with(0, 0).await.file());
    for item in told.iter().flatten() {
        engine.ask("PutItem", &json!({"TableName": "AuditEvents", "Item": item}));
    }
    let began = Instant::now();
    let doors: Vec<Arc<Door>> = told.iter().map(|_| engine.door(Rule::Slow(LATENCY))).collect();
    join_all(doors.iter().zip(told).map(|(door, told)| deliver(door, told))).await;
    while unsealed(&engine) > 0 {
        invoke::sealer(&doors[0].store(), json!({"backlog": true})).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    let mut calls = BTreeMap::new();
    doors.iter().flat_map(|door| door.calls()).for_each(|call| *calls.entry(call).or_default() += 1);
    Measured { seconds, calls }
}

/// Gives a sealer its batches, each until it has succeeded.
async fn deliver(door: &Door, told: &[Value]) {
    let store = door.store();
    for batch in told.chunks(BATCH) {
        let records: Vec<_> = (1..).zip(batch).map(|(number, item)| record(number, item)).collect();
        let batch = json!({ "Records": records });
        while invoke::sealer(&store, batch.clone()).await["batchItemFailures"] != json!([]) {}
    }
}

fn record(number: usize, item: &Value) -> Value {
    let keys = json!({"workspace": item["workspace"], "timestamp": item["timestamp"]});
    json!({"eventName": "INSERT", "dynamodb": {"Keys": keys, "SequenceNumber": number.to_string()}})
}

/// The number of events without a sequence.
fn unsealed(engine: &Engine) -> u64 {
    let count = json!({
        "TableName": "AuditEvents", "Select": "COUNT", "FilterExpression": "attribute_not_exists(#sequence)",
        "ExpressionAttributeNames": {"#sequence": "sequence"},
    });
    let mut request = count.clone();
    let mut unsealed = 0;
    loop {
        let answer = engine.ask("Scan", &request);
        unsealed += answer["Count"].as_u64().unwrap();
        let Some(last) = answer.get("LastEvaluatedKey").filter(|last| !last.is_null()) else {
            return unsealed;
        };
        request = count.clone();
        request["ExclusiveStartKey"] = last.clone();
    }
}

impl Measured {
    fn count(&self, operation: &str) -> usize {
        self.calls.get(operation).copied().unwrap_or_default()
    }

    fn print(&self, name: &str, events: usize) {
        #[expect(clippy::cast_precision_loss, reason = "there are a few thousand")]
        let rate = events as f64 / self.seconds;
        println!(
            "{name}: {events} events in {:.2} s, {rate:.0} events/s, calls {:?}",
            self.seconds, self.calls
        );
    }
}
