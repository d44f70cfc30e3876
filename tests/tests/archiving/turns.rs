//! The time at which a run is due, the events that it leaves out, and a stream whose bucket refuses objects.

use archiver::{Archiver, Pace};
use serde_json::json;
use shared::{
    model::event::Outcome,
    stream::{Mask, PAUSE_AFTER_SECONDS, PausedBy, Stream, StreamFilter, TestRequest},
    system,
};
use tests::invoke;

use crate::{
    shelf::{Shelf, Way, lines},
    world::{World, by_admin},
};

#[tokio::test]
async fn few_events_wait_for_more_and_many_do_not() {
    let (world, shelf) = (World::with(12).await, Shelf::start().await);
    let stream = world.stream(|stream| stream).await;
    let archiver = world.archiver(&world.store, &shelf);
    let patient = Archiver { pace: Pace { seconds: 3600, sequences: 13 }, ..archiver };
    let ran = invoke::archiver(&patient, stream.as_str()).await.unwrap();
    assert_eq!((ran.runs, shelf.asked()), (0, 0), "the stream was made a moment ago");
    let ran = invoke::archiver(&world.archiver(&world.store, &shelf), stream.as_str()).await.unwrap();
    assert_eq!((ran.runs, ran.events), (1, 12));
    world.seal("group_deleted", 3).await;
    assert_eq!(invoke::archiver(&patient, stream.as_str()).await.unwrap().runs, 0, "a run was a moment ago");
    world.seal("collection_created", 10).await;
    let ran = invoke::archiver(&patient, stream.as_str()).await.unwrap();
    assert_eq!((ran.runs, ran.events), (1, 13), "so many do not wait");
    shelf.holds(25);
    world.end().await;
}

#[tokio::test]
async fn events_that_a_stream_leaves_out_are_counted_in_the_manifest() {
    let (world, shelf) = (World::with(6).await, Shelf::start().await);
    let filter = StreamFilter { outcome: Some(Outcome::Failure), ..StreamFilter::default() };
    let filtered = world.stream(|stream| Stream { filter, ..stream }).await;
    let masked = world.stream(|stream| Stream { mask: vec![Mask::parse("/actor").unwrap()], ..stream }).await;
    let archiver = world.archiver(&world.store, &shelf);
    for stream in [&filtered, &masked] {
        invoke::archiver(&archiver, stream.as_str()).await.unwrap();
    }
    let manifest = manifest_of(&shelf, &filtered);
    assert_eq!((&manifest["filtered"], &manifest["filter"]), (&json!(6), &json!(true)));
    assert_eq!((&manifest["objects"], &manifest["events"]), (&json!([]), &json!(0)));
    let manifest = manifest_of(&shelf, &masked);
    assert_eq!((&manifest["filter"], &manifest["mask"]), (&json!(false), &json!(["/actor"])));
    let key = manifest["objects"][0]["key"].as_str().unwrap();
    for event in lines(&shelf.objects()[key]) {
        assert!(event["actor"].is_null() && event["redacted"]["digests"]["actor"].is_string(), "{event}");
    }
    world.end().await;
}

fn manifest_of(shelf: &Shelf, stream: &shared::stream::StreamId) -> serde_json::Value {
    let manifests = shelf.manifests().into_iter().map(|(manifest, _)| manifest);
    manifests.into_iter().find(|manifest| manifest["stream"] == stream.as_str()).unwrap()
}

#[tokio::test]
async fn a_test_puts_an_object_outside_of_the_manifests() {
    let (world, shelf) = (World::with(1).await, Shelf::start().await);
    let stream = world.stream(|stream| stream).await;
    let asked = TestRequest { id: "a-test".to_owned(), at: system::now() };
    let set = world.delivery(&stream).await.stream;
    let event = by_admin(&set, shared::stream::service_event::StreamDeed::Tested);
    world.store.request_test(&stream, &asked, &event).await.unwrap();
    invoke::archiver(&world.archiver(&world.store, &shelf), stream.as_str()).await.unwrap();
    let progress = world.delivery(&stream).await.progress;
    assert_eq!((progress.test_requested, progress.last_test.unwrap().problem), (None, None));
    assert!(shelf.objects().contains_key(&format!("tests/workspace=acme/{stream}.json")));
    shelf.holds(1);
    world.end().await;
}

#[tokio::test]
async fn after_three_days_of_failures_the_stream_pauses() {
    let (world, shelf) = (World::with(1).await, Shelf::that(|_| Way::Refused).await);
    let stream = world.stream(|stream| stream).await;
    let archiver = world.archiver(&world.store, &shelf);
    let since = system::now().plus_seconds(-PAUSE_AFTER_SECONDS);
    let failure = json!({"since": since, "attempts": 80, "retry_at": since});
    world.set(&stream, "failure", &failure.to_string()).await;
    assert_eq!(invoke::archiver(&archiver, stream.as_str()).await.unwrap().paused, 1);
    assert_eq!(world.delivery(&stream).await.progress.paused.unwrap().by, PausedBy::Service);
    assert_eq!(world.tables.events_of("acme", "x_audit_log_stream_paused").await.len(), 1);
    let asked = shelf.asked();
    assert_eq!(invoke::archiver(&archiver, stream.as_str()).await.unwrap().runs, 0);
    assert_eq!(shelf.asked(), asked, "nothing is put while it stands still");
    world.end().await;
}
