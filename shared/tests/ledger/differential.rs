//! Trees, tiles and proofs are the same as those of `tlog_tiles`, and each implementation verifies the other's.
//!
//! The tests cover every leaf and every smaller tree for every size up to 300, so that there is a second level of tiles. A
//! proof with a flipped bit is always refused. The tests named `every_other_size` take most of the time, and are left out of
//! the first run for each mutant (docs/testing.md).

use shared::ledger::{
    hash::Hash,
    proof::{verify_consistency, verify_inclusion},
    subtrees::Subtrees,
    tile::TileId,
    tiles::Tiles,
};
use tlog_tiles::{
    HashReader, Tile, check_record, check_tree, node_hash, prove_record, prove_tree, record_hash,
    stored_hash_index, stored_hashes, tree_hash,
};

use crate::log::{Log, content, leaf};

const SIZE: u64 = 300;

/// Whether all hashes of a proof are flipped for this size; for other sizes only one is.
fn is_thorough(size: u64) -> bool {
    size <= 40 || (255..=258).contains(&size)
}

struct Theirs(Vec<tlog_tiles::Hash>);

impl HashReader for Theirs {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|&index| self.0[usize::try_from(index).unwrap()]).collect())
    }
}

impl Theirs {
    fn of(size: u64) -> Self {
        let mut log = Self(Vec::new());
        for sequence in 0..size {
            let hashes = stored_hashes(sequence, &content(sequence), &log).unwrap();
            log.0.extend(hashes);
        }
        log
    }
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(*hash.as_bytes())
}

fn ours(hashes: &[tlog_tiles::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash::from_bytes(hash.0)).collect()
}

fn all_theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().copied().map(theirs).collect()
}

fn all_tiles(log: &Log, size: u64) -> Tiles {
    log.tiles(TileId::new_since(0, size))
}

fn flip(hash: Hash, random: &mut fastrand::Rng) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[random.usize(..32)] ^= 1 << random.u8(..8);
    Hash::from_bytes(bytes)
}

/// Copies of the proof with one flipped bit: one copy for each hash, or one copy for a random hash.
fn flipped(proof: &[Hash], all: bool, random: &mut fastrand::Rng) -> Vec<Vec<Hash>> {
    let any = random.usize(..proof.len().max(1));
    let places = if all { 0..proof.len() } else { any..(any + 1).min(proof.len()) };
    let mut flipped_at = |place: usize| {
        let mut proof = proof.to_vec();
        proof[place] = flip(proof[place], random);
        proof
    };
    places.map(&mut flipped_at).collect()
}

#[test]
fn hashes_are_the_same() {
    let (a, b) = (leaf(0), leaf(1));
    assert_eq!(record_hash(&content(0)), theirs(a));
    assert_eq!(node_hash(theirs(a), theirs(b)), theirs(Hash::of_node(a, b)));
    assert_eq!(tlog_tiles::EMPTY_HASH, theirs(Hash::of_empty_tree()));
}

#[test]
fn roots_and_tiles_are_the_same() {
    let (log, other) = (Log::of(SIZE), Theirs::of(SIZE));
    for size in 0..=SIZE {
        let root = log.roots[usize::try_from(size).unwrap()];
        assert_eq!(tree_hash(size, &other).unwrap(), theirs(root), "root of {size}");
        for log_size in [size, SIZE] {
            assert_eq!(log.fetch(&Subtrees::root(size).unwrap(), log_size), [root], "root of {size}");
        }
        for from in [0, size / 2, size.saturating_sub(1)] {
            let tiles: Vec<_> = TileId::new_since(from, size).collect();
            let expected = Tile::new_tiles(8, from, size);
            assert_eq!(tiles.len(), expected.len());
            for (tile, expected) in tiles.into_iter().zip(expected) {
                assert_eq!(format!("tile/8/{tile}"), expected.path());
                assert_eq!(log.tile(tile), expected.read_data(&other).unwrap(), "{tile} of {size}");
            }
        }
    }
}

/// A tree with three levels of tiles: its edges, and some leaves in the middle.
#[test]
fn the_proofs_of_a_tree_of_70000_leaves_are_the_same() {
    const SIZE: u64 = 65_536 + 300;
    let (log, other) = (Log::of(SIZE), Theirs::of(SIZE));
    let mut random = fastrand::Rng::with_seed(70_000);
    let edges = [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, SIZE - 1];
    let places: Vec<u64> = edges.into_iter().chain((0..40).map(|_| random.u64(..SIZE))).collect();
    for &sequence in &places {
        let proof = log.fetch(&Subtrees::inclusion(sequence, SIZE).unwrap(), SIZE);
        assert_eq!(all_theirs(&proof), prove_record(SIZE, sequence, &other).unwrap(), "leaf {sequence}");
    }
    for &from in places.iter().filter(|&&from| from > 0) {
        let proof = log.fetch(&Subtrees::consistency(from, SIZE).unwrap(), SIZE);
        assert_eq!(all_theirs(&proof), prove_tree(SIZE, from, &other).unwrap(), "from {from}");
    }
    assert_eq!(stored_hash_index(0, 0), 0);
}

