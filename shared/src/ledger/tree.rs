//! The part of a tree that is needed to append leaves.

use super::{MAX_SIZE, hash::Hash};

/// The right edge of a tree: the roots of its perfect subtrees, from the largest to the smallest. There is one for each bit
/// that is set in the size.
///
/// It does not contain leaves. It can only append leaves and compute the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// Parses the output of [`to_bytes`](Self::to_bytes) of a tree of `size` leaves.
    ///
    /// `None` if the number of hashes does not fit the size, or the size is too large.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let roots = Hash::from_concatenated(bytes)?;
        let fits = size <= MAX_SIZE && roots.len() == size.count_ones() as usize;
        fits.then_some(Self { size, roots })
    }

    /// The concatenated hashes: at most 63 × 32 bytes. The caller stores the size separately.
    pub fn to_bytes(&self) -> Vec<u8> {
        Hash::concatenate(&self.roots)
    }

    /// Appends a leaf. Returns the nodes that it completes: the node of height `h` at index `h`, beginning with the leaf.
    ///
    /// The node of height `h` is number `size >> h` of its height, where `size` is the size before. Nodes whose height is a
    /// multiple of 8 are added to the tiles.
    ///
    /// # Panics
    /// If the tree has [`MAX_SIZE`] leaves already.
    pub fn push(&mut self, leaf: Hash) -> Vec<Hash> {
        assert!(self.size < MAX_SIZE, "a log is full after 2^63 - 1 leaves");
        let mut complete = vec![leaf];
        let mut node = leaf;
        for left in self.roots.drain(self.roots.len() - self.size.trailing_ones() as usize..).rev() {
            node = Hash::of_node(left, node);
            complete.push(node);
        }
        self.roots.push(node);
        self.size += 1;
        complete
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree: the Merkle tree hash of RFC 6962 §2.1 over all its leaves.
    pub fn root(&self) -> Hash {
        join(self.roots.iter().copied())
    }
}

/// The root over adjacent perfect subtrees, from the largest to the smallest.
pub(super) fn join(roots: impl DoubleEndedIterator<Item = Hash>) -> Hash {
    roots.rev().reduce(|right, left| Hash::of_node(left, right)).unwrap_or_else(Hash::of_empty_tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash) -> String {
        hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The eight leaves and the roots that implementations of RFC 6962 commonly use as test vectors.
    #[test]
    fn the_roots_are_those_of_certificate_transparencys_test_vectors() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Frontier::default();
        assert_eq!(hex(tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (leaf, root) in leaves.into_iter().zip(roots) {
            tree.push(Hash::of_leaf(leaf));
            assert_eq!(hex(tree.root()), root, "of {} leaves", tree.size());
        }
    }

    #[test]
    fn a_frontier_grows_the_same_after_it_was_stored_as_bytes() {
        let mut kept = Frontier::default();
        let mut tree = Frontier::default();
        for sequence in 0_u64..300 {
            let leaf = Hash::of_leaf(&sequence.to_be_bytes());
            kept = Frontier::from_bytes(kept.size(), &kept.to_bytes()).unwrap();
            kept.push(leaf);
            tree.push(leaf);
            assert_eq!(kept, tree);
        }
    }

    #[test]
    fn a_leaf_completes_a_node_for_each_trailing_one_bit_of_the_size() {
        let [a, b, c, d] = [0_u8, 1, 2, 3].map(|leaf| Hash::of_leaf(&[leaf]));
        let mut tree = Frontier::default();
        assert_eq!(tree.push(a), [a]);
        assert_eq!(tree.push(b), [b, Hash::of_node(a, b)]);
        assert_eq!(tree.push(c), [c]);
        let right = Hash::of_node(c, d);
        assert_eq!(tree.push(d), [d, right, Hash::of_node(Hash::of_node(a, b), right)]);
    }

    #[test]
    fn a_frontier_has_one_hash_for_each_set_bit_of_its_size() {
        fn check(size: u64, hashes: usize, fits: bool) {
            let frontier = Frontier::from_bytes(size, &vec![7; hashes * Hash::BYTES]);
            assert_eq!(frontier.is_some(), fits, "{hashes} hashes of {size} leaves");
        }
        check(0, 0, true);
        check(0, 1, false);
        check(1, 1, true);
        check(255, 8, true);
        check(256, 8, false);
        check(256, 1, true);
        check(MAX_SIZE, 63, true);
        check(MAX_SIZE + 1, 1, false);
        assert_eq!(Frontier::from_bytes(1, &[7; 33]), None);
    }

    #[test]
    fn a_tree_near_its_largest_size_still_grows() {
        let size = MAX_SIZE - 1;
        let mut tree = Frontier::from_bytes(size, &vec![7; 62 * Hash::BYTES]).unwrap();
        assert_eq!(tree.push(Hash::of_leaf(b"the last")).len(), 1);
        assert_eq!((tree.size(), tree.to_bytes().len()), (MAX_SIZE, 63 * Hash::BYTES));
    }
}
