//! Errors as clients see them, with their statuses.

use lambda_http::http::{HeaderValue, header};
use serde::Serialize;

use super::{
    Request, Response,
    response::{json_response, with_rate_of},
};
use crate::{
    model::{error::Error, rate::Rate},
    text::problem::FieldError,
};

/// The answer; for an error, its problem response. Logs the error.
pub fn respond(request: &Request, answer: Result<Response, Error>) -> Response {
    answer.unwrap_or_else(|error| {
        let problem = Problem::of(&error);
        let (request_id, route) = (request.id(), request.route());
        match &error {
            Error::Internal(source) => {
                tracing::error!(request_id, route, source = %chain(source.as_ref()), "failed")
            }
            // An alarm of the template counts this line.
            Error::Inconsistent(source) => {
                tracing::error!(request_id, route, source = %chain(source.as_ref()), "inconsistent log")
            }
            Error::Unavailable(source) => {
                tracing::error!(request_id, route, source = %chain(source.as_ref()), "store unavailable")
            }
            Error::Contention(source) => {
                tracing::warn!(request_id, route, source = %chain(source.as_ref()), "contention")
            }
            _ => tracing::info!(request_id, route, problem = problem.id, "refused"),
        }
        let response = problem.into_response(request.id(), None::<&()>);
        match error {
            Error::TooManyReads(rate) => refused_until_reset(response, "reads", rate),
            Error::TooManyChanges(rate) => refused_until_reset(response, "changes", rate),
            _ => response,
        }
    })
}

/// The same refusal with the state of the limit, and `Retry-After` with the start of the next window.
fn refused_until_reset(response: Response, counted: &str, rate: Rate) -> Response {
    with_rate_of(response, counted, rate).with(header::RETRY_AFTER, rate.resets_in_seconds)
}

/// 503 with the result of each part of the request, because some of them may be stored.
pub fn partly_unavailable(
    request: &Request,
    source: &(dyn std::error::Error + 'static),
    results: &impl Serialize,
) -> Response {
    tracing::error!(request_id = request.id(), route = request.route(), source = %chain(source), "store unavailable");
    let message = "Not every event could be recorded; results say which were. Send the others again.";
    let problem = Problem::new(503, "unavailable", "The audit log cannot be reached", message.to_owned());
    problem.into_response(request.id(), Some(results))
}

/// An error as clients see it: RFC 9457, with Mode's `id` and `message` beside it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// The kind of problem as a URI reference. Each id has its own.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem, for people.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// The kind of problem, for programs.
    id: &'static str,
    /// What happened, and the next step.
    message: String,
    /// The problems of single fields or parameters of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    errors: Vec<WrongPart>,
    /// The id of the request, to quote to the operator of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    request_id: Option<String>,
}

/// A problem of one field or parameter of a request, or a warning about it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WrongPart {
    /// The field of the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pointer: Option<String>,
    /// The query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    parameter: Option<String>,
    /// The problem for programs.
    code: &'static str,
    /// The problem for people, and how to fix it. It never repeats the value.
    detail: String,
}

