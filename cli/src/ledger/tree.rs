//! The root of a log, worked out from the hashes of all its entries (RFC 6962 §2.1).

use tlog_tiles::{EMPTY_HASH, Hash, node_hash};

/// The hashes of a log's entries, and what of the tree above them is settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    hashes: Vec<Hash>,
    peaks: Peaks,
}

/// The roots of the full subtrees, the largest first, each with its height.
#[derive(Clone, Debug, Default)]
struct Peaks(Vec<(u32, Hash)>);

impl Tree {
    /// The hashes of all entries, in order.
    pub(crate) fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// How many entries there are.
    pub(crate) fn size(&self) -> u64 {
        self.hashes.len() as u64
    }

    /// Adds entries at the end.
    pub(crate) fn extend(&mut self, hashes: &[Hash]) {
        self.hashes.extend_from_slice(hashes);
        hashes.iter().for_each(|hash| self.peaks.push(*hash));
    }

    /// The root.
    pub(crate) fn root(&self) -> Hash {
        self.peaks.root()
    }

    /// The root that it would have with more entries.
    pub(crate) fn root_with(&self, more: &[Hash]) -> Hash {
        let mut peaks = self.peaks.clone();
        more.iter().for_each(|hash| peaks.push(*hash));
        peaks.root()
    }
}

impl Peaks {
    fn push(&mut self, hash: Hash) {
        let (mut height, mut hash) = (0, hash);
        while let Some((_, left)) = self.0.pop_if(|(peak, _)| *peak == height) {
            (height, hash) = (height + 1, node_hash(left, hash));
        }
        self.0.push((height, hash));
    }

    fn root(&self) -> Hash {
        let right_to_left = self.0.iter().rev().map(|(_, hash)| *hash);
        right_to_left.reduce(|right, left| node_hash(left, right)).unwrap_or(EMPTY_HASH)
    }
}

#[cfg(test)]
mod tests {
    use tlog_tiles::record_hash;

    use super::*;

    /// The definition of the standard, as it stands there.
    fn root(hashes: &[Hash]) -> Hash {
        match hashes {
            [] => EMPTY_HASH,
            [hash] => *hash,
            _ => {
                let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
                node_hash(root(left), root(right))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_standard() {
        let hashes: Vec<_> = (0..70_u8).map(|number| record_hash(&[number])).collect();
        let mut tree = Tree::default();
        for size in 0..hashes.len() {
            assert_eq!(tree.root(), root(&hashes[..size]), "{size}");
            assert_eq!(tree.root_with(&hashes[size..]), root(&hashes), "{size}");
            tree.extend(&hashes[size..=size]);
        }
    }
}
