//! The HTTP edge: what API Gateway hands to a function, and what it gets back.
//!
//! This is the only module that knows a status. [`Request`] is where a workspace is checked
//! against the caller's own, once, for every route. Failures are logged here, once, without anything
//! that the caller sent.

use std::io::Read as _;

use aws_lambda_events::{
    apigw::{ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use flate2::read::MultiGzDecoder;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    intake::{new_event::MAX_ID_CHARACTERS, parameters::Sent},
    model::{
        disclosure::Salt,
        error::Error,
        escaping::MAX_NAME_CHARACTERS,
        id::{EventId, TokenId, WorkspaceId},
        principal::{Admin, TokenHolder},
        rate::{Rate, WINDOW_SECONDS},
        scope::Scope,
        service_event::Origin,
        timestamp::Timestamp,
    },
    store::WriteUnits,
    text::{
        characters::{self, Kind},
        problem::FieldError,
    },
};

/// The header with the cursor of the next page, for formats whose body has no place for it.
pub const NEXT_CURSOR: &str = "x-next-cursor";

/// The header with the sequence after which the feed goes on.
pub const NEXT_AFTER: &str = "x-next-after";
/// The header that says whether the feed has more at once.
pub const HAS_MORE: &str = "x-has-more";

/// The header that says how many expired events the feed passed over.
pub const EXPIRED: &str = "x-expired";

/// The header with how often a token may read.
pub const RATE_LIMIT_POLICY: &str = "ratelimit-policy";
/// The header with how often it still may, and when it may again.
pub const RATE_LIMIT: &str = "ratelimit";
/// The header with how often it may, as Mode has it.
pub const X_RATE_LIMIT: &str = "x-ratelimit-limit";

/// What a function answers to API Gateway.
pub type Response = ApiGatewayV2httpResponse;

/// A request, as API Gateway's payload format 2.0 carries it.
#[derive(Debug)]
pub struct Request(ApiGatewayV2httpRequest);

/// The header by which a client names a request, so that a retry is recognised.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The longest value of that header, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// A claim that enters the log: an identity provider lets people choose some of them.
struct Claim {
    name: &'static str,
    /// The place of the claim in the event.
    place: &'static str,
    kind: Kind,
    max_characters: usize,
}

const SUB: Claim =
    Claim { name: "sub", place: "/actor/user_id", kind: Kind::Id, max_characters: MAX_ID_CHARACTERS };
const USERNAME: Claim = Claim {
    name: "username",
    place: "/actor/username",
    kind: Kind::Line,
    max_characters: MAX_NAME_CHARACTERS,
};

impl From<ApiGatewayV2httpRequest> for Request {
    fn from(event: ApiGatewayV2httpRequest) -> Self {
        Self(event)
    }
}

impl Request {
    /// Which route of the template was taken, such as `GET /api/{workspace}/audit_logs`.
    pub fn route(&self) -> &str {
        self.0.request_context.route_key.as_deref().or(self.0.route_key.as_deref()).unwrap_or_default()
    }

    /// The id that API Gateway gave the request.
    pub fn id(&self) -> &str {
        self.0.request_context.request_id.as_deref().unwrap_or_default()
    }

    /// A decoded part of the path; empty where the route has none of that name.
    pub fn path_parameter(&self, name: &str) -> &str {
        self.0.path_parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The path, as it was sent.
    pub fn path(&self) -> &str {
        self.0.raw_path.as_deref().unwrap_or_default()
    }

    /// A header by its name in lower case; of repeated ones, all, with commas between them.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The decoded query parameters, in the order they were sent, repeated ones included.
    pub fn query(&self) -> Vec<(String, String)> {
        let raw = self.0.raw_query_string.as_deref().unwrap_or_default();
        form_urlencoded::parse(raw.as_bytes()).into_owned().collect()
    }

    /// Refuses every query parameter, on a route that has none: a client that sends one expects something of it.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] with each parameter.
    pub fn no_query(&self) -> Result<(), Error> {
        Sent::gather(self.query(), &[], &[]).finish(())
    }

    /// The value of `Idempotency-Key`, without the quotes that the draft of the header puts around it.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] if it is empty, repeated, long or not visible ASCII.
    pub fn idempotency_key(&self) -> Result<Option<&str>, Error> {
        let Some(value) = self.0.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
        let key = value.to_str().unwrap_or_default().trim();
        let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
        let repeated = self.0.headers.get_all(IDEMPOTENCY_KEY).iter().count() > 1;
        if repeated
            || !(1..=MAX_KEY_BYTES).contains(&key.len())
            || !key.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        {
            let detail =
                format!("Idempotency-Key must be one value of 1 to {MAX_KEY_BYTES} visible ASCII characters");
            return Err(Error::InvalidHeader(detail));
        }
        Ok(Some(key))
    }

    /// The body, decoded and decompressed, if it has at most `max_bytes`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a larger one, [`Error::UnsupportedEncoding`] for one that is compressed otherwise than with
    /// gzip, [`Error::InvalidBody`] for one that is not the base64 or gzip it claims to be.
    pub fn body(&self, max_bytes: usize) -> Result<Vec<u8>, Error> {
        let body = self.0.body.as_deref().unwrap_or_default();
        let body = if self.0.is_base64_encoded {
            STANDARD.decode(body).map_err(|_| invalid_encoding("is not valid base64"))?
        } else {
            body.as_bytes().to_vec()
        };
        let body = match self.header("content-encoding").unwrap_or_default().trim() {
            "" | "identity" => body,
            encoding if encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip") => {
                decompressed(&body, max_bytes)?
            }
            _ => return Err(Error::UnsupportedEncoding),
        };
        if body.len() > max_bytes {
            return Err(Error::TooLarge(format!(
                "the body has {} bytes and may have {max_bytes}; send less at a time",
                body.len()
            )));
        }
        Ok(body)
    }

    /// The holder of the workspace token, admitted to the workspace of the path.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`] if the path names any workspace but the token's own,
    /// [`Error::Forbidden`] if the token lacks the scope.
    pub fn token_holder(&self, scope: Scope) -> Result<TokenHolder, Error> {
        let context = &self.authorizer()?.fields;
        let field = |name: &str| context.get(name).and_then(Value::as_str).ok_or(Error::Unauthenticated);
        let holder = TokenHolder {
            workspace: WorkspaceId::parse(field("workspace")?).map_err(|_| Error::Unauthenticated)?,
            token: TokenId::parse(field("token")?).map_err(|_| Error::Unauthenticated)?,
            scopes: Scope::parse_list(field("scopes")?).ok_or(Error::Unauthenticated)?,
        };
        holder.require(&self.workspace()?, scope)?;
        Ok(holder)
    }

    /// The workspace admin, admitted to the workspace of the path.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`] if the path names any workspace but their own,
    /// [`Error::Forbidden`] if they are not an admin of it.
    pub fn admin(&self) -> Result<Admin, Error> {
        let claims = &self.authorizer()?.jwt.as_ref().ok_or(Error::Unauthenticated)?.claims;
        let lacking = |claim: &str| {
            Error::Forbidden(format!(
                "The JWT has no valid claim {claim}; ask for one from your identity provider."
            ))
        };
        let workspace = claims
            .get("workspace")
            .and_then(|name| WorkspaceId::parse(name).ok())
            .ok_or_else(|| lacking("workspace"))?;
        let (user_id, _) =
            self.claim(&SUB).filter(|(sub, _)| !sub.is_empty()).ok_or_else(|| lacking("sub"))?;
        let username = self.claim(&USERNAME).map(|(username, _)| username);
        let admin = Admin { workspace, user_id, username };
        admin.require(&self.workspace()?)?;
        if claims.get("role").is_none_or(|role| role != "admin") {
            return Err(Error::Forbidden("Only admins of the workspace may do this.".to_owned()));
        }
        Ok(admin)
    }

    /// A claim of the JWT as it can be recorded, and what was done to it for that.
    fn claim(&self, claim: &Claim) -> Option<(String, Option<characters::Change>)> {
        let mut value = self.authorizer().ok()?.jwt.as_ref()?.claims.get(claim.name)?.clone();
        let change = characters::clean(&mut value, claim.kind, claim.max_characters);
        Some((value, change))
    }

    /// The client's address and program, for the service's own event about the request.
    pub fn origin(&self, now: Timestamp, event_id: EventId, salt: Salt) -> Origin {
        let http = &self.0.request_context.http;
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let changed = |claim: &Claim| Some((claim.place, self.claim(claim)?.1?));
        let claims = [SUB, USERNAME].iter().filter_map(changed).collect();
        Origin { now, event_id, salt, ip: said(&http.source_ip), user_agent: said(&http.user_agent), claims }
    }

    fn workspace(&self) -> Result<WorkspaceId, Error> {
        WorkspaceId::parse(self.path_parameter("workspace")).map_err(|_| Error::UnknownWorkspace)
    }

    fn authorizer(&self) -> Result<&ApiGatewayRequestAuthorizer, Error> {
        self.0.request_context.authorizer.as_ref().ok_or(Error::Unauthenticated)
    }
}

fn invalid_encoding(detail: &str) -> Error {
    Error::InvalidBody(vec![FieldError::new("", "invalid_encoding", detail)])
}

/// A body without its gzip. It is read no further than one byte beyond the limit, however much it would become.
fn decompressed(body: &[u8], max_bytes: usize) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    if !body.is_empty() {
        let mut decoder = MultiGzDecoder::new(body).take(max_bytes as u64 + 1);
        decoder.read_to_end(&mut text).map_err(|_| {
            invalid_encoding(
                "is not valid gzip; send the compressed bytes as they are, with Content-Type application/octet-stream",
            )
        })?;
    }
    if text.len() > max_bytes {
        let detail =
            format!("the body has more than {max_bytes} bytes once decompressed; send less at a time");
        return Err(Error::TooLarge(detail));
    }
    Ok(text)
}

