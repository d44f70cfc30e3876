//! Waiting readers, in larger numbers than the limit allows.

use std::time::{Duration, Instant};

use futures::future::join_all;
use shared::{
    aws::config::Config,
    model::{
        id::{TokenId, WorkspaceId},
        principal::TokenHolder,
        rate::{LongRead, SLOTS},
        scope::Scope,
        timestamp::Timestamp,
    },
    store::Store,
};
use tests::{Answer, Client, TestApp, sample::event};

use crate::held;

/// Measured requests of each kind.
const MEASURED: usize = 60;

fn is_refused_a_slot(answer: &Answer) -> bool {
    answer.headers.contains_key("retry-after")
}

/// The end of the feed for a reader.
async fn end_of_feed(reader: &Client) -> String {
    reader.feed("").await.expect(200).body["next_after"].to_string()
}

/// Sends waits at once. Returns the number of those that waited.
async fn waited(waits: Vec<(&Client, String)>) -> usize {
    let answers = waits.iter().map(|(client, after)| client.feed(after));
    let answers = join_all(answers).await;
    answers.into_iter().map(|answer| answer.expect(200)).filter(|answer| !is_refused_a_slot(answer)).count()
}

#[tokio::test]
async fn waits_are_bounded_by_token_and_by_workspace() {
    let app = TestApp::start_sealing().await;
    let mut tokens = Vec::new();
    for _ in 0..5 {
        tokens.push(app.reader("acme").await);
    }
    app.sealed().await;
    let after = format!("after={}&wait=2", end_of_feed(&tokens[0]).await);
    app.sealed().await;

    let count = waited(vec![(&tokens[0], after.clone()); 12]).await;
    assert_eq!(count, LongRead::Wait.of_a_token());
    held("P13", "12 waits of one token at once", format!("{count} wait, the others are answered at once"));

    let count = waited(tokens.iter().flat_map(|token| vec![(token, after.clone()); 4]).collect()).await;
    assert_eq!(count, LongRead::Wait.of_a_workspace());
    held("P13", "4 waits of each of 5 tokens of a workspace", format!("{count} wait"));

    // Each of them has given back its slots.
    let count = waited(vec![(&tokens[1], after.clone()); 4]).await;
    assert_eq!(count, 4);
    held("P13", "waits after others have ended", format!("{count} of 4 wait"));
}

#[tokio::test]
async fn a_reader_that_hangs_up_keeps_its_slots_until_its_wait_is_over() {
    let app = TestApp::start_sealing().await;
    let reader = app.reader("acme").await;
    app.sealed().await;
    let after = format!("after={}&wait=20", end_of_feed(&reader).await);
    app.sealed().await;
    for _ in 0..4 {
        let hung_up = tokio::time::timeout(Duration::from_millis(700), reader.feed(&after)).await;
        assert!(hung_up.is_err(), "it was answered");
    }
    let answer = reader.feed(&after).await.expect(200);
    assert!(is_refused_a_slot(&answer));
    held("P13", "a fifth wait after four that hung up", "answered at once");
}

#[tokio::test]
async fn slots_are_counted_across_instances_and_a_crash_leaks_none_for_long() {
    let app = TestApp::start().await;
    let (one, other) = (new_instance(&app), new_instance(&app));
    let holder = TokenHolder {
        workspace: WorkspaceId::parse("acme").unwrap(),
        token: TokenId::parse("abcdefABCDEF").unwrap(),
        scopes: vec![Scope::Read],
    };
    let take = async |store: &Store, seconds| {
        let wait = Duration::from_secs(20);
        store.take_slots(&holder, LongRead::Wait, wait, second(seconds)).await.unwrap()
    };
    let mut slots = Vec::new();
    for number in 0..4 {
        slots.extend(take(if number % 2 == 0 { &one } else { &other }, number).await);
    }
    assert_eq!(slots.len(), 4);
    assert!(take(&one, 5).await.is_none() && take(&other, 5).await.is_none());
    one.free_slots(slots.pop().unwrap()).await;
    assert!(take(&other, 6).await.is_some() && take(&other, 6).await.is_none());
    // The other slots were taken by instances that crashed: they become free when their time is over.
    assert!(take(&one, 24).await.is_none());
    for _ in 0..3 {
        assert!(take(&one, 29).await.is_some());
    }
    // A reader that has lost its slot cannot give it back.
    for stale in slots {
        one.free_slots(stale).await;
    }
    assert!(take(&one, 29).await.is_none());
    held("P13", "slots of an instance that crashed", "free again within 30 s");
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::parse("2025-02-18T10:00:00Z").unwrap().plus_seconds(seconds)
}

