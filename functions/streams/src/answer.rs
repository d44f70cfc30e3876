//! A stream as its admins see it: its settings and its status, without secrets.

use serde::Serialize;
use shared::{
    model::timestamp::Timestamp,
    stream::{
        Delivery, Destination, Format, Mask, Pause, PausedBy, Problem, Progress, State, Stream, StreamFilter,
        StreamId, Test,
    },
};

/// The streams of a workspace.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Streams<'a> {
    /// The streams in the order of their ids.
    pub(crate) streams: Vec<ListedStream<'a>>,
}

/// A stream, with its secret if that is new: it is shown this once.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetStream<'a> {
    #[serde(flatten)]
    pub(crate) stream: ListedStream<'a>,
    /// The key that signs the requests to a webhook; only in the answer that created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub(crate) secret: Option<&'a str>,
}

/// A stream.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Stream))]
pub struct ListedStream<'a> {
    /// Its id.
    stream: &'a StreamId,
    /// Its name, chosen by its admin.
    name: &'a str,
    /// The destination.
    #[cfg_attr(feature = "openapi", schema(schema_with = destination))]
    destination: &'a Destination,
    /// The format in which events are sent.
    format: Format,
    /// The filter of events; an empty object lets all events through.
    #[cfg_attr(feature = "openapi", schema(schema_with = filter))]
    filter: &'a StreamFilter,
    /// The parts of each event that are left out, as paths into it.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    mask: &'a [Mask],
    /// Until this time webhooks are signed with the previous secret as well, if there was one.
    #[cfg_attr(feature = "openapi", schema(required))]
    previous_secret_until: Option<Timestamp>,
    /// The admin who created it, by their id in the product.
    created_by: &'a str,
    /// When it was created.
    created_at: Timestamp,
    /// Its progress and state.
    status: StreamStatus<'a>,
}

/// The progress and state of a stream.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct StreamStatus<'a> {
    /// `active`, `failing` with retries, or `paused`.
    state: State,
    /// The next sequence: all events before it are delivered, filtered out, or expired.
    next: u64,
    /// The number of sequences in the log that it has not reached yet.
    lag: u64,
    /// The number of delivered events, including retries.
    delivered: u64,
    /// The last time at which the destination accepted a request.
    #[cfg_attr(feature = "openapi", schema(required))]
    delivered_at: Option<Timestamp>,
    /// The time of the first failure in a row, if the last attempt failed.
    #[cfg_attr(feature = "openapi", schema(required))]
    failing_since: Option<Timestamp>,
    /// The number of failures in a row.
    attempts: u32,
    /// The time before which there is no retry.
    #[cfg_attr(feature = "openapi", schema(required))]
    retry_at: Option<Timestamp>,
    /// The last problem, even if later attempts succeeded.
    #[cfg_attr(feature = "openapi", schema(required))]
    last_problem: Option<&'a Problem>,
    /// The reason why it is paused, if it is.
    #[cfg_attr(feature = "openapi", schema(required))]
    paused: Option<StreamPause<'a>>,
    /// The time at which a test was requested, if it is not done yet.
    #[cfg_attr(feature = "openapi", schema(required))]
    test_requested_at: Option<Timestamp>,
    /// The result of the last test.
    #[cfg_attr(feature = "openapi", schema(required))]
    last_test: Option<&'a Test>,
}

/// The pause of a stream.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct StreamPause<'a> {
    /// The admin who paused it, by their id in the product; null if the service paused it because it failed for
    /// too long.
    #[cfg_attr(feature = "openapi", schema(required))]
    by: Option<&'a str>,
    /// The reason, if one was given.
    #[cfg_attr(feature = "openapi", schema(required))]
    reason: Option<&'a str>,
    /// The time of the pause.
    at: Timestamp,
}

impl<'a> ListedStream<'a> {
    /// A stream of a log of this size.
    pub(crate) fn of(delivery: &'a Delivery, head: u64, now: Timestamp) -> Self {
        let Delivery { stream, generation: _, progress, leased_until: _, last_run: _, planned_run: _ } =
            delivery;
        let Stream {
            id,
            workspace: _,
            name,
            destination,
            format,
            filter,
            mask,
            secret,
            created_by,
            created_at,
        } = stream;
        let previous = secret.as_ref().and_then(|versions| versions.previous.as_ref());
        Self {
            stream: id,
            name,
            destination,
            format: *format,
            filter,
            mask,
            previous_secret_until: previous.map(|(_, until)| *until).filter(|until| now < *until),
            created_by,
            created_at: *created_at,
            status: StreamStatus::of(progress, head),
        }
    }
}

impl<'a> StreamStatus<'a> {
    fn of(progress: &'a Progress, head: u64) -> Self {
        let Progress {
            next,
            delivered,
            delivered_at,
            failing_since,
            failing_at: _,
            attempts,
            retry_at,
            last_problem,
            paused,
            test_requested,
            last_test,
        } = progress;
        Self {
            state: progress.state(),
            next: *next,
            lag: progress.lag(head),
            delivered: *delivered,
            delivered_at: *delivered_at,
            failing_since: *failing_since,
            attempts: *attempts,
            retry_at: *retry_at,
            last_problem: last_problem.as_ref(),
            paused: paused.as_ref().map(StreamPause::of),
            test_requested_at: test_requested.as_ref().map(|request| request.at),
            last_test: last_test.as_ref(),
        }
    }
}

impl<'a> StreamPause<'a> {
    fn of(pause: &'a Pause) -> Self {
        let Pause { by, reason, at } = pause;
        let by = match by {
            PausedBy::Admin(user_id) => Some(user_id.as_str()),
            PausedBy::Service => None,
        };
        Self { by, reason: reason.as_deref(), at: *at }
    }
}

/// The schema of a destination is the same in requests and answers.
#[cfg(feature = "openapi")]
fn destination() -> utoipa::openapi::Ref {
    described("StreamDestination", "The destination.")
}

#[cfg(feature = "openapi")]
fn filter() -> utoipa::openapi::Ref {
    described("StreamFilter", "The filter of events; an empty object lets all events through.")
}

#[cfg(feature = "openapi")]
fn described(schema: &str, description: &str) -> utoipa::openapi::Ref {
    let mut reference = utoipa::openapi::Ref::from_schema_name(schema);
    description.clone_into(&mut reference.description);
    reference
}
