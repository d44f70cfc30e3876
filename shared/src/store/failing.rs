//! What the deliverer and the archiver note of a stream whose destination fails.

use serde_json::{Map, json};

use super::{Lease, Store, Written};
use crate::{
    model::{error::Error, service_event::Origin},
    stream::{Delivery, Pause, PausedBy, Problem, Progress, service_event::stream_given_up},
};

/// Why the service paused a stream.
const GIVEN_UP: &str = "the destination has failed for three days";

/// Why the service paused a stream at once.
const REFUSED_FOR_GOOD: &str = "the destination answered that it is gone for good";

/// A try that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Why.
    pub problem: Problem,
    /// The first event that the destination did not take.
    pub sequence: u64,
    /// The next try is no sooner than this.
    pub at_least_seconds: i64,
    /// As of [`Progress::after_failure`].
    pub spread: f64,
    /// The destination said that no later try will do.
    pub is_final: bool,
}

/// What became of a stream that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// How it stands now.
    pub progress: Progress,
    /// Whether it was paused for that.
    pub paused: bool,
}

impl Store {
    /// Notes that a destination failed, and pauses the stream if it did for too long or for good, with an event about it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been noted.
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
        // If we crash here, the next failure pauses it.
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
