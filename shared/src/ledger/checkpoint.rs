//! What a log says of itself: its size and its root.
//!
//! The text is that of C2SP [tlog-checkpoint](https://c2sp.org/tlog-checkpoint). Signed, it is the
//! promise that no other tree of this size and name will ever be shown.

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

/// Why a checkpoint is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCheckpoint {
    /// It is not what the key signed.
    #[error(transparent)]
    Note(#[from] InvalidNote),
    /// What was signed has not the form of a checkpoint.
    #[error("this is not a checkpoint")]
    Form,
    /// It is of a log with another name than the key's.
    #[error("the checkpoint is of another log")]
    OtherLog,
}

impl Checkpoint {
    /// The checkpoint of the log that is named like its key. Its text is still to be signed.
    ///
    /// # Panics
    /// If the size is greater than [`MAX_SIZE`].
    pub fn new(log: &Vkey, size: u64, root: Hash) -> Self {
        assert!(size <= MAX_SIZE, "a log has at most 2^63 - 1 leaves");
        Self { origin: log.name().to_owned(), size, root }
    }

    /// Reads the text of a checkpoint. Lines after the root are allowed and ignored: nobody who
    /// watches a log can verify what they say.
    ///
    /// It may be of any log, and nothing is verified. See [`open`](Self::open).
    pub fn parse(text: &str) -> Result<Self, InvalidCheckpoint> {
        Self::parse_lines(text).ok_or(InvalidCheckpoint::Form)
    }

    /// The checkpoint of the log that is named like the key, from a note that the key signed.
    pub fn open(note: &str, log: &Vkey) -> Result<Self, InvalidCheckpoint> {
        let checkpoint = Self::parse(log.open(note)?)?;
        if checkpoint.origin == log.name() { Ok(checkpoint) } else { Err(InvalidCheckpoint::OtherLog) }
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all of them.
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

/// Writes the text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root } = self;
        write!(f, "{origin}\n{size}\n{root}\n")
    }
}
