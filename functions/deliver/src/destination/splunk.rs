//! The HTTP Event Collector of Splunk.

use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    model::event::Event,
    stream::{Format, StreamSecret},
};
use url::Url;

use super::join;
use crate::{
    entry::Entry,
    failure::Failure,
    internet::{Call, Verdict},
};

/// The path of a collector, unless the URL has one.
const PATH: &str = "/services/collector/event";
/// The host, and the source unless the stream has one.
const SOURCE: &str = "audit-logs";

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
    /// Fields that can be searched without reading events.
    fields: Value,
}

/// The default source type. Each format has its own, because Splunk extracts fields by source type.
pub(super) fn sourcetype(format: Format) -> &'static str {
    match format {
        Format::Native => "audit_logs:event",
        Format::Ocsf => "audit_logs:ocsf",
    }
}

/// An event in the form of the collector.
pub(super) fn entry(
    index: Option<&str>,
    source: Option<&str>,
    sourcetype: &str,
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
    match event.sequence {
        Some(sequence) => fields["sequence"] = json!(sequence),
        None => fields["test"] = json!("true"),
    }
    json!(Collected {
        time: event.timestamp.unix_microseconds() as f64 / 1_000_000.0,
        host: SOURCE,
        source: source.unwrap_or(SOURCE),
        sourcetype,
        index,
        event: payload,
        fields,
    })
    .to_string()
}

/// The request with these events: one object after the other, without a separator.
pub(super) fn call(url: &str, token: &StreamSecret, entries: &[Entry]) -> Call {
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("authorization", format!("Splunk {}", token.expose())),
    ];
    Call { url: collector(url), headers, body: join(entries, ""), verdict: Verdict::Body }
}

/// The URL that accepts events. The path of the collector is added unless it is there; a query stays in place.
fn collector(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else { return url.to_owned() };
    let path = parsed.path().trim_end_matches('/').to_owned();
    let named = path.contains("/services/collector");
    parsed.set_path(&if named { path } else { path + PATH });
    parsed.into()
}

/// Checks whether the collector accepted the events: it then answers code 0.
pub(super) fn read(body: &[u8]) -> Result<(), Failure> {
    match code(body) {
        Some(0) => Ok(()),
        Some(code) => Err(refused(code)),
        None => {
            Err(Failure::new("not_splunk", "the answer is not from an HTTP Event Collector: check the URL"))
        }
    }
}

/// The failure of a status, with the collector's code if there is one: 400 alone does not name the problem.
pub(super) fn explain(failure: Failure, body: &[u8]) -> Failure {
    let Some(code) = code(body).filter(|code| *code != 0) else { return failure };
    let Failure { code, detail, .. } = refused(code);
    Failure { code, detail, ..failure }
}

fn code(body: &[u8]) -> Option<i64> {
    serde_json::from_slice::<Value>(body).ok()?["code"].as_i64()
}

/// The meaning of a collector's code, by the table in Splunk's "Troubleshoot HTTP Event Collector".
fn refused(code: i64) -> Failure {
    let meaning = match code {
        1 => ": its token is disabled",
        2 | 3 => ": it found no token in the request",
        4 => ": the token is not one of its own",
        5 => ": it found no data in the request",
        6 | 12 | 13 => ": it cannot read the events",
        7 => ": the token may not write to the index",
        8 => ": it has an internal error",
        9 | 26 | 27 => ": it is busy",
        10 | 11 => ": its token wants acknowledgements; use one without indexer acknowledgement",
        14 => ": acknowledgements are off",
        16 => ": it refuses the query in the URL",
        23 => ": it is shutting down",
        _ => "",
    };
    Failure::new("splunk_refused", format!("the collector answered with code {code}{meaning}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn an_event_has_the_fields_of_the_collector() {
        let event = sample::event(7);
        let fields = json!({
            "event_id": "e-7", "action": "group_member_added", "category": "user_groups", "outcome": "success",
            "workspace": "acme", "sequence": 7,
        });
        check_entry(
            entry(None, None, sourcetype(Format::Native), &event, json!({"id": "e-7"})),
            json!({
                "time": 1739875657.123456, "host": "audit-logs", "source": "audit-logs", "sourcetype": "audit_logs:event",
                "event": {"id": "e-7"}, "fields": fields,
            }),
        );
        check_entry(
            entry(Some("security"), Some("mode"), "_json", &event, json!({})),
            json!({
                "time": 1739875657.123456, "host": "audit-logs", "source": "mode", "sourcetype": "_json", "index": "security",
                "event": {}, "fields": fields,
            }),
        );
    }

    fn check_entry(entry: String, expected: Value) {
        assert_eq!(serde_json::from_str::<Value>(&entry).unwrap(), expected);
    }

    #[test]
    fn a_request_has_the_token_and_nothing_between_its_events() {
        let token = StreamSecret::parse("0b1e6a90-97c4-4d5a-8e0c-3c1b3a0d7c4e").unwrap();
        let entries = [sample::entry(0, r#"{"event":1}"#), sample::entry(1, r#"{"event":2}"#)];
        check_request(
            &token,
            &entries,
            "https://hec.example.com:8088/",
            "https://hec.example.com:8088/services/collector/event",
        );
        check_request(
            &token,
            &entries,
            "https://hec.example.com/services/collector/event",
            "https://hec.example.com/services/collector/event",
        );
        check_request(
            &token,
            &entries,
            "https://example.com/proxy",
            "https://example.com/proxy/services/collector/event",
        );
        check_request(
            &token,
            &entries,
            "https://example.com/?tenant=7",
            "https://example.com/services/collector/event?tenant=7",
        );
        check_request(
            &token,
            &entries,
            "https://example.com/services/collector/?tenant=7&a=/x",
            "https://example.com/services/collector?tenant=7&a=/x",
        );
    }

    fn check_request(token: &StreamSecret, entries: &[Entry], url: &str, expected: &str) {
        let Call { url, headers, body, verdict } = call(url, token, entries);
        assert_eq!((url.as_str(), body.as_str()), (expected, r#"{"event":1}{"event":2}"#));
        assert_eq!(headers[1], ("authorization", format!("Splunk {}", token.expose())));
        assert_eq!(verdict, Verdict::Body);
    }

    #[test]
    fn only_code_0_is_a_success() {
        check_read(r#"{"text":"Success","code":0}"#, None);
        check_read(r#"{"text":"Server is busy","code":9}"#, Some("splunk_refused"));
        check_read("<html>Welcome</html>", Some("not_splunk"));
        check_read("", Some("not_splunk"));
    }

    fn check_read(body: &str, expected: Option<&str>) {
        assert_eq!(read(body.as_bytes()).err().map(|failure| failure.code).as_deref(), expected, "{body}");
    }

    #[test]
    fn a_status_is_explained_by_the_code_in_its_body() {
        let now = shared::model::timestamp::Timestamp::parse("2026-11-28T12:00:00Z").unwrap();
        let (code, wait, detail) = explained(now, 400, r#"{"text":"Incorrect index","code":7}"#);
        assert_eq!((code.as_str(), wait), ("splunk_refused", 60));
        assert!(detail.contains("code 7") && detail.contains("index"), "{detail}");
        assert_eq!(explained(now, 503, "<html>").0, "status_503");
        assert_eq!(explained(now, 500, r#"{"code":0}"#).0, "status_500");
    }

    fn explained(now: shared::model::timestamp::Timestamp, status: u16, body: &str) -> (String, i64, String) {
        let failure = explain(Failure::status(status, Some("60"), now), body.as_bytes());
        (failure.code, failure.retry_after_seconds, failure.detail)
    }
}
