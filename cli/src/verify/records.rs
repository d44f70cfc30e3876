//! The events of an exported file, one after another, however many there are.

use std::{
    collections::BTreeSet,
    fmt,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::{Map, Value, value::RawValue};

use super::tiles;
use crate::{error::Error, ledger};

/// The columns of a table that hold JSON, not text.
const JSON_COLUMNS: [&str; 5] = ["sequence", "actor.on_behalf_of", "context", "changes", "redacted"];
/// The members of an event that a table has no column for, but for what is in them.
const OBJECTS: [&str; 2] = ["actor", "entity"];

/// Gives each event of a file to `take`, with its number in the file, from 1. The file may be NDJSON, a
/// JSON array or CSV: how it begins tells.
///
/// # Errors
/// If the file cannot be read, or is not one of them: names the event. Those of `take`.
pub(super) fn read(path: &Path, mut take: impl FnMut(u64, Value) -> Result<(), Error>) -> Result<(), Error> {
    let file = File::open(path).map_err(|error| Error::file(path, error))?;
    let length = file.metadata().map_or(0, |file| file.len());
    let bar = tiles::progress(length, "of the file verified");
    let mut reader = BufReader::new(bar.wrap_read(file));
    let mut number = 0;
    let mut next = |event: Result<Value, String>| {
        number += 1;
        let event = event.map_err(|because| unreadable(path, &format!("event {number}: {because}")))?;
        take(number, event)
    };
    let start =
        reader.fill_buf().map_err(|error| Error::file(path, error))?.trim_ascii_start().first().copied();
    match start {
        None => {}
        Some(b'{') => lines(path, reader, next)?,
        Some(b'[') => array(path, reader, next)?,
        Some(_) => table(path, reader, &mut next)?,
    }
    bar.finish_and_clear();
    Ok(())
}

fn lines(
    path: &Path,
    reader: impl BufRead,
    mut next: impl FnMut(Result<Value, String>) -> Result<(), Error>,
) -> Result<(), Error> {
    for line in reader.lines() {
        next(ledger::parse(&line.map_err(|error| Error::file(path, error))?))?;
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
    reader: impl Read,
    next: &mut impl FnMut(Result<Value, String>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut reader = csv::Reader::from_reader(reader);
    let wrong = |error: csv::Error| unreadable(path, &error.to_string());
    let columns: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    if columns.iter().collect::<BTreeSet<_>>().len() < columns.len() {
        return Err(unreadable(path, "two columns have one name"));
    }
    for record in reader.records() {
        next(event(&columns, &record.map_err(wrong)?))?;
    }
    Ok(())
}

/// The event that a line of a table is: each column is the way to a member.
fn event(columns: &[String], record: &csv::StringRecord) -> Result<Value, String> {
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

/// The member that a cell holds: none if it is empty, and one leading apostrophe guards a text.
fn member(column: &str, cell: &str) -> Result<Value, String> {
    let text = cell.strip_prefix('\'').unwrap_or(cell);
    if cell.is_empty() {
        Ok(Value::Null)
    } else if JSON_COLUMNS.contains(&column) {
        ledger::parse(text).map_err(|error| format!("its {column}: {error}"))
    } else {
        Ok(text.into())
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
    let because = crate::terminal::safe_line(because);
    Error::failure(
        format!("Not proved: {} is not a whole export: {because}.", path.display()),
        "Give a file as `auditlog export` writes it: NDJSON, CSV or JSON.",
    )
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
}
