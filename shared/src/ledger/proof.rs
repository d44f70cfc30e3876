//! Verification of proofs.
//!
//! The functions do not need the tree. Proofs may come from an attacker: a proof that is too short, too long or for another
//! place fails, and no input panics.
//!
//! Roots and sizes must come from a signed checkpoint. In particular a proof does not prove the size: the same hashes can
//! lead from a leaf to the root of a tree of 7 leaves and of one of 8.

use super::hash::Hash;

/// The proof does not lead to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to the root")]
pub struct NotProven;

/// Verifies that the leaf with the hash `leaf` is number `sequence` in the tree of `size` leaves with that root (RFC 9162
/// §2.1.3.2).
pub fn verify_inclusion(
    leaf: Hash,
    sequence: u64,
    size: u64,
    proof: &[Hash],
    root: Hash,
) -> Result<(), NotProven> {
    let mut climb = Climb { at: sequence, last: size.checked_sub(1).ok_or(NotProven)? };
    if climb.at > climb.last {
        return Err(NotProven);
    }
    let mut node = leaf;
    for &sibling in proof {
        node = match climb.step()? {
            Side::Left => Hash::of_node(sibling, node),
            Side::Right => Hash::of_node(node, sibling),
        };
    }
    proven(climb.is_at_top() && node == root)
}

/// Verifies that the tree of `from` leaves, with the root `root_from`, is the beginning of the tree
/// of `to` leaves, with the root `root_to` (RFC 9162 §2.1.4.2).
///
/// A tree is the beginning of itself, and the empty tree is the beginning of every tree. Both proofs must be empty.
pub fn verify_consistency(
    from: u64,
    root_from: Hash,
    to: u64,
    root_to: Hash,
    proof: &[Hash],
) -> Result<(), NotProven> {
    if from == 0 && root_from != Hash::of_empty_tree() {
        return Err(NotProven);
    }
    if from == to {
        return proven(proof.is_empty() && root_from == root_to);
    }
    if from == 0 {
        return proven(proof.is_empty());
    }
    if from > to {
        return Err(NotProven);
    }
    // The climb begins at the last perfect subtree of the old tree. If that is the whole old tree, its root is known and is
    // not in the proof.
    let perfect = (from - 1).trailing_ones();
    let mut climb = Climb { at: (from - 1) >> perfect, last: (to - 1) >> perfect };
    let (first, rest) = if from.is_power_of_two() {
        (root_from, proof)
    } else {
        let (&first, rest) = proof.split_first().ok_or(NotProven)?;
        (first, rest)
    };
    let (mut old, mut new) = (first, first);
    for &sibling in rest {
        match climb.step()? {
            Side::Left => {
                old = Hash::of_node(sibling, old);
                new = Hash::of_node(sibling, new);
            }
            Side::Right => new = Hash::of_node(new, sibling),
        }
    }
    proven(climb.is_at_top() && old == root_from && new == root_to)
}

fn proven(it_is: bool) -> Result<(), NotProven> {
    if it_is { Ok(()) } else { Err(NotProven) }
}

/// A path from a node up to the root.
struct Climb {
    /// The index of the node among the nodes of its height.
    at: u64,
    /// The index of the last node of that height.
    last: u64,
}

/// The side of a node's sibling.
enum Side {
    Left,
    Right,
}

impl Climb {
    /// Goes up to the next node with a sibling, and then to its parent. Fails at the root.
    fn step(&mut self) -> Result<Side, NotProven> {
        if self.is_at_top() {
            return Err(NotProven);
        }
        // The last node of a height has no sibling on its right. It moves up unchanged until it is a right child.
        let up = if self.at == self.last { self.at.trailing_zeros() } else { 0 };
        let side = if (self.at >> up) & 1 == 1 { Side::Left } else { Side::Right };
        self.at = self.at >> up >> 1;
        self.last = self.last >> up >> 1;
        Ok(side)
    }

    fn is_at_top(&self) -> bool {
        self.last == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(content: &[u8]) -> Hash {
        Hash::of_leaf(content)
    }

    #[test]
    fn the_root_of_a_single_leaf_is_the_leaf() {
        fn check(sequence: u64, size: u64, proof: &[Hash], root: Hash, proven: bool) {
            assert_eq!(verify_inclusion(leaf(b"a"), sequence, size, proof, root).is_ok(), proven);
        }
        check(0, 1, &[], leaf(b"a"), true);
        check(0, 1, &[], leaf(b"b"), false);
        check(0, 1, &[leaf(b"b")], leaf(b"a"), false);
        check(1, 1, &[], leaf(b"a"), false);
        check(0, 0, &[], leaf(b"a"), false);
        check(u64::MAX, u64::MAX, &[], leaf(b"a"), false);
        check(0, u64::MAX, &[leaf(b"b"); 100], leaf(b"a"), false);
    }

    #[test]
    fn siblings_on_the_wrong_side_are_refused() {
        let (a, b) = (leaf(b"a"), leaf(b"b"));
        let root = Hash::of_node(a, b);
        assert_eq!(verify_inclusion(a, 0, 2, &[b], root), Ok(()));
        assert_eq!(verify_inclusion(b, 1, 2, &[a], root), Ok(()));
        assert_eq!(verify_inclusion(a, 1, 2, &[b], root), Err(NotProven));
        assert_eq!(verify_inclusion(b, 0, 2, &[a], root), Err(NotProven));
    }

    #[test]
    fn the_empty_tree_and_the_same_tree_need_no_hash() {
        let empty = Hash::of_empty_tree();
        let (a, b) = (leaf(b"a"), leaf(b"b"));
        fn check(from: u64, root_from: Hash, to: u64, root_to: Hash, proof: &[Hash], proven: bool) {
            let verified = verify_consistency(from, root_from, to, root_to, proof);
            assert_eq!(verified.is_ok(), proven, "{from} to {to} by {proof:?}");
        }
        check(0, empty, 0, empty, &[], true);
        check(0, empty, 0, a, &[], false);
        check(0, a, 0, a, &[], false);
        check(0, empty, 5, a, &[], true);
        check(0, a, 5, a, &[], false);
        check(0, empty, 5, a, &[b], false);
        check(5, a, 5, a, &[], true);
        check(5, a, 5, b, &[], false);
        check(5, a, 5, a, &[b], false);
        check(5, a, 0, empty, &[], false);
        check(5, a, 4, a, &[], false);
        check(3, a, 4, b, &[], false);
        check(1, a, 2, Hash::of_node(a, b), &[b], true);
        check(1, a, 2, Hash::of_node(a, b), &[], false);
        check(1, a, u64::MAX, b, &[b; 100], false);
        check(u64::MAX - 1, a, u64::MAX, b, &[b; 100], false);
    }
}
