//! The subtrees that a root or a proof consists of.
//!
//! Roots and proofs are lists of hashes over ranges of leaves, and each range needs certain tiles. A remote reader first
//! asks for the tiles, then fetches all of them at once, and then computes the hashes:
//!
//! ```
//! # use shared::ledger::{hash::Hash, subtrees::Subtrees, tile::TileId, tiles::Tiles};
//! # let fetch = |_: TileId| [Hash::of_leaf(b"a"), Hash::of_leaf(b"b")].map(|hash| *hash.as_bytes()).concat();
//! let wanted = Subtrees::inclusion(1, 2).expect("leaf 1 is in a tree of 2");
//! let mut tiles = Tiles::default();
//! for tile in wanted.tiles(2) {
//!     tiles.insert(tile, &fetch(tile))?;
//! }
//! assert_eq!(wanted.hashes(&tiles)?, [Hash::of_leaf(b"a")]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{collections::BTreeSet, iter, ops::Range};

use super::{
    MAX_SIZE,
    hash::Hash,
    tile::{Node, TileId},
    tiles::{MissingTile, Tiles},
    tree::join,
};

/// The subtrees, each a range of leaves, whose roots are the root or the proof.
///
/// There are at most 64. Each begins at a multiple of the largest power of two in its length, so that the largest perfect
/// tree in it is on its left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtrees(Vec<Range<u64>>);

impl Subtrees {
    /// The root of the tree of `size` leaves: one hash. `None` if the size is too large.
    pub fn root(size: u64) -> Option<Self> {
        (size <= MAX_SIZE).then(|| Self(iter::once(0..size).collect()))
    }

    /// The proof that the leaf `sequence` is in the tree of `size` leaves, from its sibling to the root's child (RFC 6962
    /// §2.1.1). `None` if that tree has no such leaf.
    pub fn inclusion(sequence: u64, size: u64) -> Option<Self> {
        if sequence >= size || size > MAX_SIZE {
            return None;
        }
        let mut siblings = Vec::new();
        let mut around = 0..size;
        while around.end - around.start > 1 {
            let (left, right) = halves(&around);
            let sibling;
            (around, sibling) = if left.contains(&sequence) { (left, right) } else { (right, left) };
            siblings.push(sibling);
        }
        siblings.reverse();
        Some(Self(siblings))
    }

    /// The proof that the tree of `from` leaves is the beginning of the tree of `to` leaves, in the order of RFC 6962 §2.1.2.
    /// It is empty from 0 and to the same size. `None` if the old tree is larger.
    pub fn consistency(from: u64, to: u64) -> Option<Self> {
        if from > to || to > MAX_SIZE {
            return None;
        }
        if from == 0 || from == to {
            return Some(Self(Vec::new()));
        }
        let mut subtrees = Vec::new();
        let mut around = 0..to;
        while around.end != from {
            let (left, right) = halves(&around);
            let sibling;
            (around, sibling) = if from <= left.end { (left, right) } else { (right, left) };
            subtrees.push(sibling);
        }
        // The verifier already has the old root.
        if around.start > 0 {
            subtrees.push(around);
        }
        subtrees.reverse();
        Some(Self(subtrees))
    }

    /// The tiles to fetch from a log of `log_size` leaves, each once, with its width in that log, from the lowest level up.
    /// The log may be larger than the tree of the proof.
    pub fn tiles(&self, log_size: u64) -> Vec<TileId> {
        let places = self.0.iter().flat_map(nodes).map(|node| node.place());
        let tiles: BTreeSet<_> =
            places.filter_map(|place| TileId::of(place.level, place.index, log_size)).collect();
        tiles.into_iter().collect()
    }

    /// The roots of the subtrees, in order.
    ///
    /// # Errors
    /// The first missing tile of [`tiles`](Self::tiles).
    pub fn hashes(&self, tiles: &Tiles) -> Result<Vec<Hash>, MissingTile> {
        self.0.iter().map(|range| subtree_root(range, tiles)).collect()
    }
}

fn subtree_root(range: &Range<u64>, tiles: &Tiles) -> Result<Hash, MissingTile> {
    let roots: Vec<_> = nodes(range).map(|node| tiles.node(&node)).collect::<Result<_, _>>()?;
    Ok(join(roots.into_iter()))
}

/// The two children of a subtree of two leaves or more. The left one is the largest perfect tree that is smaller than the
/// whole.
fn halves(range: &Range<u64>) -> (Range<u64>, Range<u64>) {
    let middle = range.start + (1 << (range.end - range.start - 1).ilog2());
    (range.start..middle, middle..range.end)
}

