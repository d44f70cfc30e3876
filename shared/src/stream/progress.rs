//! How far a stream has come, and what it does when its destination fails.
//!
//! Failing never loses anything: [`Progress::next`] stands still until the destination has taken what begins there. A
//! failing stream is tried again after longer and longer waits, and after three days it is paused, so that somebody
//! looks at it; when it is resumed it goes on where it stood.

use serde::{Deserialize, Serialize};

use crate::model::timestamp::Timestamp;

/// How long a stream waits after its first failure, in seconds. Each further wait is twice as long.
pub const BACK_OFF_SECONDS: i64 = 10;
/// The longest wait, in seconds: an hour.
pub const MAX_BACK_OFF_SECONDS: i64 = 3600;
/// After how long without a success a failing stream is paused, in seconds: three days.
pub const PAUSE_AFTER_SECONDS: i64 = 3 * 86_400;

/// How often a failing stream is tried at least before it is paused. Three days have some 80 tries; fewer mean that the
/// service itself did not run.
pub const PAUSE_AFTER_ATTEMPTS: u32 = 12;

/// How far a stream has come, and how it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The sequence that is looked at next: all before it are delivered, filtered out, or expired.
    pub next: u64,
    /// How many events were delivered in all, repeated ones included.
    pub delivered: u64,
    /// When the destination last took something.
    pub delivered_at: Option<Timestamp>,
    /// Since when it fails, if it does.
    pub failing_since: Option<Timestamp>,
    /// The first event that the destination did not take, where it is known.
    pub failing_at: Option<u64>,
    /// How often it failed since.
    pub attempts: u32,
    /// Before when it is not tried again.
    pub retry_at: Option<Timestamp>,
    /// The last thing that went wrong, also if all goes well since.
    pub last_problem: Option<Problem>,
    /// Why it stands still, if it does.
    pub paused: Option<Pause>,
    /// The test that an admin asks for and nobody has done yet.
    pub test_requested: Option<TestRequest>,
    /// How the last test went.
    pub last_test: Option<Test>,
}

/// What went wrong with a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StreamProblem))]
pub struct Problem {
    /// What, for programs, such as `timeout` or `status_503`.
    pub code: String,
    /// What, for people. It repeats nothing of what a destination answered or of what was sent.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

/// That a stream stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who paused it.
    pub by: PausedBy,
    /// Why, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Who paused a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PausedBy {
    /// An admin, by their id in the product.
    Admin(String),
    /// This service, because it failed for [`PAUSE_AFTER_SECONDS`].
    Service,
}

/// That an admin asks for a test: one event that says it is a test, sent as any other would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRequest {
    /// The id of the event about it, which is also the id of the event that is sent.
    pub id: String,
    /// When it was asked for.
    pub at: Timestamp,
}

/// How a test went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StreamTest))]
pub struct Test {
    /// The id of the record of the test. The event that was sent has `test.` in front of it.
    pub id: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was done.
    pub done_at: Timestamp,
    /// What went wrong; null if the destination took it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub problem: Option<Problem>,
}

/// What a destination took, or what was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The sequence to go on with.
    pub next: u64,
    /// How many events the destination took; none where all were passed over.
    pub events: u64,
    /// When.
    pub at: Timestamp,
}

/// How a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It delivers.
    Active,
    /// Its destination fails, and it tries again.
    Failing,
    /// It stands still until an admin resumes it.
    Paused,
}

impl State {
    /// The names of all states.
    pub const NAMES: [&str; 3] = ["active", "failing", "paused"];
}

impl Progress {
    /// A stream that begins at a sequence.
    pub fn from(next: u64) -> Self {
        Self { next, ..Self::default() }
    }

    /// How it goes.
    pub fn state(&self) -> State {
        match (&self.paused, self.failing_since) {
            (Some(_), _) => State::Paused,
            (None, Some(_)) => State::Failing,
            (None, None) => State::Active,
        }
    }

    /// Whether it may be tried now.
    pub fn may_deliver(&self, now: Timestamp) -> bool {
        self.paused.is_none() && self.retry_at.is_none_or(|at| at <= now)
    }

    /// How many sequences of a log of this size it has not looked at yet.
    pub fn lag(&self, head: u64) -> u64 {
        head.saturating_sub(self.next)
    }

    /// What becomes of it once the destination took something, or there was nothing for it to take.
    pub fn after_delivery(&self, delivered: &Delivered) -> Self {
        let Delivered { next, events, at } = *delivered;
        if events == 0 {
            // Nothing was sent, so nothing new is known about the destination, unless the event that failed has left
            // the stream: by another filter, or because it has expired.
            let has_left = self.failing_at.is_some_and(|sequence| sequence < next);
            let progress = if has_left { self.without_failure() } else { self.clone() };
            return Self { next, ..progress };
        }
        let delivered = self.delivered + events;
        Self { next, delivered, delivered_at: Some(at), ..self.without_failure() }
    }

    /// The same, as if it had never failed.
    pub(crate) fn without_failure(&self) -> Self {
        Self { failing_since: None, failing_at: None, attempts: 0, retry_at: None, ..self.clone() }
    }

    /// What becomes of it once the destination did not take the event of a sequence: it waits, twice as long each time,
    /// and no less than `at_least_seconds`. `spread` in 0.0 to 1.0 keeps streams apart that failed together: up to half
    /// of the wait depends on it.
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

    /// Whether it has failed for so long that it is to be paused.
    pub fn must_pause(&self, now: Timestamp) -> bool {
        self.paused.is_none()
            && self.attempts >= PAUSE_AFTER_ATTEMPTS
            && self.failing_since.is_some_and(|since| since.plus_seconds(PAUSE_AFTER_SECONDS) <= now)
    }

    /// The same, standing still.
    pub fn pause(&self, pause: Pause) -> Self {
        Self { paused: Some(pause), ..self.clone() }
    }

    /// The same, going on at once where it stood, as if it had never failed.
    pub fn resume(&self) -> Self {
        Self { paused: None, ..self.without_failure() }
    }

    /// The same, going on at another sequence. A pause stays one.
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
    fn it_waits_twice_as_long_each_time_and_an_hour_at_most() {
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
    fn a_failure_ends_with_a_success_or_once_the_event_that_failed_has_left_the_stream() {
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
    fn after_three_days_it_is_paused_and_goes_on_where_it_stood() {
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
        // A replay moves what is next, and lifts no pause.
        assert_eq!((paused.replay(0).next, paused.replay(0).state()), (0, State::Paused));
    }
}
