//! Reads the events of an exported file one by one, so that the file may have any size.
//!
//! Another program that reads the file later must find the same events in it. So a file is accepted only if `auditlog
//! export` could have written it: it begins with the first event or with the header, every column is a column of an export,
//! every cell is written in the form of an export, and no event is longer than the limit.

use std::{
    cell::Cell,
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    rc::Rc,
};

use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::{Map, Value, value::RawValue};

use super::{not_proved, tiles};
use crate::{cell, error::Error, ledger};

/// The columns of a table, in the order in which an export has them.
const COLUMNS: [&str; 23] = [
    "id",
    "action",
    "category",
    "description",
    "timestamp",
    "received_at",
    "sequence",
    "workspace_username",
    "outcome",
    "actor.user_id",
    "actor.username",
    "actor.ip",
    "actor.user_agent",
    "actor.type",
    "actor.on_behalf_of.user_id",
    "actor.on_behalf_of",
    "entity.entity_type",
    "entity.entity_id",
    "entity.entity_name",
    "context",
    "changes",
    "salt",
    "redacted",
];
/// The columns of a table that hold JSON, not text.
const JSON_COLUMNS: [&str; 5] = ["sequence", "actor.on_behalf_of", "context", "changes", "redacted"];
/// The most bytes of one event in a file. An event has at most 64 KiB of content, which JSON in a table may write with
/// several bytes for each.
const MAX_EVENT_BYTES: u64 = 2 * 1024 * 1024;
/// The mark at the beginning of a file by which some programs know that it is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The members of an event that have no column of their own in a table, but columns for their members.
const OBJECTS: [&str; 2] = ["actor", "entity"];

/// Gives each event of a file to `take`, with its number in the file, from 1. The file may be NDJSON, a
/// JSON array or CSV: how it begins tells.
///
/// # Errors
/// If the file cannot be read, or is not one of them: names the event. Those of `take`.
pub(super) fn read(path: &Path, mut take: impl FnMut(u64, Value) -> Result<(), Error>) -> Result<(), Error> {
    let file = File::open(path).map_err(|error| Error::named_file(path, error))?;
    let length = file.metadata().map_or(0, |file| file.len());
    let bar = tiles::progress(length, "of the file verified");
    let budget = Budget::default();
    let mut reader = BufReader::new(Metered { inner: bar.wrap_read(file), budget: budget.clone() });
    let mut number = 0;
    let mut next = |event: Result<Value, String>| {
        number += 1;
        let event = event.map_err(|because| unreadable(path, &format!("event {number}: {because}")))?;
        budget.renew();
        take(number, event)
    };
    let start = reader.fill_buf().map_err(|error| unread(path, error))?;
    // Only a table may begin with a mark: the service writes it there on request, and readers of JSON refuse it.
    let is_marked = start.starts_with(BYTE_ORDER_MARK);
    let first = start.first().copied();
    if is_marked {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    match first {
        None => {}
        Some(b'{') => lines(path, reader, next)?,
        Some(b'[') => array(path, reader, next)?,
        Some(_) => table(path, reader, &mut next)?,
    }
    bar.finish_and_clear();
    Ok(())
}

/// How many bytes may still be read before the next event must be whole.
#[derive(Clone)]
struct Budget(Rc<Cell<u64>>);

impl Default for Budget {
    fn default() -> Self {
        Self(Rc::new(Cell::new(MAX_EVENT_BYTES)))
    }
}

impl Budget {
    fn renew(&self) {
        self.0.set(MAX_EVENT_BYTES);
    }
}

/// A reader that ends with an error where an event is longer than one can be, so that memory is bounded.
struct Metered<R> {
    inner: R,
    budget: Budget,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.0.get();
        if left == 0 {
            let what = format!("an event has more than {MAX_EVENT_BYTES} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..most])?;
        self.budget.0.set(left - read as u64);
        Ok(read)
    }
}

fn lines(
    path: &Path,
    reader: impl BufRead,
    mut next: impl FnMut(Result<Value, String>) -> Result<(), Error>,
) -> Result<(), Error> {
    for line in reader.lines() {
        next(ledger::parse(&line.map_err(|error| unread(path, error))?))?;
    }
    Ok(())
}

fn array(
    path: &Path,
    reader: impl Read,
    next: impl FnMut(Result<Value, String>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut failed = None;
    let mut json = serde_json::Deserializer::from_reader(reader);
    let read = json.deserialize_seq(Elements { next, failed: &mut failed }).and_then(|()| json.end());
    match (failed, read) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(unreadable(path, &error.to_string())),
        (None, Ok(())) => Ok(()),
    }
}

/// Takes the elements of an array one by one.
struct Elements<'a, N> {
    next: N,
    failed: &'a mut Option<Error>,
}

impl<'de, N: FnMut(Result<Value, String>) -> Result<(), Error>> Visitor<'de> for Elements<'_, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            if let Err(error) = (self.next)(ledger::parse(element.get())) {
                *self.failed = Some(error);
                return Err(A::Error::custom("an event was refused"));
            }
        }
        Ok(())
    }
}

