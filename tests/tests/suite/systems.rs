//! Audit records of five other systems are recorded, as the context of an event over HTTP and as events on the bus.
//!
//! `tests/systems/make.py` makes the records, after the public documentation of each system.

use serde_json::{Map, Value, json};
use tests::{Client, TestApp, entry, sample::at};

const SYSTEMS: [(&str, &str); 5] = [
    ("cloudtrail", include_str!("../../systems/cloudtrail.ndjson")),
    ("github", include_str!("../../systems/github.ndjson")),
    ("google_cloud", include_str!("../../systems/google_cloud.ndjson")),
    ("kubernetes", include_str!("../../systems/kubernetes.ndjson")),
    ("okta", include_str!("../../systems/okta.ndjson")),
];

/// An event for each record, with the system's own name of the action or with another one.
fn events(system: &str, lines: &str, action: Option<&str>) -> Vec<Value> {
    let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events = records.enumerate().map(|(number, line)| {
        json!({
            "id": format!("{system}-{number}"), "timestamp": at(number as i64),
            "action": action.map_or_else(|| line["action"].clone(), |action| json!(action)),
            "actor": {"user_id": "u1"}, "context": line["record"],
        })
    });
    events.collect()
}

async fn by_id(client: &Client) -> Map<String, Value> {
    let pages = client.pages("limit=500&actor=u1").await;
    pages.concat().into_iter().map(|event| (event["id"].as_str().unwrap().to_owned(), event)).collect()
}

/// The places at which a recorded context differs from what was sent, except those that its mark names as changed.
fn differences(pointer: &str, sent: &Value, read: &Value, marks: &Value) -> Vec<String> {
    match (sent, read) {
        _ if marks.get(pointer).is_some() => vec![],
        (Value::Object(sent), Value::Object(read)) if sent.len() == read.len() => {
            let members = sent.iter().flat_map(|(name, value)| {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                differences(&pointer, value, read.get(name).unwrap_or(&Value::Null), marks)
            });
            members.collect()
        }
        (Value::Array(sent), Value::Array(read)) if sent.len() == read.len() => {
            let elements = sent.iter().zip(read).enumerate();
            elements
                .flat_map(|(index, (sent, read))| {
                    differences(&format!("{pointer}/{index}"), sent, read, marks)
                })
                .collect()
        }
        (Value::Number(sent), Value::Number(read)) if sent.as_f64() == read.as_f64() => vec![],
        _ if sent == read => vec![],
        _ => vec![format!("{pointer}: {sent} became {read}")],
    }
}

fn check(sent: &[Value], read: &Map<String, Value>) {
    for event in sent {
        let id = event["id"].as_str().unwrap();
        let mut context = read.get(id).unwrap_or_else(|| panic!("{id} is not there"))["context"].clone();
        let marks = context.as_object_mut().unwrap().remove("audit_log_escaped").unwrap_or_default();
        assert_eq!(read[id]["action"], event["action"], "{id}");
        assert_eq!(differences("/context", &event["context"], &context, &marks), [""; 0], "{id}");
    }
}

#[tokio::test]
async fn every_record_of_another_system_is_recorded_as_a_context() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    let mut count = 0;
    for (system, lines) in SYSTEMS {
        let sent = events(system, lines, Some(&format!("x_{system}")));
        for batch in sent.chunks(20) {
            let answer = client.record(&json!({ "events": batch })).await;
            assert_eq!(answer.status, 201, "{system}: {}", answer.text);
        }
        check(&sent, &by_id(&client).await);
        count += sent.len();
    }
    println!("{count} records of {} systems", SYSTEMS.len());
    assert!(count >= 200, "only {count}");
}

#[tokio::test]
async fn every_record_of_another_system_is_recorded_from_the_bus_under_its_own_name() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for (system, lines) in SYSTEMS {
        let sent = events(system, lines, None);
        for batch in sent.chunks(5) {
            let entries: Vec<_> = batch
                .iter()
                .map(|event| {
                    let mut detail = event.clone();
                    detail["workspace"] = json!("acme");
                    entry(system, &detail)
                })
                .collect();
            let answer = app.bus().put(&entries).await.expect(200);
            assert_eq!(answer.body["FailedEntryCount"], 0, "{system}: {}", answer.text);
        }
        app.settled().await;
        assert_eq!(app.tables().quarantined(system).await, [json!(null); 0], "{system}");
        check(&sent, &by_id(&client).await);
        // Each name is a filter.
        let name = sent[0]["action"].as_str().unwrap();
        let query: String = url(name);
        let found = client.list(&format!("action={query}")).await.expect(200);
        assert!(found.events().iter().any(|event| event["id"] == sent[0]["id"]), "{system}: {name}");
    }
}

fn url(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
