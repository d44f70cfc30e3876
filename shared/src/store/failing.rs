//! What is noted of a stream whose destination fails, whoever delivers it.

use serde_json::{Map, json};

use super::{Lease, Store, Written};
use crate::{
    error::Error,
    service_event::{Origin, stream_given_up},
    stream::{Delivery, Pause, PausedBy, Problem, Progress},
};

/// Why the service paused a stream.
const GIVEN_UP: &str = "the destination has failed for three days";

/// What became of a stream that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// How it stands now.
    pub progress: Progress,
    /// Whether it was paused for that.
    pub paused: bool,
}

impl Store {
    /// Notes that a destination failed, and pauses the stream if it did for too long, with an event about it. The next
    /// try is no sooner than `at_least_seconds` from now; `spread` is as of [`Progress::after_failure`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been noted.
    pub async fn fail_stream(
        &self,
        lease: &Lease,
        delivery: &Delivery,
        problem: Problem,
        (at_least_seconds, spread): (i64, f64),
        origin: Origin,
    ) -> Result<Failed, Error> {
        let (code, now) = (problem.code.clone(), problem.at);
        let progress = delivery.progress.after_failure(problem, at_least_seconds, spread);
        let stream = &delivery.stream;
        let attempts = progress.attempts;
        tracing::warn!(workspace = %stream.workspace, stream = %stream.id, code, attempts, "a destination failed");
        let noted = self.record_failure(lease, &progress).await?;
        // If we crash here, the next failure pauses it.
        if !noted || !progress.must_pause(now) {
            return Ok(Failed { progress, paused: false });
        }
        let pause = Pause { by: PausedBy::Service, reason: Some(GIVEN_UP.to_owned()), at: now };
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