fn table(
    path: &Path,
    mut reader: impl BufRead,
    next: &mut impl FnMut(Result<Value, String>) -> Result<(), Error>,
) -> Result<(), Error> {
    let header = record(path, &mut reader)?.unwrap_or_else(|| Ok(csv::StringRecord::new()));
    let header = header.map_err(|because| unreadable(path, &format!("its header: {because}")))?;
    let columns: Vec<String> = header.iter().map(str::to_owned).collect();
    fit(&columns).map_err(|because| unreadable(path, &because))?;
    while let Some(record) = record(path, &mut reader)? {
        next(record.and_then(|record| event(&columns, &record)))?;
    }
    Ok(())
}

/// The next record of a table; `None` at its end. Programs differ in how they read quotes, so a record must be written
/// as RFC 4180 has it and an export writes it, byte for byte.
fn record(
    path: &Path,
    reader: &mut impl BufRead,
) -> Result<Option<Result<csv::StringRecord, String>>, Error> {
    let mut raw = Vec::new();
    fn is_open(raw: &[u8]) -> bool {
        raw.iter().filter(|byte| **byte == b'"').count() % 2 == 1
    }
    while raw.is_empty() || is_open(&raw) {
        if reader.read_until(b'\n', &mut raw).map_err(|error| unread(path, error))? == 0 {
            break;
        }
    }
    Ok((!raw.is_empty()).then(|| written(&raw)))
}

/// The record of these bytes, if they are what a writer makes of it.
fn written(raw: &[u8]) -> Result<csv::StringRecord, String> {
    let mut records = csv::ReaderBuilder::new().has_headers(false).from_reader(raw).into_records();
    let record = match records.next() {
        Some(record) => record.map_err(|error| error.to_string())?,
        None => return Err("it is an empty line".to_owned()),
    };
    // Exports of earlier versions quote fewer cells.
    if cell::line(&record).as_bytes() == raw {
        return Ok(record);
    }
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(&record).map_err(|error| error.to_string())?;
    match writer.into_inner() {
        Ok(again) if again == raw => Ok(record),
        _ => Err("its line is not written as an export writes it".to_owned()),
    }
}

/// That a table has the columns of an export and no others.
fn fit(columns: &[String]) -> Result<(), String> {
    for (place, column) in columns.iter().enumerate() {
        if !COLUMNS.contains(&column.as_str()) {
            return Err(format!("no export has the column {column:?}"));
        }
        if columns[..place].contains(column) {
            return Err(format!("two columns have one name, {column:?}"));
        }
    }
    match COLUMNS.iter().find(|name| !columns.iter().any(|column| column == *name)) {
        Some(missing) => Err(format!("the column {missing:?} is missing")),
        None if columns != COLUMNS => Err("its columns are not in the order of an export".to_owned()),
        None => Ok(()),
    }
}

