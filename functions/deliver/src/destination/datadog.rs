//! The intake of Datadog Logs, version 2.

use serde::Serialize;
use serde_json::Value;
use shared::{
    model::{
        event::{Event, Outcome},
        timestamp::Timestamp,
    },
    stream::{Format, StreamSecret},
};

use super::join;
use crate::{
    entry::Entry,
    internet::{Call, Verdict},
};

/// The source and host, and the service unless the stream has one.
const SOURCE: &str = "audit-logs";

/// An event in the form of the intake. The event itself is one attribute, so that none of its members is
/// mistaken for a member that Datadog reserves. An OCSF event is in the attribute that Datadog's OCSF pipelines
/// read; a native event is next to the standard attributes that searches and detection rules use.
#[derive(Serialize)]
struct Log<'a> {
    ddsource: &'static str,
    ddtags: String,
    hostname: &'static str,
    service: &'a str,
    message: &'a str,
    status: &'static str,
    timestamp: Timestamp,
    #[serde(flatten)]
    event: Attributes<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Attributes<'a> {
    Ocsf {
        ocsf: Value,
    },
    Native {
        audit_log: Value,
        evt: Evt<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        usr: Option<Usr<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        network: Option<Network<'a>>,
    },
}

#[derive(Serialize)]
struct Evt<'a> {
    id: &'a str,
    name: &'a str,
    category: &'static str,
    outcome: &'static str,
}

#[derive(Serialize)]
struct Usr<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Network<'a> {
    client: Client<'a>,
}

#[derive(Serialize)]
struct Client<'a> {
    ip: &'a str,
}

/// An event in the form of the intake.
pub(super) fn entry(
    service: Option<&str>,
    tags: &[String],
    format: Format,
    event: &Event,
    payload: Value,
) -> String {
    let mut own = vec![format!("workspace:{}", event.workspace)];
    if event.sequence.is_none() {
        own.push("test:true".to_owned());
    }
    let log = Log {
        ddsource: SOURCE,
        ddtags: own.iter().chain(tags).map(String::as_str).collect::<Vec<_>>().join(","),
        hostname: SOURCE,
        service: service.unwrap_or(SOURCE),
        message: event.description().unwrap_or_else(|| event.action.name()),
        status: match event.outcome {
            Outcome::Success => "info",
            Outcome::Failure => "warn",
        },
        timestamp: event.timestamp,
        event: match format {
            Format::Ocsf => Attributes::Ocsf { ocsf: payload },
            Format::Native => native(event, payload),
        },
    };
    serde_json::json!(log).to_string()
}

fn native(event: &Event, payload: Value) -> Attributes<'_> {
    let actor = event.actor.as_ref();
    let ip = actor.and_then(|actor| actor.ip.as_deref());
    Attributes::Native {
        audit_log: payload,
        evt: Evt {
            id: event.id.as_str(),
            name: event.action.name(),
            category: event.action.category().name,
            outcome: event.outcome.name(),
        },
        usr: actor.map(|actor| Usr { id: &actor.user_id, name: actor.username.as_deref() }),
        network: ip.map(|ip| Network { client: Client { ip } }),
    }
}

/// The request with these events.
pub(super) fn call(url: String, key: &StreamSecret, entries: &[Entry]) -> Call {
    let headers =
        vec![("content-type", "application/json".to_owned()), ("dd-api-key", key.expose().to_owned())];
    Call { url, headers, body: format!("[{}]", join(entries, ",")), verdict: Verdict::Status }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sample;

    #[test]
    fn an_event_has_the_attributes_of_the_intake() {
        let tags = ["env:production".to_owned(), "team:security".to_owned()];
        let log = entry(Some("mode"), &tags, Format::Native, &sample::event(7), json!({"id": "e-7"}));
        let expected = json!({
            "ddsource": "audit-logs", "ddtags": "workspace:acme,env:production,team:security", "hostname": "audit-logs",
            "service": "mode", "message": "Add a member to a group", "status": "info",
            "timestamp": "2025-02-18T10:47:37.123456Z", "audit_log": {"id": "e-7"},
            "evt": {"id": "e-7", "name": "group_member_added", "category": "user_groups", "outcome": "success"},
            "usr": {"id": "u-1", "name": "peter_parker"}, "network": {"client": {"ip": "157.52.123.42"}},
        });
        assert_eq!(serde_json::from_str::<Value>(&log).unwrap(), expected);
        let failed = Event { outcome: Outcome::Failure, ..sample::event(7) };
        let log: Value = serde_json::from_str(&entry(None, &[], Format::Native, &failed, json!({}))).unwrap();
        assert_eq!((&log["status"], &log["service"]), (&json!("warn"), &json!("audit-logs")));
        assert_eq!(log["ddtags"], "workspace:acme");
        let test = Event { sequence: None, actor: None, ..sample::event(7) };
        let log: Value =
            serde_json::from_str(&entry(None, &[], Format::Ocsf, &test, json!({"class_uid": 3005}))).unwrap();
        assert_eq!((&log["ocsf"], &log["audit_log"]), (&json!({"class_uid": 3005}), &Value::Null));
        assert_eq!(log["ddtags"], "workspace:acme,test:true");
    }

    #[test]
    fn a_request_is_a_list_with_the_key() {
        let key = StreamSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
        let entries = [sample::entry(0, r#"{"message":"a"}"#), sample::entry(1, r#"{"message":"b"}"#)];
        let Call { url, headers, body, verdict: _ } =
            call("https://http-intake.logs.datadoghq.eu/api/v2/logs".to_owned(), &key, &entries);
        assert_eq!(url, "https://http-intake.logs.datadoghq.eu/api/v2/logs");
        assert_eq!(headers[1], ("dd-api-key", key.expose().to_owned()));
        assert_eq!(body, r#"[{"message":"a"},{"message":"b"}]"#);
    }
}
