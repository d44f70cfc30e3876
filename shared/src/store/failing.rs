//! Failures of a stream's destination, as the deliverer and the archiver record them.

use serde_json::{Map, json};

use super::{Lease, Store, Written};
use crate::{
    model::{error::Error, service_event::Origin},
    stream::{Delivery, Pause, PausedBy, Problem, Progress, service_event::stream_given_up},
};

/// The reason for a pause after repeated failures.
const GIVEN_UP: &str = "the destination has failed for three days";

/// The reason for an immediate pause.
const REFUSED_FOR_GOOD: &str = "the destination answered that it is gone for good";

/// A failed attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The problem.
    pub problem: Problem,
    /// The sequence of the first event that the destination did not accept.
    pub sequence: u64,
    /// The least wait before the next attempt.
    pub at_least_seconds: i64,
    /// See [`Progress::after_failure`].
    pub spread: f64,
    /// Whether the destination answered that no retry will succeed.
    pub is_final: bool,
}

/// The state of a stream after a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The progress.
    pub progress: Progress,
    /// Whether this failure paused the stream.
    pub paused: bool,
}

impl Store {
    /// Records that a destination failed. Pauses the stream, with an event about it, if the failure is final or has lasted
    /// too long.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been recorded.
    pub async fn fail_stream(
        &self,
        lease: &Lease,
        delivery: &Delivery,
        attempt: Attempt,
        origin: Origin,
    ) -> Result<Failed, Error> {
        let Attempt { problem, sequence, at_least_seconds, spread, is_final } = attempt;
        let (code, now) = (problem.code.clone(), problem.at);
        let progress = delivery.progress.after_failure(problem, sequence, at_least_seconds, spread);
        let stream = &delivery.stream;
        let attempts = progress.attempts;
        tracing::warn!(workspace = %stream.workspace, stream = %stream.id, code, attempts, "a destination failed");
        let noted = self.record_failure(lease, &progress).await?;
        // If we crash here, the next failure pauses the stream.
        if !noted || !(is_final || progress.must_pause(now)) {
            return Ok(Failed { progress, paused: false });
        }
        let reason = if is_final { REFUSED_FOR_GOOD } else { GIVEN_UP };
        let pause = Pause { by: PausedBy::Service, reason: Some(reason.to_owned()), at: now };
        let context = Map::from_iter([
            ("failing_since".to_owned(), json!(progress.failing_since)),
            ("problem".to_owned(), json!(code)),
        ]);
        let event = stream_given_up(origin, stream, context);
        let paused = matches!(self.pause_failing_stream(lease, &pause, &event).await?, Written::Now(_));
        if paused {
            // An alarm of the template counts this line.
            tracing::error!(workspace = %stream.workspace, stream = %stream.id, code, "stream paused");
        }
        Ok(Failed { progress, paused })
    }
}