/// The event that a line of a table is: each column is the way to a member.
fn event(columns: &[String], record: &csv::StringRecord) -> Result<Value, String> {
    if record.len() != columns.len() {
        return Err(format!("it has {} cells, and there are {} columns", record.len(), columns.len()));
    }
    let mut event = Map::from_iter(OBJECTS.map(|name| (name.to_owned(), Value::Null)));
    let cells = || columns.iter().zip(record);
    for (column, cell) in cells().filter(|(column, _)| !is_within_json(column)) {
        put(&mut event, column, member(column, cell)?);
    }
    let event = Value::Object(event);
    // Such a column repeats what stands in another, and must say the same.
    for (column, cell) in cells().filter(|(column, _)| is_within_json(column)) {
        let stated = column.split('.').fold(&event, |value, name| &value[name]);
        if *stated != member(column, cell)? {
            return Err(format!("its {column} contradicts another column"));
        }
    }
    Ok(event)
}

/// Whether a column is of something within another column.
fn is_within_json(column: &str) -> bool {
    JSON_COLUMNS.iter().any(|json| column.strip_prefix(json).is_some_and(|rest| rest.starts_with('.')))
}

/// The member that a cell holds: none if it is empty. A text that a program would calculate has an apostrophe before
/// it, and so have an empty text and one that begins with an apostrophe; other texts have none.
fn member(column: &str, cell: &str) -> Result<Value, String> {
    if cell.is_empty() {
        return Ok(Value::Null);
    }
    if JSON_COLUMNS.contains(&column) {
        let value = ledger::parse(cell).map_err(|error| format!("its {column}: {error}"))?;
        // Exports of earlier versions escape nothing in it.
        let json = ledger::canonical(&value);
        if cell::of_json(&json) != cell && json != cell {
            return Err(format!("its {column} is not written as an export writes it"));
        }
        return Ok(value);
    }
    let text = cell::text(cell);
    if cell::of_text(&text) == cell {
        return Ok(text.into());
    }
    // Exports of earlier versions have an apostrophe at the beginning of a cell alone.
    let text = cell.strip_prefix('\'').unwrap_or(cell);
    match (text.len() < cell.len(), cell::needs_guard(text)) {
        (true, false) => {
            Err(format!("its {column} has an apostrophe before it that an export would not write"))
        }
        (false, true) => Err(format!("its {column} begins as a formula, and has no apostrophe before it")),
        _ => Ok(text.into()),
    }
}

/// Puts a member where the column leads. One that is null within an object is not there at all.
fn put(event: &mut Map<String, Value>, column: &str, member: Value) {
    match column.split_once('.') {
        None => {
            event.insert(column.to_owned(), member);
        }
        Some(_) if member.is_null() => {}
        Some((name, rest)) => {
            let within = event.entry(name).or_insert(Value::Null);
            if !within.is_object() {
                *within = Value::Object(Map::new());
            }
            if let Value::Object(within) = within {
                put(within, rest, member);
            }
        }
    }
}

fn unreadable(path: &Path, because: &str) -> Error {
    let because = format!("{} is not a whole export: {because}", path.display());
    not_proved(&because, "Give a file as `auditlog export` writes it: NDJSON, CSV or JSON.")
}

