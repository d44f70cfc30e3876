//! One answer of the API: its status, its headers, and a body of bounded size.

use std::{
    error::Error as _,
    io::{self, Read as _},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use reqwest::{
    blocking::{Client, RequestBuilder},
    header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER},
};
use serde_json::Value;

use super::{Identity, problem, retry};
use crate::{endpoint::Endpoint, error::Error, terminal};

/// The largest body that is read. Lambda answers at most 6 MB (AWS Lambda quotas, invocation payload), so a larger body
/// comes from another server.
const MAX_BODY_BYTES: u64 = 8 * 1024 * 1024;

/// The status of a part of a body, which was not asked for.
const PARTIAL: u16 = 206;

/// An answer with its whole body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// The reason why a request has no answer.
pub(super) enum SendError {
    Request(reqwest::Error),
    Body(io::Error),
    TooLarge,
}

impl Answer {
    /// Sends the request and reads the answer.
    pub(super) fn to(http: &Client, request: RequestBuilder) -> Result<Self, SendError> {
        let request = request.build().map_err(SendError::Request)?;
        // The path and the query only: headers hold the token, and bodies hold events.
        let line = terminal::is_verbose().then(|| {
            let url = request.url();
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            format!("{} {}{query}", request.method(), url.path())
        });
        let began = Instant::now();
        let received = http.execute(request).map_err(SendError::Request).and_then(Self::receive);
        if let Some(line) = line {
            let outcome = match &received {
                Ok(answer) => format!("{}, {} bytes", answer.status, answer.body.len()),
                Err(_) => "no answer".to_owned(),
            };
            terminal::verbose(&format!("{line}: {outcome}, {} ms", began.elapsed().as_millis()));
        }
        received
    }

    fn receive(response: reqwest::blocking::Response) -> Result<Self, SendError> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        response.take(MAX_BODY_BYTES + 1).read_to_end(&mut body).map_err(SendError::Body)?;
        if body.len() as u64 > MAX_BODY_BYTES {
            return Err(SendError::TooLarge);
        }
        Ok(Self { status, headers, body })
    }

    /// Says what the API finds doubtful about the query, each once.
    pub(super) fn warn(&self) {
        let warnings = self.header("x-warnings").and_then(|text| serde_json::from_str(text).ok());
        let warnings: Vec<Value> = warnings.unwrap_or_default();
        for warning in &warnings {
            let text = |name: &str| warning[name].as_str().unwrap_or_default();
            let option = text("parameter").replace('_', "-");
            terminal::warn_once(&format!("Warning: --{option} {}", text("detail")));
        }
    }

    /// The answer itself, if its status says success.
    ///
    /// # Errors
    /// The refusal, in words.
    pub(super) fn success(self, identity: Identity<'_>) -> Result<Self, Error> {
        let is_whole = self.status != PARTIAL;
        if is_whole && (200..300).contains(&self.status) {
            Ok(self)
        } else {
            Err(problem::refusal(&self, identity))
        }
    }

    /// Whether the API understood the request and takes no body like this one.
    pub(crate) fn refuses_body(&self) -> bool {
        matches!(self.status, 400 | 413 | 422)
    }

    /// The time of the answer by the server's clock, to the second.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        retry::http_date(self.header(DATE.as_str())?)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// If it is not JSON: another server answered.
    pub(crate) fn json(&self) -> Result<Value, Error> {
        serde_json::from_slice(&self.body).map_err(|_| self.unexpected("JSON"))
    }

    /// The body as text of a content type.
    ///
    /// # Errors
    /// If it has another content type: another server answered.
    pub(crate) fn text(self, content_type: &str) -> Result<String, Error> {
        match String::from_utf8(self.bytes(content_type)?) {
            Ok(text) => Ok(text),
            Err(_) => Err(unexpected("other characters than UTF-8", content_type)),
        }
    }

    /// The body, if it has a content type.
    ///
    /// # Errors
    /// If it has another content type: another server answered.
    pub(crate) fn bytes(self, content_type: &str) -> Result<Vec<u8>, Error> {
        if self.is_a(content_type) { Ok(self.body) } else { Err(self.unexpected(content_type)) }
    }

    pub(super) fn is_a(&self, content_type: &str) -> bool {
        let found = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        found.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(content_type)
    }

    fn unexpected(&self, expected: &str) -> Error {
        unexpected(self.header(CONTENT_TYPE.as_str()).unwrap_or("nothing"), expected)
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        retry::retry_after(self.header(RETRY_AFTER.as_str())?, Timestamp::now())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl SendError {
    /// Whether a retry would end in the same way.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Request(error) => error.is_builder(),
            Self::Body(_) => false,
            Self::TooLarge => true,
        }
    }

    /// The error in words, for a request to `endpoint`.
    pub(super) fn into_error(self, endpoint: &Endpoint) -> Error {
        let cause = match self {
            Self::Request(error) if error.is_builder() => {
                return Error::usage(
                    "The token or JWT has characters that no request can carry.",
                    "Copy it again, all of it and nothing more.",
                );
            }
            Self::Request(error) => chain(&error),
            Self::Body(error) => format!("the answer broke off: {error}"),
            Self::TooLarge => {
                return Error::failure(
                    format!("{endpoint} answered more than {} MiB.", MAX_BODY_BYTES / 1024 / 1024),
                    "Check the endpoint: an Audit Logs API never answers that much at once.",
                );
            }
        };
        Error::failure(
            format!("{endpoint} cannot be reached: {cause}."),
            "Check the endpoint, the network and the proxy variables of the environment.",
        )
    }
}

fn unexpected(found: &str, expected: &str) -> Error {
    let found = terminal::safe_line(found);
    Error::failure(
        format!("The endpoint answered {found} where {expected} was asked for."),
        "Check the endpoint: it must lead to an Audit Logs API, with no portal or other page before it.",
    )
}

/// The error and all its sources in one line, without the URL, which may name persons.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() { "it took too long" } else { "the connection failed" };
    let mut line = kind.to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}
