//! How long the events of a workspace are kept, and since when those that are there are retained.
//!
//! One function decides it, [`Retention::retained_from`]: of the settings of the admins and of the clock. An event whose
//! timestamp is before that time is visible to no reader, and cannot be recorded again. So events vanish from every read
//! at once, even if they are still stored.
//!
//! It never goes back: a reader who counts events may rely on those that were passed over. Neither a longer period nor a
//! legal hold brings an event back; they only let no more expire. And every change takes effect at an instant that lies
//! further ahead than any instance reads settings late, so that all instances pass it at the same time.

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
/// How far ahead a change takes effect at least, in seconds. It is twice as long as settings are read late,
/// which leaves a minute for clocks that do not agree.
pub const NOTICE_SECONDS: i64 = 2 * SETTINGS_AGE_SECONDS;
/// How far ahead a change may take effect at most, in days.
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

/// What is set of one thing, from an instant on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting<T> {
    /// Since when it is so, or from when on it will be.
    pub from: Timestamp,
    /// What is set.
    pub value: T,
}

/// A legal hold: while it is in effect, nothing expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why it was placed.
    pub reason: String,
    /// The admin who placed it, by their id in the product.
    pub by: String,
}

/// How long events are kept: permanently, until a period is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How it stood when something was last set; what was in force before that is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    stood: Option<Stood>,
    /// For how many days events are kept, `None` for ever: what is in force, and what is to come.
    days: Vec<Setting<Option<u32>>>,
    /// The hold, the same.
    holds: Vec<Setting<Option<Hold>>>,
}

/// A hold, and how long it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandingHold<'a> {
    /// The hold.
    pub hold: &'a Hold,
    /// Since when.
    pub from: Timestamp,
    /// Until when, where its end is set.
    pub until: Option<Timestamp>,
}

/// What had expired at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stood {
    at: Timestamp,
    retained_from: Option<Timestamp>,
}

/// Why something cannot be set so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChange {
    /// The number of days is out of range.
    #[error("must be from 1 to {MAX_DAYS}, or unlimited")]
    Days,
    /// Not everybody would know in time.
    #[error("must be at least {NOTICE_SECONDS} seconds ahead, or left out")]
    TooSoon,
    /// Further ahead than anybody plans.
    #[error("must be at most {MAX_NOTICE_DAYS} days ahead")]
    TooLate,
    /// The last change is about to take effect, and some know of it already.
    #[error("the last change takes effect at {0}; try again after that")]
    Imminent(Timestamp),
}

impl Retention {
    /// Before which time every event has expired; `None` where none has. It is never earlier than it was.
    pub fn retained_from(&self, now: Timestamp) -> Option<Timestamp> {
        let changes = self.days.iter().map(|days| days.from).chain(self.holds.iter().map(|hold| hold.from));
        let since_it_stood = |from: Timestamp| self.stood.map_or(from, |stood| from.max(stood.at));
        let mut starts: Vec<_> = changes.map(since_it_stood).filter(|from| *from <= now).collect();
        starts.sort_unstable();
        // Between two changes it moves with the clock or stands still; how far it came is told by the end.
        let ends = starts.iter().skip(1).copied().chain([now]);
        let reached = starts.iter().zip(ends).filter_map(|(start, end)| {
            let days = (*in_force(&self.days, *start)?)?;
            let held = in_force(&self.holds, *start).is_some_and(Option::is_some);
            (!held).then(|| end.plus_seconds(-i64::from(days) * 86_400))
        });
        reached.chain(self.stood.and_then(|stood| stood.retained_from)).max()
    }

    /// Before which time events may be deleted for good; `None` while none may.
    pub fn expires_before(&self, now: Timestamp, margin_seconds: i64) -> Option<Timestamp> {
        let held = self.holds_back(now, margin_seconds);
        self.retained_from(now).filter(|_| !held).map(|from| from.plus_seconds(-margin_seconds))
    }

    /// Whether a hold stops deletion: from the moment it is placed, even before it takes effect, until a margin after
    /// its end, because the clock that says so may be ahead.
    pub fn holds_back(&self, now: Timestamp, margin_seconds: i64) -> bool {
        [now, now.plus_seconds(-margin_seconds)].into_iter().any(|at| self.standing_hold(at).is_some())
    }

