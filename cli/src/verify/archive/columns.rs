//! Columns: whether they hold the events that lines do.
//!
//! What is in a row is worked out from the event, by the rule that the documentation states: a column for each
//! member, `actor_` and `entity_` before what is within these two, times in microseconds, and what is an object
//! or an array as its canonical JSON. What is null is not there.

use bytes::Bytes;
use jiff::Timestamp;
use parquet::{
    errors::ParquetError,
    file::{reader::FileReader as _, serialized_reader::SerializedFileReader},
    record::{Field, Row},
};
use serde_json::{Map, Value, json};

/// The members of an event that have columns for their own members.
const OBJECTS: [&str; 2] = ["actor", "entity"];
/// The members that are times.
const TIMES: [&str; 2] = ["received_at", "timestamp"];

/// That columns hold these events, row for row.
///
/// # Errors
/// If they do not: names the first row that differs.
pub(super) fn hold(content: Vec<u8>, events: &[Value]) -> Result<(), String> {
    let rows = rows(content).map_err(|error| format!("it cannot be read: {error}"))?;
    if rows.len() != events.len() {
        return Err(format!("it has {} rows, and the lines have {} events", rows.len(), events.len()));
    }
    for (row, event) in rows.iter().zip(events) {
        let expected = expected(event)?;
        if *row != expected {
            let names = row.keys().chain(expected.keys());
            let different = names.filter(|name| row.get(*name) != expected.get(*name)).min();
            return Err(format!(
                "the row of sequence {} has another {} than the lines",
                event["sequence"],
                different.map_or("column", String::as_str)
            ));
        }
    }
    Ok(())
}

fn rows(content: Vec<u8>) -> Result<Vec<Map<String, Value>>, ParquetError> {
    let reader = SerializedFileReader::new(Bytes::from(content))?;
    let rows = reader.get_row_iter(None)?.map(|row| row.map(|row| values(&row)));
    rows.collect()
}

fn values(row: &Row) -> Map<String, Value> {
    let value = |field: &Field| match field {
        Field::Null => None,
        Field::Str(text) => Some(json!(text)),
        Field::Long(number) | Field::TimestampMicros(number) => Some(json!(number)),
        // Of no type that an event has, so that it is equal to none.
        other => Some(json!([other.to_string()])),
    };
    row.get_column_iter().filter_map(|(name, field)| Some((name.clone(), value(field)?))).collect()
}

fn expected(event: &Value) -> Result<Map<String, Value>, String> {
    let mut row = Map::new();
    for (name, value) in event.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Object(members) if OBJECTS.contains(&name.as_str()) => {
                let members = members.iter().filter(|(_, value)| !value.is_null());
                row.extend(members.map(|(member, value)| (format!("{name}_{member}"), cell(value))));
            }
            Value::String(time) if TIMES.contains(&name.as_str()) => {
                let time: Timestamp = time.parse().map_err(|_| format!("its {name} is no time"))?;
                row.insert(name.clone(), json!(time.as_microsecond()));
            }
            other => {
                row.insert(name.clone(), cell(other));
            }
        }
    }
    Ok(row)
}

fn cell(value: &Value) -> Value {
    if value.is_object() || value.is_array() {
        let text = serde_json_canonicalizer::to_string(value);
        return json!(text.expect("a parsed value has text names and finite numbers"));
    }
    value.clone()
}
