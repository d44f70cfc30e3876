//! The signed checkpoint of a log.
//!
//! It is made on demand, from the head that the sealer committed, and stored before it is shown. A log whose
//! head is smaller than the last signed size, or does not continue it, is not signed again: the checkpoints
//! that readers have are the evidence then.

use shared::{
    ledger::{
        checkpoint::Checkpoint, hash::Hash, proof::verify_consistency, subtrees::Subtrees, tree::Frontier,
    },
    model::error::Error,
    store::{Signed, Written},
};

use crate::Reader;

/// Attempts to sign while other requests sign the same log.
const MAX_ATTEMPTS: usize = 10;

impl Reader<'_> {
    /// The signed checkpoint of the present head.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] if the head must not be signed.
    pub(crate) async fn checkpoint(&self) -> Result<Signed, Error> {
        for _ in 0..MAX_ATTEMPTS {
            // Read in this order, so that the head cannot be the older one.
            let last = self.store().signed(&self.holder.workspace).await?;
            let head = self.store().head(&self.holder.workspace).await?;
            match &last {
                Some(last) => self.continues(last, &head).await?,
                None => self.is_whole(&head).await?,
            }
            if let Some(last) = last.as_ref().filter(|last| last.size == head.size()) {
                return Ok(last.clone());
            }
            let signed = self.sign(head.size(), head.root()).await?;
            // If we crash before it is stored, no reader has seen it.
            if let Written::Now(_) =
                self.store().write_signed(&self.holder.workspace, last.as_ref(), &signed).await?
            {
                return Ok(signed);
            }
        }
        Err(Error::Contention("other requests keep signing this log".into()))
    }

    /// Checks by the tree that a head continues the last signed checkpoint.
    async fn continues(&self, last: &Signed, head: &Frontier) -> Result<(), Error> {
        let wanted = Subtrees::consistency(last.size, head.size())
            .ok_or_else(|| refused(&self.log, last, head, "the head is smaller than what was signed"))?;
        let proof = self.hashes(&wanted, head.size()).await?;
        verify_consistency(last.size, last.root, head.size(), head.root(), &proof)
            .map_err(|_| refused(&self.log, last, head, "the head does not continue what was signed"))
    }

    /// Checks that the head of a log without a checkpoint matches its own tree.
    async fn is_whole(&self, head: &Frontier) -> Result<(), Error> {
        if self.root(head.size()).await? == head.root() {
            return Ok(());
        }
        let what = format!("{}: the head at {} does not match its tree", self.log.name(), head.size());
        Err(Error::Inconsistent(what.into()))
    }

    async fn sign(&self, size: u64, root: Hash) -> Result<Signed, Error> {
        let text = Checkpoint::new(&self.log, size, root).to_string();
        let signature = self.ledger.signer.sign(text.as_bytes()).await?;
        let note = self.log.note(&text, &signature).map_err(|error| Error::Internal(error.into()))?;
        Ok(Signed { size, root, note })
    }

    /// The roots of these subtrees in a log of this size.
    pub(crate) async fn hashes(&self, wanted: &Subtrees, log_size: u64) -> Result<Vec<Hash>, Error> {
        let tiles = self.store().tiles(&self.holder.workspace, wanted.tiles(log_size)).await?;
        wanted.hashes(&tiles).map_err(|error| Error::Internal(error.into()))
    }
}

fn refused(log: &shared::ledger::note::Vkey, last: &Signed, head: &Frontier, why: &str) -> Error {
    let (was, is) = (last.size, head.size());
    Error::Inconsistent(format!("{}: signed at {was}, head at {is}: {why}", log.name()).into())
}
