//! Readers of an archive get the same events from lines and from columns.

use std::io::Read as _;

use archiver::archive::{Archived, Digest, Object, Run};
use bytes::Bytes;
use flate2::read::GzDecoder;
use parquet::{
    file::{reader::FileReader as _, serialized_reader::SerializedFileReader},
    record::{Field, Row},
};
use serde_json::{Map, Value, json};

use crate::{STREAM, collect, event, manifest, run, workspace};

/// The events of an object of lines.
pub(crate) fn lines(object: &Object) -> Vec<Value> {
    let mut text = String::new();
    GzDecoder::new(object.bytes.as_slice()).read_to_string(&mut text).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rows of an object of columns, each with the values that are not null.
pub(crate) fn rows(object: &Object) -> Vec<Map<String, Value>> {
    let reader = SerializedFileReader::new(Bytes::from(object.bytes.clone())).unwrap();
    reader.get_row_iter(None).unwrap().map(|row| values(&row.unwrap())).collect()
}

fn values(row: &Row) -> Map<String, Value> {
    row.get_column_iter().filter_map(|(name, field)| Some((name.clone(), value(field)?))).collect()
}

fn value(field: &Field) -> Option<Value> {
    match field {
        Field::Null => None,
        Field::Str(text) => Some(json!(text)),
        Field::Long(number) | Field::TimestampMicros(number) => Some(json!(number)),
        other => panic!("no column holds {other:?}"),
    }
}

/// The expected row of an event, by the documented rule, and not by the list of columns.
pub(crate) fn expected(event: &Value) -> Map<String, Value> {
    let mut row = Map::new();
    for (name, value) in event.as_object().unwrap() {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("actor" | "entity", Value::Object(members)) => {
                for (member, value) in members {
                    let text = if value.is_object() { json!(value.to_string()) } else { value.clone() };
                    row.insert(format!("{name}_{member}"), text);
                }
            }
            ("timestamp" | "received_at", time) => {
                let time: shared::model::timestamp::Timestamp = serde_json::from_value(time.clone()).unwrap();
                row.insert(name.clone(), json!(time.unix_microseconds()));
            }
            (_, Value::Object(_) | Value::Array(_)) => {
                row.insert(name.clone(), json!(value.to_string()));
            }
            _ => {
                row.insert(name.clone(), value.clone());
            }
        }
    }
    row
}

/// Asserts that an archive holds exactly these events, and that its manifest says so.
pub(crate) fn holds(archived: &Archived, events: &[Value]) {
    let manifest = manifest(archived);
    let named = manifest["objects"].as_array().unwrap();
    assert_eq!(named.len(), archived.objects.len());
    let (mut of_lines, mut of_columns) = (Vec::new(), Vec::new());
    for (named, object) in named.iter().zip(&archived.objects) {
        assert_eq!(named["key"], object.key);
        assert_eq!(named["bytes"], object.bytes.len());
        assert_eq!(named["sha256"], Digest::of(&object.bytes).to_string());
        let day = named["day"].as_str().unwrap();
        let unit = if day.len() == "2025-02".len() { "month" } else { "day" };
        let partition =
            format!("{}/workspace=acme/{unit}={day}/{STREAM}-", named["format"].as_str().unwrap());
        assert!(object.key.starts_with(&partition), "{}", object.key);
        if named["format"] == "parquet" {
            let rows = rows(object);
            assert_eq!(named["rows"], rows.len());
            of_columns.extend(rows);
        } else {
            let lines = lines(object);
            assert_eq!(named["rows"], lines.len());
            assert!(lines.iter().all(|event| event["timestamp"].as_str().unwrap().starts_with(day)));
            of_lines.extend(lines);
        }
    }
    of_lines.sort_by_key(|event| event["sequence"].as_u64());
    of_columns.sort_by_key(|row| row["sequence"].as_u64());
    assert_eq!(of_lines, events);
    assert_eq!(of_columns, events.iter().map(expected).collect::<Vec<_>>());
}

#[test]
fn lines_and_columns_hold_the_same_events() {
    let workspace = workspace();
    let mut events: Vec<_> = (0..5).map(|number| event(number, 20 * number)).collect();
    events[1]["actor"]["on_behalf_of"] = json!({"user_id": "boss", "type": "user"});
    events[2]["entity"] = Value::Null;
    events[3]["actor"] = Value::Null;
    events[3]["salt"] = Value::Null;
    events[3]["redacted"] = json!({"digests": {"actor": "x"}, "salts": {"context": "y"}});
    events[4]["description"] = json!("");
    let archived = run(&workspace, 0..=4, &collect(&events)).archive().unwrap();
    holds(&archived, &events);
    assert_eq!(archived.objects.len(), 2 * 4, "two formats, and four days");
}

#[test]
fn a_run_of_more_than_31_days_has_objects_of_months() {
    fn on_day(sequence: u64, day: u64) -> Value {
        let mut event = event(sequence, 0);
        event["timestamp"] = json!(format!("2025-{:02}-{:02}T08:00:00.000001Z", 1 + day / 28, 1 + day % 28));
        // Values that are absent in some rows follow their rows.
        event["description"] = if day.is_multiple_of(3) { Value::Null } else { json!(format!("day {day}")) };
        event
    }
    fn check(days: u64, objects: usize) {
        // The days are not in the order of the sequences.
        let events: Vec<_> = (0..2 * days).map(|number| on_day(number, number * 7 % days)).collect();
        let archived = run(&workspace(), 0..=2 * days - 1, &collect(&events)).archive().unwrap();
        holds(&archived, &events);
        assert_eq!(archived.objects.len(), objects, "{days} days");
    }
    check(31, 2 * 31);
    check(32, 2 * 2);
    check(300, 2 * 11);
}

#[test]
fn a_run_of_nothing_is_a_manifest_alone() {
    let workspace = workspace();
    let rows = collect(&[]);
    let run = Run { expired: 4, filter: true, ..run(&workspace, 10..=19, &rows) };
    let archived = run.archive().unwrap();
    assert_eq!(archived.objects, []);
    let manifest = manifest(&archived);
    assert_eq!((&manifest["expired"], &manifest["filtered"]), (&json!(4), &json!(6)));
}

#[test]
fn a_manifest_has_this_form() {
    let workspace = workspace();
    let events = [event(7, 1), event(8, 30), event(10, 2)];
    let rows = collect(&events);
    let archived = Run {
        expired: 1,
        filter: true,
        mask: &["/actor/ip".to_owned()],
        checkpoint: Some("audit-logs.local/acme\n9\nroot\n\n— audit-logs.local/acme signature\n"),
        previous: Some(Digest::of(b"the manifest before")),
        ..run(&workspace, 7..=11, &rows)
    };
    let archived = archived.archive().unwrap();
    insta::assert_snapshot!(String::from_utf8(archived.manifest.bytes).unwrap());
    assert_eq!(archived.manifest.key, "manifests/workspace=acme/str_5h2Qb8nTz0Yx-0000000000000007.json");
}
