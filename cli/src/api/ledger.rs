//! The ledger of a workspace over HTTP: what was signed, and what proves that an event is in it.
//!
//! Only the form of the answers is checked here; the callers verify them.

use serde_json::Value;

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

    /// The verifier key of the log. A key from here means that the server is trusted for it.
    pub(crate) fn key(&self) -> Result<String, Error> {
        self.api.get(&self.path("key"), &[], self.identity())?.text("text/plain")
    }

    /// The last signed checkpoint.
    pub(crate) fn checkpoint(&self) -> Result<String, Error> {
        self.api.get(&self.path("checkpoint"), &[], self.identity())?.text("text/plain")
    }

    /// A sealed event with its leaf and proof, as the API writes it; `None` if there is none with this
    /// sequence.
    pub(crate) fn entry(&self, sequence: u64) -> Result<Option<String>, Error> {
        let path = self.path(&format!("entries/{sequence}"));
        self.api.find(&path, &[], self.identity())?.map(|answer| answer.text("application/json")).transpose()
    }

    /// A tile by its name, such as `0/x001/234.p/5`; `None` if there is none.
    pub(crate) fn tile(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let answer = self.api.find(&self.path(&format!("tile/{name}")), &[], self.identity())?;
        answer.map(|answer| answer.bytes("application/octet-stream")).transpose()
    }

    /// The proof that the log of one size has grown into that of another.
    pub(crate) fn consistency(&self, from: u64, to: u64) -> Result<Value, Error> {
        let (from, to) = (from.to_string(), to.to_string());
        let query = [("from", from.as_str()), ("to", to.as_str())];
        self.api.get(&self.path("proof/consistency"), &query, self.identity())?.json()
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/{}/ledger/{rest}", self.workspace)
    }

    fn identity(&self) -> Identity<'a> {
        Identity::Token(self.token)
    }
}
