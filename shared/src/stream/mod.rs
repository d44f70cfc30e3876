//! Streams: a workspace's log, sent on to where its admins want it.
//!
//! A stream is driven by the sequence of the log. It holds one number, [`Progress::next`], and whatever happens to
//! whoever delivers, delivery goes on at that number: each event is delivered at least once, in order, and under
//! its own id. What is set of a stream has a generation, which every change by an admin raises; who delivers notes
//! what it did under the generation it began with, so that what an admin said meanwhile is never overwritten.

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

/// How many streams a workspace may have.
pub const MAX_STREAMS: usize = 20;

/// The name of a stream: `str_` and 12 characters of base 62. No two streams ever have the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct StreamId(String);

/// What is set of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// Its name for programs.
    pub id: StreamId,
    /// The workspace whose log it sends on.
    pub workspace: WorkspaceId,
    /// What its admin calls it.
    pub name: String,
    /// Where to.
    pub destination: Destination,
    /// As what.
    pub format: Format,
    /// Which events.
    pub filter: StreamFilter,
    /// What of each event is left out.
    pub mask: Vec<Mask>,
    /// Which version of its secret counts, where the destination takes one.
    pub secret: Option<SecretVersions>,
    /// The admin who created it, by their id in the product.
    pub created_by: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// As what events are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As the API answers them.
    #[default]
    Native,
    /// In the Open Cybersecurity Schema Framework.
    Ocsf,
}

/// A stream, and how far it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// What is set of it.
    pub stream: Stream,
    /// Raised by every change that an admin makes, a pause included.
    pub generation: u64,
    /// How far it has come.
    pub progress: Progress,
    /// Until when somebody is delivering, where somebody is or was.
    pub leased_until: Option<Timestamp>,
    /// The last run of its archive, where it has one.
    pub last_run: Option<LastRun>,
    /// The run of its archive that was begun and is not noted as written.
    pub planned_run: Option<PlannedRun>,
}

/// A run of an archive that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// The hash of its manifest, which the next one has in it.
    pub manifest: Hash,
    /// When it was written.
    pub at: Timestamp,
}

/// A run of an archive, as it was decided before its first object was put. A turn that begins it again writes the same
/// run, whatever an admin has changed meanwhile, so that each object that was put is written over and named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRun {
    /// The first sequence.
    pub first: u64,
    /// The sequence after the last one.
    pub next: u64,
    /// Which events.
    pub filter: StreamFilter,
    /// What of each event is left out.
    pub mask: Vec<Mask>,
    /// As of when events have expired.
    pub at: Timestamp,
}

impl StreamId {
    /// What every id begins with.
    pub const PREFIX: &str = "str_";
    /// How many characters follow.
    pub const LENGTH: usize = 12;

    /// Makes the id of these characters, each one of base 62.
    pub fn new(characters: &[u8; Self::LENGTH]) -> Self {
        Self(Self::PREFIX.chars().chain(characters.iter().copied().map(char::from)).collect())
    }

    /// Reads an id, exactly as it is written.
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
    /// Whether there may be something to do: a test that was asked for, or events, if the time has come and nobody
    /// else is at it. Whether there are events is for the head of the log to say.
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
        let check = |text: &str, fits: bool| assert_eq!(StreamId::parse(text).is_ok(), fits, "{text}");
        check("str_abcdefABCDEF", true);
        check("str_abcdefABCDE", false);
        check("str_abcdefABCDE-", false);
        check("abcdefABCDEF", false);
        check("STR_abcdefABCDEF", false);
        assert_eq!(StreamId::new(b"abcdefABCDEF").as_str(), "str_abcdefABCDEF");
    }
}
