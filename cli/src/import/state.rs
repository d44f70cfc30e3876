//! The state of an import, beside the file it reads, until the import is done.

use std::{fmt, path::Path};

use indicatif::HumanCount;
use serde::{Deserialize, Serialize};

use super::{origin::Origin, refused::Refused};
use crate::{error::Error, private_file};

/// The version of what is written here.
const VERSION: u32 = 1;

/// An unfinished import.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    from: Origin,
    workspace: String,
    /// SHA-256 of the file, in base64: the rows that are done are those of the same file.
    content: String,
    /// How many bytes of the file of refused rows are of the rows that are done.
    pub(super) refused_bytes: u64,
    pub(super) tally: Tally,
}

/// How many rows were read, and the outcome of each.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) recorded: u64,
    pub(super) duplicates: u64,
    pub(super) refused: u64,
}

impl Tally {
    /// Adds the counts of another source.
    pub(super) fn add(&mut self, other: Self) {
        let Self { rows, recorded, duplicates, refused } = other;
        self.rows += rows;
        self.recorded += recorded;
        self.duplicates += duplicates;
        self.refused += refused;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows: _, recorded, duplicates, refused } = self;
        let (recorded, duplicates, refused) =
            (HumanCount(*recorded), HumanCount(*duplicates), HumanCount(*refused));
        write!(f, "{recorded} recorded, {duplicates} known already, {refused} refused.")
    }
}

impl State {
    /// An import of which no row was sent.
    pub(super) fn new(content: String, from: Origin, workspace: &str) -> Self {
        Self {
            version: VERSION,
            from,
            workspace: workspace.to_owned(),
            content,
            refused_bytes: 0,
            tally: Tally::default(),
        }
    }

    /// Reads the state; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or another version wrote it.
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
        content: &str,
        from: Origin,
        workspace: &str,
        path: &Path,
    ) -> Result<(), Error> {
        if (self.content.as_str(), self.from, self.workspace.as_str()) == (content, from, workspace) {
            return Ok(());
        }
        Err(Error::usage(
            format!("{} is of an import of other content, or into another workspace.", path.display()),
            "Begin anew with --restart: what was recorded is known and not recorded again.",
        ))
    }

    /// Notes that so many rows are done, in the file if there is one: standard input cannot be read again.
    ///
    /// # Errors
    /// If it cannot be written; then the state before stands.
    pub(super) fn save(
        &mut self,
        rows: u64,
        refused: &mut Refused,
        path: Option<&Path>,
    ) -> Result<(), Error> {
        refused.finish()?;
        self.tally.rows = rows;
        self.refused_bytes = refused.bytes();
        let Some(path) = path else { return Ok(()) };
        let content = serde_json::to_vec_pretty(self).map_err(|error| Error::file(path, error))?;
        // If we crash before this, the rows are sent again, and recognized.
        private_file::replace(path, &content)
    }
}
