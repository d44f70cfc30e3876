//! The API over HTTP: requests that are retried within bounds, and answers or errors in words.

mod answer;
mod feed;
mod ledger;
mod listing;
mod problem;
mod retry;

use std::{cell::Cell, thread, time::Duration};

use reqwest::{
    blocking::{Client, RequestBuilder},
    header::CONTENT_TYPE,
    redirect,
};
use serde_json::Value;

pub(crate) use self::{
    answer::Answer,
    feed::FeedPage,
    ledger::Ledger,
    listing::{Encoding, Listing, MAX_PAGE, Page, Wanted},
};
use crate::{endpoint::Endpoint, error::Error, secret::Secret, terminal};

/// API Gateway ends a request after 30 s; a large answer on a slow line takes longer.
const TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The caller of a request.
#[derive(Clone, Copy)]
pub(crate) enum Identity<'a> {
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
    /// Whether any request had a final answer yet.
    answered: Cell<bool>,
    say: Box<dyn Fn(&str)>,
}

/// How often a request is retried after a temporary failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Times(u32),
    /// Until it is answered, once the API has answered a first request within so many retries. A wrong endpoint or an
    /// unknown certificate therefore fails at the start instead of hanging.
    UntilAnswered {
        at_first: u32,
    },
}

impl Api {
    /// The API at `endpoint`. Requests that are safe to repeat are retried so many times.
    ///
    /// # Errors
    /// If the system's certificates cannot be used.
    pub(crate) fn new(endpoint: Endpoint, retries: u32) -> Result<Self, Error> {
        let client = Client::builder()
            .user_agent(concat!("auditlog/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            // The API never redirects: a redirect would send the token to another host.
            .redirect(redirect::Policy::none());
        // A proxy sees everything that http:// carries, the token with it. Over https:// it sees ciphertext.
        let client = if endpoint.is_encrypted() { client } else { client.no_proxy() };
        let http = client.build().map_err(|error| {
            Error::failure(
                format!("TLS cannot be set up: {}.", answer::chain(&error)),
                "Check the certificates of the system, and the proxy variables of the environment.",
            )
        })?;
        Ok(Self {
            http,
            endpoint,
            patience: Patience::Times(retries),
            answered: Cell::new(false),
            say: Box::new(terminal::say),
        })
    }

    /// The same API, which reports its waits through `say`.
    pub(crate) fn saying(self, say: impl Fn(&str) + 'static) -> Self {
        Self { say: Box::new(say), ..self }
    }

    /// The same API for a command that runs unattended: after its first answer, requests are retried without limit.
    pub(crate) fn until_answered(self) -> Self {
        let at_first = match self.patience {
            Patience::Times(retries) => retries,
            Patience::UntilAnswered { at_first } => at_first,
        };
        Self { patience: Patience::UntilAnswered { at_first }, ..self }
    }

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
        self.ask(path, query, identity)?.success(identity)
    }

    /// Reads a path; `None` if the API says that it does not exist.
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
        // A 404 without the API's problem id is another server's: it says nothing about the log.
        if answer.status == 404 && problem::id(&answer).as_deref() == Some("not_found") {
            return Ok(None);
        }
        answer.success(identity).map(Some)
    }

    fn ask(&self, path: &str, query: &[(&str, &str)], identity: Identity<'_>) -> Result<Answer, Error> {
        self.send_patiently(identity, || self.http.get(self.endpoint.url(path)).query(query))
    }

    /// Deletes the resource of a path. Repeating it changes nothing.
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success.
    pub(crate) fn delete(&self, path: &str, identity: Identity<'_>) -> Result<Answer, Error> {
        self.send_patiently(identity, || self.http.delete(self.endpoint.url(path)))?.success(identity)
    }

    /// Sends a JSON body once: a retry could do it twice.
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success.
    pub(crate) fn post(&self, path: &str, body: &Value, identity: Identity<'_>) -> Result<Answer, Error> {
        self.send_once(self.http.post(self.endpoint.url(path)).json(body), identity)
    }