#[test]
fn proofs_of_inclusion_are_the_same_and_both_sides_verify_them() {
    same_inclusion((1..=SIZE).filter(|&size| is_thorough(size)), true);
}

#[test]
fn proofs_of_inclusion_are_the_same_for_every_other_size() {
    same_inclusion((1..=SIZE).filter(|&size| !is_thorough(size)), false);
}

#[test]
fn proofs_of_consistency_are_the_same_and_both_sides_verify_them() {
    same_consistency((0..=SIZE).filter(|&to| is_thorough(to)), true);
}

#[test]
fn proofs_of_consistency_are_the_same_for_every_other_size() {
    same_consistency((0..=SIZE).filter(|&to| !is_thorough(to)), false);
}

fn same_inclusion(sizes: impl Iterator<Item = u64>, thorough: bool) {
    let (log, other) = (Log::of(SIZE), Theirs::of(SIZE));
    let mut random = fastrand::Rng::with_seed(6962);
    for size in sizes {
        let tiles = all_tiles(&log, size);
        let root = log.roots[usize::try_from(size).unwrap()];
        for sequence in 0..size {
            let proof = Subtrees::inclusion(sequence, size).unwrap().hashes(&tiles).unwrap();
            let expected = prove_record(size, sequence, &other).unwrap();
            assert_eq!(proof, ours(&expected), "leaf {sequence} of {size}");
            check_record(&all_theirs(&proof), size, theirs(root), sequence, theirs(leaf(sequence))).unwrap();

            let verify = |leaf, sequence, proof: &[Hash], root| {
                verify_inclusion(leaf, sequence, size, proof, root).is_ok()
            };
            let leaf = leaf(sequence);
            assert!(verify(leaf, sequence, &proof, root), "leaf {sequence} of {size}");
            for proof in flipped(&proof, thorough, &mut random) {
                assert!(!verify(leaf, sequence, &proof, root), "leaf {sequence} of {size}");
            }
            let which = random.u8(..4);
            let wrong: [&dyn Fn(&mut fastrand::Rng) -> bool; 4] = [
                &|random| verify(flip(leaf, random), sequence, &proof, root),
                &|random| verify(leaf, sequence, &proof, flip(root, random)),
                &|_| verify(leaf, sequence + 1, &proof, root),
                &|_| sequence > 0 && verify(leaf, sequence - 1, &proof, root),
            ];
            for (number, wrong) in (0..).zip(wrong) {
                if thorough || number == which {
                    assert!(!wrong(&mut random), "leaf {sequence} of {size}, wrong {number}");
                }
            }
            if thorough {
                let longer = [proof.as_slice(), &[root]].concat();
                assert!(!verify(leaf, sequence, &longer, root));
                assert!(size == 1 || !verify(leaf, sequence, &proof[..proof.len() - 1], root));
            }
        }
    }
}

fn same_consistency(sizes: impl Iterator<Item = u64>, thorough: bool) {
    let (log, other) = (Log::of(SIZE), Theirs::of(SIZE));
    let mut random = fastrand::Rng::with_seed(9162);
    for to in sizes {
        let tiles = all_tiles(&log, to);
        let root_to = log.roots[usize::try_from(to).unwrap()];
        for from in 0..=to {
            let proof = Subtrees::consistency(from, to).unwrap().hashes(&tiles).unwrap();
            let root_from = log.roots[usize::try_from(from).unwrap()];
            // `tlog_tiles` makes no proof from the empty tree, because there is nothing to prove.
            if from > 0 {
                assert_eq!(proof, ours(&prove_tree(to, from, &other).unwrap()), "{from} to {to}");
                check_tree(&all_theirs(&proof), to, theirs(root_to), from, theirs(root_from)).unwrap();
            }

            let verify = |root_from, root_to, proof: &[Hash]| {
                verify_consistency(from, root_from, to, root_to, proof).is_ok()
            };
            assert!(verify(root_from, root_to, &proof), "{from} to {to}");
            for proof in flipped(&proof, thorough, &mut random) {
                assert!(!verify(root_from, root_to, &proof), "{from} to {to}");
            }
            if thorough || random.bool() {
                assert!(!verify(flip(root_from, &mut random), root_to, &proof), "{from} to {to}");
            }
            // Every tree begins with the empty tree, so only its root can be wrong.
            if (thorough || random.bool()) && from > 0 {
                assert!(!verify(root_from, flip(root_to, &mut random), &proof), "{from} to {to}");
            }
            if thorough {
                assert!(!verify(root_from, root_to, &[proof.as_slice(), &[root_to]].concat()));
                assert!(proof.is_empty() || !verify(root_from, root_to, &proof[..proof.len() - 1]));
            }
        }
    }
}
