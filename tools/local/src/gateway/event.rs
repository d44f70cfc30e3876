//! The events that API Gateway makes of a request: payload 2.0 for a function and for an authorizer.

use std::{collections::BTreeMap, net::IpAddr};

use axum::http::{HeaderMap, HeaderName, header, request::Parts};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::template::{ACCOUNT, REGION, Route};

/// The id of the API, which begins its ARNs and domain on AWS.
const API_ID: &str = "local";
/// Headers of a single connection, which the gateway does not pass on; and cookies, which have a member of
/// their own.
const NOT_PASSED_ON: &[HeaderName] = &[
    header::CONNECTION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A request that has a route.
pub(super) struct Call<'a> {
    pub(super) parts: &'a Parts,
    pub(super) body: &'a [u8],
    pub(super) route: &'a Route,
    pub(super) path_parameters: BTreeMap<String, String>,
    pub(super) request_id: &'a str,
    pub(super) source_ip: IpAddr,
    pub(super) now: jiff::Timestamp,
}

impl Call<'_> {
    /// The event for the route's function, with the authorizer's context.
    pub(super) fn event(&self, authorizer: Option<Value>) -> Value {
        let mut event = self.common();
        if let Some(authorizer) = authorizer {
            event["requestContext"]["authorizer"] = authorizer;
        }
        let text = std::str::from_utf8(self.body).ok().filter(|_| self.is_text());
        event["isBase64Encoded"] = json!(text.is_none());
        if !self.body.is_empty() {
            event["body"] = json!(text.map_or_else(|| STANDARD.encode(self.body), str::to_owned));
        }
        event
    }

    /// The event for an authorizer with this identity source.
    pub(super) fn authorizer_request(&self, identity: &str) -> Value {
        let Route { method, path, .. } = self.route;
        let mut event = self.common();
        event["type"] = json!("REQUEST");
        event["identitySource"] = json!([identity]);
        event["routeArn"] =
            json!(format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/$default/{method}{path}"));
        event
    }

    fn common(&self) -> Value {
        let route_key = format!("{} {}", self.route.method, self.route.path);
        let uri = &self.parts.uri;
        // On AWS the path is decoded, although its name says raw.
        let path = percent_decode_str(uri.path()).decode_utf8_lossy();
        let headers = self.headers();
        let mut event = json!({
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": path,
            "rawQueryString": uri.query().unwrap_or_default(),
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": API_ID,
                "domainName": self.domain_name(),
                "domainPrefix": API_ID,
                "http": {
                    "method": self.parts.method.as_str(),
                    "path": path,
                    "protocol": format!("{:?}", self.parts.version),
                    "sourceIp": self.source_ip.to_string(),
                    "userAgent": joined(&self.parts.headers, &header::USER_AGENT).unwrap_or_default(),
                },
                "requestId": self.request_id,
                "routeKey": route_key,
                "stage": "$default",
                "time": self.now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
                "timeEpoch": self.now.as_millisecond(),
            },
            "headers": headers,
        });
        if let Some(cookies) = joined(&self.parts.headers, &header::COOKIE) {
            event["cookies"] = cookies.split(';').map(str::trim).collect();
        }
        if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
            event["queryStringParameters"] = Value::Object(query_parameters(query));
        }
        if !self.path_parameters.is_empty() {
            event["pathParameters"] = json!(self.path_parameters);
        }
        event
    }

    fn headers(&self) -> BTreeMap<String, String> {
        let sent = &self.parts.headers;
        let names = sent.keys().filter(|name| !NOT_PASSED_ON.contains(name));
        let mut headers: BTreeMap<_, _> =
            names.filter_map(|name| Some((name.to_string(), joined(sent, name)?))).collect();
        let forwarded = headers.get("x-forwarded-for").map(|before| format!("{before}, "));
        let source_ip = self.source_ip;
        headers.insert("x-forwarded-for".to_owned(), format!("{}{source_ip}", forwarded.unwrap_or_default()));
        headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
        // On AWS a Host that names no API ends at the gateway.
        headers.entry("host".to_owned()).and_modify(|host| {
            if !is_host(host) {
                *host = self.domain_name();
            }
        });
        headers
    }

    /// On AWS the host decides which API is called; here it may be anything, and is not trusted.
    fn domain_name(&self) -> String {
        let host = joined(&self.parts.headers, &header::HOST).unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _port)| name);
        if is_host(name) { name.to_owned() } else { "localhost".to_owned() }
    }

    fn is_text(&self) -> bool {
        let Some(kind) = joined(&self.parts.headers, &header::CONTENT_TYPE) else { return true };
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind.starts_with("text/")
            || kind.ends_with("+json")
            || ["application/json", "application/xml", "application/javascript"].contains(&kind.as_str())
    }
}

/// True if a text is a host name or an IPv4 address, with a port or without.
fn is_host(text: &str) -> bool {
    let (name, port) = text.rsplit_once(':').unwrap_or((text, "0"));
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && port.parse::<u16>().is_ok()
        && url::Host::parse(name).is_ok()
}

/// All values of a header, joined with commas.
pub(super) fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.map(|value| value.into_owned()).reduce(|all, value| format!("{all},{value}"))
}

/// The decoded parameters; several values of one are joined with commas.
fn query_parameters(query: &str) -> Map<String, Value> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    parameters.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
}
