//! Answers: a function's, from payload 2.0 to HTTP; and the gateway's own.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Headers that belong to the connection or are computed from the body.
const NOT_TAKEN: &[HeaderName] =
    &[header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE];

/// The gateway's own answers, in the words of AWS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Refusal {
    Unauthorized,
    BadJwt,
    Forbidden,
    NotFound,
    TooLarge,
    Internal,
    Unavailable,
}

impl Refusal {
    pub(super) fn into_response(self) -> Response<Body> {
        let (status, message) = match self {
            Self::Unauthorized | Self::BadJwt => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        let mut response = Response::new(Body::from(json!({ "message": message }).to_string()));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self == Self::BadJwt {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The HTTP response for a function's answer.
///
/// As on AWS, `multiValueHeaders` is not part of payload 2.0 and is ignored.
///
/// # Errors
/// [`Refusal::Internal`] if the answer is invalid.
pub(super) fn http(answer: &Value) -> Result<Response<Body>, Refusal> {
    read(answer).ok_or_else(|| {
        tracing::error!("the function's answer is not one of payload 2.0");
        Refusal::Internal
    })
}

fn read(answer: &Value) -> Option<Response<Body>> {
    let status = u16::try_from(answer["statusCode"].as_u64()?).ok()?;
    let body = match (&answer["body"], answer["isBase64Encoded"].as_bool().unwrap_or_default()) {
        (Value::Null, _) => Vec::new(),
        (Value::String(body), false) => body.clone().into_bytes(),
        (Value::String(body), true) => STANDARD.decode(body).ok()?,
        _ => return None,
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::try_from(name).ok()?;
        if !NOT_TAKEN.contains(&name) {
            headers.insert(name, header_value(value)?);
        }
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        headers.append(header::SET_COOKIE, header_value(cookie)?);
    }
    if status == StatusCode::NO_CONTENT.as_u16() {
        headers.remove(header::CONTENT_TYPE);
    }
    Some(response)
}

fn header_value(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => HeaderValue::try_from(text).ok(),
        Value::Number(_) | Value::Bool(_) => HeaderValue::try_from(value.to_string()).ok(),
        _ => None,
    }
}
