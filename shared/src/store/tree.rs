//! The tiles of a log's tree.
//!
//! A tile of the lowest level is computed from the deltas of its 256 events, and a tile of a higher level from the roots of
//! the 256 tiles below it. So no hash is stored twice, and a tile costs a single query.

use futures::future::try_join_all;

use super::{Store, corrupt, inconsistent, item};
use crate::{
    ledger::{
        hash::Hash,
        tile::{FULL, TileId},
        tiles::Tiles,
    },
    model::{error::Error, id::WorkspaceId, keys::ledger},
};

impl Store {
    /// These tiles of a log, which must be large enough to have them.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer, [`Error::Inconsistent`] if a tile is not whole.
    pub async fn tiles(
        &self,
        workspace: &WorkspaceId,
        ids: impl IntoIterator<Item = TileId>,
    ) -> Result<Tiles, Error> {
        let reads = ids.into_iter().map(async |id| Ok::<_, Error>((id, self.tile(workspace, id).await?)));
        let mut tiles = Tiles::default();
        for (id, hashes) in try_join_all(reads).await? {
            tiles.insert(id, &hashes).map_err(|error| corrupt(error.to_string()))?;
        }
        Ok(tiles)
    }

    /// The concatenated hashes of a tile.
    ///
    /// # Errors
    /// The same as [`Self::tiles`].
    pub async fn tile(&self, workspace: &WorkspaceId, id: TileId) -> Result<Vec<u8>, Error> {
        let start = id.index() * u64::from(FULL);
        let end = start + u64::from(id.width());
        let hashes: Vec<_> = if id.level() == 0 {
            let entries = self.entries(workspace, start..end).await?;
            entries.into_iter().map(|(_, entry)| entry.leaf).collect()
        } else {
            let (from, to) = (ledger::root(id.level(), start), ledger::root(id.level(), end - 1));
            let roots = self.ledger_items(workspace, from, to).await?;
            let hashes = roots.iter().map(|root| Ok(Hash::from_bytes(item::array(root, "root")?)));
            hashes.collect::<Result<_, Error>>()?
        };
        if hashes.len() == usize::from(id.width()) {
            Ok(Hash::concatenate(&hashes))
        } else {
            Err(inconsistent("a log's tile is not whole"))
        }
    }
}
