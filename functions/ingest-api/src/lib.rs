//! Records events sent over HTTPS: one, or up to 500 at once.
//!
//! Every event is handled by itself: valid events are recorded even if others are invalid, and each has its own
//! result, in the order of the request.

mod body;
mod idempotency;

use serde::Serialize;
use shared::{
    http::{self, Problem, Request, Response, Took},
    intake::new_event::{Door, Fallback, NewEvent},
    model::{
        error::Error,
        id::{EventId, WorkspaceId},
        retention::expired,
        scope::Scope,
        timestamp::Timestamp,
    },
    store::{Appended, AppendedAll, Status, Store, WriteUnits},
    system,
    text::{json::Document, problem::limit},
};

pub use self::body::{MAX_BODY_BYTES, MAX_EVENTS, Sent};

/// Problems in one answer, at most: a Lambda's answer has at most 6 MB, and a pointer may have 200 characters,
/// which JSON may escape to seven bytes each. Every refused event keeps at least one problem.
const MAX_PROBLEMS_OF_AN_ANSWER: usize = 1_000;

/// Records the events of a request, and answers with the result of each.
///
/// # Errors
/// None: every failure is an answer.
pub async fn handle(store: &Store, request: lambda_http::Request) -> Result<Response, lambda_http::Error> {
    let request = Request::from(request);
    let answer = record(store, &request).await;
    Ok(http::respond(&request, answer))
}

async fn record(store: &Store, request: &Request) -> Result<Response, Error> {
    let holder = request.token_holder(Scope::Write)?;
    request.no_query()?;
    let key = request.idempotency_key()?;
    let sent = Sent::parse(&request.body(MAX_BODY_BYTES)?)?;
    let now = system::now();
    match sent {
        Sent::One(mut event) => {
            if let Some(key) = key {
                idempotency::name_event(&mut event, key);
            }
            // The problem of a single event is the problem of its request.
            let new = read(&holder.workspace, event, now)?;
            let Appended { status, write_units } = store.append(&new.event).await?;
            answer(&[Attempt { new: Some(new), result: Ok(recorded(status)?) }], write_units, request)
        }
        Sent::Batch(events) => {
            // Each event is received a microsecond after the one before it. So two equal events are not
            // mistaken for one that the SDK sent twice, and the order of the request is kept.
            let mut events: Vec<_> = (0..)
                .zip(events)
                .map(|(index, mut event): (i64, Document)| {
                    if let Some(key) = key {
                        idempotency::name_part(&mut event, key, index);
                    }
                    read(&holder.workspace, event, now.plus_microseconds(index))
                })
                .collect();
            limit_problems(&mut events);
            let good: Vec<_> = events.iter().flatten().map(|new| &new.event).collect();
            let AppendedAll { results, write_units } = store.append_all(&good).await;
            // If we crash here, a part of the request's events is recorded. A client that sends all of them
            // again, with their ids, records the rest.
            let mut results = results.into_iter();
            let attempts: Vec<_> = events.into_iter().map(|event| Attempt::of(event, &mut results)).collect();
            answer(&attempts, write_units, request)
        }
    }
}

/// One event of the request, and its result.
struct Attempt {
    new: Option<NewEvent>,
    result: Result<Status, Error>,
}

impl Attempt {
    /// The result of an event: its own problem, or the next result of the appended events.
    fn of(
        event: Result<NewEvent, Error>,
        appended: &mut impl Iterator<Item = Result<Status, Error>>,
    ) -> Self {
        match event {
            Ok(new) => {
                let result = appended.next().expect("there is a result for each event");
                Self { new: Some(new), result: result.and_then(recorded) }
            }
            Err(error) => Self { new: None, result: Err(error) },
        }
    }
}

/// Reads an event as it was sent.
fn read(workspace: &WorkspaceId, sent: Document, now: Timestamp) -> Result<NewEvent, Error> {
    let Document { value, problems } = sent;
    let fallback = Fallback { now, id: system::event_id(), salt: system::salt() };
    NewEvent::parse(value, problems, Door::Api(workspace), fallback).map_err(Error::InvalidEvent)
}

