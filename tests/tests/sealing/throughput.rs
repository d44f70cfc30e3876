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
};

const LATENCY: Duration = Duration::from_millis(5);
/// The largest batch of stream records, as in the template.
const BATCH: usize = 500;

struct Measured {
    events: usize,
    seconds: f64,
    /// The CPU time of this process, engine included.
    cpu_seconds: f64,
    /// The number of calls of each operation.
    calls: BTreeMap<String, usize>,
    /// The number of deltas in the log of acme.
    deltas: usize,
}

#[test]
fn more_sealers_of_a_workspace_do_not_make_more_work() {
    let events = if is_full() { 16_384 } else { 2_048 };
    let one = measured("1 workspace, 1 sealer", &sealed_by(1, events, |_| "acme".to_owned()));
    for sealers in [4, 8] {
        let told = sealed_by(sealers, events, |_| "acme".to_owned());
        let more = measured(&format!("1 workspace, {sealers} sealers"), &told);
        more.check_against(&one, sealers);
    }
    let told = sealed_by(8, events, |sealer| format!("acme#{sealer}"));
    measured("1 workspace of 8 shards, 8 sealers", &told).check_against(&one, 8);
}

#[test]
fn many_workspaces_are_sealed_at_the_same_time() {
    let workspaces = if is_full() { 1_000 } else { 100 };
    let mut told = vec![Vec::new(); 8];
    for event in 0..4 {
        for workspace in 0..workspaces {
            told[workspace % 8].push(item(&format!("w{workspace}"), event));
        }
    }
    let many = measured(&format!("{workspaces} workspaces, 8 sealers"), &told);
    assert_eq!(many.count("UpdateItem"), 0, "no event is stamped twice");
}

fn measured(name: &str, told: &[Vec<Value>]) -> Measured {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let measured = runtime.unwrap().block_on(measure(told));
    measured.print(name);
    measured
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
    let (began, cpu_before) = (Instant::now(), cpu_seconds());
    let doors: Vec<Arc<Door>> = told.iter().map(|_| engine.door(Rule::Slow(LATENCY))).collect();
    let sealers =
        doors.iter().zip(told).map(|(door, told)| tokio::spawn(deliver(door.clone(), told.clone())));
    join_all(sealers).await.into_iter().for_each(Result::unwrap);
    while unsealed(&engine) > 0 {
        invoke::sealer(&doors[0].store(), json!({"backlog": true})).await;
    }
    let (seconds, cpu_seconds) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu_before);
    let mut calls = BTreeMap::new();
    doors.iter().flat_map(|door| door.calls()).for_each(|call| *calls.entry(call).or_default() += 1);
    let request = json!({
        "TableName": "AuditLedger", "Select": "COUNT",
        "KeyConditionExpression": "workspace = :acme AND begins_with(part, :delta)",
        "ExpressionAttributeValues": {":acme": {"S": "acme"}, ":delta": {"S": "delta#"}},
    });
    let deltas = engine.ask("Query", &request)["Count"].as_u64().unwrap();
    let events = told.iter().map(Vec::len).sum();
    Measured { events, seconds, cpu_seconds, calls, deltas: usize::try_from(deltas).unwrap() }
}

/// Gives a sealer its batches, each until it has succeeded.
async fn deliver(door: Arc<Door>, told: Vec<Value>) {
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

/// The CPU time that this process has used, on Linux, where a tick is 10 ms.
fn cpu_seconds() -> f64 {
    let statistics = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let numbers: Vec<_> = statistics.split_whitespace().skip(13).take(2).collect();
    numbers.iter().filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
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

    /// Checks that several sealers make no more work for the sealer with the turn than one sealer alone, and only
    /// a few calls for each batch beside it.
    fn check_against(&self, one: &Self, sealers: usize) {
        let batches = self.events.div_ceil(BATCH) + sealers;
        // Only on a machine that is so busy that a round takes longer than a turn.
        let again = self.count("UpdateItem");
        assert!(again <= self.events / 8, "{again} of {} events are stamped twice", self.events);
        let most = 3 * one.deltas / 2 + 2 * sealers;
        assert!(self.deltas <= most, "rounds are not smaller: {} deltas of at most {most}", self.deltas);
        let stamps = self.count("BatchExecuteStatement");
        assert!(stamps <= 3 * one.count("BatchExecuteStatement") / 2, "{stamps} requests of stamps");
        // Sealers that find the turn free at the same time read their events before all but one of them lose.
        let reads = self.count("BatchGetItem");
        assert!(reads <= 3 * one.count("BatchGetItem") + 5 * sealers, "{reads} reads of events");
        // A batch that is left is one write, and one delete.
        let writes = self.count("PutItem") + self.count("DeleteItem");
        assert!(
            writes <= 2 * one.count("PutItem") + 3 * batches,
            "{writes} writes to the log and the backlog"
        );
        let looks = self.count("Query") + self.count("GetItem");
        assert!(looks <= one.count("Query") + 10 * batches, "{looks} reads of the log and the backlog");
    }

    fn print(&self, name: &str) {
        let Self { events, seconds, cpu_seconds, calls, deltas } = self;
        #[expect(clippy::cast_precision_loss, reason = "there are a few thousand")]
        let events_as_f64 = *events as f64;
        #[expect(clippy::cast_precision_loss, reason = "there are a few thousand")]
        let each = calls.values().sum::<usize>() as f64 / events_as_f64;
        let (rate, by_cpu) = (events_as_f64 / seconds, events_as_f64 / cpu_seconds);
        println!(
            "{name}: {events} events in {seconds:.2} s, {rate:.0} events/s, {by_cpu:.0} for each second of CPU, {each:.3} calls an event, {deltas} deltas, {calls:?}"
        );
    }
}
