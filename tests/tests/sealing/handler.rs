//! The sealer's handling of a batch that cannot be sealed completely, and of the scheduled search.

use lambda_runtime::{Context, Error, LambdaEvent};
use serde_json::{Value, json};
use shared::{
    ledger::{hash::Hash, tree::Frontier},
    model::keys::Place,
    store::{Sealed, Search, Store},
    system,
};
use tests::{
    invoke,
    sample::{at, unix_microseconds},
};

use crate::{
    engine::{Engine, Rule},
    log::{Prepared, Shown, acme, audit},
};

/// An engine with empty tables.
async fn engine() -> Engine {
    let engine = Engine::start().await;
    engine.reset(&Prepared::with(0, 0).await.file());
    engine
}

/// The item of an event as the service writes it.
fn item(workspace: &str, second: i64) -> Value {
    json!({
        "workspace": {"S": workspace},
        "timestamp": {"S": format!("{}#e-{second}", at(second))},
        "action": {"S": "group_created"},
        "received_at": {"N": unix_microseconds(second)},
        "salt": {"B": "AAAAAAAAAAAAAAAAAAAAAA=="},
        "actor_id": {"S": "u1"},
    })
}

fn put(engine: &Engine, table: &str, item: &Value) {
    engine.ask("PutItem", &json!({"TableName": table, "Item": item}));
}

/// The stream record of an item.
fn record(number: u64, item: &Value) -> Value {
    let keys = json!({"workspace": item["workspace"], "timestamp": item["timestamp"]});
    json!({"eventName": "INSERT", "dynamodb": {"Keys": keys, "SequenceNumber": number.to_string()}})
}

fn put_all(engine: &Engine, items: &[Value]) {
    items.iter().for_each(|item| put(engine, "AuditEvents", item));
}

/// Gives the sealer the stream records of these items, the first as record 1. Returns its answer.
async fn deliver(store: &Store, items: &[Value]) -> Value {
    let records: Vec<_> = (1..).zip(items).map(|(number, item)| record(number, item)).collect();
    invoke::sealer(store, json!({ "Records": records })).await
}

fn places(items: &[Value]) -> Vec<Place> {
    items
        .iter()
        .map(|item: &Value| Place::from_key(&text(item, "workspace"), &text(item, "timestamp")).unwrap().1)
        .collect()
}

fn text(item: &Value, name: &str) -> String {
    item[name]["S"].as_str().unwrap().to_owned()
}

/// The items in a partition of a table.
fn partition(engine: &Engine, table: &str, workspace: &str) -> Vec<Value> {
    let request = json!({
        "TableName": table,
        "KeyConditionExpression": "workspace = :workspace",
        "ExpressionAttributeValues": {":workspace": {"S": workspace}},
    });
    let mut answer = engine.ask("Query", &request);
    let mut items = Vec::new();
    loop {
        items.extend(answer["Items"].as_array().unwrap().clone());
        let Some(last) = answer.get("LastEvaluatedKey") else { return items };
        let mut next = request.clone();
        next["ExclusiveStartKey"] = last.clone();
        answer = engine.ask("Query", &next);
    }
}

