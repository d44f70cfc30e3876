//! A failing destination: no event is lost, the stream shows the problem, and waits longer each time.

use serde_json::json;
use shared::{
    store::Written,
    stream::{BACK_OFF_SECONDS, PAUSE_AFTER_SECONDS, PausedBy, State, Stream, service_event::StreamDeed},
    system,
};
use tests::invoke;

use crate::{
    ledger::{all, events},
    receiver::{Receiver, ReceiverFault},
    world::{World, by_admin, webhook},
};

/// A destination that accepts a hundred events, fails at the next request, and works again after that.
async fn check(fault: ReceiverFault, code: &str, at_least_seconds: i64, repeated: usize) {
    let world = World::with(250).await;
    let receiver =
        Receiver::that(move |number, _| if number == 1 { Err(fault.clone()) } else { Ok(String::new()) })
            .await;
    let stream = world.webhook(&receiver.url).await;
    let ran = invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    assert_eq!((ran.events, ran.failed), (100, 1), "{code}");
    let progress = world.delivery(&stream).await.progress;
    let problem = progress.last_problem.clone().unwrap();
    assert_eq!((problem.code.as_str(), progress.next, progress.attempts), (code, 100, 1));
    assert_eq!(progress.state(), State::Failing);
    let wait = (progress.retry_at.unwrap().unix_ms() - problem.at.unix_ms()) / 1000;
    assert!((at_least_seconds..=at_least_seconds.max(BACK_OFF_SECONDS)).contains(&wait), "{code}: {wait}");

    // Nothing is sent before the retry is due.
    let sent = receiver.received().len();
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    assert_eq!(receiver.received().len(), sent);
    world.let_retry(&stream).await;
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    assert_eq!(all(&receiver, 250), repeated, "{code}");
    let progress = world.delivery(&stream).await.progress;
    assert_eq!((progress.state(), progress.attempts, progress.retry_at), (State::Active, 0, None));
    world.end().await;
}

#[tokio::test]
async fn a_destination_that_answers_an_error_gets_all_events_later() {
    let soon = BACK_OFF_SECONDS / 2;
    check(ReceiverFault::Refused(500, &[]), "status_500", soon, 0).await;
    check(ReceiverFault::Refused(400, &[]), "status_400", soon, 0).await;
    check(ReceiverFault::Refused(429, &[("retry-after", "600")]), "status_429", 600, 0).await;
    // At most an hour, whatever the destination asks for.
    check(ReceiverFault::Refused(503, &[("retry-after", "999999")]), "status_503", 3600, 0).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = &[("location", "http://169.254.169.254/latest/meta-data")];
    check(ReceiverFault::Refused(302, elsewhere), "status_302", BACK_OFF_SECONDS / 2, 0).await;
}

#[tokio::test]
async fn a_connection_that_ends_before_an_answer_is_retried_under_the_same_ids() {
    let soon = BACK_OFF_SECONDS / 2;
    check(ReceiverFault::ResetBefore, "no_connection", soon, 0).await;
    check(ReceiverFault::ResetAfter, "no_connection", soon, 100).await;
}

#[tokio::test]
async fn a_slow_destination_times_out_and_is_retried() {
    check(ReceiverFault::Late, "timeout", BACK_OFF_SECONDS / 2, 100).await;
}

/// A destination that no request reaches.
async fn check_unreachable(fault: ReceiverFault, code: &str) -> Receiver {
    let (world, receiver) = (World::with(20).await, Receiver::unreachable(fault).await);
    let stream = world.webhook(&receiver.url).await;
    for attempts in 1..=3 {
        world.let_retry(&stream).await;
        let ran = invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
        let progress = world.delivery(&stream).await.progress;
        assert_eq!((ran.failed, progress.attempts, progress.next), (1, attempts, 0));
        assert_eq!(progress.last_problem.unwrap().code, code);
    }
    world.end().await;
    receiver
}

#[tokio::test]
async fn a_destination_that_is_down_is_retried() {
    check_unreachable(ReceiverFault::Down, "no_connection").await;
}

