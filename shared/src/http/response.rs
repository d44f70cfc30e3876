//! Responses, and their headers.

use std::pin::Pin;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lambda_http::{
    Body, IntoResponse,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Request, WrongPart};
use crate::{
    model::rate::{Rate, WINDOW_SECONDS},
    store::WriteUnits,
};

/// The header with the cursor of the next page, for formats that cannot have it in the body.
pub const NEXT_CURSOR: &str = "x-next-cursor";

/// The header with the value of `after` for the next read of the feed.
pub const NEXT_AFTER: &str = "x-next-after";
/// The header that says whether more events can be read immediately.
pub const HAS_MORE: &str = "x-has-more";

/// The header with the number of expired events that the feed has skipped.
pub const EXPIRED: &str = "x-expired";

/// The header with the warnings about a query, in JSON.
pub const WARNINGS: &str = "x-warnings";

/// The header with the limit of a window.
pub const RATE_LIMIT_POLICY: &str = "ratelimit-policy";
/// The header with the rest of the current window, and the seconds until the next one.
pub const RATE_LIMIT: &str = "ratelimit";
/// Mode's header with the limit of a window.
pub const X_RATE_LIMIT: &str = "x-ratelimit-limit";

/// A response of a function.
///
/// The body stays text or bytes. The conversion of `http::Response` in `lambda_http` would encode texts such as
/// `application/x-ndjson` in base64, which is a third longer.
#[derive(Debug)]
pub struct Response(lambda_http::Response<Body>);

impl IntoResponse for Response {
    fn into_response(self) -> Pin<Box<dyn Future<Output = lambda_http::Response<Body>> + Send>> {
        Box::pin(std::future::ready(self.0))
    }
}

impl Response {
    /// The status.
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The body, if it is text.
    pub fn text(&self) -> Option<&str> {
        match self.0.body() {
            Body::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same response with a header, which replaces any header of the same name.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.0.headers_mut().insert(name, value);
        }
        self
    }
}

/// The cost of a write, for the `took` member of an answer.
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

/// 200 with bytes that never change.
pub fn ok_bytes(body: Vec<u8>) -> Response {
    // Only the client may keep it: the response required a token.
    response(200, "application/octet-stream", body)
        .with(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"))
}

/// 200 with a public file, or 304 for a client that has it already.
///
/// Clients may cache it, but ask each time whether it has changed, so that they see a deployment at once.
pub fn file(
    request: &Request,
    content_type: &'static str,
    body: &'static str,
    headers: &[(&'static str, &'static str)],
) -> Response {
    let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&Sha256::digest(body)[..16]));
    let mut known = request.header("if-none-match").unwrap_or_default().split(',').map(str::trim);
    let response = if known.any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag) {
        response(304, content_type, Body::Empty)
    } else {
        response(200, content_type, body)
    };
    let response = headers.iter().fold(response, |response, (name, value)| {
        response.with(HeaderName::from_static(name), HeaderValue::from_static(value))
    });
    response.with(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")).with(header::ETAG, etag)
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
    let mut response = response(204, "application/json", Body::Empty);
    response.0.headers_mut().remove(header::CONTENT_TYPE);
    response
}

/// 207 with a JSON body that has a result for each part of the request.
pub fn multi_status(body: &impl Serialize) -> Response {
    json_response(207, "application/json", body)
}

/// The same response with the cursor of the next page in [`NEXT_CURSOR`], and in [`HAS_MORE`] whether there is one. Without
/// [`HAS_MORE`] a client would take a page whose headers were lost for the last one.
pub fn with_next_cursor(response: Response, cursor: Option<&str>) -> Response {
    let response = response.with(HeaderName::from_static(HAS_MORE), truth(cursor.is_some()));
    match cursor {
        Some(cursor) => response.with(HeaderName::from_static(NEXT_CURSOR), cursor),
        None => response,
    }
}

/// The same response with the continuation of the feed in [`NEXT_AFTER`] and [`HAS_MORE`].
pub fn with_next_after(response: Response, next_after: i64, has_more: bool) -> Response {
    response
        .with(HeaderName::from_static(NEXT_AFTER), next_after)
        .with(HeaderName::from_static(HAS_MORE), truth(has_more))
}

fn truth(value: bool) -> HeaderValue {
    HeaderValue::from_static(if value { "true" } else { "false" })
}

/// The same response with the number of expired events that the feed has skipped in [`EXPIRED`].
pub fn with_expired(response: Response, expired: u64) -> Response {
    response.with(HeaderName::from_static(EXPIRED), expired)
}

/// The same response with the warnings about the query in [`WARNINGS`], in the form of the member `warnings`.
pub fn with_warnings(response: Response, warnings: &[WrongPart]) -> Response {
    if warnings.is_empty() {
        return response;
    }
    let text = serde_json::to_string(warnings).expect("a warning has only string keys");
    response.with(HeaderName::from_static(WARNINGS), text)
}

/// The same response with `Retry-After`, for a reader whose request could not wait for events.
pub fn with_retry_after(response: Response, seconds: i64) -> Response {
    response.with(header::RETRY_AFTER, seconds)
}

/// The same response with `Link: <target>; rel="next"` (RFC 8288).
pub fn with_next_link(response: Response, target: &str) -> Response {
    response.with(header::LINK, format!("<{target}>; rel=\"next\""))
}

/// The same response with the state of the token's limit: `RateLimit-Policy` and `RateLimit` of
/// draft-ietf-httpapi-ratelimit-headers, and Mode's `X-RateLimit-Limit`.
pub fn with_rate(response: Response, rate: Option<Rate>) -> Response {
    match rate {
        Some(rate) => with_rate_of(response, "reads", rate),
        None => response,
    }
}

/// The same response with the state of a limit; `counted` names the limit.
pub(super) fn with_rate_of(response: Response, counted: &str, rate: Rate) -> Response {
    let Rate { limit, left, resets_in_seconds } = rate;
    response
        .with(
            HeaderName::from_static(RATE_LIMIT_POLICY),
            format!("\"{counted}\";q={limit};w={WINDOW_SECONDS}"),
        )
        .with(HeaderName::from_static(RATE_LIMIT), format!("\"{counted}\";r={left};t={resets_in_seconds}"))
        .with(HeaderName::from_static(X_RATE_LIMIT), limit)
}

pub(super) fn json_response(status: u16, content_type: &'static str, body: &impl Serialize) -> Response {
    let body = serde_json::to_string(body).expect("what we answer has only string keys and finite numbers");
    response(status, content_type, body)
}

fn response(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = lambda_http::Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).expect("every status here has three digits");
    Response(response)
        .with(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
        // Caches between the client and the API must not store it.
        .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .with(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"))
}
