//! The state of an export: what it is of, and how far it is.
//!
//! It lies beside the exported file, as long as that is not complete, and is replaced in one step
//! after each page. There is no secret in it.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::format::Format;
use crate::{error::Error, filters::Parameters, private_file};

/// The version of what is written here.
const VERSION: u32 = 1;

/// What an export is of. It is settled when the export begins, so that its result is.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    pub(super) endpoint: String,
    pub(super) workspace: String,
    pub(super) format: Format,
    /// The filters, without the range.
    pub(super) filters: Parameters,
    pub(super) start: Bound,
    pub(super) end: Bound,
}

/// One end of the range: as it was typed, and the time that this was then.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bound {
    pub(super) typed: Option<String>,
    pub(super) time: Option<Timestamp>,
}

/// An export that is not complete.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    pub(super) question: Question,
    /// Where to go on; `None` at the beginning.
    pub(super) cursor: Option<String>,
    /// How many bytes of the file are known to be on the disk.
    pub(super) bytes: u64,
    /// How many events these are.
    pub(super) events: u64,
}

impl State {
    /// An export that has nothing yet.
    pub(super) fn new(question: Question) -> Self {
        Self { version: VERSION, question, cursor: None, bytes: 0, events: 0 }
    }

    /// Reads the state; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is none of ours.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let content = match std::fs::read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file(path, error)),
        };
        match serde_json::from_slice::<Self>(&content) {
            Ok(state) if state.version == VERSION => Ok(Some(state)),
            _ => Err(Error::failure(
                format!("{} is not the state of an export by this version of auditlog.", path.display()),
                "Go on with the version that wrote it, or start again with --overwrite.",
            )),
        }
    }

    /// Writes the state in one step.
    ///
    /// # Errors
    /// If it cannot be written; then the one before stands.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let mut content = serde_json::to_vec_pretty(self).map_err(|error| Error::file(path, error))?;
        content.push(b'\n');
        private_file::replace(path, &content)
    }
}

impl Question {
    /// That another question is the same: then its export goes on with what was settled for this one.
    ///
    /// # Errors
    /// Names what is different.
    pub(super) fn require_same(&self, asked: &Self) -> Result<(), Error> {
        let Self { endpoint, workspace, format, filters, start, end } = self;
        let differences = [
            ("--endpoint", *endpoint != asked.endpoint),
            ("--workspace", *workspace != asked.workspace),
            ("--format", *format != asked.format),
            ("the filters", *filters != asked.filters),
            ("--start", !start.is_same(&asked.start)),
            ("--end", !end.is_same(&asked.end)),
        ];
        let different: Vec<_> =
            differences.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
        if different.is_empty() {
            return Ok(());
        }
        Err(Error::usage(
            format!(
                "An export of something else is under way in this file: {} differ.",
                different.join(", ")
            ),
            "Repeat the command it was begun with, choose another file, or start again with --overwrite.",
        ))
    }
}

impl Bound {
    /// Whether the same was typed, or the same time was meant. `-7d` typed again later means what it
    /// meant then.
    fn is_same(&self, asked: &Self) -> bool {
        self.typed == asked.typed || (asked.typed.is_some() && self.time == asked.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(typed: Option<&str>, time: Option<&str>) -> Bound {
        Bound { typed: typed.map(str::to_owned), time: time.map(|time| time.parse().unwrap()) }
    }

    fn question() -> Question {
        Question {
            endpoint: "https://a.example".to_owned(),
            workspace: "acme".to_owned(),
            format: Format::Csv,
            filters: Parameters::from([("actor".to_owned(), "u1".to_owned())]),
            start: bound(Some("-7d"), Some("2025-01-01T00:00:00Z")),
            end: bound(None, Some("2025-01-08T00:00:00Z")),
        }
    }

    #[test]
    fn the_same_question_goes_on() {
        let same = |asked: Question| question().require_same(&asked).unwrap();
        same(question());
        same(Question { end: bound(None, None), ..question() });
        same(Question { start: bound(Some("-7d"), Some("2025-01-02T00:00:00Z")), ..question() });
        same(Question { start: bound(Some("2025-01-01"), Some("2025-01-01T00:00:00Z")), ..question() });
    }

    #[test]
    fn another_question_is_refused_by_name() {
        let check = |asked: Question, name: &str| {
            let Err(Error::Usage(message)) = question().require_same(&asked) else { panic!("{asked:?}") };
            assert!(message.to_string().contains(&format!("{name} differ.")), "{message}");
        };
        check(Question { endpoint: "https://b.example".to_owned(), ..question() }, "--endpoint");
        check(Question { workspace: "globex".to_owned(), ..question() }, "--workspace");
        check(Question { format: Format::Json, ..question() }, "--format");
        check(Question { filters: Parameters::new(), ..question() }, "the filters");
        check(Question { start: bound(None, None), ..question() }, "--start");
        check(Question { end: bound(Some("now"), Some("2025-01-09T00:00:00Z")), ..question() }, "--end");
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.state");
        assert_eq!(State::read(&path).unwrap(), None);
        let state = State { cursor: Some("c".to_owned()), bytes: 7, events: 1, ..State::new(question()) };
        state.write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), Some(state));
        for wrong in ["", "{}", "[]"] {
            std::fs::write(&path, wrong).unwrap();
            assert!(State::read(&path).is_err(), "{wrong}");
        }
    }
}
