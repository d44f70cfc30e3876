//! What is on a page: how many events, of which time, and what of it belongs into a file.

use jiff::Timestamp;
use serde_json::Value;

use crate::{api::Encoding, error::Error};

/// A page of CSV in its parts, byte for byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CsvPage<'a> {
    /// The line with the names of the columns.
    pub(crate) header: &'a str,
    /// All other lines.
    pub(crate) records: &'a str,
    /// How many events these are.
    pub(crate) events: u64,
    /// The time of the last of them.
    pub(crate) last_at: Option<Timestamp>,
}

impl<'a> CsvPage<'a> {
    /// Reads a page: RFC 4180, with a header line.
    ///
    /// # Errors
    /// If it is not CSV, has no header, or breaks off within a line.
    pub(crate) fn read(body: &'a str) -> Result<Self, Error> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(body.as_bytes());
        let mut record = csv::StringRecord::new();
        if !body.ends_with('\n') || !reader.read_record(&mut record).map_err(|_| broken("CSV"))? {
            return Err(broken("CSV"));
        }
        let timestamp = record.iter().position(|column| column == "timestamp");
        let header_bytes = usize::try_from(reader.position().byte()).map_err(|_| broken("CSV"))?;
        let (mut events, mut last) = (0, None);
        while reader.read_record(&mut record).map_err(|_| broken("CSV"))? {
            events += 1;
            last = timestamp.and_then(|column| record.get(column)).map(str::to_owned);
        }
        let (header, records) = split_lines(body, header_bytes);
        Ok(Self { header, records, events, last_at: last.and_then(|text| text.parse().ok()) })
    }
}

/// How many events a page of one a line has, and the time of the last.
///
/// # Errors
/// If it breaks off within a line.
pub(crate) fn read_lines(body: &str) -> Result<(u64, Option<Timestamp>), Error> {
    if !body.is_empty() && !body.ends_with('\n') {
        return Err(broken("one JSON text a line"));
    }
    let last = body.lines().last().map(event).transpose()?;
    Ok((body.lines().count() as u64, last.as_ref().and_then(time_of)))
}

/// The sequences of the events on a page; an event without one breaks it.
///
/// # Errors
/// If the page breaks off, or an event on it has no sequence.
pub(crate) fn sequences(body: &str, encoding: Encoding) -> Result<Vec<u64>, Error> {
    if encoding != Encoding::Csv {
        let sequence = |line| event(line)?["sequence"].as_u64().ok_or_else(|| broken("events of the feed"));
        return body.lines().map(sequence).collect();
    }
    let mut reader = csv::Reader::from_reader(body.as_bytes());
    let column = reader.headers().ok().and_then(|names| names.iter().position(|name| name == "sequence"));
    let column = column.ok_or_else(|| broken("CSV with a column sequence"))?;
    let sequence = |record: csv::Result<csv::StringRecord>| record.ok()?.get(column)?.parse().ok();
    let sequences: Option<_> = reader.records().map(sequence).collect();
    sequences.ok_or_else(|| broken("events of the feed"))
}

/// The event on a line.
///
/// # Errors
/// If it is not JSON.
pub(crate) fn event(line: &str) -> Result<Value, Error> {
    serde_json::from_str(line).map_err(|_| broken("one JSON text a line"))
}

/// The time of an event, in our own form or in OCSF's milliseconds.
fn time_of(event: &Value) -> Option<Timestamp> {
    match event["timestamp"].as_str() {
        Some(text) => text.parse().ok(),
        None => Timestamp::from_millisecond(event["time"].as_i64()?).ok(),
    }
}

/// Splits after the line end at `bytes`, of which the reader may have left the line feed.
fn split_lines(body: &str, bytes: usize) -> (&str, &str) {
    let bytes = if body.as_bytes().get(bytes) == Some(&b'\n') { bytes + 1 } else { bytes };
    body.split_at_checked(bytes).unwrap_or((body, ""))
}

fn broken(expected: &str) -> Error {
    Error::failure(
        format!("What was answered is not {expected}, or breaks off."),
        "Try again; if it stays so, something between here and the API alters its answers.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_page_is_taken_apart_to_the_byte() {
        let check = |body: &'static str, header: &str, records: &str, events: u64| {
            let page = CsvPage::read(body).unwrap();
            assert_eq!((page.header, page.records, page.events), (header, records, events), "{body:?}");
        };
        check("id,b\r\n", "id,b\r\n", "", 0);
        check("id,b\r\n1,2\r\n", "id,b\r\n", "1,2\r\n", 1);
        check("id,b\n1,2\n3,4\n", "id,b\n", "1,2\n3,4\n", 2);
        check(
            "\"i\r\nd\",b\r\n\"1\r\n\r\n1\",\"\"\"\"\r\n",
            "\"i\r\nd\",b\r\n",
            "\"1\r\n\r\n1\",\"\"\"\"\r\n",
            1,
        );
    }

    #[test]
    fn a_page_that_breaks_off_is_refused() {
        for body in ["", "id,b", "id,b\r\n1,2", "id,b\r\n1\r\n"] {
            assert!(CsvPage::read(body).is_err(), "{body:?}");
        }
        assert!(read_lines("{}\n{\"a\":").is_err());
        assert!(read_lines("{}\nodd\n").is_err());
        assert_eq!(read_lines("").unwrap(), (0, None));
    }

    #[test]
    fn the_time_of_the_last_event_is_found() {
        let at = |text: &str| Some(text.parse().unwrap());
        let lines = "{\"timestamp\":\"2025-01-01T00:00:00Z\"}\n{\"timestamp\":\"2025-01-02T00:00:00.5Z\"}\n";
        assert_eq!(read_lines(lines).unwrap(), (2, at("2025-01-02T00:00:00.5Z")));
        assert_eq!(read_lines("{\"time\":1735689600000}\n").unwrap(), (1, at("2025-01-01T00:00:00Z")));
        let csv = "id,timestamp\r\n1,2025-01-01T00:00:00.000000Z\r\n";
        assert_eq!(CsvPage::read(csv).unwrap().last_at, at("2025-01-01T00:00:00Z"));
    }
}
