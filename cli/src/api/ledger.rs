//! The ledger of a workspace over HTTP: what was signed, and what proves that an event is in it.
//!
//! Nothing here is checked but that the API answered: who asks verifies.

use super::{Api, Identity};
use crate::{credentials::Credentials, error::Error, secret::Secret};

/// The ledger of one workspace.
pub(crate) struct Ledger<'a> {
    api: &'a Api,
    workspace: &'a str,
    token: &'a Secret,
}

impl<'a> Ledger<'a> {
    /// The ledger of the workspace that the credentials name.
    ///
    /// # Errors
    /// If they are not all there.
    pub(crate) fn new(api: &'a Api, credentials: &'a Credentials) -> Result<Self, Error> {
        Ok(Self { api, workspace: credentials.workspace()?, token: credentials.bearer()? })
    }

    /// The name of the workspace.
    pub(crate) fn workspace(&self) -> &str {
        self.workspace
    }

    /// The verifier key of the log: whoever asks for it here trusts the server with it.
    pub(crate) fn key(&self) -> Result<String, Error> {
        self.api.get(&self.path("key"), &[], self.identity())?.text("text/plain")
    }

    /// A sealed event with its leaf and proof, as the API writes it; `None` if there is none with this
    /// sequence.
    pub(crate) fn entry(&self, sequence: u64) -> Result<Option<String>, Error> {
        let path = self.path(&format!("entries/{sequence}"));
        self.api.find(&path, &[], self.identity())?.map(|answer| answer.text("application/json")).transpose()
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/{}/ledger/{rest}", self.workspace)
    }

    fn identity(&self) -> Identity<'a> {
        Identity::Token(self.token)
    }
}