/// That the bytes are not those of an export, or that the disk does not give them.
fn unread(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData => unreadable(path, &error.to_string()),
        _ => Error::file(path, error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(columns: &str, cells: &[&str]) -> Result<Value, String> {
        let columns: Vec<_> = columns.split(',').map(str::to_owned).collect();
        event(&columns, &csv::StringRecord::from(cells))
    }

    #[test]
    fn a_line_of_a_table_is_the_event_that_it_was_made_of() {
        let columns =
            "id,sequence,description,actor.user_id,actor.on_behalf_of.user_id,actor.on_behalf_of,context";
        let found = row(columns, &["'=e", "7", "'", "''u", "u2", r#"{"user_id":"u2"}"#, "{}"]);
        let actor = json!({"user_id": "'u", "on_behalf_of": {"user_id": "u2"}});
        let expected = json!({"id": "=e", "sequence": 7, "description": "", "actor": actor, "entity": null,
                              "context": {}});
        assert_eq!(found, Ok(expected));
        assert_eq!(row("id,description,entity.entity_id", &["e", "", ""]).unwrap()["entity"], Value::Null);
    }

    #[test]
    fn columns_that_contradict_each_other_are_no_event() {
        let columns = "actor.on_behalf_of.user_id,actor.on_behalf_of";
        assert!(row(columns, &["u3", r#"{"user_id":"u2"}"#]).is_err());
        assert!(row(columns, &["", r#"{"user_id":"u2"}"#]).is_err());
        assert!(row(columns, &["", ""]).is_ok());
        assert!(row("context", &["{"]).is_err());
    }

    #[test]
    fn a_cell_that_no_export_writes_is_no_event() {
        // As they are written, and as exports of earlier versions have them.
        for (cell, text) in [("x;'=1", "x;=1"), ("x;''=1", "x;'=1"), ("x;=1", "x;=1"), ("'\t=1", "\t=1")] {
            assert_eq!(row("actor.username", &[cell]).unwrap()["actor"]["username"], text, "{cell}");
        }
        for cell in [r#"{"a":";=1"}"#, r#"{"a":";\u003d1"}"#] {
            assert_eq!(row("context", &[cell]).unwrap()["context"]["a"], ";=1", "{cell}");
        }
        for cell in ["=1+1", "+1", "-1", "@a", "＝1", "'plain", "'1"] {
            assert!(row("actor.username", &[cell]).is_err(), "{cell}");
        }
        for cell in ["{ }", r#"{"a":"\u003d1"}"#, r#"{"b":1,"a":2}"#, "{}\n", "'{}", r#"{"a":1.0}"#] {
            assert!(row("context", &[cell]).is_err(), "{cell}");
        }
        for cell in ["7.0", "07", "'7", "7e0", " 7"] {
            assert!(row("sequence", &[cell]).is_err(), "{cell}");
        }
    }

    #[test]
    fn a_header_that_no_export_writes_is_refused() {
        let columns: Vec<_> = COLUMNS.map(str::to_owned).to_vec();
        assert_eq!(fit(&columns), Ok(()));
        fn with(place: usize, name: &str) -> Vec<String> {
            let mut columns = COLUMNS.map(str::to_owned).to_vec();
            columns.insert(place, name.to_owned());
            columns
        }
        for name in
            ["actor", "entity", "outcome.final", "actor.user_id ", "Actor.user_id", "actor.user_id", ""]
        {
            assert!(fit(&with(0, name)).is_err() && fit(&with(23, name)).is_err(), "{name:?}");
        }
        let mut swapped = columns.clone();
        swapped.swap(9, 10);
        assert!(fit(&swapped).is_err() && fit(&columns[1..]).is_err());
    }

    #[test]
    fn a_line_that_programs_read_in_two_ways_is_refused() {
        assert_eq!(written(b"a,\"b\"\"c\r\n\",\r\n").unwrap(), vec!["a", "b\"c\r\n", ""]);
        assert_eq!(written(b"a,\"b;c\"\r\n").unwrap(), vec!["a", "b;c"]);
        assert_eq!(written(b"a,b;c\r\n").unwrap(), vec!["a", "b;c"]);
        for line in [
            "a,b\n",
            "a,b",
            "\"a\",b\r\n",
            "a\"\"b,c\r\n",
            "a,\"b\"c\r\n",
            "\r\n",
            "a, b\r\n\r\n",
            "a,b\r\nc,d\r\n",
        ] {
            assert!(written(line.as_bytes()).is_err(), "{line:?}");
        }
    }
}
