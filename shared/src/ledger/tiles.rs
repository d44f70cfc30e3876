//! The hashes of a tree, as far as its tiles are at hand.

use std::{collections::HashMap, iter};

use super::{
    hash::Hash,
    tile::{FULL, Node, TileId},
};

/// How many heights of the tree one level of tiles covers.
const HEIGHTS: u32 = FULL.ilog2();

/// Tiles of one log.
///
/// Each is hashed once, when it is inserted, so that any number of proofs then only look hashes up.
///
/// What they say is believed. What is computed from somebody else's tiles is worth nothing before
/// [`proof`](super::proof) led it to a signed root; that the root over them is the signed one says
/// nothing of a single tile, since it is made from those at the right edge alone.
#[derive(Clone, Debug, Default)]
pub struct Tiles(HashMap<(u8, u64), Heights>);

/// The complete nodes within a tile, by their height above its hashes.
type Heights = Vec<Vec<Hash>>;

/// The bytes of a tile are fewer or more than its width says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile {0} must have 32 bytes for each hash of its width")]
pub struct WrongTileSize(pub TileId);

/// A hash is needed that none of the tiles at hand has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile {level}/{index} is needed with {width} hashes or more")]
pub struct MissingTile {
    /// The level of the tile.
    pub level: u8,
    /// The number of the tile within its level.
    pub index: u64,
    /// The least width that has what is needed.
    pub width: u16,
}

impl Tiles {
    /// Adds a tile. If it is there already, the wider one stays.
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

    /// The hash of a node, from the tile that has the hashes nearest below it.
    pub(super) fn node(&self, node: &Node) -> Result<Hash, MissingTile> {
        let Place { level, index, height, within } = node.place();
        let known = self.0.get(&(level, index)).and_then(|heights| heights.get(height)?.get(within));
        let width = || u16::try_from((within + 1) << height).expect("a node ends within its tile");
        known.copied().ok_or_else(|| MissingTile { level, index, width: width() })
    }
}

/// Where a node is: in which tile, how high above its hashes, and which of that height.
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

/// The nodes over the hashes of a tile. The one over a full tile is not there: the tile above has it.
fn heights(hashes: Vec<Hash>) -> Heights {
    let over = |below: &Vec<Hash>| {
        let (pairs, _) = below.as_chunks::<2>();
        pairs.iter().map(|&[left, right]| Hash::of_node(left, right)).collect()
    };
    iter::successors(Some(hashes), |below| Some(over(below))).take(HEIGHTS as usize).collect()
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
    fn of_two_widths_the_greater_one_stays() {
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
        // Another one of the same width is not taken for it.
        tiles.insert(tile(2).0, &Hash::concatenate(&[leaves[1], leaves[0]])).unwrap();
        assert_eq!(tiles.node(&both), root);
    }
}
