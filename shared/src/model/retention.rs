//! The retention period of a workspace, its legal holds, and the time from which events are retained.
//!
//! [`Retention::retained_from`] alone decides it, from the settings and the clock. Events with an older timestamp are
//! invisible to every reader, and cannot be recorded again, even while they are still stored.
//!
//! The time never goes back, so an event that a reader has skipped as expired stays expired. A longer period or a legal
//! hold does not restore events; it only stops more events from expiring. A change takes effect only after all instances
//! have read it, so that they all switch at the same time.

mod history;

use serde::{Deserialize, Serialize};

pub use self::history::History;
use crate::{
    model::{
        catalogue::Action, event::Event, id::EventId, keys::Position, shards::SETTINGS_AGE_SECONDS,
        timestamp::Timestamp,
    },
    text::problem::FieldError,
};

/// The longest period that can be set, in days. Without a period events are kept permanently.
pub const MAX_DAYS: u32 = 3650;
/// The least time between a change and its effect, in seconds. It is twice the maximum age of cached settings, which leaves
/// a minute for clocks that disagree.
pub const NOTICE_SECONDS: i64 = 2 * SETTINGS_AGE_SECONDS;
/// The most time between a change and its effect, in days.
pub const MAX_NOTICE_DAYS: i64 = 365;

/// The action of a receipt: the event that says which events have expired. Receipts never expire, because they
/// explain the gaps in a log.
const RECEIPT: &str = "x_audit_log_expired";
/// The action of a redaction record. Redaction records never expire, because they explain why parts of events are gone.
const REDACTION: &str = "x_audit_log_redacted";
/// The action of a change of settings. Its records never expire, because verifiers judge receipts by them.
const SETTINGS: &str = "x_audit_log_settings_changed";
/// The beginning of the ids of receipts, and of few other events: an entry of the log whose id begins otherwise is no
/// receipt, and need not be read to know that.
pub const RECEIPT_ID: &str = "expired.";
/// The beginning of the ids of redaction records.
pub const REDACTION_ID: &str = "x_audit_log_redacted.";
/// The beginning of the ids of records of changed settings.
pub const SETTINGS_ID: &str = "x_audit_log_settings.";
/// The actions of records that never expire, and the beginnings of their ids.
pub(crate) const LASTING: [(&str, &str); 3] =
    [(RECEIPT, RECEIPT_ID), (REDACTION, REDACTION_ID), (SETTINGS, SETTINGS_ID)];
/// The beginnings of ids that no sender may choose.
pub const RESERVED_IDS: [&str; 2] = [RECEIPT_ID, "x_audit_log_"];

/// A value that applies from an instant on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting<T> {
    /// The instant from which the value applies, in the past or the future.
    pub from: Timestamp,
    /// The value.
    pub value: T,
}

/// A legal hold: while it is in effect, nothing expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The reason that the admin gave.
    pub reason: String,
    /// The user id of the admin who placed it.
    pub by: String,
}

/// The retention settings of a workspace. Without a period events are kept permanently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The state when a setting was last changed. Earlier settings are not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    stood: Option<Stood>,
    /// The period in days, `None` for unlimited: the current value and the planned one.
    days: Vec<Setting<Option<u32>>>,
    /// The hold: the current value and the planned one.
    holds: Vec<Setting<Option<Hold>>>,
}

/// A hold with its start and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandingHold<'a> {
    /// The hold.
    pub hold: &'a Hold,
    /// The time from which it is in effect.
    pub from: Timestamp,
    /// Its end, if one is set.
    pub until: Option<Timestamp>,
}

/// The result of [`Retention::retained_from`] at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stood {
    at: Timestamp,
    retained_from: Option<Timestamp>,
}

/// The reason why a change of the retention is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChange {
    /// The number of days is out of range.
    #[error("must be from 1 to {MAX_DAYS}, or unlimited")]
    Days,
    /// Some instances would not have read the change in time.
    #[error("must be at least {NOTICE_SECONDS} seconds ahead, or left out")]
    TooSoon,
    /// The change takes effect more than [`MAX_NOTICE_DAYS`] ahead.
    #[error("must be at most {MAX_NOTICE_DAYS} days ahead")]
    TooLate,
    /// The last change is about to take effect, and some instances have read it already.
    #[error("the last change takes effect at {0}; try again after that")]
    Imminent(Timestamp),
}

