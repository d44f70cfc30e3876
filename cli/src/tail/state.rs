//! The state of a tail: what it is of, and the last sequence that was written.
//!
//! It is replaced in one step after each page. There is no secret in it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{error::Error, private_file, question::Question};

/// The version of what is written here.
const VERSION: u32 = 1;

/// How far a tail is.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    pub(super) question: Question,
    /// The last sequence that was written, or passed over by the filters; `None` before the first.
    pub(super) after: Option<u64>,
}

impl State {
    /// A tail that begins after a sequence, or with the first event.
    pub(super) fn new(question: Question, after: Option<u64>) -> Self {
        Self { version: VERSION, question, after }
    }

    /// Reads the state of a tail of the same; `None` if there is none yet.
    ///
    /// # Errors
    /// If it cannot be read, is none of ours, or that of another question: then it names what differs.
    pub(super) fn read(path: &Path, asked: &Question) -> Result<Option<Self>, Error> {
        let Some(content) = private_file::read(path)? else { return Ok(None) };
        let state = match serde_json::from_slice::<Self>(&content) {
            Ok(state) if state.version == VERSION => state,
            _ => {
                return Err(Error::usage(
                    format!("{} is not the state of a tail by this version of auditlog.", path.display()),
                    "Name another file; with --after it goes on where you know that it ended.",
                ));
            }
        };
        let different = state.question.differences(asked);
        if different.is_empty() {
            return Ok(Some(state));
        }
        Err(Error::usage(
            format!("{} is the state of another tail: {} differ.", path.display(), different.join(", ")),
            "Give each tail a state of its own, or repeat the options that this one began with.",
        ))
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
