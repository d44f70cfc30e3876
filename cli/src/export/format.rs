//! The formats of an exported file: the text that each page adds, and the text around the pages.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{api::Encoding, error::Error, page::CsvPage};

/// A format of an exported file.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// One event a line
    Ndjson,
    /// RFC 4180, with one header line
    Csv,
    /// One array of all events
    Json,
    /// One event of the Open Cybersecurity Schema Framework a line
    Ocsf,
}

impl Format {
    /// How the API is asked to write pages.
    pub(super) fn encoding(self) -> Encoding {
        match self {
            Self::Ndjson | Self::Json => Encoding::Ndjson,
            Self::Csv => Encoding::Csv,
            Self::Ocsf => Encoding::Ocsf,
        }
    }

    /// The text that a page adds to a file that has so many events already, and, if it is CSV and not empty,
    /// begins with `header`. The same pages make the same file, however often the export was interrupted.
    ///
    /// # Errors
    /// If the page has other columns than the file.
    pub(super) fn piece(self, body: &str, events: u64, header: Option<&str>) -> Result<String, Error> {
        match self {
            Self::Ndjson | Self::Ocsf => Ok(body.to_owned()),
            Self::Json => Ok(elements(body, events)),
            Self::Csv => {
                let page = CsvPage::read(body)?;
                match header {
                    None => Ok(body.to_owned()),
                    Some(header) if header == page.header => Ok(page.records.to_owned()),
                    Some(_) => Err(other_columns()),
                }
            }
        }
    }

    /// The text after all pages, of a file with so many events.
    pub(super) fn tail(self, events: u64) -> &'static str {
        match (self, events) {
            (Self::Json, 0) => "[]\n",
            (Self::Json, _) => "\n]\n",
            (Self::Ndjson | Self::Csv | Self::Ocsf, _) => "",
        }
    }
}

/// Lines as elements of an array, after so many others.
fn elements(lines: &str, before: u64) -> String {
    let mut text = String::with_capacity(lines.len() + lines.len() / 64);
    for (place, line) in (before..).zip(lines.lines()) {
        text.push_str(if place == 0 { "[\n" } else { ",\n" });
        text.push_str(line);
    }
    text
}

fn other_columns() -> Error {
    Error::failure(
        "The API writes other columns now than when this export began.",
        "Start again with --overwrite, for a file with one set of columns.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file that pages make.
    fn file(format: Format, pages: &[&str]) -> String {
        let (mut file, mut events) = (String::new(), 0);
        for page in pages {
            let header = file.split_inclusive('\n').next().map(str::to_owned);
            file.push_str(&format.piece(page, events, header.as_deref()).unwrap());
            events += page.lines().count() as u64;
        }
        file + format.tail(events)
    }

    #[test]
    fn pages_become_one_file() {
        assert_eq!(file(Format::Ndjson, &["1\n2\n", "", "3\n"]), "1\n2\n3\n");
        assert_eq!(file(Format::Ocsf, &["1\n2\n", "3\n"]), "1\n2\n3\n");
        assert_eq!(file(Format::Json, &["1\n2\n", "", "3\n"]), "[\n1,\n2,\n3\n]\n");
        assert_eq!(file(Format::Json, &["", ""]), "[]\n");
        assert_eq!(file(Format::Csv, &["a\r\n", "a\r\n1\r\n", "a\r\n", "a\r\n2\r\n"]), "a\r\n1\r\n2\r\n");
        assert_eq!(file(Format::Csv, &["a\r\n"]), "a\r\n");
    }

    #[test]
    fn a_file_has_one_set_of_columns() {
        assert!(Format::Csv.piece("a,b\r\n1,2\r\n", 7, Some("a\r\n")).is_err());
    }
}