impl Problem {
    /// The problem of an error.
    pub fn of(error: &Error) -> Self {
        fn pointers(errors: &[FieldError]) -> Vec<WrongPart> {
            errors.iter().map(WrongPart::of_body).collect()
        }
        let (status, id, title, errors) = match error {
            Error::InvalidJson(_) => (400, "invalid_json", "The body is not valid JSON", vec![]),
            Error::InvalidQuery(errors) => (
                400,
                "invalid_query",
                "The query is not valid",
                errors.iter().map(WrongPart::of_query).collect(),
            ),
            Error::InvalidHeader(_) => (400, "invalid_header", "A header is not valid", vec![]),
            Error::InvalidCursor => (400, "invalid_cursor", "The cursor is not valid here", vec![]),
            Error::Unauthenticated => (401, "unauthenticated", "The request carries no identity", vec![]),
            Error::Forbidden(_) => (403, "forbidden", "These credentials do not allow it", vec![]),
            Error::UnknownWorkspace => (404, "not_found", "There is no such workspace", vec![]),
            Error::UnknownToken => (404, "not_found", "There is no such token", vec![]),
            Error::UnknownStream => (404, "not_found", "There is no such stream", vec![]),
            Error::UnknownSequence => (404, "not_found", "There is no such entry", vec![]),
            Error::UnknownTile => (404, "not_found", "There is no such tile", vec![]),
            Error::UnknownRoute => (404, "not_found", "There is no such route", vec![]),
            Error::NotAcceptable(_) => {
                (406, "not_acceptable", "None of these formats can be written", vec![])
            }
            Error::Conflict => (409, "conflict", "Another event has this id and timestamp", vec![]),
            Error::Contention(_) => (409, "contention", "Another change was under way", vec![]),
            Error::TooManyTokens(_) => (409, "too_many_tokens", "The workspace has too many tokens", vec![]),
            Error::TooManyStreams(_) => {
                (409, "too_many_streams", "The workspace has too many streams", vec![])
            }
            Error::SettingsChanging(_) => {
                (409, "settings_changing", "The last change is not in effect yet", vec![])
            }
            Error::Expired => (410, "expired", "It has expired", vec![]),
            Error::TooLarge(_) => (413, "too_large", "The request is too large", vec![]),
            Error::UnsupportedEncoding => {
                (415, "unsupported_encoding", "The body is compressed in another way than gzip", vec![])
            }
            Error::InvalidBody(errors) => (422, "invalid_body", "The body is not valid", pointers(errors)),
            Error::InvalidEvent(errors) => (422, "invalid_event", "The event is not valid", pointers(errors)),
            Error::TooManyReads(_) => (429, "too_many_reads", "The token reads too often", vec![]),
            Error::TooManyChanges(_) => {
                (429, "too_many_changes", "The workspace is changed too often", vec![])
            }
            Error::Inconsistent(_) => (500, "inconsistent_log", "The log contradicts itself", vec![]),
            Error::Internal(_) => (500, "internal", "Something went wrong on our side", vec![]),
            Error::NoServiceKey => (503, "no_service_key", "The service cannot sign the record yet", vec![]),
            Error::Unavailable(_) => (503, "unavailable", "The audit log cannot be reached", vec![]),
        };
        Self { errors, ..Self::new(status, id, title, error.to_string()) }
    }

    fn new(status: u16, id: &'static str, title: &'static str, message: String) -> Self {
        let kind = format!("/problems/{}", id.replace('_', "-"));
        Self { kind, title, status, id, message, errors: Vec::new(), request_id: None }
    }

    fn into_response(self, request_id: &str, results: Option<&impl Serialize>) -> Response {
        let problem = Self { request_id: Some(request_id.to_owned()), ..self };
        let mut response = json_response(
            problem.status,
            "application/problem+json",
            &Unfinished { problem: &problem, results },
        );
        if problem.status == 415 {
            response = response.with(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity"));
        }
        if matches!(problem.status, 429 | 503) || problem.id == "contention" {
            response = response.with(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl WrongPart {
    fn of_body(error: &FieldError) -> Self {
        let FieldError { field, code, detail, .. } = error;
        Self { pointer: Some(field.clone()), parameter: None, code, detail: detail.clone() }
    }

    /// A problem of a query parameter.
    pub fn of_query(error: &FieldError) -> Self {
        let FieldError { field, code, detail, .. } = error;
        Self { pointer: None, parameter: Some(field.clone()), code, detail: detail.clone() }
    }
}

/// A problem with the results of the parts that succeeded.
#[derive(Serialize)]
struct Unfinished<'a, R> {
    #[serde(flatten)]
    problem: &'a Problem,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<&'a R>,
}

/// An error and all its sources, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}
