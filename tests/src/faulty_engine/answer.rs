//! The faulty answers: DynamoDB's own error bodies, and answers that arrive broken.

use std::{convert::Infallible, io};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use futures::stream;
use serde_json::{Value, json};

/// DynamoDB's namespace of errors, and the one of all AWS services.
const OWN: &str = "com.amazonaws.dynamodb.v20120810#";
const COMMON: &str = "com.amazon.coral.service#";

/// An error as DynamoDB writes it; a throttling error has the reason.
pub(super) fn error(status: u16, name: &str, throttling_reason: &str) -> Response<Body> {
    let common = matches!(name, "AccessDeniedException" | "ExpiredTokenException" | "ThrottlingException");
    let mut body = json!({
        "__type": format!("{}{name}", if common { COMMON } else { OWN }),
        "message": "as the test wants",
    });
    if !throttling_reason.is_empty() {
        let resource = "arn:aws:dynamodb:us-east-1:000000000000:table/AuditEvents";
        body["ThrottlingReasons"] = json!([{"reason": throttling_reason, "resource": resource}]);
    }
    written(status, &body)
}

/// A transaction that was cancelled because its second write failed.
pub(super) fn cancelled(reason: &str, writes: usize) -> Response<Body> {
    let reasons: Vec<_> = (0..writes)
        .map(|index| match index {
            1 => json!({"Code": reason, "Message": "as the test wants"}),
            _ => json!({"Code": "None"}),
        })
        .collect();
    written(
        400,
        &json!({
            "__type": format!("{OWN}TransactionCanceledException"),
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
            "CancellationReasons": reasons,
        }),
    )
}

/// An HTML page that is not from DynamoDB.
pub(super) fn foreign_page() -> Response<Body> {
    let mut response = Response::new(Body::from("<html><body>Bad Gateway</body></html>"));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// JSON with DynamoDB's headers, with the checksum.
pub(super) fn written(status: u16, body: &Value) -> Response<Body> {
    whole(StatusCode::from_u16(status).unwrap(), Bytes::from(body.to_string()))
}

/// These bytes with DynamoDB's headers.
pub(super) fn whole(status: StatusCode, body: Bytes) -> Response<Body> {
    let headers = headers(&body);
    let mut response = Response::new(Body::from(body));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}

/// The headers of the whole answer with half of its bytes; then the connection ends.
pub(super) fn half(status: StatusCode, body: &Bytes) -> Response<Body> {
    let mut headers = headers(body);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let broken = Err(io::Error::from(io::ErrorKind::ConnectionReset));
    let mut response = Response::new(Body::from_stream(stream::iter([Ok(half), broken])));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}

/// The whole answer with its bytes reversed.
pub(super) fn garbled(status: StatusCode, body: &Bytes) -> Response<Body> {
    let reversed: Vec<u8> = body.iter().rev().copied().collect();
    whole(status, Bytes::from(reversed))
}

/// Never returns.
pub(super) async fn none() -> Infallible {
    std::future::pending().await
}

fn headers(body: &[u8]) -> HeaderMap {
    let json = HeaderValue::from_static("application/x-amz-json-1.0");
    let checksum = HeaderValue::from(crc32fast::hash(body));
    let request = HeaderValue::from_static("0000000000000000000000000000000000000000000000000000");
    [
        (header::CONTENT_TYPE, json),
        ("x-amz-crc32".parse().unwrap(), checksum),
        ("x-amzn-requestid".parse().unwrap(), request),
    ]
    .into_iter()
    .collect()
}