    /// Sends changes as a JSON body, once.
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
            Ok(answer) if answer.status >= 500 => Err(problem::refusal(&answer, identity).and_next(unclear)),
            Ok(answer) => answer.success(identity),
            Err(error) => Err(error.into_error(&self.endpoint).and_next(unclear)),
        }
    }

    /// Sends changes as a JSON body. Repeating it changes nothing.
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success.
    pub(crate) fn patch(&self, path: &str, body: &Value, identity: Identity<'_>) -> Result<Answer, Error> {
        self.send_patiently(identity, || self.http.patch(self.endpoint.url(path)).json(body))?
            .success(identity)
    }

    /// Sends a JSON body that is recognized when it comes again, until it is answered. The answer may be a refusal of
    /// the body ([`Answer::refuses_body`]).
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success for another reason.
    pub(crate) fn post_again(
        &self,
        path: &str,
        body: &Value,
        identity: Identity<'_>,
    ) -> Result<Answer, Error> {
        let answer = self.send_patiently(identity, || self.http.post(self.endpoint.url(path)).json(body))?;
        if answer.refuses_body() { Ok(answer) } else { answer.success(identity) }
    }

    /// Sends a JSON text. It is sent again after a temporary failure only if the API recognizes it then.
    ///
    /// # Errors
    /// If it cannot be reached, or answers without success.
    pub(crate) fn post_text(
        &self,
        path: &str,
        body: &str,
        identity: Identity<'_>,
        is_repeatable: bool,
    ) -> Result<Answer, Error> {
        if is_repeatable {
            self.send_patiently(identity, || self.post_request(path, body))?.success(identity)
        } else {
            self.send_once(self.post_request(path, body), identity)
        }
    }

    fn post_request(&self, path: &str, body: &str) -> RequestBuilder {
        let request = self.http.post(self.endpoint.url(path));
        request.header(CONTENT_TYPE, "application/json").body(body.to_owned())
    }

    /// Whether the caller may read a path. A caller that the API does not know is an error.
    ///
    /// # Errors
    /// If it cannot be reached, or answers otherwise without success.
    pub(crate) fn may(
        &self,
        path: &str,
        query: &[(&str, &str)],
        identity: Identity<'_>,
    ) -> Result<bool, Error> {
        let answer = self.ask(path, query, identity)?;
        if answer.status == 403 && problem::id(&answer).is_some() {
            return Ok(false);
        }
        answer.success(identity).map(|_| true)
    }

    /// The final answer, which may be a refusal; an error once the retries for temporary failures are used up.
    fn send_patiently(
        &self,
        identity: Identity<'_>,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, Error> {
        let mut tried = 0;
        loop {
            let (error, asked) = match self.send(request(), identity) {
                Ok(answer) if !self.is_temporary(&answer) => {
                    if tried > 0 && self.is_unlimited() {
                        (self.say)(&format!("{} answers again.", self.endpoint));
                    }
                    self.answered.set(true);
                    return Ok(answer);
                }
                Ok(answer) => (problem::refusal(&answer, identity), answer.retry_after()),
                Err(error) if error.is_final() => return Err(error.into_error(&self.endpoint)),
                Err(error) => (error.into_error(&self.endpoint), None),
            };
            thread::sleep(self.wait(tried, asked, error)?);
            tried += 1;
        }
    }

    fn is_unlimited(&self) -> bool {
        self.answered.get() && matches!(self.patience, Patience::UntilAnswered { .. })
    }

    fn is_temporary(&self, answer: &Answer) -> bool {
        // An unlimited wait also outlasts a defect of the server, whatever its status.
        let is_defect = self.is_unlimited() && answer.status >= 500;
        let is_contention = answer.status == 409 && problem::id(answer).as_deref() == Some("contention");
        (retry::is_temporary(answer.status) || is_contention || is_defect)
            && !problem::is_inconsistent(answer)
    }

    /// The wait before the next try, after reporting it; the error itself once the retries are used up.
    fn wait(&self, tried: u32, asked: Option<Duration>, error: Error) -> Result<Duration, Error> {
        let wait = retry::wait(tried, asked);
        if self.is_unlimited() {
            // Said at the first failure, and then ever more rarely while it lasts.
            if (tried + 1).is_power_of_two() {
                (self.say)(&format!("{} Trying until it answers.", error.what()));
            }
            return Ok(wait.unwrap_or(retry::MAX_ASKED));
        }
        let retries = match self.patience {
            Patience::Times(retries) | Patience::UntilAnswered { at_first: retries } => retries,
        };
        let Some(wait) = wait else {
            let seconds = asked.unwrap_or_default().as_secs();
            return Err(error.and_next(&format!(
                "The server asks to wait {seconds} s; run the command again after that."
            )));
        };
        if tried >= retries {
            return Err(error);
        }
        let (seconds, number) = (wait.as_secs_f64(), tried + 1);
        let what = error.what();
        (self.say)(&format!("{what} Trying again in {seconds:.1} s ({number} of {retries})."));
        Ok(wait)
    }

    fn send(&self, request: RequestBuilder, identity: Identity<'_>) -> Result<Answer, answer::SendError> {
        let request = match identity {
            Identity::Anyone => request,
            Identity::Token(secret) | Identity::Admin(secret) => request.bearer_auth(secret.expose()),
        };
        Answer::to(&self.http, request)
    }
}
