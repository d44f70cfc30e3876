//! The memory of a run depends on the bytes of its events, and not on their decoded size.

use tests::{
    invoke,
    memory::{EVENT_BYTES, forget_peak, peak_megabytes, record_worst, resident_megabytes, seal_all},
};

use crate::{shelf::Shelf, world::World};

/// Events of each kind.
const EACH: usize = 8;
/// The memory that a run may add to this process, which also holds the engine and other tests.
const MOST_MEGABYTES: u64 = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_decode_to_many_times_their_size_fit_into_the_memory_of_the_archiver() {
    let (world, shelf) = (World::with(0).await, Shelf::start().await);
    let number = record_worst(&world.store, EACH).await;
    seal_all(&world.store, number).await;
    let stream = world.stream(|stream| stream).await;
    let before = resident_megabytes();
    forget_peak();
    for _ in 0..20 {
        // On a busy machine a call to the engine may time out: the next turn continues.
        world.let_retry(&stream).await;
        let turn = invoke::archiver(&world.archiver(&world.store, &shelf), stream.as_str()).await;
        if turn.is_ok() && world.delivery(&stream).await.progress.next >= number {
            break;
        }
    }
    assert!(world.delivery(&stream).await.progress.next >= number, "all events are archived");
    let runs = shelf.manifests().len();
    let more = peak_megabytes().saturating_sub(before);
    println!(
        "{number} events of {EVENT_BYTES} bytes: {more} MB more while they were archived, in {} runs",
        runs
    );
    assert!(more < MOST_MEGABYTES, "{more} MB");
    world.end().await;
}
