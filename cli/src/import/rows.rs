//! The rows of a source, one at a time, so that memory does not grow with the file.
//!
//! A source has one JSON value a line, or one array, or one page as an API answers it; or it is our own CSV. A line may be
//! an event or a page of events.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read as _},
};

use serde::Deserialize as _;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{cell, ledger};

/// The longest line, element or page. APIs answer pages of some MB at most.
const MAX_VALUE_BYTES: u64 = 16 * 1024 * 1024;
/// The members under which APIs answer their events, and the objects around them.
const LISTS: [&str; 11] = [
    "audit_logs",
    "data",
    "events",
    "_embedded",
    "search",
    "edges",
    "items",
    "results",
    "records",
    "logs",
    "Records",
];
/// The columns of our CSV whose cells are JSON.
const JSON_COLUMNS: [&str; 4] = ["context", "changes", "redacted", "actor.on_behalf_of"];

/// A row, or the reason why it is none.
pub(super) type Row = Result<Value, String>;

/// The rows of a text.
pub(super) struct Rows {
    shape: Shape,
    /// The rows of the last page.
    page: VecDeque<Row>,
}

enum Shape {
    /// One value a line; the first line was read to find that out.
    Lines(Box<dyn BufRead>, Option<Vec<u8>>),
    /// The elements of an array.
    Array(Box<dyn BufRead>),
    Csv(Box<csv::Reader<Box<dyn BufRead>>>, Vec<String>),
    /// All rows are in `page`.
    Done,
}

/// Why no further row can be read.
#[derive(Debug)]
pub(super) enum RowsError {
    Io(io::Error),
    /// The text is not what the format says, in words.
    Format(String),
}

impl From<io::Error> for RowsError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => Self::Format(error.to_string()),
            _ => Self::Io(error),
        }
    }
}

impl Rows {
    /// The rows of JSON.
    ///
    /// # Errors
    /// If it is no JSON, or has no events.
    pub(super) fn json(mut text: Box<dyn BufRead>) -> Result<Self, RowsError> {
        skip_white_space(&mut text)?;
        match text.fill_buf()?.first() {
            None => return Err(RowsError::Format("it is empty".to_owned())),
            Some(b'[') => {
                text.consume(1);
                return Ok(Self { shape: Shape::Array(text), page: VecDeque::new() });
            }
            Some(_) => {}
        }
        let first = line(&mut text)?.unwrap_or_default();
        fn is_object(text: &[u8]) -> bool {
            matches!(serde_json::from_slice(text), Ok(Value::Object(_)))
        }
        if is_object(&first) {
            return Ok(Self { shape: Shape::Lines(text, Some(first)), page: VecDeque::new() });
        }
        // One value over several lines.
        let mut whole = first;
        text.take(MAX_VALUE_BYTES).read_to_end(&mut whole)?;
        let value = std::str::from_utf8(&whole)
            .map_err(|_| not_utf8())
            .and_then(|whole| ledger::json::parse(whole).map_err(RowsError::Format))?;
        let page: VecDeque<Row> = match events(value) {
            Ok(events) => events.into_iter().map(Ok).collect(),
            Err(event @ Value::Object(_)) => VecDeque::from([Ok(event)]),
            Err(_) => return Err(RowsError::Format("it has no events".to_owned())),
        };
        Ok(Self { shape: Shape::Done, page })
    }

