//! The state of an export: what it is of, and how far it is.
//!
//! It lies beside the exported file, as long as that is not complete, and is replaced in one step
//! after each page. There is no secret in it.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::format::Format;
use crate::{error::Error, page::Place, private_file, question::Question};

/// The version of what is written here.
const VERSION: u32 = 2;

/// An export that is not complete.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    /// The question, settled when the export begins, so that an interruption does not change the result.
    pub(super) question: Question,
    pub(super) format: Format,
    /// Where to go on; `None` at the beginning.
    pub(super) cursor: Option<String>,
    /// How many bytes of the file are known to be on the disk.
    pub(super) bytes: u64,
    /// How many events these are.
    pub(super) events: u64,
    /// The last of these events.
    pub(super) last: Option<Place>,
    /// SHA-256 of these bytes, in base64: a file that was changed meanwhile is not gone on with.
    pub(super) digest: String,
}

impl State {
    /// An export that has nothing yet.
    pub(super) fn new(question: Question, format: Format) -> Self {
        let digest = BASE64_STANDARD.encode(Sha256::digest([]));
        Self { version: VERSION, question, format, cursor: None, bytes: 0, events: 0, last: None, digest }
    }

    /// Reads the state; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is none of ours.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let Some(content) = private_file::read(path)? else { return Ok(None) };
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

    /// That the same is asked for again: then the export goes on with what was settled for it.
    ///
    /// # Errors
    /// Names what is different.
    pub(super) fn require_same(&self, asked: &Question, format: Format) -> Result<(), Error> {
        let mut different = self.question.differences(asked);
        if self.format != format {
            different.push("--format");
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::tests::question;

    #[test]
    fn an_export_of_something_else_is_refused_by_name() {
        let state = State::new(question(), Format::Csv);
        state.require_same(&question(), Format::Csv).unwrap();
        let other = Question { workspace: "globex".to_owned(), ..question() };
        let Err(Error::Usage(message)) = state.require_same(&other, Format::Json) else { panic!() };
        assert!(message.to_string().contains("--workspace, --format differ."), "{message}");
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.state");
        assert_eq!(State::read(&path).unwrap(), None);
        let state = State {
            cursor: Some("c".to_owned()),
            bytes: 7,
            events: 1,
            ..State::new(question(), Format::Csv)
        };
        state.write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), Some(state));
        for wrong in ["", "{}", "[]"] {
            std::fs::write(&path, wrong).unwrap();
            assert!(State::read(&path).is_err(), "{wrong}");
        }
    }
}