/// Keeps the answer small enough: each refused event lists its share of the problems, and the number of the
/// others.
fn limit_problems(events: &mut [Result<NewEvent, Error>]) {
    let refused = events.iter().filter(|event| event.is_err()).count();
    for event in events {
        if let Err(Error::InvalidEvent(problems)) = event {
            limit(problems, (MAX_PROBLEMS_OF_AN_ANSWER / refused).max(1));
        }
    }
}

/// A status that is not a failure.
fn recorded(status: Status) -> Result<Status, Error> {
    match status {
        Status::Recorded | Status::Duplicate => Ok(status),
        Status::Conflict => Err(Error::Conflict),
        Status::Expired(retained_from) => Err(Error::InvalidEvent(vec![expired(retained_from)])),
    }
}

fn answer(attempts: &[Attempt], write_units: WriteUnits, request: &Request) -> Result<Response, Error> {
    let results: Vec<_> = attempts.iter().enumerate().map(|(index, attempt)| attempt.result(index)).collect();
    let count = |status| results.iter().filter(|result| result.status == status).count();
    // The template makes metrics of these numbers.
    tracing::info!(
        recorded = count(ResultStatus::Recorded),
        duplicates = count(ResultStatus::Duplicate),
        conflicts = count(ResultStatus::Conflict),
        write_units.table,
        write_units.indexes,
        "appended"
    );
    if let Some(Error::Unavailable(source)) =
        failures(attempts).find(|error| matches!(error, Error::Unavailable(_)))
    {
        return Ok(http::partly_unavailable(request, source.as_ref(), &results));
    }
    let duplicates = results.iter().any(|result| result.status == ResultStatus::Duplicate);
    let body = Recording { results, debug: Took { write_units } };
    Ok(match (failures(attempts).next(), duplicates) {
        (Some(_), _) => http::multi_status(&body),
        (None, true) => http::ok(&body),
        (None, false) => http::created(&body),
    })
}

fn failures(attempts: &[Attempt]) -> impl Iterator<Item = &Error> {
    attempts.iter().filter_map(|attempt| attempt.result.as_ref().err())
}

/// The results of a request's events.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Recording<'a> {
    /// One result for each event, in the order of the request.
    results: Vec<RecordingResult<'a>>,
    /// The cost of the request.
    debug: Took,
}

/// The result of one event.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordingResult<'a> {
    /// The index of the event in the request, from 0.
    index: usize,
    /// The outcome.
    status: ResultStatus,
    /// The event's id; null if the event was refused.
    #[cfg_attr(feature = "openapi", schema(required))]
    id: Option<&'a EventId>,
    /// The event's time; null if the id is null.
    #[cfg_attr(feature = "openapi", schema(required))]
    timestamp: Option<Timestamp>,
    /// True if a retry of the same request is a duplicate; false if the service generated the id.
    #[cfg_attr(feature = "openapi", schema(required))]
    retry_safe: Option<bool>,
    /// The reason why the event is not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    problem: Option<Problem>,
}

/// The outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResultStatus {
    /// The event is recorded.
    Recorded,
    /// The event was recorded before; it is not written again.
    Duplicate,
    /// Another event has the same id and timestamp; it stays unchanged.
    Conflict,
    /// The event breaks a rule.
    Invalid,
    /// The event could not be written; send it again.
    Unavailable,
}

impl Attempt {
    fn result(&self, index: usize) -> RecordingResult<'_> {
        let status = match &self.result {
            Ok(Status::Duplicate) => ResultStatus::Duplicate,
            Ok(_) => ResultStatus::Recorded,
            Err(Error::InvalidEvent(_)) => ResultStatus::Invalid,
            Err(Error::Conflict) => ResultStatus::Conflict,
            Err(_) => ResultStatus::Unavailable,
        };
        RecordingResult {
            index,
            status,
            id: self.new.as_ref().map(|new| &new.event.id),
            timestamp: self.new.as_ref().map(|new| new.event.timestamp),
            retry_safe: self.new.as_ref().map(|new| new.retry_safe),
            problem: self.result.as_ref().err().map(Problem::of),
        }
    }
}
