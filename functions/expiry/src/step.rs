//! The steps of a run: their results, and what holds them back.

use shared::model::{settings::Settings, timestamp::Timestamp};

/// Seconds after its expiry before a receipt names an event, and seconds after its end for which a hold still
/// counts: far longer than any request takes, and than clocks differ.
pub const MARGIN_SECONDS: i64 = 3600;

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// There was nothing to do.
    Nothing,
    /// An expired event is not sealed: no receipt can name it, or any event after it.
    Blocked,
    /// The settings changed meanwhile; another step uses the new ones.
    Changed,
    /// Receipts were recorded.
    Receipted {
        /// The number of receipts.
        receipts: u64,
        /// The number of events that they name.
        events: u64,
    },
    /// Events of a sealed receipt were marked, or the log was searched for one.
    Marked {
        /// The number of events that still existed.
        events: u64,
    },
    /// Marks were removed.
    Unmarked {
        /// The number of marks.
        events: u64,
    },
}

/// True if a hold stops deletion.
pub(crate) fn is_held(settings: &Settings, now: Timestamp) -> bool {
    settings.retention.holds_back(now, MARGIN_SECONDS)
}