impl Retention {
    /// The time before which all events have expired; `None` if no event has expired. It never goes back.
    pub fn retained_from(&self, now: Timestamp) -> Option<Timestamp> {
        let mut starts: Vec<_> = self
            .changes_at()
            .map(|from| self.stood.map_or(from, |stood| from.max(stood.at)))
            .filter(|from| *from <= now)
            .collect();
        starts.sort_unstable();
        // Between two changes the time moves with the clock or stands still, so its value at the end is the largest.
        let ends = starts.iter().skip(1).copied().chain([now]);
        let reached = starts.iter().zip(ends).filter_map(|(start, end)| {
            let days = (*in_force(&self.days, *start)?)?;
            let held = in_force(&self.holds, *start).is_some_and(Option::is_some);
            (!held).then(|| end.plus_seconds(-i64::from(days) * 86_400))
        });
        reached.chain(self.stood.and_then(|stood| stood.retained_from)).max()
    }

    /// The time before which events may be deleted permanently; `None` while no event may be deleted.
    pub fn expires_before(&self, now: Timestamp, margin_seconds: i64) -> Option<Timestamp> {
        let held = self.holds_back(now, margin_seconds);
        self.retained_from(now).filter(|_| !held).map(|from| from.plus_seconds(-margin_seconds))
    }

    /// Whether a hold stops deletion. It does so from the moment it is placed, even before it takes effect, until a margin
    /// after its end, because the clock of this instance may be ahead.
    pub fn holds_back(&self, now: Timestamp, margin_seconds: i64) -> bool {
        [now, now.plus_seconds(-margin_seconds)].into_iter().any(|at| self.standing_hold(at).is_some())
    }

    /// An instant from now on at which more events have expired than under `old`, and the value of
    /// [`Self::retained_from`] at that instant; `None` if no event ever expires sooner than under `old`.
    ///
    /// As a function of time, [`Self::retained_from`] is a line between two changes: it is constant, then rises with the
    /// clock. If one such line is above another anywhere between two changes, it is above the other at one of the two ends.
    /// So the function compares both at each change, just before it, and when both have reached their final slope.
    pub fn expires_sooner_than(&self, old: &Self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let mut instants: Vec<_> = self.changes_at().chain(old.changes_at()).collect();
        instants.retain(|at| now < *at);
        instants.extend(instants.clone().into_iter().map(|at| at.plus_microseconds(-1)));
        instants.push(now);
        let last = instants.iter().max().copied().unwrap_or(now);
        instants.push(last.plus_seconds(i64::from(MAX_DAYS + 1) * 86_400));
        instants.sort_unstable();
        instants.into_iter().find_map(|at| {
            let expired =
                self.retained_from(at).filter(|from| old.retained_from(at).is_none_or(|old| old < *from))?;
            Some((at, expired))
        })
    }

    /// Sets another period from an instant on. It replaces a planned period.
    ///
    /// # Errors
    /// If the period or the instant is out of range, or instances may have read the planned change already.
    pub fn keep(&self, days: Option<u32>, from: Timestamp, now: Timestamp) -> Result<Self, InvalidChange> {
        if days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
            return Err(InvalidChange::Days);
        }
        let days = changed(&self.days, days, from, now)?;
        Ok(Self { stood: Some(self.stand(now)), days, ..self.clone() })
    }

    /// Places a legal hold from an instant on, or ends it.
    ///
    /// # Errors
    /// The same as [`Self::keep`].
    pub fn with_hold(
        &self,
        hold: Option<Hold>,
        from: Timestamp,
        now: Timestamp,
    ) -> Result<Self, InvalidChange> {
        let holds = changed(&self.holds, hold, from, now)?;
        Ok(Self { stood: Some(self.stand(now)), holds, ..self.clone() })
    }

    fn changes_at(&self) -> impl Iterator<Item = Timestamp> {
        self.days.iter().map(|days| days.from).chain(self.holds.iter().map(|hold| hold.from))
    }

    fn stand(&self, now: Timestamp) -> Stood {
        Stood { at: now, retained_from: self.retained_from(now) }
    }

    /// The period in days that applies now.
    pub fn days(&self, now: Timestamp) -> Option<u32> {
        in_force(&self.days, now).copied().flatten()
    }

    /// The planned period, if there is one.
    pub fn days_to_come(&self, now: Timestamp) -> Option<&Setting<Option<u32>>> {
        self.days.last().filter(|days| now < days.from)
    }

    /// The hold that is in effect, or is placed and takes effect later.
    pub fn standing_hold(&self, now: Timestamp) -> Option<StandingHold<'_>> {
        let last = self.holds.last()?;
        if let Some(hold) = &last.value {
            return Some(StandingHold { hold, from: last.from, until: None });
        }
        let standing = self.holds.iter().rfind(|hold| hold.from <= now)?;
        let hold = standing.value.as_ref()?;
        Some(StandingHold { hold, from: standing.from, until: Some(last.from) })
    }
}

