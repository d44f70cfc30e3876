//! The ledger of a workspace: the tree over its events, proofs, and the published texts.
//!
//! The tree is that of RFC 6962 §2.1 (unchanged in RFC 9162 §2.1) with SHA-256. The log only grows, so its first `size`
//! leaves never change, nor does their root: a tree is identified by its size. The index of a leaf is its sequence. Sizes
//! go up to [`MAX_SIZE`].
//!
//! There are three representations of a tree:
//!
//! - [`tree::Frontier`] is enough to append leaves: at most 63 hashes, however large the tree.
//! - [`tiles::Tiles`] are enough to make proofs. A tree is stored and served in tiles, as in the C2SP specification
//!   tlog-tiles.
//! - [`proof`] verifies a proof with the root alone.
//!
//! [`checkpoint::Checkpoint`] and [`tlog_proof::TlogProof`] are the texts for readers: the signed
//! root, and the proof of one leaf with the signed root beside it. A log of ours has no format of
//! its own there, so that every verifier of C2SP logs verifies it. [`service_record`] has the signature of records that the
//! service itself wrote.
//!
//! This module has no I/O and no private keys. The caller makes signatures, and [`note::Vkey::note`] verifies them.

pub mod checkpoint;
mod delta;
pub mod entries;
pub mod hash;
mod leaf;
pub mod note;
pub mod places;
pub mod proof;
pub mod service_record;
pub mod subtrees;
pub mod tile;
pub mod tiles;
pub mod tlog_proof;
pub mod tree;
pub mod turn;

pub use self::{
    delta::{Delta, Entry},
    leaf::leaf,
};

/// The largest tree has 2⁶³ - 1 leaves, so that programs with signed 64-bit numbers can read every size.
pub const MAX_SIZE: u64 = (1 << 63) - 1;

/// Parses a number up to [`MAX_SIZE`] in decimal digits without leading zeros.
fn parse_number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| *number <= MAX_SIZE && number.to_string() == text)
}