    /// The rows of a CSV file of ours.
    ///
    /// # Errors
    /// If it has no header with our columns.
    pub(super) fn csv(text: Box<dyn BufRead>) -> Result<Self, RowsError> {
        let mut reader = csv::Reader::from_reader(text);
        let columns: Vec<String> = reader.headers().map_err(of_csv)?.iter().map(str::to_owned).collect();
        if !["action", "timestamp"].iter().all(|name| columns.iter().any(|column| column == name)) {
            let wrong = "its header lacks the columns action and timestamp of an export of ours";
            return Err(RowsError::Format(wrong.to_owned()));
        }
        Ok(Self { shape: Shape::Csv(Box::new(reader), columns), page: VecDeque::new() })
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// If the text breaks off, or is not what the format says from here on.
    pub(super) fn next(&mut self) -> Result<Option<Row>, RowsError> {
        loop {
            if let Some(row) = self.page.pop_front() {
                return Ok(Some(row));
            }
            match &mut self.shape {
                Shape::Done => return Ok(None),
                Shape::Csv(reader, columns) => return csv_row(reader, columns),
                Shape::Array(text) => match element(text)? {
                    Some(text) => self.page.push_back(ledger::json::parse(&text)),
                    None => self.shape = Shape::Done,
                },
                Shape::Lines(text, first) => {
                    match first.take().map_or_else(|| line(text), |first| Ok(Some(first)))? {
                        Some(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                        Some(line) => self.page = rows_of_line(&line),
                        None => self.shape = Shape::Done,
                    }
                }
            }
        }
    }
}

/// The next line without its end; an empty one in place of a line that is too long.
fn line(text: &mut impl BufRead) -> Result<Option<Vec<u8>>, RowsError> {
    let mut line = Vec::new();
    let read = text.by_ref().take(MAX_VALUE_BYTES).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if read as u64 == MAX_VALUE_BYTES && !line.ends_with(b"\n") {
        // The rest is passed over without keeping it. The beginning alone is no JSON, which the row then says.
        line.truncate(100);
        text.skip_until(b'\n')?;
    }
    Ok(Some(line))
}

/// The rows of a line: an event, or a page of them.
fn rows_of_line(line: &[u8]) -> VecDeque<Row> {
    let Ok(text) = std::str::from_utf8(line) else {
        return VecDeque::from([Err("the line is not UTF-8".to_owned())]);
    };
    match ledger::json::parse(text).map(events) {
        Ok(Ok(events)) => events.into_iter().map(Ok).collect(),
        Ok(Err(event)) => VecDeque::from([Ok(event)]),
        Err(error) => VecDeque::from([Err(format!("the line cannot be read: {error}"))]),
    }
}

/// The text of the next element of an array; `None` at its end.
fn element(text: &mut Box<dyn BufRead>) -> Result<Option<String>, RowsError> {
    skip_white_space(text)?;
    if text.fill_buf()?.first() == Some(&b',') {
        text.consume(1);
        skip_white_space(text)?;
    }
    match text.fill_buf()?.first() {
        Some(b']') => {
            text.consume(1);
            skip_white_space(text)?;
            let is_end = text.fill_buf()?.is_empty();
            return if is_end {
                Ok(None)
            } else {
                Err(RowsError::Format("text follows its array".to_owned()))
            };
        }
        // An object ends with its brace, so that the reader takes no byte of the next element.
        Some(b'{') => {}
        Some(_) => return Err(RowsError::Format("an element of its array is no object".to_owned())),
        None => return Err(RowsError::Format("its array breaks off".to_owned())),
    }
    let mut bounded = text.take(MAX_VALUE_BYTES);
    let mut reader = serde_json::Deserializer::from_reader(&mut bounded);
    match Box::<RawValue>::deserialize(&mut reader) {
        Ok(raw) => Ok(Some(raw.get().to_owned())),
        Err(error) if error.is_io() => Err(RowsError::Io(error.into())),
        Err(error) => Err(RowsError::Format(format!("its array cannot be read further: {error}"))),
    }
}

fn skip_white_space(text: &mut Box<dyn BufRead>) -> io::Result<()> {
    loop {
        let bytes = text.fill_buf()?;
        let white = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if bytes.is_empty() || white == 0 {
            return Ok(());
        }
        text.consume(white);
    }
}

/// The next record of a CSV file of ours, as the event of an NDJSON export.
fn csv_row(reader: &mut csv::Reader<Box<dyn BufRead>>, columns: &[String]) -> Result<Option<Row>, RowsError> {
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(false) => return Ok(None),
        Ok(true) => {}
        Err(error) if error.is_io_error() => return Err(of_csv(error)),
        Err(error) => return Ok(Some(Err(format!("the record cannot be read: {error}")))),
    }
    let mut row = Map::new();
    for (column, cell) in columns.iter().zip(&record) {
        if cell.is_empty() {
            continue;
        }
        let value = if JSON_COLUMNS.contains(&column.as_str()) {
            match ledger::json::parse(cell) {
                Ok(value) => value,
                Err(error) => return Ok(Some(Err(format!("its column {column} cannot be read: {error}")))),
            }
        } else {
            json!(cell::text(cell))
        };
        match column.split_once('.') {
            // The column actor.on_behalf_of has all of it.
            Some(("actor", "on_behalf_of.user_id")) => {}
            Some((part, member)) => row.entry(part).or_insert_with(|| json!({}))[member] = value,
            None => {
                row.insert(column.clone(), value);
            }
        }
    }
    Ok(Some(Ok(Value::Object(row))))
}

fn of_csv(error: csv::Error) -> RowsError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => RowsError::Io(error),
        other => RowsError::Format(format!("it is no CSV: {other:?}")),
    }
}

fn not_utf8() -> RowsError {
    RowsError::Format("it is not UTF-8".to_owned())
}

/// The events of an array or a page; the value itself if it is neither.
fn events(mut value: Value) -> Result<Vec<Value>, Value> {
    if let Value::Array(elements) = value {
        return Ok(elements.into_iter().map(unwrapped).collect());
    }
    // An object with an action is an event, whatever its other members are called.
    if value.get("action").is_none() {
        for name in LISTS {
            if value.get(name).is_some_and(|inner| inner.is_array() || inner.is_object()) {
                return events(value[name].take());
            }
        }
        if is_wrapped(&value) {
            return Ok(vec![unwrapped(value)]);
        }
    }
    Err(value)
}

