//! The API over HTTP: requests that are patient, and answers or errors in words.

mod feed;
mod ledger;
mod listing;
mod problem;
mod retry;

use std::{error::Error as _, thread, time::Duration};

use jiff::Timestamp;
use reqwest::{
    blocking::{Client, RequestBuilder},
    header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER},
    redirect,
};
use serde_json::Value;

pub(crate) use self::{
    feed::FeedPage,
    ledger::Ledger,
    listing::{Encoding, MAX_PAGE, Wanted},
};
use crate::{endpoint::Endpoint, error::Error, secret::Secret, terminal};

/// API Gateway ends a request after 30 s; a large answer on a slow line takes longer.
const TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum Identity<'a> {
    /// Anyone.
    Anyone,
    /// The holder of a workspace token.
    Token(&'a Secret),
    /// An admin of the workspace, by a JWT.
    Admin(&'a Secret),
}

/// The API of one endpoint.
pub(crate) struct Api {
    http: Client,
    endpoint: Endpoint,
    patience: Patience,
    say: Box<dyn Fn(&str)>,
}

/// How often what failed in passing is tried again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Times(u32),
    ForEver,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Api {
    /// The API at `endpoint`, where a request that changes nothing by being repeated is tried again so
    /// many times.
    ///
    /// # Errors
    /// If the system's certificates cannot be used.
    pub(crate) fn new(endpoint: Endpoint, retries: u32) -> Result<Self, Error> {
        let http = Client::builder()
            .user_agent(concat!("auditlog/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            // The API does not redirect; whoever does is somebody else.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| {
                Error::failure(
                    format!("TLS cannot be set up: {}.", chain(&error)),
                    "Check the certificates of the system, and the proxy variables of the environment.",
                )
            })?;
        Ok(Self { http, endpoint, patience: Patience::Times(retries), say: Box::new(terminal::say) })
    }

    /// The same API, which tells that it waits in another way.
    pub(crate) fn saying(self, say: impl Fn(&str) + 'static) -> Self {
        Self { say: Box::new(say), ..self }
    }

    /// The same API, which is asked until it answers: for a command that nobody watches.
    pub(crate) fn for_ever(self) -> Self {
        Self { patience: Patience::ForEver, ..self }
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Reads a path.
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success.
    pub(crate) fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        identity: Identity<'_>,
    ) -> Result<Answer, Error> {
        let answer = self.ask(path, query, identity)?;
        if answer.is_success() { Ok(answer) } else { Err(problem::refusal(&answer, identity)) }
    }

    /// Reads a path; `None` if the API says that what it names is not there.
    ///
    /// # Errors
    /// If it cannot be reached, or answers otherwise without success.
    pub(crate) fn find(
        &self,
        path: &str,
        query: &[(&str, &str)],
        identity: Identity<'_>,
    ) -> Result<Option<Answer>, Error> {
        let answer = self.ask(path, query, identity)?;
        if answer.is_success() {
            return Ok(Some(answer));
        }
        // A 404 of somebody else says nothing about what the API has.
        if answer.status == 404 && problem::id(&answer).as_deref() == Some("not_found") {
            return Ok(None);
        }
        Err(problem::refusal(&answer, identity))
    }

    fn ask(&self, path: &str, query: &[(&str, &str)], identity: Identity<'_>) -> Result<Answer, Error> {
        self.send_patiently(identity, || self.http.get(self.endpoint.url(path)).query(query))
    }

    /// Deletes what a path names; a second time changes nothing.
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success.
    pub(crate) fn delete(&self, path: &str, identity: Identity<'_>) -> Result<Answer, Error> {
        let answer = self.send_patiently(identity, || self.http.delete(self.endpoint.url(path)))?;
        if answer.is_success() { Ok(answer) } else { Err(problem::refusal(&answer, identity)) }
    }

    /// Sends a JSON body, once: a second time could do it twice.
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success.
    pub(crate) fn post(&self, path: &str, body: &Value, identity: Identity<'_>) -> Result<Answer, Error> {
        self.send_once(self.http.post(self.endpoint.url(path)).json(body), identity)
    }

    /// Sends a JSON body with what is to be another, once.
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success.
    pub(crate) fn patch_once(
        &self,
        path: &str,
        body: &Value,
        identity: Identity<'_>,
    ) -> Result<Answer, Error> {
        self.send_once(self.http.patch(self.endpoint.url(path)).json(body), identity)
    }

    fn send_once(&self, request: RequestBuilder, identity: Identity<'_>) -> Result<Answer, Error> {
        let unclear = "It may have been done all the same: look before you try again.";
        match self.send(request, identity) {
            Ok(answer) if answer.is_success() => Ok(answer),
            Ok(answer) if answer.status >= 500 => Err(problem::refusal(&answer, identity).and_next(unclear)),
            Ok(answer) => Err(problem::refusal(&answer, identity)),
            Err(error) => Err(self.unreachable(&error).and_next(unclear)),
        }
    }

    /// Sends a JSON body with what is to be another; a second time changes nothing.
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success.
    pub(crate) fn patch(&self, path: &str, body: &Value, identity: Identity<'_>) -> Result<Answer, Error> {
        let answer = self.send_patiently(identity, || self.http.patch(self.endpoint.url(path)).json(body))?;
        if answer.is_success() { Ok(answer) } else { Err(problem::refusal(&answer, identity)) }
    }

    /// Sends a JSON body that changes nothing when it comes again, until it is answered.
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success.
    pub(crate) fn post_again(
        &self,
        path: &str,
        body: &Value,
        identity: Identity<'_>,
    ) -> Result<Answer, Error> {
        let answer = self.send_patiently(identity, || self.http.post(self.endpoint.url(path)).json(body))?;
        if answer.is_success() { Ok(answer) } else { Err(problem::refusal(&answer, identity)) }
    }

    /// The answer, which may be a refusal: only what fails in passing is tried again, and then an error.
    fn send_patiently(
        &self,
        identity: Identity<'_>,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, Error> {
        let mut tried = 0;
        loop {
            let (error, asked) = match self.send(request(), identity) {
                Ok(answer) if !self.is_passing(answer.status) => {
                    if tried > 0 && self.patience == Patience::ForEver {
                        (self.say)(&format!("{} answers again.", self.endpoint));
                    }
                    return Ok(answer);
                }
                Ok(answer) => (problem::refusal(&answer, identity), answer.retry_after()),
                Err(error) if error.is_builder() => return Err(self.unreachable(&error)),
                Err(error) => (self.unreachable(&error), None),
            };
            thread::sleep(self.wait(tried, asked, error)?);
            tried += 1;
        }
    }

    fn is_passing(&self, status: u16) -> bool {
        // Who asks for ever outlasts also a defect of the server.
        retry::is_passing(status) || (self.patience == Patience::ForEver && status >= 500)
    }

    /// How long to wait after the error, of which somebody is told; the error itself where it was tried
    /// often enough.
    fn wait(&self, tried: u32, asked: Option<Duration>, error: Error) -> Result<Duration, Error> {
        let wait = retry::wait(tried, asked);
        match (self.patience, wait) {
            (Patience::Times(retries), Some(wait)) if tried < retries => {
                let (seconds, number) = (wait.as_secs_f64(), tried + 1);
                let what = error.what();
                (self.say)(&format!("{what} Trying again in {seconds:.1} s ({number} of {retries})."));
                Ok(wait)
            }
            (Patience::Times(_), _) => Err(error),
            (Patience::ForEver, wait) => {
                if tried == 0 {
                    (self.say)(&format!("{} Trying until it answers.", error.what()));
                }
                Ok(wait.unwrap_or(retry::MAX_ASKED))
            }
        }
    }

    fn send(&self, request: RequestBuilder, identity: Identity<'_>) -> Result<Answer, reqwest::Error> {
        let request = match identity {
            Identity::Anyone => request,
            Identity::Token(secret) | Identity::Admin(secret) => request.bearer_auth(secret.expose()),
        };
        let response = request.send()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes()?.to_vec() })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        if error.is_builder() {
            return Error::usage(
                "The token or JWT has characters that no request can carry.",
                "Copy it again, all of it and nothing else.",
            );
        }
        Error::failure(
            format!("{} cannot be reached: {}.", self.endpoint, chain(error)),
            "Check the endpoint, the network and the proxy variables of the environment.",
        )
    }
}

