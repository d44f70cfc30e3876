//! Checkpoints: the size and the root of a log.
//!
//! The text is that of C2SP [tlog-checkpoint](https://c2sp.org/tlog-checkpoint). By signing it, the log promises that it
//! never shows another tree of this size and name.

use std::fmt;

use super::{
    MAX_SIZE,
    hash::Hash,
    note::{InvalidNote, Vkey, is_plain},
    parse_number,
};

/// The size and the root of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
}

/// The reason why a checkpoint must not be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCheckpoint {
    /// The signature is missing or wrong.
    #[error(transparent)]
    Note(#[from] InvalidNote),
    /// The signed text is not a checkpoint.
    #[error("this is not a checkpoint")]
    Form,
    /// The name of its log is not the name of the key.
    #[error("the checkpoint is of another log")]
    OtherLog,
}

impl Checkpoint {
    /// The checkpoint of the log that has the name of its key. The caller signs its text.
    ///
    /// # Panics
    /// If the size is greater than [`MAX_SIZE`].
    pub fn new(log: &Vkey, size: u64, root: Hash) -> Self {
        assert!(size <= MAX_SIZE, "a log has at most 2^63 - 1 leaves");
        Self { origin: log.name().to_owned(), size, root }
    }

    /// Parses the text of a checkpoint. Lines after the root are allowed and ignored, because observers of a log cannot
    /// verify them.
    ///
    /// The checkpoint may be of any log, and no signature is verified. See [`open`](Self::open).
    pub fn parse(text: &str) -> Result<Self, InvalidCheckpoint> {
        Self::parse_lines(text).ok_or(InvalidCheckpoint::Form)
    }

    /// Reads a checkpoint from a note. Verifies the key's signature and that the log has the name of the key.
    pub fn open(note: &str, log: &Vkey) -> Result<Self, InvalidCheckpoint> {
        let checkpoint = Self::parse(log.open(note)?)?;
        if checkpoint.origin == log.name() { Ok(checkpoint) } else { Err(InvalidCheckpoint::OtherLog) }
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.root
    }

    fn parse_lines(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty())?.to_owned();
        let size = parse_number(lines.next()?)?;
        let root = Hash::parse(lines.next()?).ok()?;
        let fits = lines.all(|extension| !extension.is_empty()) && is_plain(text);
        fits.then_some(Self { origin, size, root })
    }
}

/// Writes the text for the signature.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root } = self;
        write!(f, "{origin}\n{size}\n{root}\n")
    }
}
