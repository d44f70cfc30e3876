//! One entry of a log: the event, its leaf, and the proof of its inclusion.

use serde::Serialize;
use shared::{
    http::{self, Response},
    ledger::{Entry, hash::Hash, leaf, subtrees::Subtrees, tlog_proof::TlogProof},
    model::{error::Error, event::Event},
    system,
};

use crate::Reader;

/// An entry of a log, with its proof.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogEntry<'a> {
    /// The event.
    #[cfg_attr(feature = "openapi", schema(value_type = shared::model::event::ReadEvent))]
    event: &'a Event,
    /// The logged form of the event: canonical JSON, whose hash is the leaf of the tree.
    leaf: &'a str,
    /// The proof that the leaf is in the log: a C2SP tlog-proof, with the signed checkpoint.
    proof: String,
}

impl Reader<'_> {
    /// `GET /api/{workspace}/ledger/entries/{sequence}`.
    pub(crate) async fn entry(&self) -> Result<Response, Error> {
        self.request.no_query()?;
        let sequence = self.request.path_parameter("sequence");
        let sequence: u64 = sequence
            .parse()
            .ok()
            .filter(|number: &u64| number.to_string() == sequence)
            .ok_or(Error::UnknownSequence)?;
        let signed = self.log.checkpoint().await?;
        let wanted = Subtrees::inclusion(sequence, signed.size).ok_or(Error::UnknownSequence)?;
        let hashes = self.log.hashes(&wanted, signed.size).await?;
        let proof = TlogProof { sequence, hashes, note: signed.note }.to_string();
        let (event, leaf) = self.recorded(sequence, sequence, self.event(sequence).await).await?;
        Ok(http::ok(&LogEntry { event: &event, leaf: &leaf, proof }))
    }

    /// The event of a sequence, and its leaf.
    async fn event(&self, sequence: u64) -> Result<(Event, String), Error> {
        let (entry, event) =
            self.store().sealed_event(&self.holder.workspace, sequence, system::now()).await?;
        let leaf = self.leaf(sequence, &entry, &event)?;
        Ok((event, leaf))
    }

    /// The leaf of an event, which must be the sealed one.
    pub(crate) fn leaf(&self, sequence: u64, entry: &Entry, event: &Event) -> Result<String, Error> {
        let leaf = leaf(event);
        if Hash::of_leaf(leaf.as_bytes()) == entry.leaf {
            Ok(leaf)
        } else {
            let what =
                format!("{}: the event of sequence {sequence} is not what was sealed", self.log.key.name());
            Err(Error::Inconsistent(what.into()))
        }
    }
}
