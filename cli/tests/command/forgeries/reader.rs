//! An ordinary reader: the last of several members of one name counts, every gzip member is read, a table is read by the
//! names of its columns. What it reads of a proved file must be what was logged.

use std::{collections::BTreeMap, io::Read as _};

use flate2::read::MultiGzDecoder;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};

use super::truth::{Forged, Kind, Truth};

/// That a reader of the forged file gets what a reader of the true one gets, up to the order of events and the notation
/// of numbers.
pub(super) fn require_true(kind: Kind, forged: &Forged, truth: &Truth) -> Result<(), String> {
    let read = |files: &Forged| match kind {
        Kind::Ndjson => by_id(lines(&files.0["file"])),
        Kind::Json => by_id(serde_json::from_slice::<Value>(&files.0["file"]).map_err(text).and_then(list)),
        Kind::Csv => by_id(table(&files.0["file"])),
        Kind::Bundle | Kind::Receipt => {
            let mut bundle: Value = serde_json::from_slice(&files.0["file"]).map_err(text)?;
            // The command names the category as not proved, as the page does.
            bundle["event"]["category"].take();
            by_id(Ok(vec![bundle["event"].take()]))
        }
        Kind::Archive => archived(files),
        // The file that is proved with a state is a true one. OCSF is never proved.
        Kind::State | Kind::Checkpoint | Kind::Ocsf => Ok(BTreeMap::new()),
    };
    if kind == Kind::Ocsf {
        return Err("OCSF has no leaves, and was proved".to_owned());
    }
    let (found, expected) = (read(forged)?, read(&truth.file(kind))?);
    for (id, event) in &expected {
        match found.get(id) {
            Some(other) if is_equal(event, other) => {}
            Some(other) => return Err(format!("a reader gets {other}, and {event} was logged")),
            // The log has a receipt for the first two events, which have expired.
            None if EXPIRED.contains(&id.as_str()) => {}
            None => return Err(format!("a reader does not get {id}")),
        }
    }
    match found.keys().find(|id| !expected.contains_key(*id)) {
        Some(id) => Err(format!("a reader gets {id}, which was not logged")),
        None => Ok(()),
    }
}

const EXPIRED: [&str; 2] = ["\"e-00000\"", "\"e-00001\""];

type Events = BTreeMap<String, Value>;

fn by_id(events: Result<Vec<Value>, String>) -> Result<Events, String> {
    let mut all = Events::new();
    for event in events? {
        if all.insert(event["id"].to_string(), event).is_some() {
            return Err("a reader gets an event twice".to_owned());
        }
    }
    Ok(all)
}

fn lines(content: &[u8]) -> Result<Vec<Value>, String> {
    let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(content);
    let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(text)).collect()
}

fn list(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(events) => Ok(events),
        other => Err(format!("a reader gets {other}")),
    }
}

fn table(content: &[u8]) -> Result<Vec<Value>, String> {
    let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(content);
    let mut reader = csv::Reader::from_reader(content);
    let names = reader.headers().map_err(text)?.clone();
    let mut events = Vec::new();
    for record in reader.records() {
        let record = record.map_err(text)?;
        let cells = names.iter().zip(record.iter()).map(|(name, cell)| (name.to_owned(), cell.into()));
        events.push(Value::Object(cells.collect()));
    }
    Ok(events)
}

/// The events of all lines and the rows of all columns that a query of the archive reads.
fn archived(files: &Forged) -> Result<Events, String> {
    let mut all = Vec::new();
    for (path, content) in &files.0 {
        if path.ends_with(".ndjson.gz") {
            let mut unpacked = Vec::new();
            MultiGzDecoder::new(&content[..]).read_to_end(&mut unpacked).map_err(text)?;
            all.extend(lines(&unpacked)?);
        } else if path.ends_with(".parquet") {
            let reader = SerializedFileReader::new(bytes::Bytes::from(content.clone())).map_err(text)?;
            for (number, row) in reader.get_row_iter(None).map_err(text)?.enumerate() {
                all.push(json!({"id": format!("{path} {number}"), "row": row.map_err(text)?.to_string()}));
            }
        }
    }
    by_id(Ok(all))
}

/// Whether two values are equal. Numbers are compared by their value, and a sequence may be absent.
fn is_equal(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len()
                && one.iter().all(|(name, value)| {
                    two.get(name).is_some_and(|other| {
                        is_equal(value, other) || (name == "sequence" && is_absent(other))
                    })
                })
        }
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| is_equal(one, two))
        }
        (Value::Number(one), Value::Number(two)) => one.as_f64() == two.as_f64(),
        _ => one == two,
    }
}

fn is_absent(sequence: &Value) -> bool {
    sequence.is_null() || sequence == ""
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
