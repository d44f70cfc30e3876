use std::{collections::BTreeMap, net::Ipv4Addr};

use aws_lambda_events::apigw::{ApiGatewayV2CustomAuthorizerV2Request, ApiGatewayV2httpRequest};
use axum::{
    body::Body,
    http::{HeaderValue, Request, header},
};
use serde_json::{Value, json};

use super::{event::Call, request_id, response};
use crate::template::{Authorizer, Route};

fn event_of(request: Request<Body>, body: &[u8]) -> (Value, Value) {
    let (parts, _) = request.into_parts();
    let route = Route {
        method: "POST".to_owned(),
        path: "/api/{workspace}/audit_logs".to_owned(),
        function: "query".to_owned(),
        resource: "Query".to_owned(),
        authorizer: Authorizer::Token,
    };
    let call = Call {
        parts: &parts,
        body,
        route: &route,
        path_parameters: BTreeMap::from([("workspace".to_owned(), "ac me".to_owned())]),
        request_id: "JKJaXmPLvHcESHA=",
        source_ip: Ipv4Addr::LOCALHOST.into(),
        now: jiff::Timestamp::from_second(1_739_875_657).unwrap(),
    };
    (call.event(Some(json!({"lambda": {"workspace": "acme"}}))), call.authorizer_request("Basic abc"))
}

fn request() -> axum::http::request::Builder {
    Request::builder().method("POST").uri("/api/ac%20me/audit_logs?action=a&action=b%2Cc&empty=")
}

