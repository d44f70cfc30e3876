//! The manifest of a run.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// SHA-256 of an object's bytes, written in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// The manifest of a run: an object that is written after all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The version of this form: 1.
    pub version: u32,
    /// The workspace of the log.
    pub workspace: String,
    /// The stream that archives it.
    pub stream: String,
    /// The first sequence that the run covers.
    pub first: u64,
    /// The last sequence that the run covers.
    pub last: u64,
    /// The number of events in its objects.
    pub events: u64,
    /// The number of expired events.
    pub expired: u64,
    /// The number of events that the stream's filter left out.
    pub filtered: u64,
    /// True if the stream has a filter.
    pub filter: bool,
    /// The members of events that the stream leaves out, as JSON pointers.
    pub mask: Vec<String>,
    /// The objects with the events, by the day or month in which they happened.
    pub objects: Vec<Named>,
    /// The last signed checkpoint of the log at that time, as a signed note. It may cover less than the run, or
    /// more.
    pub checkpoint: Option<String>,
    /// The hash of the previous run's manifest; null in the first run of a stream.
    pub previous: Option<Digest>,
}

/// An object in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its key in the bucket.
    pub key: String,
    /// The day on which all its events happened, in UTC; or the month, in a run of more than 31 days.
    pub day: String,
    /// The format: `ndjson` or `parquet`.
    pub format: &'static str,
    /// The size of the object.
    pub bytes: u64,
    /// The hash of the object.
    pub sha256: Digest,
    /// The number of events in it.
    pub rows: u64,
    /// The sequences of the events, such as `0-511,514`.
    pub sequences: String,
}

impl Digest {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A stored hash.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
