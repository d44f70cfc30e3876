//! The stream of the events table, from a recorded event to its sequence.
//!
//! The engine's stream makes every write slower by all records so far, so only this test enables it.

use serde_json::{Value, json};
use tests::{invoke, sample};

use crate::{
    engine::Engine,
    log::{Prepared, Shown, acme, audit},
};

#[tokio::test]
async fn an_event_in_the_stream_is_sealed_once() {
    let prepared = Prepared::with(0, 0).await;
    let engine = Engine::start().await;
    engine.reset(&prepared.file());
    let store = engine.store();
    let mut stream = Stream::of(&engine);
    record(&engine, 0..5).await;

    let inserted = stream.read();
    assert_eq!(names(&inserted), ["INSERT"; 5]);
    assert_eq!(inserted[0]["dynamodb"]["StreamViewType"], "KEYS_ONLY");
    deliver(&engine, &inserted).await;
    assert_eq!(sequences(&engine), (0..5).map(Some).collect::<Vec<_>>());

    // The template's filter drops the records of stamps. Without the filter, they would have no effect either.
    let modified = stream.read();
    assert_eq!(names(&modified), ["MODIFY"; 5]);
    let before = everything(&engine);
    let reversed: Vec<_> = inserted.iter().rev().cloned().collect();
    for again in [&inserted, &reversed, &modified, &[modified.clone(), reversed.clone()].concat()] {
        deliver(&engine, again).await;
        assert_eq!(everything(&engine), before);
        assert_eq!(names(&stream.read()), ["MODIFY"; 0], "nothing is written to the events");
    }

    record(&engine, 5..8).await;
    let inserted = [reversed, modified, stream.read()].concat();
    deliver(&engine, &inserted.into_iter().rev().collect::<Vec<_>>()).await;
    assert_eq!(sequences(&engine), (0..8).map(Some).collect::<Vec<_>>());
    let mut places = Vec::new();
    for (_, entry) in store.entries(&acme(), 0..8).await.unwrap() {
        places.push(entry.place);
    }
    audit(&store, &places, &Shown::default()).await.unwrap();
}

/// Records events through the doors of the API and the bus.
async fn record(engine: &Engine, numbers: std::ops::Range<i64>) {
    let last = numbers.end - 1;
    let events: Vec<_> = (numbers.start..last).map(numbered).collect();
    let request = invoke::audit_logs("POST", &json!({ "events": events }));
    assert_eq!(invoke::ingest_api(&engine.store(), request).await.0, 201);
    let mut detail = numbered(last);
    detail["workspace_username"] = json!("acme");
    invoke::ingest_bus(&engine.store(), &invoke::envelope("1", &detail)).await.unwrap();
}

fn numbered(number: i64) -> Value {
    sample::event(&format!("e-{number}"), number)
}

async fn deliver(engine: &Engine, records: &[Value]) {
    let answer = invoke::sealer(&engine.store(), json!({ "Records": records })).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
}

fn names(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["eventName"].as_str().unwrap()).collect()
}

/// The sequences of the events, in the order of time.
fn sequences(engine: &Engine) -> Vec<Option<u64>> {
    let answer = engine.ask(
        "Query",
        &json!({
            "TableName": "AuditEvents",
            "KeyConditionExpression": "workspace = :acme",
            "ExpressionAttributeValues": {":acme": {"S": "acme"}},
        }),
    );
    let items = answer["Items"].as_array().unwrap();
    items.iter().map(|item| item["sequence"]["N"].as_str()?.parse().ok()).collect()
}

fn everything(engine: &Engine) -> [Value; 2] {
    ["AuditEvents", "AuditLedger"].map(|table| engine.ask("Scan", &json!({ "TableName": table })))
}

/// A reader of the stream, like Lambda's poller.
struct Stream<'a> {
    engine: &'a Engine,
    /// The position from which it reads next.
    iterator: Value,
}

impl<'a> Stream<'a> {
    /// Enables the stream of the events table, with the view of the template.
    fn of(engine: &'a Engine) -> Self {
        let on = json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"});
        let table =
            engine.ask("UpdateTable", &json!({"TableName": "AuditEvents", "StreamSpecification": on}));
        let arn = &table["TableDescription"]["LatestStreamArn"];
        let stream = engine.ask("DescribeStream", &json!({ "StreamArn": arn }));
        let shard = &stream["StreamDescription"]["Shards"][0]["ShardId"];
        let start = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = engine.ask("GetShardIterator", &start)["ShardIterator"].clone();
        Self { engine, iterator }
    }

    /// The new records, in the form in which Lambda passes them on.
    fn read(&mut self) -> Vec<Value> {
        let answer = self.engine.ask("GetRecords", &json!({ "ShardIterator": self.iterator }));
        self.iterator = answer["NextShardIterator"].clone();
        answer["Records"].as_array().unwrap().clone()
    }
}
