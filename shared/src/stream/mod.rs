//! Streams deliver the events of a workspace's log to the destinations that its admins choose.
//!
//! A stream follows the sequence of the log. It stores one number, [`Progress::next`], from which delivery resumes after
//! any crash. So each event is delivered at least once, in order, and with its own id. The settings of a stream have a
//! generation, which each change by an admin increments. A deliverer writes its progress only if the generation is still
//! the one that it read, so it never overwrites an admin's change.

mod address;
mod destination;
mod filter;
mod mask;
mod progress;
#[cfg(feature = "openapi")]
mod schema;
mod secret;
pub mod service_event;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    address::is_public,
    destination::{
        DATADOG_SITES, DESTINATION_FIELDS, Destination, DestinationKind, Endpoint, EventBus, Operator,
        SecretIs, Site,
    },
    filter::{FILTER_FIELDS, InvalidFilter, MAX_FILTER_VALUES, StreamFilter},
    mask::{InvalidMask, MAX_MASKS, Mask, masked},
    progress::{
        BACK_OFF_SECONDS, Delivered, MAX_BACK_OFF_SECONDS, PAUSE_AFTER_ATTEMPTS, PAUSE_AFTER_SECONDS, Pause,
        PausedBy, Problem, Progress, State, Test, TestRequest,
    },
    secret::{InvalidSecret, SecretVersion, SecretVersions, StreamSecret},
};
use crate::{
    ledger::hash::Hash,
    model::{
        id::{InvalidToken, WorkspaceId, is_base62},
        timestamp::Timestamp,
    },
};

/// The most streams of a workspace.
pub const MAX_STREAMS: usize = 20;

/// The id of a stream: `str_` and 12 characters of base 62. It is unique and never used again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct StreamId(String);

/// The settings of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// The stream's id.
    pub id: StreamId,
    /// The workspace whose log is delivered.
    pub workspace: WorkspaceId,
    /// The name that the admin gave it.
    pub name: String,
    /// The destination.
    pub destination: Destination,
    /// The format of the events.
    pub format: Format,
    /// The events to deliver.
    pub filter: StreamFilter,
    /// The parts of each event that are left out.
    pub mask: Vec<Mask>,
    /// The current version of its secret, if the destination has one.
    pub secret: Option<SecretVersions>,
    /// The user id of the admin who created it.
    pub created_by: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The format of delivered events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The format of the API.
    #[default]
    Native,
    /// The Open Cybersecurity Schema Framework.
    Ocsf,
}

/// A stream with its progress.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The settings.
    pub stream: Stream,
    /// The number of changes by admins, pauses included.
    pub generation: u64,
    /// The progress.
    pub progress: Progress,
    /// The end of the current or last lease; `None` if there is none.
    pub leased_until: Option<Timestamp>,
    /// The last complete run of its archive.
    pub last_run: Option<LastRun>,
    /// The run of its archive that has begun and is not complete.
    pub planned_run: Option<PlannedRun>,
}

/// A complete run of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// The hash of its manifest. The next manifest contains it.
    pub manifest: Hash,
    /// When it was written.
    pub at: Timestamp,
}

/// The plan of an archive run, stored before its first object is put. After a crash the next attempt writes the same run,
/// even if an admin has changed the stream meanwhile. So it overwrites every object of the first attempt, and the manifest
/// names them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRun {
    /// The first sequence.
    pub first: u64,
    /// The sequence after the last one.
    pub next: u64,
    /// The events to archive.
    pub filter: StreamFilter,
    /// The parts of each event that are left out.
    pub mask: Vec<Mask>,
    /// The time at which retention is evaluated.
    pub at: Timestamp,
}

impl StreamId {
    /// The prefix of every id.
    pub const PREFIX: &str = "str_";
    /// The number of characters after the prefix.
    pub const LENGTH: usize = 12;

    /// Makes an id from these base 62 characters.
    pub fn new(characters: &[u8; Self::LENGTH]) -> Self {
        Self(Self::PREFIX.chars().chain(characters.iter().copied().map(char::from)).collect())
    }

    /// Parses an id. It is not trimmed.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        match text.strip_prefix(Self::PREFIX) {
            Some(rest) if is_base62(rest, Self::LENGTH) => Ok(Self(text.to_owned())),
            _ => Err(InvalidToken),
        }
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Format {
    /// The names of both formats.
    pub const NAMES: [&str; 2] = ["native", "ocsf"];
}

impl Delivery {
    /// Whether a deliverer should take the stream: it has no lease, and a test is requested or delivery is due. The
    /// head of the log determines whether there are events to deliver.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let free = self.leased_until.is_none_or(|until| until <= now);
        free && (self.progress.test_requested.is_some() || self.progress.may_deliver(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_prefix_and_twelve_characters() {
        fn check(text: &str, fits: bool) {
            assert_eq!(StreamId::parse(text).is_ok(), fits, "{text}");
        }
        check("str_abcdefABCDEF", true);
        check("str_abcdefABCDE", false);
        check("str_abcdefABCDE-", false);
        check("abcdefABCDEF", false);
        check("STR_abcdefABCDEF", false);
        assert_eq!(StreamId::new(b"abcdefABCDEF").as_str(), "str_abcdefABCDEF");
    }
}
