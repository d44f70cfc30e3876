//! Many events, several streams at once, receivers that fail at random, and functions that are killed:
//!
//! ```text
//! EVENTS=100000 cargo test --profile long -p tests --test deliver volume -- --nocapture
//! ```

use std::{env, time::Instant};

use shared::stream::StreamId;
use tests::{Fault, FaultyEngine, Plan, invoke};

use crate::{
    ledger::all,
    receiver::{Receiver, ReceiverFault},
    world::World,
};

const STREAMS: u64 = 3;
const SEED: u64 = 11;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_events_are_delivered_under_random_failures() {
    let count: i64 = env::var("EVENTS").map_or(2000, |count| count.parse().unwrap());
    let began = Instant::now();
    let world = World::with(count).await;
    println!("{count} events sealed in {:.1} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let mut streams = Vec::new();
    for number in 0..STREAMS {
        let mut random = fastrand::Rng::with_seed(SEED + number);
        let receiver = Receiver::that(move |_, _| match random.u32(..100) {
            0..3 => Err(ReceiverFault::Refused(503, &[("retry-after", "1")])),
            3..5 => Err(ReceiverFault::Refused(400, &[])),
            5..7 => Err(ReceiverFault::ResetBefore),
            7..9 => Err(ReceiverFault::ResetAfter),
            _ => Ok(String::new()),
        })
        .await;
        streams.push((world.webhook(&receiver.url).await, receiver));
    }
    let mut random = fastrand::Rng::with_seed(SEED);
    let (mut runs, mut killed) = (0, 0);
    for (stream, _) in &streams {
        while next_sequence(&world, stream).await < count as u64 {
            world.let_retry(stream).await;
            runs += 1;
            // Every other run is killed at a random call.
            let last = if runs % 2 == 0 { random.usize(1..60) } else { usize::MAX };
            let faulty =
                FaultyEngine::with(world.engine(), Plan::seeded(runs).nth(last, "*", Fault::AnswerWithheld))
                    .await;
            let post = world.post_over(faulty.store());
            tokio::select! {
                ran = invoke::deliver(&post, stream.as_str()) => drop(ran.unwrap()),
                () = faulty.reached(1) => killed += 1,
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    for (stream, receiver) in &streams {
        let (repeated, requests) = (all(receiver, count as u64), receiver.received().len());
        println!(
            "{stream}: {count} events, 0 lost, 0 out of order, {repeated} repeated under their ids, {requests} requests"
        );
    }
    let rate = (count * STREAMS as i64) as f64 / seconds;
    println!("{runs} runs, {killed} killed, {seconds:.1} s, {rate:.0} events a second, seed {SEED}");
    world.end().await;
}

async fn next_sequence(world: &World, stream: &StreamId) -> u64 {
    world.delivery(stream).await.progress.next
}
