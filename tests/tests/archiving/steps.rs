//! Crash drills: at each call of a run in turn, the call is the run's last one, or is answered with an error,
//! or is never answered and the run dies there. After more events and another run, the archive has each event
//! once.

use tests::{Fault, FaultyEngine, Plan, invoke};

use shared::{
    model::event::Outcome,
    stream::{Mask, Stream, StreamFilter, service_event::StreamDeed},
};

use crate::{
    shelf::{Shelf, Way},
    world::{World, by_admin},
};

const EVENTS: i64 = 12;
const MORE: i64 = 5;

#[tokio::test]
async fn a_run_may_end_at_any_call_to_the_tables() {
    for fault in [Fault::Denied, Fault::AnswerLost, Fault::NeverAnswered] {
        let mut runs = 0;
        while ends_at(runs, fault).await {
            runs += 1;
        }
        // The stream and its last run, the head, the lease, the last run and the head, the log, the note, the
        // lease.
        assert!(runs > 10, "{fault:?}: {runs}");
        println!("{fault:?}: {runs} runs");
    }
}

/// Runs the drill at the call with this number. Returns false if a run has no such call.
async fn ends_at(number: usize, fault: Fault) -> bool {
    let (world, shelf) = (World::with(EVENTS).await, Shelf::start().await);
    let stream = world.stream(|stream| stream).await;
    let faulty = FaultyEngine::with(world.engine(), Plan::default().nth(number, "*", fault)).await;
    let archiver = world.archiver(&faulty.store(), &shelf);
    // Without an answer the function is killed: it does nothing more.
    tokio::select! {
        _ = invoke::archiver(&archiver, stream.as_str()) => {}
        () = faulty.reached(1), if fault == Fault::NeverAnswered => {}
    }
    let happened = faulty.happened(fault) > 0;
    archives_the_rest(&world, &shelf, &stream).await;
    world.end().await;
    happened
}

async fn archives_the_rest(world: &World, shelf: &Shelf, stream: &shared::stream::StreamId) {
    world.seal("group_deleted", MORE).await;
    world.let_retry(stream).await;
    invoke::archiver(&world.archiver(&world.store, shelf), stream.as_str()).await.unwrap();
    let progress = world.delivery(stream).await.progress;
    assert_eq!((progress.next, progress.attempts), ((EVENTS + MORE) as u64, 0));
    shelf.holds((EVENTS + MORE) as u64);
}

#[tokio::test]
async fn a_run_may_end_at_any_object() {
    for way in [Way::Refused, Way::Unsaid] {
        // Lines, columns and the manifest.
        for number in 0..3 {
            let world = World::with(EVENTS).await;
            let shelf = Shelf::that(move |object| if object == number { way } else { Way::Taken }).await;
            let stream = world.stream(|stream| stream).await;
            let ran = invoke::archiver(&world.archiver(&world.store, &shelf), stream.as_str()).await.unwrap();
            assert_eq!((ran.runs, ran.failed), (0, 1), "{way:?} at {number}");
            let progress = world.delivery(&stream).await.progress;
            assert_eq!((progress.next, progress.last_problem.unwrap().code.as_str()), (0, "s3_failed"));
            shelf.mends();
            archives_the_rest(&world, &shelf, &stream).await;
            world.end().await;
        }
    }
}

#[tokio::test]
async fn a_run_that_an_admin_narrows_between_two_tries_leaves_no_object_that_no_manifest_names() {
    for number in 0..3 {
        let world = World::with(EVENTS).await;
        let shelf = Shelf::that(move |object| if object == number { Way::Unsaid } else { Way::Taken }).await;
        let stream = world.stream(|stream| stream).await;
        let ran = invoke::archiver(&world.archiver(&world.store, &shelf), stream.as_str()).await.unwrap();
        assert_eq!((ran.runs, ran.failed), (0, 1));
        let delivery = world.delivery(&stream).await;
        let plan = delivery.planned_run.unwrap();
        assert_eq!((plan.first, plan.next), (0, EVENTS as u64));

        let filter = StreamFilter { outcome: Some(Outcome::Failure), ..StreamFilter::default() };
        let mask = vec![Mask::parse("/actor").unwrap()];
        let narrowed = Stream { filter, mask, ..delivery.stream };
        let event = by_admin(&narrowed, StreamDeed::Changed);
        world.store.change_stream(&narrowed, delivery.generation, &event).await.unwrap();
        shelf.mends();
        world.let_retry(&stream).await;
        let ran = invoke::archiver(&world.archiver(&world.store, &shelf), stream.as_str()).await.unwrap();
        assert_eq!((ran.runs, ran.events), (1, EVENTS as u64), "object {number}");
        shelf.holds(EVENTS as u64);
        assert_eq!(world.delivery(&stream).await.planned_run, None);

        // From the next run on, the new filter and mask apply.
        world.seal("group_deleted", MORE).await;
        invoke::archiver(&world.archiver(&world.store, &shelf), stream.as_str()).await.unwrap();
        let manifests = shelf.manifests();
        let (manifest, _) = manifests.last().unwrap();
        assert_eq!((&manifest["filtered"], &manifest["mask"][0]), (&MORE.into(), &"/actor".into()));
        world.end().await;
    }
}
