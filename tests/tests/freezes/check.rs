//! The invariants after a trial.

use std::collections::BTreeMap;

use indicatif::ProgressBar;
use serde_json::{Value, json};
use shared::{model::timestamp::Timestamp, system};
use tests::invoke;

use crate::{
    functions::{Function, Ran},
    world::{World, acme, event, set_clock},
};

/// Lets the sealer, the expiry and the delivery run after a freeze. Returns each violation.
pub(crate) async fn invariants(world: &World<'_>, ran: &Ran, hold: bool) -> Vec<String> {
    let mut broken = Vec::new();
    let mut acknowledged = world.acknowledged();
    acknowledged.extend(ran.acknowledged.clone());
    world.seal().await;

    // The frozen instance and another one record the same events, before and after the change of shards.
    for (id, seconds) in [("before", -300), ("after", 50)] {
        let time = world.midnight().plus_seconds(seconds);
        set_clock(time.plus_seconds(if seconds < 0 { -400 } else { 60 }));
        for (store, expected) in [(&ran.store, 201), (&world.store(), 200)] {
            let request = invoke::audit_logs("POST", &event(id, time));
            let (status, answer) = invoke::ingest_api(store, request).await;
            if status != expected {
                broken.push(format!("the event {id} is answered with {status}, not {expected}: {answer}"));
            }
        }
        acknowledged.push((id.to_owned(), time));
    }
    world.seal().await;
    no_mark_without_permission(world, hold, &mut broken).await;

    // Hours later everything is done that can be done.
    set_clock(world.midnight().plus_seconds(4 * 3600));
    for _ in 0..3 {
        for trigger in [json!({"holds": true}), json!({"expire": true})] {
            if let Err(error) = invoke::expire(&world.store(), trigger).await {
                broken.push(format!("expiry fails: {error}"));
            }
        }
        world.seal().await;
        no_mark_without_permission(world, hold, &mut broken).await;
    }
    all_that_expired_is_marked(world, &mut broken).await;
    each_event_is_readable_once(world, &acknowledged, &mut broken).await;
    world.seal().await;
    the_log_is_sound(world, &mut broken).await;
    tokens_have_records(world, &mut broken).await;
    streams_reach_the_end(world, &mut broken).await;
    broken
}

/// No event is marked that has not expired, or under a hold.
async fn no_mark_without_permission(world: &World<'_>, hold: bool, broken: &mut Vec<String>) {
    let settings = world.store().settings_now(&acme()).await.unwrap();
    let now = system::now();
    let from = settings.retention.retained_from(now);
    for row in world.rows().await.iter().filter(|row| row.get("expires_at").is_some()) {
        let key = row["timestamp"].as_str().unwrap();
        let time = Timestamp::parse(key.split('#').next().unwrap()).unwrap();
        if from.is_none_or(|from| from <= time) {
            broken.push(format!("{key} is marked and has not expired"));
        }
        if hold
            && settings.retention.standing_hold(now).is_some()
            && now > world.midnight().plus_seconds(3600)
        {
            broken.push(format!("{key} is marked under a hold"));
        }
    }
}

/// Without a hold, every event that expired more than an hour ago is marked.
async fn all_that_expired_is_marked(world: &World<'_>, broken: &mut Vec<String>) {
    let retention = world.store().settings_now(&acme()).await.unwrap().retention;
    let Some(before) = retention.expires_before(system::now(), 3600) else { return };
    for row in world.rows().await.iter().filter(|row| row["action"] == "group_created") {
        let key = row["timestamp"].as_str().unwrap();
        let time = Timestamp::parse(key.split('#').next().unwrap()).unwrap();
        if time < before && row.get("expires_at").is_none() {
            broken.push(format!("{key} has expired and is not marked"));
        }
    }
}

async fn each_event_is_readable_once(
    world: &World<'_>,
    acknowledged: &[(String, Timestamp)],
    broken: &mut Vec<String>,
) {
    let settings = world.store().settings_now(&acme()).await.unwrap();
    let from = settings.retention.retained_from(system::now());
    for (route, query) in [
        ("GET /api/{workspace}/audit_logs", "limit=1000&order=asc"),
        ("GET /api/{workspace}/audit_logs/feed", "limit=1000"),
    ] {
        let (status, page) = invoke::query(&world.store(), invoke::by_token(route, &[], query)).await;
        if status != 200 {
            broken.push(format!("{route} answers {status}: {page}"));
            continue;
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for read in page["audit_logs"].as_array().unwrap() {
            *counts.entry(read["id"].as_str().unwrap()).or_default() += 1;
        }
        for (id, time) in acknowledged {
            let has_expired = from.is_some_and(|from| *time < from);
            let (count, expected) =
                (counts.get(id.as_str()).copied().unwrap_or(0), usize::from(!has_expired));
            if count != expected {
                broken.push(format!("{id} is {count} times in {route}, and has expired: {has_expired}"));
            }
        }
    }
}

async fn the_log_is_sound(world: &World<'_>, broken: &mut Vec<String>) {
    let rows = world.rows().await;
    let mut sequences: Vec<_> = rows.iter().filter_map(|row| row["sequence"].as_u64()).collect();
    sequences.sort_unstable();
    if !sequences.iter().copied().eq(0..rows.len() as u64) {
        broken.push(format!("{} events have the sequences {sequences:?}", rows.len()));
    }
    let mut keys: Vec<_> = rows.iter().map(|row: &Value| row["timestamp"].as_str().unwrap()).collect();
    keys.sort_unstable();
    if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        broken.push(format!("{} is stored in two partitions", pair[0]));
    }
    let bar = ProgressBar::hidden();
    match operator::fsck::check(
        &world.store(),
        &acme(),
        &operator::fsck::Kept::default(),
        system::now(),
        &bar,
    )
    .await
    {
        Ok(report) if report.findings.first().is_none() => {}
        Ok(report) => broken.push(format!("fsck: {report}")),
        Err(error) => broken.push(format!("fsck fails: {error:?}")),
    }
}

async fn tokens_have_records(world: &World<'_>, broken: &mut Vec<String>) {
    let tokens = world.tables().tokens("acme").await.len();
    let rows = world.rows().await;
    let records = rows.iter().filter(|row| row["action"] == "api_token_workspace_created").count();
    if tokens != records {
        broken.push(format!("{tokens} tokens have {records} records"));
    }
}

/// A stream loses nothing and goes on: another instance delivers everything that is left.
async fn streams_reach_the_end(world: &World<'_>, broken: &mut Vec<String>) {
    let Some(stream) = &world.stream else { return };
    let delivery = world.store().stream(&acme(), stream).await.unwrap().unwrap();
    let function = if delivery.stream.secret.is_some() { Function::Deliver } else { Function::Archiver };
    function.send(world, &world.store()).await;
    let size = world.store().head(&acme()).await.unwrap().size();
    let delivery = world.store().stream(&acme(), stream).await.unwrap().unwrap();
    if delivery.progress.next != size {
        broken.push(format!("the stream is at {} of {size}", delivery.progress.next));
    }
}
