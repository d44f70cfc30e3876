//! Separate proofs: that a leaf is in a tree, and that one tree continues another.

use serde::Serialize;
use shared::{
    http::{self, Response},
    intake::parameters::Sent,
    ledger::{hash::Hash, subtrees::Subtrees},
    model::error::Error,
    store::Signed,
    text::problem::FieldError,
};

use crate::Reader;

/// The parameters of a proof of inclusion.
pub const INCLUSION_NAMES: [&str; 2] = ["sequence", "size"];
/// The parameters of a proof of consistency.
pub const CONSISTENCY_NAMES: [&str; 2] = ["from", "to"];

/// Proof that a leaf is in the tree of a size (RFC 6962 §2.1.1).
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InclusionProof {
    /// The index of the leaf.
    sequence: u64,
    /// The number of leaves of the tree.
    size: u64,
    /// The root of the tree, in base64.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    root: Hash,
    /// The hashes from the leaf's sibling upwards, in base64.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    hashes: Vec<Hash>,
}

/// Proof that a tree begins with a smaller one (RFC 6962 §2.1.2).
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConsistencyProof {
    /// The number of leaves of the smaller tree.
    from: u64,
    /// The number of leaves of the larger tree.
    to: u64,
    /// The root of the smaller tree, in base64.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    root_from: Hash,
    /// The root of the larger tree, in base64.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    root_to: Hash,
    /// The proof, in base64.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    hashes: Vec<Hash>,
}

impl Reader<'_> {
    /// `GET /api/{workspace}/ledger/proof/inclusion`.
    pub(crate) async fn inclusion(&self) -> Result<Response, Error> {
        let mut sent = Sent::gather(self.request.query(), &INCLUSION_NAMES, &[]);
        let sequence = sent.parsed("sequence", "out_of_range", number);
        sent.require("sequence", &sequence, "name the sequence of the event");
        let size = sent.parsed("size", "out_of_range", number);
        let (sequence, size) = sent.finish((sequence.unwrap_or_default(), size))?;
        let (size, root) = self.tree("size", size).await?;
        let wanted = Subtrees::inclusion(sequence, size)
            .ok_or_else(|| beyond("sequence", format!("must be below {size}, the size of the tree")))?;
        let hashes = self.log.hashes(&wanted, size).await?;
        Ok(http::ok(&InclusionProof { sequence, size, root, hashes }))
    }

    /// `GET /api/{workspace}/ledger/proof/consistency`.
    pub(crate) async fn consistency(&self) -> Result<Response, Error> {
        let mut sent = Sent::gather(self.request.query(), &CONSISTENCY_NAMES, &[]);
        let from = sent.parsed("from", "out_of_range", number);
        sent.require("from", &from, "name the size of the checkpoint that you have");
        let to = sent.parsed("to", "out_of_range", number);
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            sent.problem("to", "out_of_range", "is smaller than from");
        }
        let (from, to) = sent.finish((from.unwrap_or_default(), to))?;
        let (to, root_to) = self.tree("to", to).await?;
        let wanted = Subtrees::consistency(from, to).ok_or_else(|| beyond("from", shorter(to)))?;
        let hashes = self.log.hashes(&wanted, to).await?;
        let root_from = self.log.root(from).await?;
        Ok(http::ok(&ConsistencyProof { from, to, root_from, root_to, hashes }))
    }

    /// The size and root of the requested tree, or else of the checkpoint's; never larger than the
    /// checkpoint's.
    async fn tree(&self, parameter: &str, asked: Option<u64>) -> Result<(u64, Hash), Error> {
        let Signed { size: signed, root, note: _ } = self.log.checkpoint().await?;
        match asked {
            Some(size) if size > signed => Err(beyond(parameter, shorter(signed))),
            Some(size) if size < signed => Ok((size, self.log.root(size).await?)),
            _ => Ok((signed, root)),
        }
    }
}

/// The problem of a parameter beyond the end of the log.
fn beyond(parameter: &str, detail: String) -> Error {
    Error::InvalidQuery(vec![FieldError::new(parameter, "out_of_range", detail)])
}

fn shorter(size: u64) -> String {
    format!("is beyond the end of the log, whose signed checkpoint has the size {size}")
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.parse::<u64>().ok().filter(|number| *number < 1 << 53);
    number.ok_or_else(|| "must be a whole number".to_owned())
}
