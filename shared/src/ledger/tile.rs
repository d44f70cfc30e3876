//! The names of tiles. A tree is stored and served in tiles.
//!
//! In C2SP [tlog-tiles](https://c2sp.org/tlog-tiles) a tile is 256 hashes of one height, and the tile above has one hash for
//! each full tile below. The last tile of a level may have fewer hashes; then its name has the number. Entry bundles contain
//! 256 leaves each.

mod path;

use std::fmt;

use super::MAX_SIZE;

pub use path::{InvalidTilePath, TilePath};

/// The number of hashes of a full tile, and of entries of a full bundle.
pub const FULL: u16 = 256;
/// The number of tile levels of the largest tree.
const LEVELS: u8 = 8;

/// The name of a tile of hashes, such as `0/x001/067` or `1/000.p/17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

/// The name of a bundle of entries, such as `entries/x001/067` or `entries/000.p/17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    index: u64,
    width: u16,
}

/// The root of a perfect subtree: number `index` of those with 2^`height` leaves.
pub(super) struct Node {
    pub(super) height: u32,
    pub(super) index: u64,
}

impl TileId {
    /// The tile at this place in a tree of `size` leaves, with its width in that tree.
    pub fn of(level: u8, index: u64, size: u64) -> Option<Self> {
        Some(Self { level, index, width: width(index, hashes(level, size))? })
    }

    /// The tiles that are new or wider in a tree of `to` leaves than in the tree of `from` leaves, level by level and from
    /// left to right. From 0 these are all tiles of the tree.
    pub fn new_since(from: u64, to: u64) -> impl Iterator<Item = Self> {
        (0..LEVELS).flat_map(move |level| {
            let (old, new) = (hashes(level, from), hashes(level, to));
            let grown = if new > old { old / u64::from(FULL)..new.div_ceil(u64::from(FULL)) } else { 0..0 };
            grown.filter_map(move |index| Self::of(level, index, to))
        })
    }

    /// The level. Leaves are on level 0.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// The number of the tile within its level.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The number of hashes of the tile: 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }
}

impl BundleId {
    /// The bundle with this number in a tree of `size` leaves, with its width in that tree.
    pub fn of(index: u64, size: u64) -> Option<Self> {
        Some(Self { index, width: width(index, hashes(0, size))? })
    }

    /// The number of the bundle.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The number of entries of the bundle: 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }
}

/// The number of hashes on a level of a tree of `size` leaves.
fn hashes(level: u8, size: u64) -> u64 {
    size.min(MAX_SIZE).checked_shr(u32::from(level) * FULL.ilog2()).unwrap_or(0)
}

/// The width of the tile `index` on a level of `hashes` hashes.
fn width(index: u64, hashes: u64) -> Option<u16> {
    let before = index.checked_mul(u64::from(FULL))?;
    let width = hashes.checked_sub(before)?.min(u64::from(FULL));
    u16::try_from(width).ok().filter(|&width| width > 0)
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.level)?;
        write_place(f, self.index, self.width)
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries")?;
        write_place(f, self.index, self.width)
    }
}

/// Writes the index in groups of three digits, and the width unless the tile is full.
fn write_place(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let groups = index.checked_ilog(1000).unwrap_or(0);
    for group in (0..=groups).rev() {
        let before = if group == 0 { "/" } else { "/x" };
        write!(f, "{before}{:03}", index / 1000_u64.pow(group) % 1000)?;
    }
    if width < FULL { write!(f, ".p/{width}") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of tlog-tiles.
    #[test]
    fn a_tree_of_70000_leaves_has_the_tiles_of_the_specification() {
        let tiles: Vec<String> = TileId::new_since(0, 70_000).map(|tile| tile.to_string()).collect();
        assert_eq!(tiles.len(), 277);
        assert_eq!(tiles[272..], ["0/272", "0/273.p/112", "1/000", "1/001.p/17", "2/000.p/1"]);
        let tiles: Vec<String> = TileId::new_since(0, 256).map(|tile| tile.to_string()).collect();
        assert_eq!(tiles, ["0/000", "1/000.p/1"]);
    }

    #[test]
    fn tiles_and_bundles_end_where_the_tree_does() {
        fn bundle(index: u64, size: u64) -> Option<(u64, u16)> {
            BundleId::of(index, size).map(|bundle| (bundle.index(), bundle.width()))
        }
        assert_eq!(bundle(2, 800), Some((2, 256)));
        assert_eq!(bundle(3, 800), Some((3, 32)));
        assert_eq!((bundle(3, 768), bundle(4, 800)), (None, None));
        assert!(TileId::of(0, 3, 768).is_none() && TileId::of(0, 3, 769).is_some());
    }

    #[test]
    fn growing_adds_only_tiles_that_are_wider_than_before() {
        fn check(from: u64, to: u64, expected: &[&str]) {
            let tiles: Vec<String> = TileId::new_since(from, to).map(|tile| tile.to_string()).collect();
            assert_eq!(tiles, expected, "from {from} to {to}");
        }
        check(0, 0, &[]);
        check(0, 1, &["0/000.p/1"]);
        check(1, 1, &[]);
        check(2, 1, &[]);
        check(255, 256, &["0/000", "1/000.p/1"]);
        check(256, 257, &["0/001.p/1"]);
        check(65_535, 65_536, &["0/255", "1/000", "2/000.p/1"]);
        check(MAX_SIZE - 1, MAX_SIZE, &["0/x036/x028/x797/x018/x963/967.p/255"]);
    }
}