/// The sequences of a workspace's events, in the order of time; -1 for none.
fn sequences(engine: &Engine, workspace: &str) -> Vec<i64> {
    partition(engine, "AuditEvents", workspace)
        .iter()
        .map(|item: &Value| item["sequence"]["N"].as_str().map_or(-1, |text| text.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn an_unreadable_event_is_set_aside_with_the_reason_and_blocks_no_log() {
    let engine = engine().await;
    let (mut broken_json, mut without_salt) = (item("acme", 1), item("acme", 3));
    broken_json["actor"] = json!({"S": "{"});
    without_salt.as_object_mut().unwrap().remove("salt");
    let items = [item("acme", 0), broken_json, item("acme", 2), without_salt, item("globex", 0)];
    put_all(&engine, &items);
    for batch in [&items[..4], &items[1..2], &items] {
        assert_eq!(deliver(&engine.store(), batch).await, json!({"batchItemFailures": []}));
    }

    assert_eq!((sequences(&engine, "acme"), sequences(&engine, "globex")), (vec![0, -1, 1, -1], vec![0]));
    let asides: Vec<_> = partition(&engine, "AuditLedger", "acme")
        .into_iter()
        .filter(|item| item["part"]["S"].as_str().unwrap().starts_with("aside#"))
        .map(|item| (item["part"]["S"].clone(), item["reason"]["S"].clone()))
        .collect();
    assert_eq!(asides, [(aside(1), json!("an item's actor")), (aside(3), json!("an item's salt"))]);
}

fn aside(second: i64) -> Value {
    json!(format!("aside#acme#{}#e-{second}", at(second)))
}

#[tokio::test]
async fn a_corrupt_log_delays_no_other() {
    let engine = engine().await;
    let head = json!({
        "workspace": {"S": "acme"},
        "part": {"S": "head"},
        "size": {"N": "3"},
        "frontier": {"B": "AAAA"},
    });
    put(&engine, "AuditLedger", &head);
    let items = [item("acme", 0), item("globex", 0), item("acme", 1), item("initech", 0)];
    put_all(&engine, &items);
    let answer = deliver(&engine.store(), &items).await;
    // A retry would not help: an alarm reports it, and the stream continues.
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(sequences(&engine, "acme"), [-1, -1]);
    assert_eq!((sequences(&engine, "globex"), sequences(&engine, "initech")), (vec![0], vec![0]));
}

#[tokio::test]
async fn events_that_cannot_be_sealed_wait_in_the_backlog_and_delay_no_other() {
    let engine = engine().await;
    let items = [item("initech", 0), item("acme", 0), item("globex", 0), item("acme", 1), item("globex", 1)];
    put_all(&engine, &items);
    let denying = engine.door(Rule::DeniesIn("AuditLedger", "globex")).store();
    assert_eq!(deliver(&denying, &items).await, json!({"batchItemFailures": []}));
    assert_eq!(sequences(&engine, "globex"), [-1, -1]);
    assert_eq!((sequences(&engine, "acme"), sequences(&engine, "initech")), (vec![0, 1], vec![0]));
    assert_eq!(partition(&engine, "AuditBacklog", "globex").len(), 1);

    take_up_backlog(&engine.store()).await;
    assert_eq!(sequences(&engine, "globex"), [0, 1]);
    assert_eq!(partition(&engine, "AuditBacklog", "globex"), [json!(null); 0]);
}

#[tokio::test]
async fn records_that_cannot_enter_the_backlog_are_retried_from_the_first() {
    let engine = engine().await;
    let items = [item("initech", 0), item("acme", 0), item("globex", 0), item("acme", 1), item("globex", 1)];
    let denying = engine.door(Rule::Denies("globex")).store();
    put_all(&engine, &items);
    let answer = deliver(&denying, &items).await;
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "3"}]}));
    assert_eq!(sequences(&engine, "globex"), [-1, -1]);
    assert_eq!((sequences(&engine, "acme"), sequences(&engine, "initech")), (vec![0, 1], vec![0]));

    let answer = deliver(&engine.store(), &items[2..]).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(sequences(&engine, "globex"), [0, 1]);
    assert_eq!(sequences(&engine, "acme"), [0, 1]);
}

#[tokio::test]
async fn an_item_with_a_foreign_key_is_not_sealed() {
    let engine = engine().await;
    let items = ["acme#17", "acme#255", "acme#07"].map(|partition| item(partition, 0));
    put_all(&engine, &items);
    assert_eq!(deliver(&engine.store(), &items).await, json!({"batchItemFailures": []}));
    search(&engine.store(), u64::MAX / 2).await.unwrap();
    assert_eq!(partition(&engine, "AuditLedger", "acme"), [json!(null); 0]);
}

