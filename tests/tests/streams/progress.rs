//! The notes of `deliver` about a stream, and changes by an admin at the same time.

use reqwest::Method;
use serde_json::{Map, Value, json};
use shared::{
    model::{id::WorkspaceId, service_event::Origin, timestamp::Timestamp},
    store::{Afterwards, Lease, Store, Written},
    stream::{
        Delivered, Delivery, PAUSE_AFTER_SECONDS, Pause, PausedBy, Problem, Progress, State, StreamId, Test,
        service_event::stream_given_up,
    },
    system,
};
use tests::{Client, TestApp};

/// A stream of acme, its admin, and the store of its `deliver`.
struct Stage {
    _app: TestApp,
    admin: Client,
    store: Store,
    id: StreamId,
}

fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

fn origin(now: Timestamp) -> Origin {
    Origin::without_request(now, system::event_id(), system::salt())
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::start().await;
        let admin = app.admin("acme");
        let created = admin.create_stream(&json!({})).await;
        let id = StreamId::parse(created["stream"].as_str().unwrap()).unwrap();
        Self { admin, store: app.store(), id, _app: app }
    }

    async fn lease(&self, owner: &str, now: Timestamp) -> Option<(Lease, Delivery)> {
        let until = now.plus_seconds(60);
        self.store.lease_stream(&acme(), &self.id, owner, now, until).await.unwrap()
    }

    async fn delivery(&self) -> Delivery {
        self.store.stream(&acme(), &self.id).await.unwrap().unwrap()
    }

    /// Notes a delivery, as the holder of a lease does. Returns true if the note was accepted.
    async fn note(&self, lease: &Lease, delivered: Delivered) -> bool {
        let before = self.store.stream(&acme(), &self.id).await.unwrap();
        let before = before.map(|delivery| delivery.progress);
        let before = before.unwrap_or_default();
        let noted = self.store.record_delivery(lease, &before, &delivered, Afterwards::Continue).await;
        noted.unwrap().is_some()
    }

    async fn ask(&self, action: &str, body: Value) {
        self.admin.streams(Method::POST, &format!("/{}/{action}", self.id), &body).await;
    }
}

fn delivered(next: u64, events: u64, at: Timestamp) -> Delivered {
    Delivered { next, events, at }
}

fn problem(at: Timestamp) -> Problem {
    Problem { code: "timeout".to_owned(), detail: "no answer in time".to_owned(), at }
}

#[tokio::test]
async fn one_holder_at_a_time_delivers_a_stream_and_a_lease_ends_by_itself() {
    let (stage, now) = (Stage::set().await, system::now());
    let (first, delivery) = stage.lease("first", now).await.unwrap();
    assert_eq!((first.generation, delivery.leased_until), (1, Some(now.plus_seconds(60))));
    assert!(stage.lease("second", now.plus_seconds(59)).await.is_none());
    // A holder that got no answer asks again, and gets the same lease.
    assert!(stage.lease("first", now).await.is_some());
    assert!(stage.store.due_streams(now.plus_seconds(59)).await.unwrap().is_empty());
    // The first is late: the second has taken over, and the note of the first is refused.
    let (second, _) = stage.lease("second", now.plus_seconds(60)).await.unwrap();
    assert!(!stage.note(&first, delivered(7, 7, now)).await);
    assert!(stage.note(&second, delivered(3, 2, now)).await);
    stage.store.release_stream(&first).await.unwrap();
    assert!(stage.lease("third", now.plus_seconds(61)).await.is_none());
    stage.store.release_stream(&second).await.unwrap();
    assert!(stage.lease("third", now.plus_seconds(61)).await.is_some());
    let progress = stage.delivery().await.progress;
    assert_eq!((progress.next, progress.delivered, progress.delivered_at), (3, 2, Some(now)));
}

#[tokio::test]
async fn a_delivery_does_not_overwrite_an_admins_change() {
    for (action, body, expected) in
        [("replay", json!({"from": 0}), (0, State::Active)), ("pause", Value::Null, (5, State::Paused))]
    {
        let (stage, now) = (Stage::set().await, system::now());
        let (lease, delivery) = stage.lease("run", now).await.unwrap();
        assert!(stage.note(&lease, delivered(5, 5, now)).await);
        stage.ask(action, body).await;
        assert!(!stage.note(&lease, delivered(9, 4, now)).await, "{action}");
        let failed = delivery.progress.after_failure(problem(now), 1, 0, 0.0);
        assert!(!stage.store.record_failure(&lease, &failed).await.unwrap(), "{action}");
        let progress = stage.delivery().await.progress;
        assert_eq!((progress.next, progress.state()), expected, "{action}");
    }
    // Another filter makes another generation as well, and the note of a delivery in progress is refused.
    let (stage, now) = (Stage::set().await, system::now());
    let (lease, _) = stage.lease("run", now).await.unwrap();
    let path = format!("/{}", stage.id);
    stage.admin.streams(Method::PATCH, &path, &json!({"filter": {"outcome": "failure"}})).await.expect(200);
    assert!(!stage.note(&lease, delivered(9, 4, now)).await);
    // A deleted stream accepts no note.
    let (lease, _) = stage.lease("run", now.plus_seconds(60)).await.unwrap();
    stage.admin.streams(Method::DELETE, &path, &Value::Null).await.expect(204);
    assert!(!stage.note(&lease, delivered(9, 4, now)).await);
    assert!(stage.lease("run", now.plus_seconds(120)).await.is_none());
}

