//! Standard output. It has only the data that the command was asked for; messages go to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use crate::{error::Error, terminal};

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Columns for people
    Table,
    /// One JSON text
    Json,
    /// One JSON text a line
    Ndjson,
    /// RFC 4180, with a header line
    Csv,
}

/// Standard output.
pub(crate) struct Output {
    stdout: io::Stdout,
}

impl Output {
    /// Standard output.
    pub(crate) fn new() -> Self {
        Self { stdout: io::stdout() }
    }

    /// The width of the terminal in columns; `None` if standard output is not a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        self.stdout.is_terminal().then(|| usize::from(console::Term::stdout().size().1))
    }

    /// Writes and flushes text of this program, which may be in colour.
    ///
    /// # Errors
    /// [`Error::OutputClosed`] if the reader has closed the pipe.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Error> {
        self.stdout.write_all(text.as_bytes())?;
        self.stdout.flush()?;
        Ok(())
    }

    /// Writes and flushes data. It is unchanged in a file or pipe; on a terminal, control characters are escaped.
    ///
    /// # Errors
    /// [`Error::OutputClosed`] if the reader has closed the pipe.
    pub(crate) fn data(&mut self, data: &str) -> Result<(), Error> {
        if self.stdout.is_terminal() { self.text(&terminal::safe(data)) } else { self.text(data) }
    }

    /// Writes one JSON text and a line end.
    ///
    /// # Errors
    /// [`Error::OutputClosed`] if the reader has closed the pipe.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        self.data(&format!("{text}\n"))
    }

    /// Writes one JSON text for each line.
    ///
    /// # Errors
    /// [`Error::OutputClosed`] if the reader has closed the pipe.
    pub(crate) fn ndjson(&mut self, values: &[impl Serialize]) -> Result<(), Error> {
        for value in values {
            let text = serde_json::to_string(value).map_err(io::Error::from)?;
            self.data(&format!("{text}\n"))?;
        }
        Ok(())
    }

    /// Writes CSV (RFC 4180). A field that a spreadsheet would read as a formula gets a `'` before it.
    ///
    /// # Errors
    /// [`Error::OutputClosed`] if the reader has closed the pipe.
    pub(crate) fn csv(&mut self, header: &[&str], records: &[Vec<String>]) -> Result<(), Error> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(header).map_err(io::Error::from)?;
        for record in records {
            writer.write_record(record.iter().map(|field| inert(field))).map_err(io::Error::from)?;
        }
        let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
        self.data(&String::from_utf8_lossy(&bytes))
    }
}

/// The field as no spreadsheet calculates it. One that begins with `'` gets another, so that taking
/// one away gives every field back.
fn inert(field: &str) -> String {
    match field.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\'' | '＝' | '＋' | '－' | '＠') => {
            format!("'{field}")
        }
        _ => field.to_owned(),
    }
}