/// The perfect subtrees of a subtree, from the largest to the smallest.
fn nodes(range: &Range<u64>) -> impl Iterator<Item = Node> + use<> {
    let Range { mut start, end } = *range;
    iter::from_fn(move || {
        let height = (end - start).checked_ilog2()?;
        let node = Node { height, index: start >> height };
        start += 1 << height;
        Some(node)
    })
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    /// The ranges of the example of seven leaves in RFC 6962 §2.1.3.
    #[test]
    fn the_proofs_are_those_of_the_example_of_seven_leaves() {
        fn check(proof: Option<Subtrees>, expected: &[Range<u64>]) {
            assert_eq!(proof.unwrap().0, expected);
        }
        check(Subtrees::inclusion(0, 7), &[1..2, 2..4, 4..7]);
        check(Subtrees::inclusion(3, 7), &[2..3, 0..2, 4..7]);
        check(Subtrees::inclusion(4, 7), &[5..6, 6..7, 0..4]);
        check(Subtrees::inclusion(6, 7), &[4..6, 0..4]);
        check(Subtrees::consistency(3, 7), &[2..3, 3..4, 0..2, 4..7]);
        check(Subtrees::consistency(4, 7), slice::from_ref(&(4..7)));
        check(Subtrees::consistency(6, 7), &[4..6, 6..7, 0..4]);
    }

    #[test]
    fn there_is_no_proof_for_a_leaf_outside_the_tree() {
        assert_eq!(Subtrees::inclusion(0, 0), None);
        assert_eq!(Subtrees::inclusion(7, 7), None);
        assert_eq!(Subtrees::inclusion(0, MAX_SIZE + 1), None);
        assert_eq!(Subtrees::consistency(8, 7), None);
        assert_eq!(Subtrees::consistency(0, u64::MAX), None);
        assert_eq!(Subtrees::root(u64::MAX), None);
    }

    #[test]
    fn proofs_from_an_empty_tree_or_to_the_same_size_are_empty() {
        for subtrees in [Subtrees::consistency(0, 7), Subtrees::consistency(7, 7), Subtrees::inclusion(0, 1)]
        {
            let subtrees = subtrees.unwrap();
            assert_eq!(subtrees.tiles(7), []);
            assert_eq!(subtrees.hashes(&Tiles::default()), Ok(vec![]));
        }
        let root = Subtrees::root(0).unwrap();
        assert_eq!(root.hashes(&Tiles::default()), Ok(vec![Hash::of_empty_tree()]));
    }

    #[test]
    fn each_tile_is_listed_once_with_its_width_in_the_log() {
        fn check(subtrees: Option<Subtrees>, log_size: u64, expected: &[&str]) {
            let tiles: Vec<_> = subtrees.unwrap().tiles(log_size).iter().map(TileId::to_string).collect();
            assert_eq!(tiles, expected);
        }
        check(Subtrees::root(70_000), 70_000, &["0/273.p/112", "1/001.p/17", "2/000.p/1"]);
        check(Subtrees::root(65_000), 70_000, &["0/253", "1/000"]);
        check(Subtrees::inclusion(0, 70_000), 70_000, &["0/000", "0/273.p/112", "1/000", "1/001.p/17"]);
        check(Subtrees::inclusion(0, 256), 256, &["0/000"]);
        check(Subtrees::inclusion(0, 256), 300, &["0/000"]);
        check(Subtrees::consistency(256, 300), 300, &["0/001.p/44"]);
        check(Subtrees::consistency(255, 256), 256, &["0/000"]);
    }

    #[test]
    fn a_proof_of_the_largest_tree_is_short_and_its_tiles_are_few() {
        for sequence in [0, 1, 1 << 62, MAX_SIZE - 1] {
            let proof = Subtrees::inclusion(sequence, MAX_SIZE).unwrap();
            assert!(proof.0.len() <= 63 && proof.tiles(MAX_SIZE).len() <= 16, "{sequence}");
        }
        let proof = Subtrees::consistency(MAX_SIZE - 1, MAX_SIZE).unwrap();
        assert!(proof.0.len() <= 64 && proof.tiles(MAX_SIZE).len() <= 16);
        let missing = proof.hashes(&Tiles::default()).unwrap_err();
        assert_eq!(missing.to_string(), "tile 0/36028797018963967 is needed with 254 hashes or more");
    }
}
