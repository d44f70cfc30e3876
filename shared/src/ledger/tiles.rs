//! The hashes of a tree, from its tiles.

use std::{collections::HashMap, iter};

use super::{
    hash::Hash,
    tile::{FULL, Node, TileId},
};

/// The number of tree heights in one level of tiles.
const HEIGHTS: u32 = FULL.ilog2();

/// Tiles of one log.
///
/// Each tile is hashed once, when it is inserted, so that proofs only look hashes up.
///
/// Tiles are not verified. A hash computed from another party's tiles must be verified with [`proof`](super::proof) against
/// a signed root. It is not enough to compare the root of the tiles, because only the tiles at the right edge determine it.
#[derive(Clone, Debug, Default)]
pub struct Tiles(HashMap<(u8, u64), Heights>);

/// The complete nodes within a tile, by height above its hashes.
type Heights = Vec<Vec<Hash>>;

/// The length of a tile's bytes does not fit its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile {0} must have 32 bytes for each hash of its width")]
pub struct WrongTileSize(pub TileId);

/// A required tile is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile {level}/{index} is needed with {width} hashes or more")]
pub struct MissingTile {
    /// The level of the tile.
    pub level: u8,
    /// The number of the tile within its level.
    pub index: u64,
    /// The least width that has the required hash.
    pub width: u16,
}

impl Tiles {
    /// Adds a tile. Of two tiles at the same place the wider one stays.
    pub fn insert(&mut self, tile: TileId, bytes: &[u8]) -> Result<(), WrongTileSize> {
        let hashes = Hash::from_concatenated(bytes)
            .filter(|hashes| hashes.len() == usize::from(tile.width()))
            .ok_or(WrongTileSize(tile))?;
        let known = self.0.entry((tile.level(), tile.index())).or_default();
        if known.first().is_none_or(|known| known.len() < hashes.len()) {
            *known = heights(hashes);
        }
        Ok(())
    }

    /// The hash of a node, from the tile with the nearest hashes below it.
    pub(super) fn node(&self, node: &Node) -> Result<Hash, MissingTile> {
        let Place { level, index, height, within } = node.place();
        let known = self.0.get(&(level, index)).and_then(|heights| heights.get(height)?.get(within));
        let width = || u16::try_from((within + 1) << height).expect("a node ends within its tile");
        known.copied().ok_or_else(|| MissingTile { level, index, width: width() })
    }
}

/// The place of a node: its tile, its height above the tile's hashes, and its index in that height.
pub(super) struct Place {
    pub(super) level: u8,
    pub(super) index: u64,
    height: usize,
    within: usize,
}

impl Node {
    pub(super) fn place(&self) -> Place {
        let height = self.height % HEIGHTS;
        let above = HEIGHTS - height;
        Place {
            level: u8::try_from(self.height / HEIGHTS).expect("a node is less than 64 high"),
            index: self.index >> above,
            height: height as usize,
            within: usize::try_from(self.index % (1 << above)).expect("less than 256"),
        }
    }
}

/// The nodes over the hashes of a tile. The node over a full tile is left out, because it is in the tile above.
fn heights(hashes: Vec<Hash>) -> Heights {
    iter::successors(Some(hashes), |below| Some(parents(below))).take(HEIGHTS as usize).collect()
}

fn parents(nodes: &[Hash]) -> Vec<Hash> {
    let (pairs, _) = nodes.as_chunks::<2>();
    pairs.iter().map(|&[left, right]| Hash::of_node(left, right)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_exactly_the_bytes_of_its_width() {
        let tile = TileId::of(0, 0, 3).unwrap();
        let check = |bytes: usize, fits: bool| {
            assert_eq!(Tiles::default().insert(tile, &vec![0; bytes]).is_ok(), fits, "{bytes} bytes");
        };
        check(96, true);
        check(95, false);
        check(97, false);
        check(64, false);
        check(128, false);
        check(0, false);
    }

    #[test]
    fn the_wider_of_two_tiles_stays() {
        let leaves = [Hash::of_leaf(b"a"), Hash::of_leaf(b"b")];
        let both = Node { height: 1, index: 0 };
        let tile = |size: u64| (TileId::of(0, 0, size).unwrap(), Hash::concatenate(&leaves[..size as usize]));
        let mut tiles = Tiles::default();
        let root = Ok(Hash::of_node(leaves[0], leaves[1]));
        for (size, expected) in [(1, Err(MissingTile { level: 0, index: 0, width: 2 })), (2, root), (1, root)]
        {
            let (id, bytes) = tile(size);
            tiles.insert(id, &bytes).unwrap();
            assert_eq!(tiles.node(&both), expected);
        }
        // A second tile of the same width does not replace the first.
        tiles.insert(tile(2).0, &Hash::concatenate(&[leaves[1], leaves[0]])).unwrap();
        assert_eq!(tiles.node(&both), root);
    }
}