/// The value that applies at an instant.
fn in_force<T>(settings: &[Setting<T>], at: Timestamp) -> Option<&T> {
    settings.iter().rfind(|setting| setting.from <= at).map(|setting| &setting.value)
}

/// The current value, followed by the planned one.
fn changed<T: Clone>(
    settings: &[Setting<T>],
    value: T,
    from: Timestamp,
    now: Timestamp,
) -> Result<Vec<Setting<T>>, InvalidChange> {
    let earliest = now.plus_seconds(NOTICE_SECONDS);
    if from < earliest {
        return Err(InvalidChange::TooSoon);
    }
    if from > now.plus_seconds(MAX_NOTICE_DAYS * 86_400) {
        return Err(InvalidChange::TooLate);
    }
    if let Some(last) = settings.last().filter(|last| now < last.from && last.from <= earliest) {
        return Err(InvalidChange::Imminent(last.from));
    }
    Ok(history::replaced(settings, value, from, now))
}

/// The events that readers get at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained(Option<Timestamp>);

impl Retained {
    /// The events that these settings retain at an instant.
    pub fn at(retention: &Retention, now: Timestamp) -> Self {
        Self(retention.retained_from(now))
    }

    #[cfg(test)]
    pub(crate) fn since(from: Timestamp) -> Self {
        Self(Some(from))
    }

    /// Before which time every event has expired that may expire.
    pub fn from(self) -> Option<Timestamp> {
        self.0
    }

    /// Whether readers get the event.
    pub fn keeps(self, event: &Event) -> bool {
        never_expires(event) || self.is_after(event.timestamp)
    }

    /// Whether readers may get the event of this key. If not, the event need not be read.
    pub fn may_keep(self, position: &Position) -> bool {
        let may_last = LASTING.iter().any(|(_, id)| position.id.as_str().starts_with(id));
        may_last || self.is_after(position.timestamp)
    }

    /// Whether events of this time are retained.
    pub fn is_after(self, time: Timestamp) -> bool {
        self.0.is_none_or(|from| from <= time)
    }
}

/// The progress of expiry in a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// The position of the last event that a receipt lists. Receipts follow the order of time.
    pub receipted_to: Option<Position>,
    /// All events in the receipts of the first `marked_size` entries of the log are marked for deletion.
    pub marked_size: u64,
    /// The digest of the retention under whose hold all marks were removed.
    pub unmarked_under: Option<String>,
}

/// The problem of an event whose timestamp has expired.
pub fn expired(retained_from: Timestamp) -> FieldError {
    let detail = format!("is before {retained_from}; of what was before that, nothing is kept");
    FieldError::new("/timestamp", "expired_timestamp", detail)
}

/// Whether an id begins with a reserved prefix, in upper or lower case.
pub fn is_reserved_id(id: &EventId) -> bool {
    RESERVED_IDS.iter().any(|reserved| {
        id.as_str().get(..reserved.len()).is_some_and(|start| start.eq_ignore_ascii_case(reserved))
    })
}

/// Whether an event is a record of the service that never expires.
pub fn never_expires(event: &Event) -> bool {
    LASTING.iter().any(|(action, id)| event.action.name() == *action && event.id.as_str().starts_with(id))
}

/// Whether an event is a receipt.
pub fn is_receipt(event: &Event) -> bool {
    event.action.name() == RECEIPT
}

/// The action of receipts.
pub fn receipt_action() -> Action {
    Action::own_custom(RECEIPT)
}

/// Writes ascending sequences as runs, such as `0-511,514`.
pub fn runs(sequences: &[u64]) -> String {
    let mut text = String::new();
    for run in sequences.chunk_by(|one, next| one + 1 == *next) {
        let comma = if text.is_empty() { "" } else { "," };
        match run {
            [one] => text.push_str(&format!("{comma}{one}")),
            [first, .., last] => text.push_str(&format!("{comma}{first}-{last}")),
            [] => {}
        }
    }
    text
}

/// Parses the output of [`runs`] into inclusive runs; `None` for any other text.
pub fn parse_runs(text: &str) -> Option<Vec<(u64, u64)>> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for run in text.split(',') {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        fn number(text: &str) -> Option<u64> {
            text.parse::<u64>().ok().filter(|number| number.to_string() == text)
        }
        let (first, last) = (number(first)?, number(last)?);
        let follows = runs.last().is_none_or(|(_, before)| before + 1 < first);
        if !follows || first > last || (first == last && run.contains('-')) {
            return None;
        }
        runs.push((first, last));
    }
    Some(runs)
}

#[cfg(test)]
mod tests;
