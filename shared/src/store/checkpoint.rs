//! The last checkpoint of a log that was signed.

use super::{
    Store, Written,
    item::{Writer, array, number, text},
};
use crate::{error::Error, id::WorkspaceId, keys::ledger, ledger::hash::Hash};

/// A checkpoint that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// How many events it covers.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// The signed note.
    pub note: String,
}

impl Store {
    /// The last checkpoint that was signed, if any was.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn signed(&self, workspace: &WorkspaceId) -> Result<Option<Signed>, Error> {
        let Some(item) = self.ledger_item(workspace.as_str(), ledger::SIGNED).await? else { return Ok(None) };
        Ok(Some(Signed {
            size: number(&item, "size")?,
            root: Hash::from_bytes(array(&item, "root")?),
            note: text(&item, "note")?.to_owned(),
        }))
    }

    /// Keeps a checkpoint that was signed, if `last` is still the one before it. Only then may it be
    /// shown to anybody.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been written.
    pub async fn write_signed(
        &self,
        workspace: &WorkspaceId,
        last: Option<&Signed>,
        signed: &Signed,
    ) -> Result<Written, Error> {
        let Signed { size, root, note } = signed;
        let item = Writer::default()
            .text("workspace", workspace.as_str())
            .text("part", ledger::SIGNED)
            .number("size", size)
            .bytes("root", root.as_bytes())
            .text("note", note)
            .finish();
        self.put_after(item, last.map(|last| last.size)).await
    }
}
