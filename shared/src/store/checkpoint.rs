//! The last signed checkpoint of each log. It has its own table, so that the role that signs cannot write a log, and the
//! role that writes a log cannot replace a signed checkpoint.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::{
    Store, WriteUnits, Written,
    item::{Writer, array, number, text},
    ledger::written,
    unavailable,
};
use crate::{
    ledger::hash::Hash,
    model::{error::Error, id::WorkspaceId},
};

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The number of events that it covers.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// The signed note.
    pub note: String,
}

impl Store {
    /// The last signed checkpoint, if there is one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn signed(&self, workspace: &WorkspaceId) -> Result<Option<Signed>, Error> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.checkpoints)
            .key("workspace", AttributeValue::S(workspace.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        let Some(item) = output.item else { return Ok(None) };
        Ok(Some(Signed {
            size: number(&item, "size")?,
            root: Hash::from_bytes(array(&item, "root")?),
            note: text(&item, "note")?.to_owned(),
        }))
    }

    /// Stores a signed checkpoint, if `last` is still the stored one. The checkpoint must not be shown before this write has
    /// succeeded.
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
            .number("size", size)
            .bytes("root", root.as_bytes())
            .text("note", note)
            .finish();
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.checkpoints)
            .set_item(Some(item))
            .expression_attribute_names("#size", "size")
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        let put = match last {
            None => put.condition_expression("attribute_not_exists(#size)"),
            Some(last) => put
                .condition_expression("#size = :size")
                .expression_attribute_values(":size", AttributeValue::N(last.size.to_string())),
        };
        let put = put.send().await;
        written(put.map(|output| WriteUnits::of(output.consumed_capacity.as_slice())))
    }
}