/// What a write took, beside what became of it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Took {
    /// The write units of DynamoDB.
    pub write_units: WriteUnits,
}

/// 200 with a JSON body.
pub fn ok(body: &impl Serialize) -> Response {
    json_response(200, "application/json", body)
}

/// 200 with a body of another content type.
pub fn ok_text(content_type: &'static str, body: String) -> Response {
    response(200, content_type, body)
}

/// 200 with a body of bytes, which stays what it is for ever.
pub fn ok_bytes(body: &[u8]) -> Response {
    let mut response = response(200, "application/octet-stream", STANDARD.encode(body));
    response.is_base64_encoded = true;
    // To be kept by who asked, and by nobody between: it took a token to get it.
    let forever = HeaderValue::from_static("private, max-age=31536000, immutable");
    response.headers.insert(header::CACHE_CONTROL, forever);
    response
}

/// 200 with a file that anyone may have, or 304 for a caller who has it as it is.
///
/// It may be kept, and is asked for again each time: so a deployment is seen at once.
pub fn file(
    request: &Request,
    content_type: &'static str,
    body: &'static str,
    headers: &[(&'static str, &'static str)],
) -> Response {
    let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&Sha256::digest(body)[..16]));
    let known = request.header("if-none-match").unwrap_or_default().split(',').map(str::trim);
    let mut response = if known.into_iter().any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag) {
        let mut response = response(304, content_type, String::new());
        response.body = None;
        response
    } else {
        response(200, content_type, body.to_owned())
    };
    let headers =
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    response.headers.extend(headers);
    response.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers.extend(HeaderValue::try_from(etag).map(|etag| (header::ETAG, etag)));
    response
}

