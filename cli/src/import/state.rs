//! How far an import is, beside the file it reads, for as long as that is not done.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{origin::Origin, refused::Refused};
use crate::{error::Error, private_file};

/// The version of what is written here.
const VERSION: u32 = 1;

/// An import that is not done.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    from: Origin,
    workspace: String,
    /// SHA-256 of the file, by which it is known that it is still the same.
    content: String,
    /// How many bytes of the file of refused rows are of the rows that are done.
    pub(super) refused_bytes: u64,
    pub(super) tally: Tally,
}

/// What became of the rows.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) recorded: u64,
    pub(super) duplicates: u64,
    pub(super) refused: u64,
}

impl Tally {
    /// Adds what became of others.
    pub(super) fn add(&mut self, other: Self) {
        let Self { rows, recorded, duplicates, refused } = other;
        self.rows += rows;
        self.recorded += recorded;
        self.duplicates += duplicates;
        self.refused += refused;
    }
}

impl State {
    /// An import of which nothing was sent.
    pub(super) fn new(text: &str, from: Origin, workspace: &str) -> Self {
        Self {
            version: VERSION,
            from,
            workspace: workspace.to_owned(),
            content: BASE64_STANDARD.encode(Sha256::digest(text)),
            refused_bytes: 0,
            tally: Tally::default(),
        }
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
                format!("{} is not the state of an import by this version of auditlog.", path.display()),
                "Begin anew with --restart: what was recorded is known and not recorded again.",
            )),
        }
    }

    /// That the import under way is the one that is asked for.
    ///
    /// # Errors
    /// If it is of another file, format or workspace.
    pub(super) fn require_same(
        &self,
        text: &str,
        from: Origin,
        workspace: &str,
        path: &Path,
    ) -> Result<(), Error> {
        let asked = Self::new(text, from, workspace);
        if (&self.content, self.from, &self.workspace) == (&asked.content, asked.from, &asked.workspace) {
            return Ok(());
        }
        Err(Error::usage(
            format!("{} is of an import of other content, or into another workspace.", path.display()),
            "Begin anew with --restart: what was recorded is known and not recorded again.",
        ))
    }

    /// Keeps that so many rows are done.
    ///
    /// # Errors
    /// If it cannot be written; then the state before stands.
    pub(super) fn save(&mut self, rows: u64, refused: &mut Refused, path: &Path) -> Result<(), Error> {
        refused.finish()?;
        self.tally.rows = rows;
        self.refused_bytes = refused.bytes();
        let content = serde_json::to_vec_pretty(self).map_err(|error| Error::file(path, error))?;
        // If we crash before this, the rows are sent again, and known.
        private_file::replace(path, &content)
    }
}