#[tokio::test]
async fn events_of_one_id_in_two_partitions_are_two_events() {
    let engine = engine().await;
    let mut other = item("acme#3", 0);
    other["action"] = json!({"S": "group_deleted"});
    let items = [item("acme", 0), other];
    put_all(&engine, &items);
    for _ in 0..2 {
        assert_eq!(deliver(&engine.store(), &items).await, json!({"batchItemFailures": []}));
    }
    assert_eq!((sequences(&engine, "acme"), sequences(&engine, "acme#3")), (vec![0], vec![1]));
    audit(&engine.store(), &places(&items), &Shown::default()).await.unwrap();
    let sealed = engine.store().sealed_events(&acme(), 0..2, system::now()).await.unwrap();
    let actions: Vec<_> = sealed
        .into_iter()
        .map(|(.., sealed)| match sealed {
            Sealed::Event(event) => event.action.name().to_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(actions, ["group_created", "group_deleted"]);
}

#[tokio::test]
async fn a_pass_reads_each_event_once_and_reports_its_work() {
    let (engine, now) = (engine().await, system::now());
    let (store, acme) = (engine.store(), acme());
    let mut broken = item("acme", 300);
    broken["actor"] = json!({"S": "{"});
    let items: Vec<_> = (0..300).map(|second| item("acme", second)).chain([broken]).collect();
    put_all(&engine, &items);
    // A tile is full after 256 entries; the rest is read again with the next tile.
    let sealed = sealer::seal(&store, &acme, &places(&items), now).await.unwrap();
    assert_eq!((sealed.events, sealed.set_aside), (300, 1));
    let sealed = sealer::seal(&store, &acme, &places(&items[..300]), now).await.unwrap();
    assert_eq!((sealed.events, sealed.set_aside), (0, 0));

    // A delta that another pass has written is finished first, and counts.
    let items: Vec<_> = (301..306).map(|second| item("acme", second)).collect();
    put_all(&engine, &items);
    let head = store.head(&acme).await.unwrap();
    let (deltas, _) = sealer::propose(&store, &acme, &head, &places(&items)).await.unwrap();
    store.write_delta(&acme, &deltas[0], None).await.unwrap();
    let sealed = sealer::seal(&store, &acme, &[], now).await.unwrap();
    assert_eq!((sealed.events, sealed.set_aside), (5, 0));
    assert_eq!(store.head(&acme).await.unwrap().size(), 305);
}

#[tokio::test]
async fn the_root_of_a_full_tile_is_stored_under_its_level_and_number() {
    let engine = engine().await;
    let (store, acme) = (engine.store(), acme());
    // One more event completes a tile of leaves and a tile of their roots.
    let mut head = Frontier::default();
    (0..65_535).for_each(|_| drop(head.push(Hash::of_leaf(b"sealed long ago"))));
    store.advance(&acme, &Frontier::default(), &head, None).await.unwrap();
    let items = [item("acme", 0)];
    put_all(&engine, &items);
    sealer::seal(&store, &acme, &places(&items), system::now()).await.unwrap();
    assert_eq!(sequences(&engine, "acme"), [65_535]);
    let parts = partition(&engine, "AuditLedger", "acme");
    let parts = parts.iter().filter_map(|item| item["part"]["S"].as_str());
    let roots: Vec<_> = parts.filter(|part| part.starts_with("root#")).collect();
    assert_eq!(roots, ["root#01#0000000000000255", "root#02#0000000000000000"]);
}

#[tokio::test]
async fn a_pass_that_loses_every_race_gives_up() {
    let engine = engine().await;
    let items = [item("acme", 0)];
    put_all(&engine, &items);
    let door = engine.door(Rule::Overtakes("\"entries\""));
    let left = sealer::seal(&door.store(), &acme(), &places(&items), system::now()).await.unwrap_err();
    assert!(matches!(left, shared::model::error::Error::Unavailable(_)), "{left:?}");
    // It tried once for each of the fifty races that it may lose, and once more.
    assert_eq!(door.calls().iter().filter(|call| *call == "PutItem").count(), 51);
}

#[tokio::test]
async fn a_workspace_that_cannot_be_sealed_does_not_end_the_search_for_others() {
    let engine = engine().await;
    let items: Vec<_> = ["acme", "globex", "initech"].map(|workspace| item(workspace, 0)).to_vec();
    put_all(&engine, &items);
    // Neither its log nor the backlog accepts anything for this workspace.
    let denying = engine.door(Rule::Denies("globex")).store();
    search(&denying, u64::MAX / 2).await.unwrap();
    assert_eq!((sequences(&engine, "acme"), sequences(&engine, "initech")), (vec![0], vec![0]));
    assert_eq!(sequences(&engine, "globex"), [-1]);
    assert_eq!(engine.store().search().await.unwrap().unwrap().after, None);
}

/// Runs the schedule of the backlog.
async fn take_up_backlog(store: &Store) {
    assert_eq!(invoke::sealer(store, json!({"backlog": true})).await, json!({"batchItemFailures": []}));
}

/// Runs a round of the search until this deadline.
async fn search(store: &Store, deadline_ms: u64) -> Result<(), Error> {
    let mut context = Context::default();
    context.deadline = deadline_ms;
    let trigger = serde_json::from_value(json!({"reconcile": true})).unwrap();
    sealer::handle(store, LambdaEvent::new(trigger, context)).await.map(drop)
}

#[tokio::test]
async fn the_search_finds_events_without_a_record_over_several_rounds() {
    // DynamoDB returns 1 MB at a time: 9 of these.
    const NO_TIME: u64 = 0;
    const TIME: u64 = u64::MAX / 2;
    let engine = engine().await;
    let store = engine.store();
    (1..=25).for_each(|second| put(&engine, "AuditEvents", &large(second)));

    search(&store, NO_TIME).await.unwrap();
    let after_one = unsealed(&engine);
    assert!((1..25).contains(&after_one), "one round takes one step");
    // A round that cannot read the table ends, and the next one continues from the note of the last one.
    let denying = engine.door(Rule::Denies("FilterExpression")).store();
    search(&denying, TIME).await.unwrap_err();
    assert_eq!(unsealed(&engine), after_one);
    // It continues from its note, so it does not read the newer event before it.
    put(&engine, "AuditEvents", &item("acme", 0));
    search(&store, NO_TIME).await.unwrap();
    assert!((2..after_one).contains(&unsealed(&engine)));
    search(&store, TIME).await.unwrap();
    let sequences_then = sequences(&engine, "acme");
    assert_eq!(sequences_then, (-1..25).collect::<Vec<_>>());
    let note = store.search().await.unwrap().unwrap();
    assert_eq!(note.after, None);

    // Within a day no second search begins; the next one begins after it.
    search(&store, TIME).await.unwrap();
    assert_eq!(sequences(&engine, "acme"), sequences_then);
    let began_at = system::now().plus_seconds(-23 * 3600);
    store.write_search(&Search { began_at, after: None }).await.unwrap();
    search(&store, TIME).await.unwrap();
    assert_eq!(sequences(&engine, "acme"), [&[25], &sequences_then[1..]].concat());
}

fn unsealed(engine: &Engine) -> usize {
    sequences(engine, "acme").iter().filter(|sequence| **sequence < 0).count()
}

fn large(second: i64) -> Value {
    let mut item = item("acme", second);
    item["context"] = json!({"S": json!({"text": "a".repeat(110_000)}).to_string()});
    item
}
