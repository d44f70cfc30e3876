//! The manifest of a run.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// SHA-256 of an object's bytes, written in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// The manifest of a run. It is an object as the others are, and written when they all are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The version of this form: 1.
    pub version: u32,
    /// Whose log it is.
    pub workspace: String,
    /// Which stream archives it.
    pub stream: String,
    /// The first sequence that the run covers.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// How many events there are in its objects.
    pub events: u64,
    /// How many had expired.
    pub expired: u64,
    /// How many the filter of the stream left out.
    pub filtered: u64,
    /// Whether the stream has a filter.
    pub filter: bool,
    /// Which members of an event the stream leaves out, as JSON pointers.
    pub mask: Vec<String>,
    /// The objects with the events, by the day on which they happened.
    pub objects: Vec<Named>,
    /// The last checkpoint of the log that was signed by then, as a signed note. It may cover less than the
    /// run, or more.
    pub checkpoint: Option<String>,
    /// The hash of the manifest of the run before; null in the first of a stream.
    pub previous: Option<Digest>,
}

/// An object, as a manifest names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its key in the bucket.
    pub key: String,
    /// The day on which all its events happened, in UTC.
    pub day: String,
    /// The format: `ndjson` or `parquet`.
    pub format: &'static str,
    /// How many bytes it has.
    pub bytes: u64,
    /// The hash of them.
    pub sha256: Digest,
    /// How many events are in it.
    pub rows: u64,
    /// Which ones, such as `0-511,514`.
    pub sequences: String,
}

impl Digest {
    /// The hash of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash that was kept as bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
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
