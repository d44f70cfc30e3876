//! The HTTP Event Collector of Splunk.

use serde::Serialize;
use serde_json::{Value, json};
use shared::{event::Event, stream::StreamSecret};

use super::join;
use crate::{entry::Entry, failure::Failure, internet::Call};

/// Where a collector takes events, unless the URL says otherwise.
const PATH: &str = "/services/collector/event";
/// What source and host are, where the stream does not say.
const SOURCE: &str = "audit-logs";
/// What the type is, where the stream does not say: events as the API answers them, or as OCSF has them.
const SOURCETYPE: &str = "audit_logs:event";

/// An event as the collector takes it.
#[derive(Serialize)]
struct Collected<'a> {
    /// Seconds since 1970. A double has room for microseconds until 2242.
    time: f64,
    host: &'static str,
    source: &'a str,
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    event: Value,
    /// What can be searched by without reading events.
    fields: Value,
}

/// What an event is at the collector.
pub(super) fn entry(
    index: Option<&str>,
    source: Option<&str>,
    sourcetype: Option<&str>,
    event: &Event,
    payload: Value,
) -> String {
    let mut fields = json!({
        "event_id": event.id,
        "action": event.action.name(),
        "category": event.action.category().name,
        "outcome": event.outcome.name(),
        "workspace": event.workspace,
    });
    if let Some(sequence) = event.sequence {
        fields["sequence"] = json!(sequence);
    }
    json!(Collected {
        time: event.timestamp.unix_microseconds() as f64 / 1_000_000.0,
        host: SOURCE,
        source: source.unwrap_or(SOURCE),
        sourcetype: sourcetype.unwrap_or(SOURCETYPE),
        index,
        event: payload,
        fields,
    })
    .to_string()
}

/// The request with these events: one object after the other, with nothing between.
pub(super) fn call(url: &str, token: &StreamSecret, entries: &[Entry]) -> Call {
    let base = url.trim_end_matches('/');
    let named = base.contains("/services/collector");
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("authorization", format!("Splunk {}", token.expose())),
    ];
    let url = if named { base.to_owned() } else { format!("{base}{PATH}") };
    Call { url, headers, body: join(entries, "") }
}

/// Whether the collector took them: it says so with code 0.
pub(super) fn read(body: &[u8]) -> Result<(), Failure> {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    match answer["code"].as_i64() {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::new("splunk_refused", format!("the collector answered with code {code}"))),
        None => Err(Failure::new("not_splunk", "what answered is no HTTP Event Collector: look at the URL")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn an_event_has_the_fields_of_the_collector() {
        let event = sample::event(7);
        let check = |entry: String, expected: Value| {
            assert_eq!(serde_json::from_str::<Value>(&entry).unwrap(), expected);
        };
        let fields = json!({
            "event_id": "e-7", "action": "group_member_added", "category": "user_groups", "outcome": "success",
            "workspace": "acme", "sequence": 7,
        });
        check(
            entry(None, None, None, &event, json!({"id": "e-7"})),
            json!({
                "time": 1739875657.123456, "host": "audit-logs", "source": "audit-logs", "sourcetype": "audit_logs:event",
                "event": {"id": "e-7"}, "fields": fields,
            }),
        );
        check(
            entry(Some("security"), Some("mode"), Some("_json"), &event, json!({})),
            json!({
                "time": 1739875657.123456, "host": "audit-logs", "source": "mode", "sourcetype": "_json", "index": "security",
                "event": {}, "fields": fields,
            }),
        );
    }

    #[test]
    fn a_request_has_the_token_and_nothing_between_its_events() {
        let token = StreamSecret::parse("0b1e6a90-97c4-4d5a-8e0c-3c1b3a0d7c4e").unwrap();
        let entries = [sample::entry(0, r#"{"event":1}"#), sample::entry(1, r#"{"event":2}"#)];
        let check = |url: &str, expected: &str| {
            let Call { url, headers, body } = call(url, &token, &entries);
            assert_eq!((url.as_str(), body.as_str()), (expected, r#"{"event":1}{"event":2}"#));
            assert_eq!(headers[1], ("authorization", format!("Splunk {}", token.expose())));
        };
        check("https://hec.example.com:8088/", "https://hec.example.com:8088/services/collector/event");
        check(
            "https://hec.example.com/services/collector/event",
            "https://hec.example.com/services/collector/event",
        );
        check("https://example.com/proxy", "https://example.com/proxy/services/collector/event");
    }

    #[test]
    fn only_code_0_is_a_success() {
        let check = |body: &str, expected: Option<&str>| {
            assert_eq!(
                read(body.as_bytes()).err().map(|failure| failure.code).as_deref(),
                expected,
                "{body}"
            );
        };
        check(r#"{"text":"Success","code":0}"#, None);
        check(r#"{"text":"Server is busy","code":9}"#, Some("splunk_refused"));
        check("<html>Welcome</html>", Some("not_splunk"));
        check("", Some("not_splunk"));
    }
}
