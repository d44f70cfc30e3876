//! The progress of a stream, and its retries when the destination fails.
//!
//! Failures never lose events: [`Progress::next`] does not move until the destination has accepted the events from there
//! on. A failing stream is tried again after longer and longer waits. After three days it is paused, so that an admin looks
//! at it. When it is resumed, delivery continues from the same sequence.

use serde::{Deserialize, Serialize};

use crate::model::timestamp::Timestamp;

/// The wait after the first failure, in seconds. Each further wait is twice as long.
pub const BACK_OFF_SECONDS: i64 = 10;
/// The longest wait, in seconds: an hour.
pub const MAX_BACK_OFF_SECONDS: i64 = 3600;
/// A stream that has failed for this long is paused, in seconds: three days.
pub const PAUSE_AFTER_SECONDS: i64 = 3 * 86_400;

/// The least number of attempts before a failing stream is paused. Three days have about 80; fewer mean that the service
/// itself did not run.
pub const PAUSE_AFTER_ATTEMPTS: u32 = 12;

/// The progress and state of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The next sequence. All events before it are delivered, filtered out, or expired.
    pub next: u64,
    /// The number of delivered events, with repeated ones.
    pub delivered: u64,
    /// When the destination last accepted events.
    pub delivered_at: Option<Timestamp>,
    /// When the current failure began.
    pub failing_since: Option<Timestamp>,
    /// The sequence of the first event that the destination did not accept, if it is known.
    pub failing_at: Option<u64>,
    /// The number of failed attempts since then.
    pub attempts: u32,
    /// The time of the next attempt.
    pub retry_at: Option<Timestamp>,
    /// The last problem, which stays after the stream has recovered.
    pub last_problem: Option<Problem>,
    /// The pause, if it is paused.
    pub paused: Option<Pause>,
    /// The test that an admin has requested and that is not done yet.
    pub test_requested: Option<TestRequest>,
    /// The result of the last test.
    pub last_test: Option<Test>,
}

/// The problem of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StreamProblem))]
pub struct Problem {
    /// The problem for programs, such as `timeout` or `status_503`.
    pub code: String,
    /// The problem for people. It does not repeat the request or the destination's answer.
    pub detail: String,
    /// When it occurred.
    pub at: Timestamp,
}

/// The pause of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who paused it.
    pub by: PausedBy,
    /// The reason, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was paused.
    pub at: Timestamp,
}

/// Who paused a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PausedBy {
    /// The admin with this user id.
    Admin(String),
    /// This service, because the stream failed for [`PAUSE_AFTER_SECONDS`].
    Service,
}

/// An admin's request for a test: an event that is marked as a test is sent like any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRequest {
    /// The id of the event that records the request. The event that is sent has `test.` before it.
    pub id: String,
    /// When it was requested.
    pub at: Timestamp,
}

/// The result of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StreamTest))]
pub struct Test {
    /// The id of the event that records the test. The event that was sent has `test.` before it.
    pub id: String,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// When it was done.
    pub done_at: Timestamp,
    /// The problem; null if the destination accepted the event.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub problem: Option<Problem>,
}

/// Events that a destination accepted, or that were skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The next sequence.
    pub next: u64,
    /// The number of events that the destination accepted; 0 if all were skipped.
    pub events: u64,
    /// When the destination accepted them.
    pub at: Timestamp,
}

/// The state of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It delivers.
    Active,
    /// Its destination fails, and it retries.
    Failing,
    /// It is paused until an admin resumes it.
    Paused,
}

impl State {
    /// The names of all states.
    pub const NAMES: [&str; 3] = ["active", "failing", "paused"];
}

impl Progress {
    /// The progress of a new stream that begins at a sequence.
    pub fn from(next: u64) -> Self {
        Self { next, ..Self::default() }
    }

    /// The state.
    pub fn state(&self) -> State {
        match (&self.paused, self.failing_since) {
            (Some(_), _) => State::Paused,
            (None, Some(_)) => State::Failing,
            (None, None) => State::Active,
        }
    }

    /// Whether delivery may be tried now.
    pub fn may_deliver(&self, now: Timestamp) -> bool {
        self.paused.is_none() && self.retry_at.is_none_or(|at| at <= now)
    }

    /// The number of events of a log of this size that it has not processed yet.
    pub fn lag(&self, head: u64) -> u64 {
        head.saturating_sub(self.next)
    }

    /// The progress after the destination has accepted events, or after all events were skipped.
    pub fn after_delivery(&self, delivered: &Delivered) -> Self {
        let Delivered { next, events, at } = *delivered;
        if events == 0 {
            // No request was sent, so the state of the destination is unknown, and the failure continues. It ends only if
            // the event that failed is no longer in the stream, because of another filter or because it has expired.
            let has_left = self.failing_at.is_some_and(|sequence| sequence < next);
            let progress = if has_left { self.without_failure() } else { self.clone() };
            return Self { next, ..progress };
        }
        let delivered = self.delivered + events;
        Self { next, delivered, delivered_at: Some(at), ..self.without_failure() }
    }

    /// The same without a failure.
    pub(crate) fn without_failure(&self) -> Self {
        Self { failing_since: None, failing_at: None, attempts: 0, retry_at: None, ..self.clone() }
    }