#[test]
fn the_event_is_exactly_payload_2_0() {
    let request = request()
        .header("Host", "127.0.0.1:9000")
        .header("X-Twice", "one")
        .header("X-Twice", "two")
        .header("Cookie", "a=1; b=2")
        .header("User-Agent", "curl")
        .header("Content-Type", "application/json")
        .header("Connection", "keep-alive");
    let (event, authorizer_request) = event_of(request.body(Body::empty()).unwrap(), b"{}");
    let expected = json!({
        "version": "2.0",
        "routeKey": "POST /api/{workspace}/audit_logs",
        "rawPath": "/api/ac me/audit_logs",
        "rawQueryString": "action=a&action=b%2Cc&empty=",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "content-type": "application/json",
            "host": "127.0.0.1:9000",
            "user-agent": "curl",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-proto": "http",
            "x-twice": "one,two",
        },
        "queryStringParameters": {"action": "a,b,c", "empty": ""},
        "pathParameters": {"workspace": "ac me"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "authorizer": {"lambda": {"workspace": "acme"}},
            "domainName": "127.0.0.1",
            "domainPrefix": "local",
            "http": {
                "method": "POST",
                "path": "/api/ac me/audit_logs",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "POST /api/{workspace}/audit_logs",
            "stage": "$default",
            "time": "18/Feb/2025:10:47:37 +0000",
            "timeEpoch": 1_739_875_657_000_i64,
        },
        "body": "{}",
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
    assert_eq!(authorizer_request["type"], "REQUEST");
    assert_eq!(authorizer_request["identitySource"], json!(["Basic abc"]));
    assert_eq!(
        authorizer_request["routeArn"],
        "arn:aws:execute-api:us-east-1:000000000000:local/$default/POST/api/{workspace}/audit_logs"
    );
    assert!(authorizer_request.get("body").is_none());
    serde_json::from_value::<ApiGatewayV2httpRequest>(event).unwrap();
    serde_json::from_value::<ApiGatewayV2CustomAuthorizerV2Request>(authorizer_request).unwrap();
}

#[test]
fn no_path_query_or_host_that_a_client_can_send_breaks_the_reading_of_a_request() {
    let mut broken = Vec::new();
    for byte in 0x21..=0xff_u8 {
        let parts = [
            (format!("/api/%{byte:02X}/audit_logs"), String::new(), "127.0.0.1".to_owned()),
            (format!("/api/{}/audit_logs", char::from(byte)), String::new(), "127.0.0.1".to_owned()),
            ("/api/acme/audit_logs".to_owned(), format!("?a={}", char::from(byte)), "127.0.0.1".to_owned()),
            ("/api/acme/audit_logs".to_owned(), String::new(), format!("a{}b", char::from(byte))),
            ("/api/acme/audit_logs".to_owned(), String::new(), format!("a:{}", char::from(byte))),
        ];
        for (path, query, host) in parts {
            let uri = format!("{path}{query}");
            let host = HeaderValue::from_bytes(host.as_bytes());
            let (Ok(request), Ok(host)) = (Request::builder().uri(&uri).body(Body::empty()), host) else {
                continue;
            };
            let mut request = request;
            request.headers_mut().insert(header::HOST, host.clone());
            request.headers_mut().insert("x-forwarded-proto", host.clone());
            let (event, _) = event_of(request, b"");
            let read =
                std::panic::catch_unwind(|| lambda_http::request::from_str(&event.to_string()).map(drop));
            if !matches!(read, Ok(Ok(()))) {
                broken.push(format!("{uri} {host:?}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn a_body_is_base64_unless_it_is_text() {
    check_body(Some("application/json; charset=utf-8"), b"{}", json!(["{}", false]));
    check_body(Some("application/problem+json"), b"{}", json!(["{}", false]));
    check_body(Some("text/plain"), b"{}", json!(["{}", false]));
    check_body(Some("application/x-www-form-urlencoded"), b"{}", json!(["e30=", true]));
    check_body(Some("application/json"), b"\xff", json!(["/w==", true]));
    check_body(None, b"{}", json!(["{}", false]));
    check_body(None, b"", json!([null, false]));
}

fn check_body(content_type: Option<&str>, body: &[u8], expected: Value) {
    let mut request = request().body(Body::empty()).unwrap();
    if let Some(kind) = content_type {
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
    }
    let (event, _) = event_of(request, body);
    assert_eq!(json!([event.get("body"), event["isBase64Encoded"]]), expected, "{content_type:?}");
}

#[test]
fn a_hostile_host_is_not_passed_on_as_a_domain() {
    for host in ["", "a b", "evil/\"path", "[::1]:9000", "x:y:z"] {
        let (event, _) = event_of(request().header("Host", host).body(Body::empty()).unwrap(), b"");
        assert_eq!(event["requestContext"]["domainName"], "localhost", "{host}");
    }
}

#[test]
fn an_answer_becomes_http() {
    let answer = json!({
        "statusCode": 207,
        "headers": {"content-type": "application/json", "content-length": "999", "x-number": 1},
        "multiValueHeaders": {"x-ignored": ["a"]},
        "cookies": ["a=1", "b=2"],
        "body": "e30=",
        "isBase64Encoded": true,
    });
    let response = response::http(&answer).unwrap();
    assert_eq!(response.status(), 207);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["x-number"], "1");
    assert!(!headers.contains_key("x-ignored") && !headers.contains_key("content-length"));
    assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
}

#[test]
fn an_invalid_answer_is_an_internal_error() {
    check_answer(json!({}));
    check_answer(json!({"statusCode": 70000}));
    check_answer(json!({"statusCode": 200, "body": {}}));
    check_answer(json!({"statusCode": 200, "body": "%", "isBase64Encoded": true}));
    check_answer(json!({"statusCode": 200, "headers": {"bad name": "x"}}));
    check_answer(json!({"statusCode": 200, "headers": {"name": "bad\nvalue"}}));
}

fn check_answer(answer: Value) {
    assert!(response::http(&answer).is_err(), "{answer}")
}

#[test]
fn a_request_id_looks_like_one_of_aws() {
    assert_eq!((request_id().len(), request_id().ends_with('=')), (16, true));
    assert_ne!(request_id(), request_id());
}
