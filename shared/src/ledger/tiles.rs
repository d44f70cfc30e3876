//! The hashes of a tree, as far as its tiles are at hand.

use std::collections::HashMap;

use super::{
    hash::Hash,
    subtrees::Node,
    tile::{FULL, TileId},
};

/// How many heights of the tree one level of tiles covers.
const HEIGHTS: u32 = FULL.ilog2();

/// Tiles of one log.
///
/// What they say is believed. Whoever has them from somebody else computes the root from them and
/// compares it with a signed one before he uses anything else of them.
#[derive(Clone, Debug, Default)]
pub struct Tiles(HashMap<(u8, u64), Vec<Hash>>);

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
        if known.len() < hashes.len() {
            *known = hashes;
        }
        Ok(())
    }

    /// The hash of a node, computed from the tile that has the hashes nearest below it.
    pub(super) fn node(&self, node: &Node) -> Result<Hash, MissingTile> {
        let place = node.place();
        let end = place.first + place.count;
        let known = self.0.get(&(place.level, place.index)).and_then(|hashes| hashes.get(place.first..end));
        known.map(perfect_root).ok_or_else(|| MissingTile {
            level: place.level,
            index: place.index,
            width: u16::try_from(end).expect("within a tile"),
        })
    }
}

/// Where the hashes are from which a node is computed: `count` of them in one tile, after `first`.
pub(super) struct Place {
    pub(super) level: u8,
    pub(super) index: u64,
    first: usize,
    count: usize,
}

impl Node {
    pub(super) fn place(&self) -> Place {
        let above = HEIGHTS - self.height % HEIGHTS;
        let within = usize::try_from(self.index % (1 << above)).expect("less than 256");
        let count = 1 << (self.height % HEIGHTS);
        Place {
            level: u8::try_from(self.height / HEIGHTS).expect("a node is less than 64 high"),
            index: self.index >> above,
            first: within * count,
            count,
        }
    }
}

/// The root over hashes whose number is a power of two.
fn perfect_root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while let (pairs, []) = row.as_chunks::<2>() {
        row = pairs.iter().map(|&[left, right]| Hash::of_node(left, right)).collect();
    }
    row[0]
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
    }
}