    /// The progress after the destination has failed to accept the event of a sequence. Each wait is twice as long as the
    /// last one, and at least `at_least_seconds`. `spread`, from 0.0 to 1.0, shortens the wait by up to half, so that streams
    /// that failed together are not retried together.
    pub fn after_failure(&self, problem: Problem, sequence: u64, at_least_seconds: i64, spread: f64) -> Self {
        let now = problem.at;
        let doubled = BACK_OFF_SECONDS.saturating_mul(1 << self.attempts.min(16));
        let wait = doubled.min(MAX_BACK_OFF_SECONDS);
        let wait = wait - (wait as f64 / 2.0 * spread.clamp(0.0, 1.0)) as i64;
        let wait = wait.max(at_least_seconds.min(MAX_BACK_OFF_SECONDS));
        Self {
            failing_since: self.failing_since.or(Some(now)),
            failing_at: Some(sequence),
            attempts: self.attempts.saturating_add(1),
            retry_at: Some(now.plus_seconds(wait)),
            last_problem: Some(problem),
            ..self.clone()
        }
    }

    /// Whether it has failed for so long that it must be paused.
    pub fn must_pause(&self, now: Timestamp) -> bool {
        self.paused.is_none()
            && self.attempts >= PAUSE_AFTER_ATTEMPTS
            && self.failing_since.is_some_and(|since| since.plus_seconds(PAUSE_AFTER_SECONDS) <= now)
    }

    /// The same, paused.
    pub fn pause(&self, pause: Pause) -> Self {
        Self { paused: Some(pause), ..self.clone() }
    }

    /// The same, resumed. Delivery is tried immediately from the same sequence, without a failure.
    pub fn resume(&self) -> Self {
        Self { paused: None, ..self.without_failure() }
    }

    /// The same at another sequence. A pause stays in effect.
    pub fn replay(&self, from: u64) -> Self {
        Self { next: from, ..self.without_failure() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::parse("2026-11-28T12:00:00Z").unwrap().plus_seconds(seconds)
    }

    fn problem(seconds: i64) -> Problem {
        Problem { code: "timeout".to_owned(), detail: "no answer within 10 s".to_owned(), at: at(seconds) }
    }

    #[test]
    fn waits_double_up_to_an_hour() {
        let mut progress = Progress::from(7);
        let mut waits = Vec::new();
        for _ in 0..11 {
            progress = progress.after_failure(problem(0), 7, 0, 0.0);
            waits.push(progress.retry_at.unwrap().unix_seconds() - at(0).unix_seconds());
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
        assert_eq!((progress.next, progress.attempts, progress.failing_since), (7, 11, Some(at(0))));
        let wait =
            |at_least, spread| Progress::from(0).after_failure(problem(0), 7, at_least, spread).retry_at;
        assert_eq!(wait(0, 1.0), Some(at(5)));
        assert_eq!(wait(120, 1.0), Some(at(120)));
        assert_eq!(wait(i64::MAX, 1.0), Some(at(3600)));
        assert_eq!(
            Progress { attempts: u32::MAX, ..Progress::from(0) }
                .after_failure(problem(0), 7, 0, 0.0)
                .attempts,
            u32::MAX
        );
    }

    #[test]
    fn a_failure_ends_with_a_success_or_when_the_failed_event_leaves_the_stream() {
        let failing = Progress::from(7).after_failure(problem(0), 8, 0, 0.0);
        assert_eq!(failing.state(), State::Failing);
        assert!(!failing.may_deliver(at(9)) && failing.may_deliver(at(10)));
        let passed_over = failing.after_delivery(&Delivered { next: 8, events: 0, at: at(10) });
        assert_eq!(passed_over, Progress { next: 8, ..failing.clone() });
        let left = passed_over.after_delivery(&Delivered { next: 9, events: 0, at: at(10) });
        assert_eq!(left, Progress { last_problem: Some(problem(0)), ..Progress::from(9) });
        let delivered = failing.after_delivery(&Delivered { next: 9, events: 2, at: at(10) });
        let expected = Progress {
            next: 9,
            delivered: 2,
            delivered_at: Some(at(10)),
            last_problem: Some(problem(0)),
            ..Progress::default()
        };
        assert_eq!((delivered.state(), &delivered), (State::Active, &expected));
        assert_eq!((delivered.lag(12), delivered.lag(5)), (3, 0));
    }

    #[test]
    fn a_failing_stream_is_paused_after_three_days_and_resumes_at_the_same_sequence() {
        let mut failing = Progress::from(7);
        for attempt in 0..PAUSE_AFTER_ATTEMPTS {
            assert!(!failing.must_pause(at(PAUSE_AFTER_SECONDS)), "after {attempt} attempts");
            failing = failing.after_failure(problem(90_000 * i64::from(attempt.min(1))), 7, 0, 0.0);
        }
        assert!(!failing.must_pause(at(PAUSE_AFTER_SECONDS - 1)));
        assert!(failing.must_pause(at(PAUSE_AFTER_SECONDS)));
        let paused =
            failing.pause(Pause { by: PausedBy::Service, reason: None, at: at(PAUSE_AFTER_SECONDS) });
        assert_eq!(paused.state(), State::Paused);
        assert!(!paused.may_deliver(at(1_000_000)) && !paused.must_pause(at(1_000_000)));
        let resumed = paused.resume();
        assert_eq!((resumed.state(), resumed.next, resumed.may_deliver(at(0))), (State::Active, 7, true));
        // A replay changes the next sequence and does not end a pause.
        assert_eq!((paused.replay(0).next, paused.replay(0).state()), (0, State::Paused));
    }
}