impl Answer {
    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// When the server answered, by its own clock, to the second.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        retry::http_date(self.header(DATE.as_str())?)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// If it is none: somebody else answered.
    pub(crate) fn json(&self) -> Result<Value, Error> {
        serde_json::from_slice(&self.body).map_err(|_| self.strange("JSON"))
    }

    /// The body as text of a content type.
    ///
    /// # Errors
    /// If it is of another: somebody else answered.
    pub(crate) fn text(self, content_type: &str) -> Result<String, Error> {
        match String::from_utf8(self.bytes(content_type)?) {
            Ok(text) => Ok(text),
            Err(_) => Err(strange("other characters than UTF-8", content_type)),
        }
    }

    /// The body, if it is of a content type.
    ///
    /// # Errors
    /// If it is of another: somebody else answered.
    pub(crate) fn bytes(self, content_type: &str) -> Result<Vec<u8>, Error> {
        if self.is_a(content_type) { Ok(self.body) } else { Err(self.strange(content_type)) }
    }

    fn is_a(&self, content_type: &str) -> bool {
        let found = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        found.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(content_type)
    }

    /// That the body is of another type than the API answers.
    fn strange(&self, expected: &str) -> Error {
        strange(self.header(CONTENT_TYPE.as_str()).unwrap_or("nothing"), expected)
    }

    fn retry_after(&self) -> Option<Duration> {
        retry::retry_after(self.header(RETRY_AFTER.as_str())?, Timestamp::now())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn strange(found: &str, expected: &str) -> Error {
    let found = terminal::safe_line(found);
    Error::failure(
        format!("The endpoint answered {found} where {expected} was asked for."),
        "Check the endpoint: it must lead to an Audit Logs API, with no portal or other page before it.",
    )
}

/// The error and all its sources in one line, without the URL, which may name persons.
fn chain(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() { "it took too long" } else { "the connection failed" };
    let mut line = kind.to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}