fn new_instance(app: &TestApp) -> Store {
    Store::connect(&Config::local(app.dynamodb_endpoint()))
}

/// A reader that waits again and again, as long as it gets a slot.
async fn wait_again_and_again(reader: Client, after: String) {
    loop {
        let answer = reader.feed(&after).await;
        assert!(matches!(answer.status, 200 | 429 | 503), "{}", answer.text);
        if answer.status != 200 || is_refused_a_slot(&answer) {
            return;
        }
    }
}

/// The 95th percentile of health checks, of pages of the time view and of recorded events, in milliseconds.
async fn p95(clients: &[Client], round: usize) -> [f64; 3] {
    let mut times = [const { Vec::new() }; 3];
    for number in 0..MEASURED {
        let client = &clients[number % clients.len()];
        let asked_at = Instant::now();
        client.get("/api/health").await.expect(200);
        times[0].push(asked_at.elapsed());
        let asked_at = Instant::now();
        client.list("limit=10").await.expect(200);
        times[1].push(asked_at.elapsed());
        let asked_at = Instant::now();
        client.record(&event(&format!("e-{round}-{number}"), 1)).await.expect(201);
        times[2].push(asked_at.elapsed());
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[MEASURED * 95 / 100].as_secs_f64() * 1000.0
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_readers_do_not_delay_other_requests() {
    let app = TestApp::start_sealing_and_limiting(40).await;
    let mut quiet = Vec::new();
    for _ in 0..8 {
        quiet.push(app.holder_of_both("quiet").await);
    }
    p95(&quiet, 0).await;
    let without = p95(&quiet, 1).await;

    let mut readers = vec![(app.reader("loud").await, 200)];
    for number in 0..20 {
        readers.push((app.reader(&format!("loud-{number}")).await, 40));
    }
    app.sealed().await;
    let mut waits = Vec::new();
    for (reader, count) in readers {
        let after = format!("after={}&wait=20", end_of_feed(&reader).await);
        waits.extend((0..count).map(|_| wait_again_and_again(reader.clone(), after.clone())));
    }
    assert_eq!(waits.len(), 1000);
    let mut tasks = Vec::new();
    for wait in waits {
        tasks.push(tokio::spawn(wait));
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    let with = p95(&quiet, 2).await;
    let waiting = tasks.iter().filter(|task| !task.is_finished()).count();
    assert!(
        (LongRead::Wait.of_a_workspace()..=LongRead::Wait.groups() * SLOTS).contains(&waiting),
        "{waiting} wait"
    );
    for task in &tasks {
        task.abort();
    }
    for (name, without, with) in [("/api/health", 0), ("the time view", 1), ("POST", 2)]
        .map(|(name, of)| (name, without[of], with[of]))
    {
        let ratio = with / without;
        // Without limits these requests would be refused, because all executions would be in use. The ratio
        // leaves room because readers and tables share the machine's cores.
        assert!(ratio < 100.0, "{name}: p95 {without:.2} ms without waits, {with:.2} ms with them");
        held(
            "P13",
            &format!("1,000 readers that wait, p95 of {name}"),
            format!("{without:.2} ms without, {with:.2} ms with them, x {ratio:.2}"),
        );
    }
}
