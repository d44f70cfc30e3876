//! A stream as its admins see it: what is set of it, how far it has come, and no secret.

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
    /// By their ids.
    pub(crate) streams: Vec<ListedStream<'a>>,
}

/// A stream, with its secret where that is new: it is shown this once.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetStream<'a> {
    #[serde(flatten)]
    pub(crate) stream: ListedStream<'a>,
    /// What signs the requests to a webhook; only where it was made by this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub(crate) secret: Option<&'a str>,
}

/// A stream.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Stream))]
pub struct ListedStream<'a> {
    /// Its name for programs.
    stream: &'a StreamId,
    /// What its admin calls it.
    name: &'a str,
    /// Where it goes to.
    #[cfg_attr(feature = "openapi", schema(schema_with = destination))]
    destination: &'a Destination,
    /// As what events are sent.
    format: Format,
    /// Which events are sent; an empty object is all of them.
    #[cfg_attr(feature = "openapi", schema(schema_with = filter))]
    filter: &'a StreamFilter,
    /// What of each event is left out, as paths into it.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    mask: &'a [Mask],
    /// Until when webhooks are signed with the secret before this one as well, where there was one.
    #[cfg_attr(feature = "openapi", schema(required))]
    previous_secret_until: Option<Timestamp>,
    /// The admin who created it, by their id in the product.
    created_by: &'a str,
    /// When it was created.
    created_at: Timestamp,
    /// How far it has come, and how it goes.
    status: StreamStatus<'a>,
}

/// How far a stream has come, and how it goes.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct StreamStatus<'a> {
    /// Whether it delivers, fails and tries again, or stands still.
    state: State,
    /// The sequence that is looked at next: all before it are delivered, filtered out, or expired.
    next: u64,
    /// How many sequences of the log it has not looked at yet.
    lag: u64,
    /// How many events were delivered in all, repeated ones included.
    delivered: u64,
    /// When the destination last took something.
    #[cfg_attr(feature = "openapi", schema(required))]
    delivered_at: Option<Timestamp>,
    /// Since when the destination fails, if it does.
    #[cfg_attr(feature = "openapi", schema(required))]
    failing_since: Option<Timestamp>,
    /// How often it failed since.
    attempts: u32,
    /// Before when it is not tried again.
    #[cfg_attr(feature = "openapi", schema(required))]
    retry_at: Option<Timestamp>,
    /// The last thing that went wrong, also if all goes well since.
    #[cfg_attr(feature = "openapi", schema(required))]
    last_problem: Option<&'a Problem>,
    /// Why it stands still, if it does.
    #[cfg_attr(feature = "openapi", schema(required))]
    paused: Option<StreamPause<'a>>,
    /// When a test was asked for that is not done yet.
    #[cfg_attr(feature = "openapi", schema(required))]
    test_requested_at: Option<Timestamp>,
    /// How the last test went.
    #[cfg_attr(feature = "openapi", schema(required))]
    last_test: Option<&'a Test>,
}

/// That a stream stands still.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct StreamPause<'a> {
    /// The admin who paused it, by their id in the product; null where the service did, because it failed for too long.
    #[cfg_attr(feature = "openapi", schema(required))]
    by: Option<&'a str>,
    /// Why, where it was said.
    #[cfg_attr(feature = "openapi", schema(required))]
    reason: Option<&'a str>,
    /// Since when.
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

/// What is sent of a destination is also what is answered.
#[cfg(feature = "openapi")]
fn destination() -> utoipa::openapi::Ref {
    described("StreamDestination", "Where it goes to.")
}

#[cfg(feature = "openapi")]
fn filter() -> utoipa::openapi::Ref {
    described("StreamFilter", "Which events are sent; an empty object is all of them.")
}

#[cfg(feature = "openapi")]
fn described(schema: &str, description: &str) -> utoipa::openapi::Ref {
    let mut reference = utoipa::openapi::Ref::from_schema_name(schema);
    description.clone_into(&mut reference.description);
    reference
}
