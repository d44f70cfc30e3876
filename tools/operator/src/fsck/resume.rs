//! The state of a check in a file, so that the check goes on after it was killed.
//!
//! Reading the events takes most of the time. The state says up to which sequence the events were compared, and the root
//! of the log at that size. A resumed check reads the deltas again, which are small, and skips the comparison of those
//! events only if the log still has that root there. The file is trusted, so only the operator may write it.

use std::{
    cell::Cell,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use shared::{ledger::hash::Hash, model::id::WorkspaceId};

use super::{report::Findings, service::ServiceRecords};
use crate::terminal::complain;

const VERSION: u32 = 3;

/// A check that can be resumed.
#[derive(Debug)]
pub struct Resume {
    path: PathBuf,
    workspace: String,
    saved: Option<Saved>,
    failed: Cell<bool>,
}

/// The content of the file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    version: u32,
    workspace: String,
    /// The events below this sequence were compared.
    pub(super) checked: u64,
    /// The root of the log at that size.
    pub(super) root: String,
    pub(super) findings: Findings,
    pub(super) service: ServiceRecords,
}

impl Resume {
    /// The check of a workspace, from the state in a directory if there is one.
    ///
    /// # Errors
    /// If the directory cannot be made, or the state cannot be read or is of another version.
    pub fn open(directory: &Path, workspace: &WorkspaceId) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(format!("{workspace}.json"));
        let saved = match fs::read(&path) {
            Ok(content) => {
                let saved: Saved = serde_json::from_slice(&content)?;
                if saved.version != VERSION || saved.workspace != workspace.to_string() {
                    return Err(io::Error::other("the state is of another version or workspace: delete it"));
                }
                Some(saved)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { path, workspace: workspace.to_string(), saved, failed: Cell::new(false) })
    }

    /// The number of events that an earlier run compared.
    pub fn checked(&self) -> u64 {
        self.saved.as_ref().map_or(0, |saved| saved.checked)
    }

    pub(super) fn saved(&self) -> Option<Saved> {
        self.saved.clone()
    }

    /// Saves that the events below a sequence were compared. A state that cannot be written costs only time later.
    pub(super) fn save(&self, checked: u64, root: &Hash, findings: &Findings, service: &ServiceRecords) {
        let saved = Saved {
            version: VERSION,
            workspace: self.workspace.clone(),
            checked,
            root: root.to_string(),
            findings: findings.clone(),
            service: service.clone(),
        };
        let beside = self.path.with_extension("new");
        let written = serde_json::to_vec(&saved).map_err(io::Error::from);
        let written = written.and_then(|content| fs::write(&beside, content));
        // If we crash here, the state before stands.
        if let Err(error) = written.and_then(|()| fs::rename(&beside, &self.path))
            && !self.failed.replace(true)
        {
            complain(&format!("warning: {} cannot be written: {error}", self.path.display()));
        }
    }

    /// Removes the state of a check that is done.
    pub(super) fn finish(&self) {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                complain(&format!("warning: {} cannot be removed: {error}", self.path.display()));
            }
            _ => {}
        }
    }
}
