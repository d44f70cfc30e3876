//! Delivery without faults: every event of the stream, once, in order, and only those events.

use futures::future::join_all;
use serde_json::json;
use shared::{
    model::catalogue::Action,
    stream::{Format, Mask, State, Stream, StreamFilter, TestRequest, service_event::StreamDeed},
    system,
};
use tests::invoke;

use crate::{
    ledger::{all, events, judge},
    receiver::{Receiver, ReceiverFault},
    world::{World, acme, by_admin, webhook},
};

#[tokio::test]
async fn every_event_is_delivered_once_and_the_status_says_so() {
    let (world, receiver) = (World::with(250).await, Receiver::start().await);
    let stream = world.webhook(&receiver.url).await;
    let ran = invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    assert_eq!((ran.events, ran.failed), (250, 0));
    assert_eq!(all(&receiver, 250), 0);
    // The event about the stream itself is sealed later, and so delivered later.
    world.seal().await;
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    assert_eq!(all(&receiver, 251), 0);
    let requests: Vec<_> = receiver.taken().iter().map(|request| events(request).len()).collect();
    assert_eq!(requests, [100, 100, 50, 1]);
    let delivery = world.delivery(&stream).await;
    assert_eq!((delivery.progress.next, delivery.progress.delivered), (251, 251));
    assert_eq!((delivery.progress.state(), delivery.leased_until), (State::Active, None));
    world.end().await;
}

#[tokio::test]
async fn a_stream_sends_matching_events_without_masked_parts() {
    let (world, receiver) = (World::with(40).await, Receiver::start().await);
    let stream = world
        .stream(webhook(&receiver.url), |stream: Stream| Stream {
            filter: StreamFilter {
                actions: vec![Action::parse_lenient("x_audit_log_stream_created").unwrap()],
                actors: vec!["u1".to_owned()],
                ..StreamFilter::default()
            },
            mask: vec![Mask::parse("/entity/entity_name").unwrap()],
            ..stream
        })
        .await;
    world.seal().await;
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    let delivered = judge(&receiver).events;
    assert_eq!(delivered.keys().copied().collect::<Vec<_>>(), [40]);
    assert_eq!(delivered[&40]["entity"], json!({"entity_type": "audit_log_stream", "entity_id": stream}));
    assert_eq!(world.delivery(&stream).await.progress.next, 41);
    world.end().await;
}

#[tokio::test]
async fn ocsf_is_what_the_api_answers_as_ocsf() {
    let (world, receiver) = (World::with(3).await, Receiver::start().await);
    let stream =
        world.stream(webhook(&receiver.url), |stream| Stream { format: Format::Ocsf, ..stream }).await;
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    let sent = events(&receiver.taken()[0]);
    let (_, event) = world.store.sealed_event(&acme(), 2, system::now()).await.unwrap();
    assert_eq!((sent.len(), &sent[2]), (3, &shared::ocsf::event(&event)));
    world.end().await;
}

#[tokio::test]
async fn one_of_several_runs_delivers_a_stream() {
    let (world, receiver) = (World::with(300).await, Receiver::start().await);
    let stream = world.webhook(&receiver.url).await;
    let post = world.post();
    join_all((0..5).map(|_| invoke::deliver(&post, stream.as_str()))).await;
    assert_eq!(all(&receiver, 300), 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_change_by_an_admin_during_a_delivery_holds() {
    let world = World::with(120).await;
    let receiver = Receiver::start().await;
    let stream = world.webhook(&receiver.url).await;
    // During the second request the stream is set back: the note about that request is refused.
    let (store, id) = (world.store.clone(), stream.clone());
    let handle = tokio::runtime::Handle::current();
    let event = by_admin(&world.delivery(&stream).await.stream, StreamDeed::Replayed);
    receiver.now(move |number, _| {
        if number == 1 {
            let (store, id, event) = (store.clone(), id.clone(), event.clone());
            std::thread::scope(|scope| {
                let replay =
                    || handle.block_on(async { store.replay_stream(&id, 50, &event).await.unwrap() });
                scope.spawn(replay).join().unwrap();
            });
        }
        Ok(String::new())
    });
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    let requests = receiver.taken();
    let (first, again) = (requests[1].header("webhook-id"), requests[2].header("webhook-id"));
    assert_eq!((events(&requests[2])[0]["sequence"].as_u64(), events(&requests[2]).len()), (Some(50), 70));
    assert_ne!(first, again, "a replay would be taken for a repetition");
    assert_eq!(world.delivery(&stream).await.progress.next, 120);
    assert_eq!(all(&receiver, 120), 70);
    world.end().await;
}

#[tokio::test]
async fn a_test_is_one_event_and_changes_nothing_else() {
    let world = World::with(5).await;
    let receiver = Receiver::that(|_, _| Err(ReceiverFault::Refused(401, &[]))).await;
    let stream = world.webhook(&receiver.url).await;
    world.set(&stream, "paused", &json!({"by": "service", "at": system::now()}).to_string()).await;
    let progress = request_test(&world, &stream, "test-1").await;
    let test = progress.last_test.unwrap();
    assert_eq!((test.id.as_str(), test.problem.unwrap().code.as_str()), ("test-1", "status_401"));
    assert_eq!((progress.test_requested, progress.attempts, progress.next), (None, 0, 0));

    receiver.now(|_, _| Ok(String::new()));
    let test = request_test(&world, &stream, "test-2").await.last_test.unwrap();
    assert_eq!((test.id.as_str(), test.problem), ("test-2", None));
    let sent = receiver.taken();
    assert_eq!(sent.len(), 1);
    let event = &events(&sent[0])[0];
    // It has nothing in common with the record of the test, whose id is `test-2`.
    assert_eq!((&event["id"], &event["action"]), (&json!("test.test-2"), &json!("x_audit_log_stream_test")));
    assert_eq!(
        (&event["context"], &sent[0].json()["type"]),
        (&json!({"test": true}), &json!("audit_log.test"))
    );
    assert_eq!(event["sequence"], json!(null));
    world.end().await;
}

async fn request_test(
    world: &World,
    stream: &shared::stream::StreamId,
    id: &str,
) -> shared::stream::Progress {
    let request = TestRequest { id: id.to_owned(), at: system::now() };
    let event = by_admin(&world.delivery(stream).await.stream, StreamDeed::Tested);
    world.store.request_test(stream, &request, &event).await.unwrap();
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    world.delivery(stream).await.progress
}
