//! A log in memory, which makes tiles and proofs.

use shared::ledger::{
    hash::Hash,
    subtrees::Subtrees,
    tile::{FULL, TileId},
    tiles::Tiles,
    tree::Frontier,
};

/// The hashes of every level of tiles, and the root after each leaf.
#[derive(Default)]
pub(crate) struct Log {
    levels: Vec<Vec<Hash>>,
    pub(crate) roots: Vec<Hash>,
}

impl Log {
    /// A log of `size` different leaves.
    pub(crate) fn of(size: u64) -> Self {
        let mut tree = Frontier::default();
        let mut log = Self { levels: Vec::new(), roots: vec![tree.root()] };
        for sequence in 0..size {
            let complete = tree.push(leaf(sequence));
            for (level, hash) in complete.into_iter().step_by(FULL.ilog2() as usize).enumerate() {
                if log.levels.len() == level {
                    log.levels.push(Vec::new());
                }
                log.levels[level].push(hash);
            }
            log.roots.push(tree.root());
        }
        log
    }

    /// The bytes of a tile.
    pub(crate) fn tile(&self, tile: TileId) -> Vec<u8> {
        let first = usize::try_from(tile.index()).unwrap() * usize::from(FULL);
        Hash::concatenate(&self.levels[usize::from(tile.level())][first..][..usize::from(tile.width())])
    }

    /// These tiles.
    pub(crate) fn tiles(&self, wanted: impl IntoIterator<Item = TileId>) -> Tiles {
        let mut tiles = Tiles::default();
        for tile in wanted {
            tiles.insert(tile, &self.tile(tile)).unwrap();
        }
        tiles
    }

    /// The hashes of the subtrees, computed only from the tiles that the subtrees name.
    pub(crate) fn fetch(&self, subtrees: &Subtrees, log_size: u64) -> Vec<Hash> {
        subtrees.hashes(&self.tiles(subtrees.tiles(log_size))).unwrap()
    }
}

pub(crate) fn content(sequence: u64) -> Vec<u8> {
    format!("leaf {sequence}").into_bytes()
}

pub(crate) fn leaf(sequence: u64) -> Hash {
    Hash::of_leaf(&content(sequence))
}
