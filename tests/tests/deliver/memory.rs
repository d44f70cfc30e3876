//! The memory of a delivery depends on the bytes of its events, and not on their decoded size.

use futures::future::join_all;
use tests::{
    invoke,
    memory::{EVENT_BYTES, forget_peak, peak_megabytes, record_worst, resident_megabytes, seal_all},
};

use crate::{receiver::Receiver, world::World};

/// Events of each kind.
const EACH: usize = 4;
/// Streams that are delivered at once.
const STREAMS: usize = 4;
/// The memory that they may add to this process, which also holds the engine, the receivers and other tests.
const MOST_MEGABYTES: u64 = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_decode_to_many_times_their_size_fit_into_the_memory_of_a_delivery() {
    let (world, receiver) = (World::with(0).await, Receiver::start().await);
    let number = record_worst(&world.store, EACH).await;
    seal_all(&world.store, number).await;
    let streams = join_all((0..STREAMS).map(|_| world.webhook(&receiver.url))).await;
    let before = resident_megabytes();
    forget_peak();
    let post = world.post();
    let events = number * STREAMS as u64;
    for _ in 0..20 {
        // On a busy machine a call to the engine may time out: the next turn continues.
        join_all(streams.iter().map(|stream| world.let_retry(stream))).await;
        let turns = join_all(streams.iter().map(|stream| invoke::deliver(&post, stream.as_str()))).await;
        if turns.iter().all(Result::is_ok) {
            break;
        }
    }
    for stream in &streams {
        assert!(world.delivery(stream).await.progress.next >= number, "all events are delivered");
    }
    let more = peak_megabytes().saturating_sub(before);
    println!(
        "{events} events of {EVENT_BYTES} bytes in {STREAMS} streams: {more} MB more while they were delivered"
    );
    assert!(more < MOST_MEGABYTES, "{more} MB");
    world.end().await;
}