/// 201 with a JSON body.
pub fn created(body: &impl Serialize) -> Response {
    json_response(201, "application/json", body)
}

/// 202 with a JSON body.
pub fn accepted(body: &impl Serialize) -> Response {
    json_response(202, "application/json", body)
}

/// 204 without a body.
pub fn no_content() -> Response {
    let mut response = response(204, "application/json", String::new());
    response.headers.remove(header::CONTENT_TYPE);
    response.body = None;
    response
}

/// 207 with a JSON body that has a result for each part of the request.
pub fn multi_status(body: &impl Serialize) -> Response {
    json_response(207, "application/json", body)
}

/// The same answer with the cursor of the next page in [`NEXT_CURSOR`], and in [`HAS_MORE`] whether there is one: a
/// client that sees neither knows that a header was lost on the way, and does not take the page for the last.
pub fn with_next_cursor(mut response: Response, cursor: Option<&str>) -> Response {
    response.headers.insert(HeaderName::from_static(HAS_MORE), truth(cursor.is_some()));
    if let Some(cursor) = cursor.and_then(|cursor| HeaderValue::try_from(cursor).ok()) {
        response.headers.insert(HeaderName::from_static(NEXT_CURSOR), cursor);
    }
    response
}

/// The same answer with where the feed goes on: in [`NEXT_AFTER`] and [`HAS_MORE`].
pub fn with_next_after(mut response: Response, next_after: i64, has_more: bool) -> Response {
    response.headers.insert(HeaderName::from_static(NEXT_AFTER), HeaderValue::from(next_after));
    response.headers.insert(HeaderName::from_static(HAS_MORE), truth(has_more));
    response
}

fn truth(value: bool) -> HeaderValue {
    HeaderValue::from_static(if value { "true" } else { "false" })
}

/// The same answer with how many expired events the feed passed over, in [`EXPIRED`].
pub fn with_expired(mut response: Response, expired: u64) -> Response {
    response.headers.insert(HeaderName::from_static(EXPIRED), HeaderValue::from(expired));
    response
}

