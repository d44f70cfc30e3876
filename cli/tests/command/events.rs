//! The events of the test's API, in each of its formats.

use serde_json::{Value, json};

/// The event with a number: names have all that a format must escape, and that a terminal must not see.
pub(crate) fn event(number: usize) -> Value {
    json!({
        "id": format!("e-{number:05}"),
        "action": "group_created",
        "timestamp": format!("2025-01-{:02}T00:00:00.{number:06}Z", 1 + number.min(27)),
        "outcome": if number.is_multiple_of(2) { "success" } else { "failure" },
        "actor": {"user_id": "u1", "username": "a \"quoted\",\r\nname\u{1b}[2J"},
        "entity": {"entity_type": "group", "entity_id": format!("g{number}"), "entity_name": "Zoë"},
    })
}

pub(crate) fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

pub(crate) fn csv(events: &[Value]) -> String {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(["id", "timestamp", "name"]).unwrap();
    for event in events {
        fn text(value: &Value) -> String {
            value.as_str().unwrap().to_owned()
        }
        let record = [text(&event["id"]), text(&event["timestamp"]), text(&event["actor"]["username"])];
        writer.write_record(record).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// The same events in a shape of their own.
pub(crate) fn ocsf(events: &[Value]) -> String {
    lines(
        &events
            .iter()
            .map(|event| json!({"time": milliseconds(event), "metadata": {"uid": event["id"]}}))
            .collect::<Vec<_>>(),
    )
}

fn milliseconds(event: &Value) -> i64 {
    event["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}
