//! The intake of Datadog Logs, version 2.

use serde::Serialize;
use serde_json::Value;
use shared::{
    event::{Event, Outcome},
    stream::StreamSecret,
    timestamp::Timestamp,
};

use super::join;
use crate::{entry::Entry, internet::Call};

/// What source, host and service are, where the stream does not say.
const SOURCE: &str = "audit-logs";

/// An event as the intake takes it. The event itself is one attribute, so that none of its members is taken for one
/// of those that Datadog reserves.
#[derive(Serialize)]
struct Log<'a> {
    ddsource: &'static str,
    ddtags: String,
    hostname: &'static str,
    service: &'a str,
    message: &'a str,
    status: &'static str,
    timestamp: Timestamp,
    audit_log: Value,
}

/// What an event is at the intake.
pub(super) fn entry(service: Option<&str>, tags: &[String], event: &Event, payload: Value) -> String {
    let own = format!("workspace:{}", event.workspace);
    let log = Log {
        ddsource: SOURCE,
        ddtags: std::iter::once(&own).chain(tags).map(String::as_str).collect::<Vec<_>>().join(","),
        hostname: SOURCE,
        service: service.unwrap_or(SOURCE),
        message: event.description().unwrap_or_else(|| event.action.name()),
        status: match event.outcome {
            Outcome::Success => "info",
            Outcome::Failure => "warn",
        },
        timestamp: event.timestamp,
        audit_log: payload,
    };
    serde_json::json!(log).to_string()
}

/// The request with these events.
pub(super) fn call(url: String, key: &StreamSecret, entries: &[Entry]) -> Call {
    let headers =
        vec![("content-type", "application/json".to_owned()), ("dd-api-key", key.expose().to_owned())];
    Call { url, headers, body: format!("[{}]", join(entries, ",")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sample;

    #[test]
    fn an_event_has_the_attributes_of_the_intake() {
        let tags = ["env:production".to_owned(), "team:security".to_owned()];
        let log = entry(Some("mode"), &tags, &sample::event(7), json!({"id": "e-7"}));
        let expected = json!({
            "ddsource": "audit-logs", "ddtags": "workspace:acme,env:production,team:security", "hostname": "audit-logs",
            "service": "mode", "message": "Add a member to a group", "status": "info",
            "timestamp": "2025-02-18T10:47:37.123456Z", "audit_log": {"id": "e-7"},
        });
        assert_eq!(serde_json::from_str::<Value>(&log).unwrap(), expected);
        let failed = Event { outcome: Outcome::Failure, ..sample::event(7) };
        let log: Value = serde_json::from_str(&entry(None, &[], &failed, json!({}))).unwrap();
        assert_eq!((&log["status"], &log["service"]), (&json!("warn"), &json!("audit-logs")));
        assert_eq!(log["ddtags"], "workspace:acme");
    }

    #[test]
    fn a_request_is_a_list_with_the_key() {
        let key = StreamSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
        let entries = [sample::entry(0, r#"{"message":"a"}"#), sample::entry(1, r#"{"message":"b"}"#)];
        let Call { url, headers, body } =
            call("https://http-intake.logs.datadoghq.eu/api/v2/logs".to_owned(), &key, &entries);
        assert_eq!(url, "https://http-intake.logs.datadoghq.eu/api/v2/logs");
        assert_eq!(headers[1], ("dd-api-key", key.expose().to_owned()));
        assert_eq!(body, r#"[{"message":"a"},{"message":"b"}]"#);
    }
}