/// The same answer with `Retry-After`: the reader could not wait, and should not ask again before.
pub fn with_retry_after(mut response: Response, seconds: i64) -> Response {
    response.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The same answer with `Link: <target>; rel="next"` (RFC 8288).
pub fn with_next_link(mut response: Response, target: &str) -> Response {
    if let Ok(link) = HeaderValue::try_from(format!("<{target}>; rel=\"next\"")) {
        response.headers.insert(header::LINK, link);
    }
    response
}

/// The same answer with how the token stands: `RateLimit-Policy` and `RateLimit` of
/// draft-ietf-httpapi-ratelimit-headers, and Mode's `X-RateLimit-Limit`.
pub fn with_rate(response: Response, rate: Option<Rate>) -> Response {
    match rate {
        Some(rate) => with_rate_of(response, "reads", rate),
        None => response,
    }
}

/// The same answer with how many of something are left.
fn with_rate_of(mut response: Response, counted: &str, rate: Rate) -> Response {
    let Rate { limit, left, resets_in_seconds } = rate;
    let headers = [
        (RATE_LIMIT_POLICY, format!("\"{counted}\";q={limit};w={WINDOW_SECONDS}")),
        (RATE_LIMIT, format!("\"{counted}\";r={left};t={resets_in_seconds}")),
        (X_RATE_LIMIT, limit.to_string()),
    ];
    for (name, value) in headers {
        let value = HeaderValue::try_from(value).expect("numbers and quotes are a header's");
        response.headers.insert(HeaderName::from_static(name), value);
    }
    response
}

/// The answer, or the problem in its place, logged if it is ours.
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

/// The same refusal with when the next window begins.
fn refused_until_reset(response: Response, counted: &str, rate: Rate) -> Response {
    let mut response = with_rate_of(response, counted, rate);
    response.headers.insert(header::RETRY_AFTER, HeaderValue::from(rate.resets_in_seconds));
    response
}

/// 503 that says what became of each part of the request, since some of them may be stored.
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
    /// What kind of problem it is, as a URI reference; there is one for each id.
    #[serde(rename = "type")]
    kind: String,
    /// What kind of problem it is, for people.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What kind of problem it is, for programs.
    id: &'static str,
    /// What happened, and what to do next.
    message: String,
    /// Everything that is wrong with what was sent, where it can be said part by part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    errors: Vec<WrongPart>,
    /// The id of the request, to quote to the operator of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    request_id: Option<String>,
}

/// One thing wrong with one part of what was sent.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WrongPart {
    /// Where in the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pointer: Option<String>,
    /// Which query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    parameter: Option<String>,
    /// What is wrong, for programs.
    code: &'static str,
    /// What is wrong, for people, and how to mend it. It never repeats the value.
    detail: String,
}

impl Problem {
    /// The problem that an error is to a client.
    pub fn of(error: &Error) -> Self {
        let pointers = |errors: &[FieldError]| errors.iter().map(WrongPart::of_body).collect();
        let parameters = |errors: &[FieldError]| errors.iter().map(WrongPart::of_query).collect();
        let (status, id, title, errors) = match error {
            Error::InvalidJson(_) => (400, "invalid_json", "The body is not valid JSON", vec![]),
            Error::InvalidQuery(errors) => {
                (400, "invalid_query", "The query is not valid", parameters(errors))
            }
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
            response.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity"));
        }
        if matches!(problem.status, 429 | 503) || problem.id == "contention" {
            response.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl WrongPart {
    fn of_body(error: &FieldError) -> Self {
        let FieldError { field, code, detail, .. } = error;
        Self { pointer: Some(field.clone()), parameter: None, code, detail: detail.clone() }
    }

    fn of_query(error: &FieldError) -> Self {
        let FieldError { field, code, detail, .. } = error;
        Self { pointer: None, parameter: Some(field.clone()), code, detail: detail.clone() }
    }
}

/// A problem, and what is done all the same.
#[derive(Serialize)]
struct Unfinished<'a, R> {
    #[serde(flatten)]
    problem: &'a Problem,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<&'a R>,
}

fn json_response(status: u16, content_type: &'static str, body: &impl Serialize) -> Response {
    let body = serde_json::to_string(body).expect("what we answer has only string keys and finite numbers");
    response(status, content_type, body)
}

fn response(status: u16, content_type: &'static str, body: String) -> Response {
    let mut response = Response::default();
    response.status_code = status.into();
    response.headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        // What is read here is for the reader alone: no cache on the way may keep it.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    ]);
    response.body = Some(Body::Text(body));
    response
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
