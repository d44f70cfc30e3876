//! The content of a page: its events, their places, and the parts of it that a file takes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{api::Encoding, error::Error, ledger};

/// The place of an event in the time view.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    pub(crate) at: Timestamp,
    pub(crate) id: String,
    /// Whether `at` is the whole timestamp. OCSF has milliseconds alone, so two events may share one.
    is_exact: bool,
}

impl Place {
    /// Whether this event comes before the other in ascending order, which is that of timestamp and id.
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        if self.at != other.at {
            return self.at < other.at;
        }
        if self.is_exact { self.id < other.id } else { self.id != other.id }
    }
}

/// A page of CSV in its parts, byte for byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CsvPage<'a> {
    /// The line with the names of the columns.
    pub(crate) header: &'a str,
    /// All other lines.
    pub(crate) records: &'a str,
    /// The number of records, each of which is an event.
    pub(crate) events: u64,
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
        let header_bytes = usize::try_from(reader.position().byte()).map_err(|_| broken("CSV"))?;
        let mut events = 0;
        while reader.read_record(&mut record).map_err(|_| broken("CSV"))? {
            events += 1;
        }
        let (header, records) = split_lines(body, header_bytes);
        Ok(Self { header, records, events })
    }
}

/// The place of each event on a page, in the order of the page.
///
/// # Errors
/// If the page breaks off, or an event has no time or no id.
pub(crate) fn places(body: &str, encoding: Encoding) -> Result<Vec<Place>, Error> {
    if !body.is_empty() && !body.ends_with('\n') {
        return Err(broken("whole lines"));
    }
    // No text of an event has it, and some programs end there.
    if body.contains('\0') {
        return Err(broken(if encoding == Encoding::Csv { "CSV" } else { "one event a line" }));
    }
    match encoding {
        Encoding::Csv => csv_places(body),
        Encoding::Ndjson => body.lines().map(native_place).collect(),
        Encoding::Ocsf => body.lines().map(ocsf_place).collect(),
    }
}

fn native_place(line: &str) -> Result<Place, Error> {
    #[derive(Deserialize)]
    struct Event {
        timestamp: Timestamp,
        id: String,
    }
    let event = ledger::parse(line).map_err(|_| broken("one event a line"))?;
    let Event { timestamp, id } = serde_json::from_value(event).map_err(|_| broken("one event a line"))?;
    Ok(Place { at: timestamp, id, is_exact: true })
}

fn ocsf_place(line: &str) -> Result<Place, Error> {
    #[derive(Deserialize)]
    struct Event {
        time: i64,
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        uid: String,
    }
    let Event { time, metadata } = serde_json::from_str(line).map_err(|_| broken("one OCSF event a line"))?;
    let at = Timestamp::from_millisecond(time).map_err(|_| broken("OCSF with a time"))?;
    Ok(Place { at, id: metadata.uid, is_exact: false })
}

fn csv_places(body: &str) -> Result<Vec<Place>, Error> {
    let mut reader = csv::Reader::from_reader(body.as_bytes());
    let names = reader.headers().map_err(|_| broken("CSV"))?;
    let (Some(timestamp), Some(id)) = (column(names, "timestamp"), column(names, "id")) else {
        return Err(broken("CSV with the columns timestamp and id"));
    };
    let mut places = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|_| broken("CSV"))?;
        let at = record.get(timestamp).and_then(|text| text.parse().ok());
        let (Some(at), Some(id)) = (at, record.get(id)) else {
            return Err(broken("CSV with a time in each record"));
        };
        // Ids begin with a letter, digit, `.`, `_`, `:` or `-`; the last has an apostrophe against formulas before it.
        let id = id.strip_prefix('\'').unwrap_or(id).to_owned();
        places.push(Place { at, id, is_exact: true });
    }
    Ok(places)
}

fn column(names: &csv::StringRecord, name: &str) -> Option<usize> {
    names.iter().position(|known| known == name)
}

