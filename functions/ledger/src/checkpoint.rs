//! The signed checkpoint of a log.
//!
//! It is made on demand, from the head that the sealer committed, and stored before it is shown. A log whose
//! head is smaller than the last signed size, or does not continue it, is not signed again: the checkpoints
//! that readers have are the evidence then.

use std::collections::BTreeSet;

use shared::{
    ledger::{
        checkpoint::Checkpoint, hash::Hash, proof::verify_consistency, subtrees::Subtrees, tree::Frontier,
    },
    model::{error::Error, id::WorkspaceId},
    store::{Signed, Written},
    stream::DestinationKind,
    system,
};

use crate::{Ledger, Log};

/// Attempts to sign while other requests sign the same log.
const MAX_ATTEMPTS: usize = 10;

impl Log<'_> {
    /// The signed checkpoint of the present head.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] if the head must not be signed.
    pub(crate) async fn checkpoint(&self) -> Result<Signed, Error> {
        for _ in 0..MAX_ATTEMPTS {
            // Read in this order, so that the head cannot be the older one.
            let last = self.ledger.store.signed(&self.workspace).await?;
            let head = self.ledger.store.head(&self.workspace).await?;
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
                self.ledger.store.write_signed(&self.workspace, last.as_ref(), &signed).await?
            {
                return Ok(signed);
            }
        }
        Err(Error::Contention("other requests keep signing this log".into()))
    }

    /// Checks by the tree that a head continues the last signed checkpoint.
    async fn continues(&self, last: &Signed, head: &Frontier) -> Result<(), Error> {
        let wanted = Subtrees::consistency(last.size, head.size())
            .ok_or_else(|| refused(&self.key, last, head, "the head is smaller than what was signed"))?;
        let proof = self.hashes(&wanted, head.size()).await?;
        verify_consistency(last.size, last.root, head.size(), head.root(), &proof)
            .map_err(|_| refused(&self.key, last, head, "the head does not continue what was signed"))
    }

    /// Checks that the head of a log without a checkpoint matches its own tree.
    async fn is_whole(&self, head: &Frontier) -> Result<(), Error> {
        if self.root(head.size()).await? == head.root() {
            return Ok(());
        }
        let what = format!("{}: the head at {} does not match its tree", self.key.name(), head.size());
        Err(Error::Inconsistent(what.into()))
    }

    async fn sign(&self, size: u64, root: Hash) -> Result<Signed, Error> {
        let text = Checkpoint::new(&self.key, size, root).to_string();
        let signature = self.ledger.signer.sign(text.as_bytes()).await?;
        let note = self.key.note(&text, &signature).map_err(|error| Error::Internal(error.into()))?;
        Ok(Signed { size, root, note })
    }

    /// The root of the first `size` leaves.
    pub(crate) async fn root(&self, size: u64) -> Result<Hash, Error> {
        let wanted = Subtrees::root(size).ok_or(Error::UnknownSequence)?;
        let roots = self.hashes(&wanted, size).await?;
        roots.first().copied().ok_or_else(|| Error::Internal("a tree without a root".into()))
    }

    /// The roots of these subtrees in a log of this size.
    pub(crate) async fn hashes(&self, wanted: &Subtrees, log_size: u64) -> Result<Vec<Hash>, Error> {
        let tiles = self.ledger.store.tiles(&self.workspace, wanted.tiles(log_size)).await?;
        wanted.hashes(&tiles).map_err(|error| Error::Internal(error.into()))
    }
}

/// Signs the heads of the logs that have an archive, so that the next manifests have checkpoints by which the archive can be
/// proved although no reader asked for one.
///
/// # Errors
/// If a log could not be signed; the others are signed nevertheless. The next run tries again.
pub async fn sign_archived(ledger: &Ledger) -> Result<(), Error> {
    let due = ledger.store.due_streams(system::now()).await?.into_iter().map(|due| due.stream);
    let archived = due.filter(|stream| stream.destination.kind() == DestinationKind::S3);
    let workspaces: BTreeSet<_> = archived.map(|stream| stream.workspace.to_string()).collect();
    let mut trouble = None;
    for workspace in workspaces {
        let signed = match WorkspaceId::parse(&workspace) {
            Ok(id) => sign_one(ledger, id).await,
            Err(error) => Err(Error::Internal(error.into())),
        };
        if let Err(error) = signed {
            tracing::error!(workspace, %error, "the log of an archive could not be signed");
            trouble = Some(error);
        }
    }
    trouble.map_or(Ok(()), Err)
}

async fn sign_one(ledger: &Ledger, workspace: WorkspaceId) -> Result<(), Error> {
    // An empty log has nothing to prove.
    if ledger.store.head(&workspace).await?.size() > 0 {
        ledger.log(workspace).await?.checkpoint().await?;
    }
    Ok(())
}

fn refused(log: &shared::ledger::note::Vkey, last: &Signed, head: &Frontier, why: &str) -> Error {
    let (was, is) = (last.size, head.size());
    Error::Inconsistent(format!("{}: signed at {was}, head at {is}: {why}", log.name()).into())
}