#[tokio::test]
async fn a_destination_with_an_untrusted_certificate_gets_nothing() {
    let receiver = check_unreachable(ReceiverFault::Untrusted, "invalid_certificate").await;
    // It was connected to each time, and refused.
    assert_eq!(receiver.alerts(), ["received fatal alert: UnknownCA"; 3]);
}

#[tokio::test]
async fn a_request_that_is_too_large_is_split() {
    let world = World::with(150).await;
    let receiver = Receiver::that(|_, body| {
        if body.matches("\"sequence\":").count() > 30 {
            Err(ReceiverFault::Refused(413, &[]))
        } else {
            Ok(String::new())
        }
    })
    .await;
    let stream = world.webhook(&receiver.url).await;
    let ran = invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    assert_eq!((ran.events, ran.failed), (150, 0));
    assert_eq!(all(&receiver, 150), 0);
    assert!(receiver.taken().iter().all(|request| events(request).len() <= 30));
    world.end().await;
}

#[tokio::test]
async fn after_three_days_the_stream_pauses_and_resumes_at_the_same_event() {
    let world = World::with(30).await;
    let receiver = Receiver::that(|_, _| Err(ReceiverFault::Refused(500, &[]))).await;
    let stream = world.webhook(&receiver.url).await;
    // A moment less than the limit does not pause the stream.
    world.has_failed(&stream, system::now().plus_seconds(60 - PAUSE_AFTER_SECONDS), 80).await;
    assert_eq!(invoke::deliver(&world.post(), stream.as_str()).await.unwrap().paused, 0);
    world.has_failed(&stream, system::now().plus_seconds(-PAUSE_AFTER_SECONDS), 81).await;
    assert_eq!(invoke::deliver(&world.post(), stream.as_str()).await.unwrap().paused, 1);
    let delivery = world.delivery(&stream).await;
    assert_eq!(delivery.progress.state(), State::Paused);
    assert_eq!(delivery.progress.paused.unwrap().by, PausedBy::Service);
    let records = world.tables.events_of("acme", "x_audit_log_stream_paused").await;
    assert_eq!((records.len(), &records[0]["actor_id"]), (1, &json!("audit-logs")));

    receiver.now(|_, _| Ok(String::new()));
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    assert!(receiver.taken().is_empty(), "it stands still");
    let event = by_admin(&delivery.stream, StreamDeed::Resumed);
    assert!(matches!(world.store.resume_stream(&stream, &event).await.unwrap(), Written::Now(_)));
    invoke::deliver(&world.post(), stream.as_str()).await.unwrap();
    assert_eq!(all(&receiver, 30), 0);
    world.end().await;
}

#[tokio::test]
async fn a_deployed_stream_cannot_reach_this_machine() {
    let (world, receiver) = (World::with(3).await, Receiver::start().await);
    let stream = world.webhook(&receiver.url).await;
    check_refused(&world, &stream, &receiver.url, "not_https").await;
    check_refused(&world, &stream, &receiver.url.replace("http:", "https:"), "not_public").await;
    check_refused(
        &world,
        &stream,
        &receiver.url.replace("http://127.0.0.1", "https://localhost"),
        "not_public",
    )
    .await;
    assert!(receiver.received().is_empty());
    world.end().await;
}

async fn check_refused(world: &World, stream: &shared::stream::StreamId, url: &str, code: &str) {
    let definition = world.delivery(stream).await.stream;
    let definition = Stream { destination: webhook(url), ..definition };
    let event = by_admin(&definition, StreamDeed::Changed);
    let generation = world.delivery(stream).await.generation;
    world.store.change_stream(&definition, generation, &event).await.unwrap();
    world.let_retry(stream).await;
    invoke::deliver(&world.deployed_post(), stream.as_str()).await.unwrap();
    let progress = world.delivery(stream).await.progress;
    assert_eq!((progress.last_problem.unwrap().code.as_str(), progress.next), (code, 0), "{url}");
}
