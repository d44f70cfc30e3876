//! Many clients, faults everywhere, and a checker that knows only the answers and the tables.
//!
//! Eight workspaces, one of them busy; both doors, with retries; 20 % of the requests are given up by their
//! clients, and 5 % are sent again; a queue that delivers twice, late and out of order, and loses answers; an
//! engine that throttles, fails, resets and lags; readers of both views; token rotation; two sealers. `EVENTS`
//! (600) and `SEED` (1) set the size; the full run is
//! `EVENTS=50000 cargo test --profile long -p tests --test workload full -- --nocapture`.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod actors;
mod checker;
mod control;
mod history;

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures::future::join_all;
use indicatif::{ProgressBar, ProgressStyle};
use tests::{
    Fault, Plan, TestApp, invoke,
    queue::{Queue, QueueFault, QueuePlan},
};

use self::{
    actors::{Workspace, World, seal},
    checker::Verdict,
    history::{History, Tables},
};

const WORKSPACES: [&str; 8] = ["hot", "w1", "w2", "w3", "w4", "w5", "w6", "w7"];
/// Concurrent senders, in the busy workspace and in each other one.
const SENDERS: (u64, u64) = (6, 1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise_is_kept_under_all_faults() {
    let (events, seed) = (number("EVENTS", 600), number("SEED", 1));
    let began = Instant::now();
    let (history, tables, faults) = run(events, seed, true).await;
    let verdicts = checker::judge(&history, &tables);
    println!("\n{events} events, seed {seed}, {} s", began.elapsed().as_secs());
    println!("faults: {faults}");
    println!("{}", table(&verdicts));
    for Verdict { promise, trials, violations, .. } in &verdicts {
        assert!(violations.is_empty(), "{promise}: {:#?}", &violations[..violations.len().min(10)]);
        assert!(*trials > 0, "{promise} was not tried");
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Runs all actors until everything is sent, recorded, sealed and read. Returns the history, the tables, and a
/// summary of the faults.
async fn run(events: u64, seed: u64, faults: bool) -> (History, Tables, String) {
    let (app, engine) = TestApp::start_with_faults(true).await;
    let queue = Queue::new(queue_plan(seed, faults));
    if faults {
        engine.plan(engine_plan(seed));
    }
    let world = World::new(&app, &queue, bar(events));
    let workspaces = join_all(WORKSPACES.map(|name: &'static str| {
        Workspace::open(&world, name, usize::try_from(share(events, name)).unwrap())
    }))
    .await;

    let senders = workspaces.iter().flat_map(|workspace| {
        let count = if workspace.name == "hot" { SENDERS.0 } else { SENDERS.1 };
        (0..count).map(move |_| workspace)
    });
    let world = &world;
    let send = async {
        join_all(senders.zip(seed..).map(|(workspace, seed)| workspace.send(world, seed))).await;
        queue.close();
        // The bus has its own pace; dead letters are redriven when the faults are over.
        eventually_done(&queue).await;
        app.sealed().await;
        world.sent.store(true, Ordering::SeqCst);
    };
    let bus = async || {
        let store = app.store();
        let deliver =
            async |batch| invoke::ingest_bus(&store, &batch).await.map_err(|error| error.to_string());
        queue.work(deliver).await;
    };
    let bus_until_done = async || {
        while !world.sent.load(Ordering::SeqCst) {
            bus().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let second_sealer = async {
        let store = engine.store();
        seal(world, &store).await;
    };
    let readers = workspaces.iter().zip(workspaces.iter().cycle().skip(1)).map(|(workspace, other)| async {
        futures::join!(workspace.rotate(world), workspace.follow(world), workspace.look(world, &other.name));
    });
    futures::join!(send, bus_until_done(), bus_until_done(), second_sealer, join_all(readers));
    let happened = engine.all_that_happened();

    engine.heal();
    app.sealed().await;
    // The search finds the events of which neither sealer got a record. It ran today already, so its note is
    // deleted.
    app.tables().delete("AuditLedger", [("workspace", "#"), ("part", "reconciled")]).await;
    app.reconcile().await;
    join_all(workspaces.iter().map(|workspace| workspace.follow(world))).await;
    // The readers' own records are sealed last.
    app.sealed().await;
    world.bar.finish_and_clear();
    let mut tables = Tables { removed: queue.removed(), ..Tables::default() };
    for name in WORKSPACES {
        tables.events.insert(name.to_owned(), app.tables().events(name).await);
        tables.tokens.insert(name.to_owned(), app.tables().tokens(name).await);
    }
    tables.quarantine = app.tables().quarantined("product").await;
    let history = world.history.lock().unwrap().clone();
    let faults = happened.iter().map(|(fault, times)| format!("{fault:?} {times}"));
    (history, tables, faults.collect::<Vec<_>>().join(", "))
}

fn share(events: u64, name: &str) -> u64 {
    if name == "hot" { events / 2 } else { events / 14 }
}

/// Waits until the queue is empty; then redrives the dead letters, with the faults over.
async fn eventually_done(queue: &Queue) {
    while !queue.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    queue.heal();
    while queue.redrive() > 0 {
        while !queue.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn engine_plan(seed: u64) -> Plan {
    Plan::seeded(seed)
        .share(0.002, "*", Fault::KeyThrottled)
        .share(0.002, "*", Fault::TableThrottled)
        .share(0.002, "*", Fault::InternalError)
        .share(0.002, "*", Fault::ServiceUnavailable)
        .share(0.003, "*", Fault::ResetBefore)
        .share(0.003, "*", Fault::ResetAfter)
        .share(0.002, "*", Fault::AnswerLost)
        .share(0.002, "*", Fault::AnswerTruncated)
        .share(0.0005, "*", Fault::AnswerDelayed)
        .share(0.0005, "*", Fault::CallDelayed)
        .share(0.01, "*", Fault::CalledTwice)
        .share(0.003, "ExecuteStatement", Fault::Denied)
        .share(0.003, "ExecuteStatement", Fault::AnswerGarbled)
        .share(0.003, "ExecuteStatement", Fault::MetTransaction)
        .share(0.01, "BatchExecuteStatement", Fault::Denied)
        .share(0.1, "BatchExecuteStatement", Fault::StatementsLeftOut)
        .share(0.2, "ExecuteTransaction", Fault::TransactionConflict)
        .share(0.1, "BatchGetItem", Fault::KeysLeftOut)
        .share(0.1, "BatchGetItem", Fault::CopyBehind)
        .share(0.1, "GetItem", Fault::CopyBehind)
        .share(0.03, "Query", Fault::EmptyPages)
}

fn queue_plan(seed: u64, faults: bool) -> QueuePlan {
    let shares = [
        (QueueFault::SentTwice, 0.05),
        (QueueFault::DeliveredTwice, 0.02),
        (QueueFault::OutOfOrder, 0.2),
        (QueueFault::VisibleTooEarly, 0.05),
        (QueueFault::AnswerLost, 0.05),
        (QueueFault::FunctionEnded, 0.05),
    ];
    QueuePlan { seed, shares: if faults { BTreeMap::from(shares) } else { BTreeMap::new() } }
}

fn bar(events: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} events, {per_sec}, {eta} left").unwrap();
    ProgressBar::new(events).with_style(style)
}

fn table(verdicts: &[Verdict]) -> String {
    let rows = verdicts.iter().map(|Verdict { promise, text, trials, violations }| {
        line(promise, text, &trials.to_string(), &violations.len().to_string())
    });
    line("promise", "", "trials", "violations") + &rows.collect::<String>()
}

fn line(promise: &str, text: &str, trials: &str, violations: &str) -> String {
    format!("{promise:<8} {text:<38} {trials:>9} {violations:>11}\n")
}
