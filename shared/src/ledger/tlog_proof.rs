//! The proof of one leaf as a self-contained text in the format of C2SP [tlog-proof](https://c2sp.org/tlog-proof). It can be
//! stored with the leaf and verified years later with the log's key alone.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    checkpoint::{Checkpoint, InvalidCheckpoint},
    hash::Hash,
    note::Vkey,
    parse_number,
    proof::{NotProven, verify_inclusion},
};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// The sequence of a leaf, its proof of inclusion, and the signed checkpoint of the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// The sequence of the leaf.
    pub sequence: u64,
    /// The hashes from the leaf's sibling up to the root's child.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint. Only [`verify`](Self::verify) reads it.
    pub note: String,
}

/// The text is not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a tlog-proof of version 1")]
pub struct InvalidTlogProof;

/// The reason why a proof does not show that the leaf is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// The checkpoint is not signed by the log.
    #[error(transparent)]
    Checkpoint(#[from] InvalidCheckpoint),
    /// The hashes do not lead from this leaf to the checkpoint's root.
    #[error(transparent)]
    Leaf(#[from] NotProven),
}

impl TlogProof {
    /// Parses the text of a proof. Extra data must be well-formed. It is ignored, because it is not signed.
    pub fn parse(text: &str) -> Result<Self, InvalidTlogProof> {
        Self::parse_lines(text).ok_or(InvalidTlogProof)
    }

    /// Verifies that the log has the leaf with this hash at the proof's sequence. Returns the verified checkpoint.
    pub fn verify(&self, leaf: Hash, log: &Vkey) -> Result<Checkpoint, NotVerified> {
        let checkpoint = Checkpoint::open(&self.note, log)?;
        verify_inclusion(leaf, self.sequence, checkpoint.size(), &self.hashes, checkpoint.root())?;
        Ok(checkpoint)
    }

    fn parse_lines(text: &str) -> Option<Self> {
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut line = lines.next()?;
        if let Some(extra) = line.strip_prefix("extra ") {
            STANDARD.decode(extra).ok()?;
            line = lines.next()?;
        }
        let sequence = parse_number(line.strip_prefix("index ")?)?;
        let hashes = lines.map(Hash::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { sequence, hashes, note: note.to_owned() })
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, hashes, note } = self;
        write!(f, "{FIRST_LINE}\nindex {sequence}\n")?;
        for hash in hashes {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{note}")
    }
}