/// The sequences of the events on a page.
///
/// # Errors
/// If the page breaks off, or an event on it has no sequence.
pub(crate) fn sequences(body: &str, encoding: Encoding) -> Result<Vec<u64>, Error> {
    if encoding != Encoding::Csv {
        return body.lines().map(sequence).collect();
    }
    let mut reader = csv::Reader::from_reader(body.as_bytes());
    let column = reader.headers().ok().and_then(|names| column(names, "sequence"));
    let column = column.ok_or_else(|| broken("CSV with a column sequence"))?;
    let sequences =
        reader.records().map(|record| record.ok()?.get(column)?.parse().ok()).collect::<Option<_>>();
    sequences.ok_or_else(|| broken("events of the feed"))
}

fn sequence(line: &str) -> Result<u64, Error> {
    event(line)?["sequence"].as_u64().ok_or_else(|| broken("events of the feed"))
}

/// The event on a line.
///
/// # Errors
/// If it is not JSON, or programs could read it in two ways.
pub(crate) fn event(line: &str) -> Result<Value, Error> {
    ledger::parse(line).map_err(|_| broken("one JSON text a line"))
}

/// Splits after the line end at `bytes`, of which the reader may have left the line feed.
fn split_lines(body: &str, bytes: usize) -> (&str, &str) {
    let bytes = if body.as_bytes().get(bytes) == Some(&b'\n') { bytes + 1 } else { bytes };
    body.split_at_checked(bytes).unwrap_or((body, ""))
}

fn broken(expected: &str) -> Error {
    Error::failure(
        format!("The answer is not {expected}, or it breaks off."),
        "Try again; if it stays so, a proxy between here and the API alters its answers.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_parts(body: &str, header: &str, records: &str, events: u64) {
        assert_eq!(CsvPage::read(body).unwrap(), CsvPage { header, records, events }, "{body:?}");
    }

    #[test]
    fn a_csv_page_is_taken_apart_to_the_byte() {
        check_parts("id,b\r\n", "id,b\r\n", "", 0);
        check_parts("id,b\r\n1,2\r\n", "id,b\r\n", "1,2\r\n", 1);
        check_parts("id,b\n1,2\n3,4\n", "id,b\n", "1,2\n3,4\n", 2);
        let (header, records) = ("\"i\r\nd\",b\r\n", "\"1\r\n\r\n1\",\"\"\"\"\r\n");
        check_parts(&format!("{header}{records}"), header, records, 1);
    }

    #[test]
    fn a_page_that_breaks_off_is_refused() {
        for body in ["", "id,b", "id,b\r\n1,2", "id,b\r\n1\r\n"] {
            assert!(CsvPage::read(body).is_err(), "{body:?}");
        }
        let whole = "{\"timestamp\":\"2025-01-01T00:00:00Z\",\"id\":\"a\"}\n";
        assert_eq!(places(whole, Encoding::Ndjson).unwrap().len(), 1);
        for body in ["{\"a\":", "odd\n", "{}\n", whole.trim_end()] {
            assert!(places(body, Encoding::Ndjson).is_err(), "{body:?}");
        }
        assert!(places(&format!("{{}}\n{whole}"), Encoding::Ndjson).is_err());
        assert_eq!(places("", Encoding::Ndjson).unwrap(), []);
    }

    #[test]
    fn the_place_of_an_event_is_read_from_every_format() {
        let place =
            |is_exact| Place { at: "2025-01-01T00:00:00Z".parse().unwrap(), id: "e-1".to_owned(), is_exact };
        let native = "{\"id\":\"e-1\",\"timestamp\":\"2025-01-01T00:00:00.000000Z\"}\n";
        assert_eq!(places(native, Encoding::Ndjson).unwrap(), [place(true)]);
        let ocsf = "{\"time\":1735689600000,\"metadata\":{\"uid\":\"e-1\"}}\n";
        assert_eq!(places(ocsf, Encoding::Ocsf).unwrap(), [place(false)]);
        let csv = "timestamp,id\r\n2025-01-01T00:00:00.000000Z,e-1\r\n";
        assert_eq!(places(csv, Encoding::Csv).unwrap(), [place(true)]);
    }
}
