//! The credentials for calls to a running system, for people and programs.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, data_directory::DataDirectory, private_file};

/// The content of `credentials.json`, and of the ready file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Credentials {
    /// The URL of the API and of the event bus.
    pub endpoint: String,
    /// The URL of the tables.
    pub dynamodb_endpoint: String,
    /// The demo's workspace.
    pub workspace: String,
    /// The workspace token; without the demo there is none.
    #[serde(flatten)]
    pub token: TokenCredentials,
    /// A JWT of an admin of the workspace.
    pub admin_jwt: String,
    /// A JWT of a member of the workspace who is no admin.
    pub member_jwt: String,
}

/// A workspace token in its parts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct TokenCredentials {
    /// The public part, and user name of HTTP Basic.
    pub token: Option<String>,
    /// The password of HTTP Basic.
    pub secret: Option<String>,
    /// The whole token, for `Authorization: Bearer`.
    pub bearer: Option<String>,
}

impl Credentials {
    /// The credentials of an earlier start.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let Some(content) = DataDirectory::read(path)? else { return Ok(None) };
        serde_json::from_slice(&content).map(Some).map_err(|error| {
            Error::file(path, format!("{error}. Delete the file, and a new workspace token is made."))
        })
    }

    /// Writes the file for the owner of this process only, completely or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut content = serde_json::to_vec_pretty(self).map_err(|error| Error::file(path, error))?;
        content.push(b'\n');
        private_file::write(path, &content)
    }
}
