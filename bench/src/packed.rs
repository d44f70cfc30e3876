//! A layout that is not used: the events of a batch for one workspace packed into one item. Measures its cost.
//!
//! The items are written to the embedded engine with the same condition as an event; this code is not part of
//! the store.

use std::io::Write as _;

use fastrand::Rng;
use flate2::{Compression, write::DeflateEncoder};
use local::{Storage, Tables};
use serde_json::{Value, json};

use crate::{
    Result, events,
    report::{Chart, Report, Table, number},
};

/// The measured numbers of events in an item.
const PACKS: [usize; 7] = [1, 5, 10, 25, 50, 100, 500];
/// The write units of an event today: itself with three indexes, and then with the stamp and the log.
const AS_IT_IS: [f64; 2] = [4.0, 5.11];

pub(crate) async fn run() -> Result<Report> {
    let mut report = Report::of("packed");
    let tables = Tables::start(0, Storage::Memory).await?;
    let client = reqwest::Client::new();
    let mut table = Table::new([
        "events in an item",
        "bytes of JSON, each",
        "deflated, each",
        "write units, each",
        "with key lists, each",
        "4 units / this",
    ]);
    let mut bars = Vec::new();
    for pack in PACKS {
        let mut random = Rng::with_seed(7);
        let events: Vec<Value> = (0..pack).map(|number| unlike(number, &mut random)).collect();
        let json = serde_json::to_vec(&events)?;
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(&json)?;
        let deflated = deflated.finish()?;
        let item = json!({
            "workspace": {"S": "packed"}, "part": {"S": format!("packed#{pack}")},
            "events": {"B": base64(&deflated)},
        });
        let units = put(&client, tables.endpoint(), &item).await?;
        // An index needs an item for each value in the pack, because a filter would find the pack by it.
        let listed = units
            + distinct(&events, |event| &event["action"])
            + distinct(&events, |event| &event["actor"]["user_id"])
            + distinct(&events, |event| &event["entity"]["entity_id"]);
        let of = pack as f64;
        report.figure(format!("write_units.{pack}"), units / of);
        report.figure(format!("write_units_listed.{pack}"), listed / of);
        table.row([
            pack.to_string(),
            number(json.len() as f64 / of),
            number(deflated.len() as f64 / of),
            number(units / of),
            number(listed / of),
            number(AS_IT_IS[0] / (units / of)),
        ]);
        bars.push((format!("{pack} packed"), units / of));
    }
    tables.shutdown().await;
    bars.push(("one by one, recorded".to_owned(), AS_IT_IS[0]));
    bars.push(("one by one, sealed".to_owned(), AS_IT_IS[1]));
    report.say(
        "Events like Mode's example, with ids, actors, entities, addresses and salts of their own, as JSON, deflated into one \
         item, written on the condition that there is none. With key lists: an item of one unit beside it for each \
         different action, actor and entity in the pack, since an index cannot look into it.",
    );
    report.say(table);
    report.charts.push(Chart { title: "write units of an event".to_owned(), unit: "units", bars });
    Ok(report)
}

fn distinct(events: &[Value], of: fn(&Value) -> &Value) -> f64 {
    let mut values: Vec<_> = events.iter().map(|event| of(event).to_string()).collect();
    values.sort();
    values.dedup();
    values.len() as f64
}

/// An event that shares no more with others than events of a busy workspace do: its random parts do not
/// compress.
fn unlike(number: usize, random: &mut Rng) -> Value {
    let mut event = events::sent(number, random);
    event["id"] = json!(format!(
        "{}-{}-4{}-8{}-{}",
        hex(random, 8),
        hex(random, 4),
        hex(random, 3),
        hex(random, 3),
        hex(random, 12)
    ));
    event["salt"] = json!(hex(random, 32));
    event["entity"]["entity_id"] = json!(hex(random, 12));
    event["context"]["group_id"] = json!(hex(random, 12));
    event["context"]["correlation_id"] = json!(format!(
        "{}-{}-4{}-8{}-{}",
        hex(random, 8),
        hex(random, 4),
        hex(random, 3),
        hex(random, 3),
        hex(random, 12)
    ));
    event
}

fn hex(random: &mut fastrand::Rng, digits: usize) -> String {
    (0..digits).map(|_| char::from(b"0123456789abcdef"[random.usize(..16)])).collect::<String>()
}

async fn put(client: &reqwest::Client, engine: &str, item: &Value) -> Result<f64> {
    let call = json!({
        "TableName": "AuditLedger", "ReturnConsumedCapacity": "TOTAL",
        "ConditionExpression": "attribute_not_exists(part)",
        "Item": item,
    });
    let answer = client
        .post(engine)
        .header("x-amz-target", "DynamoDB_20120810.PutItem")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20250218T104737Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local/20250218/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none",
        )
        .body(call.to_string())
        .send()
        .await?;
    let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
    let units = answer["ConsumedCapacity"]["CapacityUnits"].as_f64();
    units.ok_or_else(|| format!("the engine answered: {answer}").into())
}

/// In DynamoDB's JSON, bytes are base64.
fn base64(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}