/// Whether an object only holds an event: an edge of a GraphQL page, or a line that an import refused.
fn is_wrapped(value: &Value) -> bool {
    let is_edge = value.get("node").is_some_and(Value::is_object);
    let is_refused = value.get("reason").is_some() && value.get("row").is_some_and(Value::is_object);
    value.get("action").is_none() && (is_edge || is_refused)
}

fn unwrapped(mut value: Value) -> Value {
    if !is_wrapped(&value) {
        return value;
    }
    let name = if value.get("node").is_some_and(Value::is_object) { "node" } else { "row" };
    value[name].take()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut rows: Rows) -> Vec<Row> {
        std::iter::from_fn(|| rows.next().unwrap()).collect()
    }

    fn text(text: &str) -> Box<dyn BufRead> {
        Box::new(io::Cursor::new(text.as_bytes().to_vec()))
    }

    fn check(json: &str) {
        let found: Vec<_> = all(Rows::json(text(json)).unwrap()).into_iter().map(Result::unwrap).collect();
        assert_eq!(found, [json!({"action": "a"}), json!({"action": "b"})], "{json}");
    }

    #[test]
    fn rows_stand_on_lines_in_arrays_and_on_pages() {
        let (one, two) = (r#"{"action":"a"}"#, r#"{"action":"b"}"#);
        check(&format!("{one}\n{two}\n"));
        check(&format!("\n{one}\r\n\n{two}"));
        check(&format!("[{one},\n{two}]"));
        check(&format!(" [ {one} , {two} ] \n"));
        check(&format!("{{\"audit_logs\": [{one}, {two}], \"has_more\": false}}"));
        check(&format!("{{\n \"data\": [{one},{two}]}}"));
        check(&format!("{{\"_embedded\": {{\"audit_logs\": [{one}, {two}]}}}}"));
        check(&format!("{{\"audit_logs\": [{one}]}}\n{{\"audit_logs\": [{two}]}}"));
        check(&format!("{{\"data\":{{\"search\":{{\"edges\":[{{\"node\":{one}}},{{\"node\":{two}}}]}}}}}}"));
        check(&format!("{{\"Records\":[{one},{two}]}}"));
    }

    #[test]
    fn a_refused_row_can_be_mended_and_imported_again() {
        let refused = r#"{"number":1,"reason":"x","row":{"action":"a"}}"#;
        check(&format!("{refused}\n{}", refused.replace("\"a\"", "\"b\"")));
    }

    #[test]
    fn an_unreadable_line_is_a_row_with_a_reason() {
        let lines = "{\"action\":\"a\"}\n{\"action\"\n{\"n\":12345678901234567890123}\n{\"a\":1,\"a\":2}\n{\"action\":\"b\"}";
        let rows = all(Rows::json(text(lines)).unwrap());
        assert_eq!(rows.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, false, true]);
    }

    #[test]
    fn a_text_without_events_is_refused() {
        for wrong in ["", " \n", "nonsense", "3", "\u{feff}"] {
            assert!(Rows::json(text(wrong)).is_err(), "{wrong}");
        }
        for wrong in ["[1", "[1]", "[{}", "[{}] x", "[{\"a\":]"] {
            let mut rows = Rows::json(text(wrong)).unwrap();
            let ended = std::iter::from_fn(|| rows.next().transpose()).find_map(Result::err);
            assert!(ended.is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(usize::try_from(MAX_VALUE_BYTES).unwrap()));
        let rows =
            all(Rows::json(text(&format!("{{\"action\":\"a\"}}\n{long}\n{{\"action\":\"b\"}}\n"))).unwrap());
        assert_eq!(rows.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn a_record_of_our_csv_is_the_event_that_was_exported() {
        let csv = "action,timestamp,actor.user_id,actor.username,actor.on_behalf_of.user_id,actor.on_behalf_of,context,sequence\r\n\
                   group_created,2025-01-01T00:00:00.000000Z,u1,'=x,u2,\"{\"\"user_id\"\":\"\"u2\"\"}\",\"{\"\"n\"\":1}\",7\r\n";
        let rows: Vec<_> = all(Rows::csv(text(csv)).unwrap()).into_iter().map(Result::unwrap).collect();
        let actor = json!({"user_id": "u1", "username": "=x", "on_behalf_of": {"user_id": "u2"}});
        let time = "2025-01-01T00:00:00.000000Z";
        let expected = json!({"action": "group_created", "timestamp": time, "actor": actor, "context": {"n": 1}, "sequence": "7"});
        assert_eq!(rows, [expected]);
        assert!(Rows::csv(text("a,b\r\n1,2\r\n")).is_err());
    }
}