    /// The first instant found from now on at which more has expired than under `old`, and the time before which all
    /// events have expired then; `None` if no event ever expires sooner than under `old`.
    ///
    /// Between two changes [`Self::retained_from`] moves with the clock from some instant on, or stands still. Such a line
    /// passes another one only where either is cut, or stays ahead until then. So it is enough to compare them where
    /// either is cut, just before, and when both have caught up with their periods.
    pub fn expires_sooner_than(&self, old: &Self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let cuts = |retention: &Self| {
            let days = retention.days.iter().map(|days| days.from);
            days.chain(retention.holds.iter().map(|hold| hold.from)).collect::<Vec<_>>()
        };
        let mut instants: Vec<_> = [cuts(self), cuts(old)].concat();
        instants.retain(|cut| now < *cut);
        instants.extend(instants.clone().into_iter().map(|cut| cut.plus_microseconds(-1)));
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

    /// The same with another period from an instant on, in place of one that was to come.
    ///
    /// # Errors
    /// If the period or the instant is out of range, or the last change is not in force yet and known already.
    pub fn keep(&self, days: Option<u32>, from: Timestamp, now: Timestamp) -> Result<Self, InvalidChange> {
        if days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
            return Err(InvalidChange::Days);
        }
        let days = changed(&self.days, days, from, now)?;
        Ok(Self { stood: Some(self.stand(now)), days, ..self.clone() })
    }

    /// The same with a legal hold from an instant on, or without one.
    ///
    /// # Errors
    /// As of [`Self::keep`].
    pub fn with_hold(
        &self,
        hold: Option<Hold>,
        from: Timestamp,
        now: Timestamp,
    ) -> Result<Self, InvalidChange> {
        let holds = changed(&self.holds, hold, from, now)?;
        Ok(Self { stood: Some(self.stand(now)), holds, ..self.clone() })
    }

    fn stand(&self, now: Timestamp) -> Stood {
        Stood { at: now, retained_from: self.retained_from(now) }
    }

    /// For how many days events are kept now.
    pub fn days(&self, now: Timestamp) -> Option<u32> {
        in_force(&self.days, now).copied().flatten()
    }

    /// The period that is to come, if one is.
    pub fn days_to_come(&self, now: Timestamp) -> Option<&Setting<Option<u32>>> {
        self.days.last().filter(|days| now < days.from)
    }

    /// The hold that stands, or is placed and takes effect soon.
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

/// What is in force at an instant.
fn in_force<T>(settings: &[Setting<T>], at: Timestamp) -> Option<&T> {
    settings.iter().rfind(|setting| setting.from <= at).map(|setting| &setting.value)
}

/// What is in force, and what is to come after it.
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

/// What is retained at an instant: what a reader may be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained(Option<Timestamp>);

impl Retained {
    /// By what was set, at an instant.
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

    /// Whether the event is there for readers.
    pub fn keeps(self, event: &Event) -> bool {
        never_expires(event) || self.is_after(event.timestamp)
    }

    /// Whether the event of this key may be there for readers; if it may not, it need not be read.
    pub fn may_keep(self, position: &Position) -> bool {
        let may_last = LASTING.iter().any(|(_, id)| position.id.as_str().starts_with(id));
        may_last || self.is_after(position.timestamp)
    }

    /// Whether a time is one of which events are retained.
    pub fn is_after(self, time: Timestamp) -> bool {
        self.0.is_none_or(|from| from <= time)
    }
}

/// How far the expiry of a workspace's events has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// The key of the last event that a receipt names. Receipts follow the order of time.
    pub receipted_to: Option<Position>,
    /// The size of the log up to which all events are marked that its receipts name.
    pub marked_size: u64,
    /// The retention under whose hold all marks were taken away, as the store tells one from another.
    pub unmarked_under: Option<String>,
}

/// What is wrong with an event that is older than what is retained.
pub fn expired(retained_from: Timestamp) -> FieldError {
    let detail = format!("is before {retained_from}; of what was before that, nothing is kept");
    FieldError::new("/timestamp", "expired_timestamp", detail)
}

/// Whether an id begins as those of this service do, in any case of its letters.
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

/// Sequences in their order as text, such as `0-511,514`: each run by its first and its last.
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

/// Reads back what [`runs`] writes, as inclusive runs; `None` if it is nothing that it would write.
pub fn parse_runs(text: &str) -> Option<Vec<(u64, u64)>> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for run in text.split(',') {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| number.to_string() == text);
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