#[tokio::test]
async fn a_failure_waits_and_a_success_ends_it() {
    let (stage, now) = (Stage::set().await, system::now());
    let (lease, delivery) = stage.lease("run", now).await.unwrap();
    let failed = delivery.progress.after_failure(problem(now), 1, 0, 0.0);
    assert!(stage.store.record_failure(&lease, &failed).await.unwrap());
    stage.store.release_stream(&lease).await.unwrap();
    assert_eq!(stage.delivery().await.progress, failed);
    assert_eq!((due(&stage, now, 9).await, due(&stage, now, 10).await), (0, 1));
    let (lease, _) = stage.lease("run", now.plus_seconds(10)).await.unwrap();
    // An event that is passed over says nothing about the destination, as long as the failed one is ahead.
    assert!(stage.note(&lease, delivered(1, 0, now)).await);
    assert_eq!(stage.delivery().await.progress.state(), State::Failing);
    assert!(stage.note(&lease, delivered(2, 1, now)).await);
    let progress = stage.delivery().await.progress;
    assert_eq!((progress.state(), progress.attempts, progress.next), (State::Active, 0, 2));
    assert_eq!(progress.last_problem, Some(problem(now)));
}

async fn due(stage: &Stage, now: Timestamp, seconds: i64) -> usize {
    stage.store.due_streams(now.plus_seconds(seconds)).await.unwrap().len()
}

#[tokio::test]
async fn a_stream_that_fails_for_too_long_is_paused_and_the_log_says_so() {
    let (stage, now) = (Stage::set().await, system::now());
    let (lease, delivery) = stage.lease("run", now).await.unwrap();
    let failed = delivery.progress.after_failure(problem(now.plus_seconds(-PAUSE_AFTER_SECONDS)), 1, 0, 0.0);
    let failed = Progress { attempts: 80, ..failed };
    assert!(failed.must_pause(now));
    let pause = Pause { by: PausedBy::Service, reason: Some("timeout".to_owned()), at: now };
    let context = Map::from_iter([("failing_since".to_owned(), json!(failed.failing_since))]);
    let event = stream_given_up(origin(now), &delivery.stream, context);
    let written = stage.store.pause_failing_stream(&lease, &pause, &event).await.unwrap();
    assert!(matches!(written, Written::Now(_)));
    // Only once: the generation has changed.
    let event = stream_given_up(origin(now), &delivery.stream, Map::new());
    assert_eq!(stage.store.pause_failing_stream(&lease, &pause, &event).await.unwrap(), Written::Before);
    assert_eq!(stage._app.tables().events_of("acme", "x_audit_log_stream_paused").await.len(), 1);
    let path = format!("/{}", stage.id);
    let shown = stage.admin.streams(Method::GET, &path, &Value::Null).await.expect(200).body;
    assert_eq!(
        (&shown["status"]["state"], &shown["status"]["paused"]["by"]),
        (&json!("paused"), &Value::Null)
    );
    stage.ask("resume", Value::Null).await;
    assert_eq!(stage.delivery().await.progress.state(), State::Active);
}

#[tokio::test]
async fn the_status_shows_a_tests_result_even_of_a_paused_stream() {
    let (stage, now) = (Stage::set().await, system::now());
    stage.ask("pause", Value::Null).await;
    assert!(stage.store.due_streams(now).await.unwrap().is_empty());
    stage.ask("test", Value::Null).await;
    let due = stage.store.due_streams(system::now()).await.unwrap();
    let request = due[0].progress.test_requested.clone().unwrap();
    let (lease, _) = stage.lease("run", now).await.unwrap();
    let test =
        Test { id: request.id.clone(), requested_at: request.at, done_at: now, problem: Some(problem(now)) };
    // A test that was requested meanwhile is another one, and is still due.
    stage.ask("test", Value::Null).await;
    assert!(!stage.store.record_test(&lease, &request, &test).await.unwrap());
    let request = stage.delivery().await.progress.test_requested.unwrap();
    let test = Test { id: request.id.clone(), requested_at: request.at, ..test };
    assert!(stage.store.record_test(&lease, &request, &test).await.unwrap());
    let progress = stage.delivery().await.progress;
    assert_eq!((progress.test_requested, progress.last_test, progress.next), (None, Some(test), 0));
}

#[tokio::test]
async fn a_note_whose_answer_is_lost_counts_no_event_twice() {
    let (stage, now) = (Stage::set().await, system::now());
    let (lease, delivery) = stage.lease("run", now).await.unwrap();
    // The client sends it again after a lost answer.
    for _ in 0..2 {
        let (before, delivered) = (&delivery.progress, delivered(3, 3, now));
        let noted = stage.store.record_delivery(&lease, before, &delivered, Afterwards::Continue).await;
        assert_eq!(noted.unwrap().unwrap().delivered, 3);
    }
    assert_eq!(stage.delivery().await.progress.delivered, 3);
}

#[tokio::test]
async fn a_failure_ends_once_the_event_that_failed_has_left_the_stream() {
    let (stage, now) = (Stage::set().await, system::now());
    let (lease, delivery) = stage.lease("run", now).await.unwrap();
    let failed = delivery.progress.after_failure(problem(now), 1, 0, 0.0);
    assert!(stage.store.record_failure(&lease, &failed).await.unwrap());
    assert!(stage.note(&lease, delivered(1, 0, now)).await);
    assert_eq!(stage.delivery().await.progress.failing_since, Some(now));
    assert!(stage.note(&lease, delivered(2, 0, now)).await);
    let progress = stage.delivery().await.progress;
    assert_eq!((progress.state(), progress.failing_since, progress.attempts), (State::Active, None, 0));
    assert_eq!(progress.last_problem, Some(problem(now)));
}
