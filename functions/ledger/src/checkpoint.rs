//! The signed checkpoint of a log.
//!
//! It is made on demand, from the head that the sealer committed, and kept before it is shown. A log
//! whose head is smaller than what was signed, or does not continue it, is signed no more: what readers
//! have of it is then the evidence.

use shared::{
    ledger::{
        checkpoint::Checkpoint, hash::Hash, proof::verify_consistency, subtrees::Subtrees, tree::Frontier,
    },
    model::error::Error,
    store::{Signed, Written},
};

use crate::Reader;

/// How often a head is looked at again, where others sign at the same time.
const MAX_ATTEMPTS: usize = 10;

impl Reader<'_> {
    /// The checkpoint of the head as it is now, signed.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] if the head is not one that may be signed.
    pub(crate) async fn checkpoint(&self) -> Result<Signed, Error> {
        for _ in 0..MAX_ATTEMPTS {
            // In this order: a head that is read later cannot be the smaller one.
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
            // If we crash before it is kept, nobody has seen it.
            if let Written::Now(_) =
                self.store().write_signed(&self.holder.workspace, last.as_ref(), &signed).await?
            {
                return Ok(signed);
            }
        }
        Err(Error::Contention("others sign this log all the time".into()))
    }

    /// Looks whether a head continues what was signed last: by the tree itself, not by our word.
    async fn continues(&self, last: &Signed, head: &Frontier) -> Result<(), Error> {
        let refused = |why: &str| {
            let (was, is) = (last.size, head.size());
            Error::Inconsistent(format!("{}: signed at {was}, head at {is}: {why}", self.log.name()).into())
        };
        let wanted = Subtrees::consistency(last.size, head.size())
            .ok_or_else(|| refused("the head is smaller than what was signed"))?;
        let proof = self.hashes(&wanted, head.size()).await?;
        verify_consistency(last.size, last.root, head.size(), head.root(), &proof)
            .map_err(|_| refused("the head does not continue what was signed"))
    }

    /// Looks whether a head that nothing was signed of yet is that of its own tree.
    async fn is_whole(&self, head: &Frontier) -> Result<(), Error> {
        if self.root(head.size()).await? == head.root() {
            return Ok(());
        }
        let what = format!("{}: the head at {} is not that of its tree", self.log.name(), head.size());
        Err(Error::Inconsistent(what.into()))
    }

    async fn sign(&self, size: u64, root: Hash) -> Result<Signed, Error> {
        let text = Checkpoint::new(&self.log, size, root).to_string();
        let signature = self.ledger.signer.sign(text.as_bytes()).await?;
        let note = self.log.note(&text, &signature).map_err(|error| Error::Internal(error.into()))?;
        Ok(Signed { size, root, note })
    }

    /// The roots of these subtrees, in a log that has come so far.
    pub(crate) async fn hashes(&self, wanted: &Subtrees, log_size: u64) -> Result<Vec<Hash>, Error> {
        let tiles = self.store().tiles(&self.holder.workspace, wanted.tiles(log_size)).await?;
        wanted.hashes(&tiles).map_err(|error| Error::Internal(error.into()))
    }
}
