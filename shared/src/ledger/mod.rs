//! The ledger of a workspace: the tree over its events, what proves something of it, and the texts
//! in which that is handed out.
//!
//! The tree is that of RFC 6962 §2.1 (and of RFC 9162 §2.1, which left it as it was) with SHA-256.
//! A tree is named by its size: the log only grows, so the first `size` leaves are the same for
//! ever, and so is the root over them. The place of a leaf is its sequence. Sizes go up to
//! [`MAX_SIZE`].
//!
//! There are three ways to hold a tree, each for its own use:
//!
//! - [`tree::Frontier`] is what it takes to grow one: at most 63 hashes, however large the tree.
//! - [`tiles::Tiles`] is what it takes to prove something: the pieces in which the tree is stored
//!   and served, as the C2SP specification tlog-tiles has it.
//! - [`proof`] needs neither: it checks what somebody else claims, by the root alone.
//!
//! [`checkpoint::Checkpoint`] and [`tlog_proof::TlogProof`] are the texts for readers: the signed
//! root, and the proof of one leaf with the signed root beside it. A log of ours has no format of
//! its own there, so that every verifier of C2SP logs verifies it. [`service_record`] has the signature of records that the
//! service itself wrote.
//!
//! Nothing here reads, writes, waits or signs. In particular no private key is known here: a
//! signature is made elsewhere, and [`note::Vkey::note`] refuses a wrong one.

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

/// The largest tree: 2⁶³ - 1 leaves, so that it can be told to those who count in signed 64-bit
/// numbers.
pub const MAX_SIZE: u64 = (1 << 63) - 1;

/// A number up to [`MAX_SIZE`], as the texts have it: in decimal digits, without leading zeros.
fn parse_number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| *number <= MAX_SIZE && number.to_string() == text)
}
