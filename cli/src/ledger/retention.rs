//! The retention of a workspace as its log records it: whether a receipt is one that the settings allow.
//!
//! A period counts from the instant that its record names. From one change to the next the limit moves with the clock,
//! or stands still while a legal hold is in effect, and it never goes back. A hold stops receipts from the moment at which
//! it was placed, even before it takes effect.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const ACTION: &str = "x_audit_log_settings_changed";
const MAX_DAYS: i64 = 3650;
/// For how long an event must have expired before a receipt may name it.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// The records of changed settings in a log, by their times and sequences.
#[derive(Debug, Default)]
pub(crate) struct Settings(BTreeMap<(Timestamp, u64), Change>);

#[derive(Debug)]
struct Change {
    effective_from: Timestamp,
    /// The period in days, where it changes; `Some(None)` is none.
    days: Option<Option<i64>>,
    /// Whether a hold is placed or ends.
    hold: Option<bool>,
}

/// Values, each with the instant from which it is set.
type Timeline<T> = Vec<(Timestamp, T)>;

impl Settings {
    /// Whether an event is a record of changed settings.
    pub(crate) fn is(event: &Value) -> bool {
        event["action"] == ACTION
    }

    /// How many changes there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes the record at a sequence.
    ///
    /// # Errors
    /// If it is not in its form.
    pub(crate) fn note(&mut self, event: &Value, sequence: u64) -> Result<(), String> {
        let wrong = |what: &str| format!("the record of changed settings is not in its form: {what}");
        let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let recorded_at = time(&event["timestamp"]).ok_or_else(|| wrong("its timestamp"))?;
        let effective_from =
            time(&event["context"]["effective_from"]).ok_or_else(|| wrong("its effective_from"))?;
        let mut change = Change { effective_from, days: None, hold: None };
        for one in event["changes"].as_array().into_iter().flatten() {
            match (one["path"].as_str(), &one["new"]) {
                (Some("/retention_days"), Value::Null) => change.days = Some(None),
                (Some("/retention_days"), days) => {
                    let days = days.as_i64().filter(|days| (1..=MAX_DAYS).contains(days));
                    change.days = Some(Some(days.ok_or_else(|| wrong("its retention_days"))?));
                }
                (Some("/legal_hold/reason"), reason) => change.hold = Some(!reason.is_null()),
                _ => {}
            }
        }
        self.0.insert((recorded_at, sequence), change);
        Ok(())
    }

    /// Checks that a receipt at a sequence, recorded at an instant, may be for events up to a time.
    ///
    /// Changes count by their times. A hold that was placed counts only where its record also comes first in the log,
    /// because the clocks of two instances may differ.
    ///
    /// # Errors
    /// If the settings recorded before the receipt do not allow it.
    pub(crate) fn allow(&self, sequence: u64, at: Timestamp, last: Timestamp) -> Result<(), String> {
        let (mut days, mut holds) = (Timeline::new(), Timeline::new());
        for ((recorded_at, place), change) in self.0.range(..=(at, u64::MAX)) {
            if let Some(value) = change.days {
                set(&mut days, *recorded_at, change.effective_from, value);
            }
            if let Some(value) = change.hold.filter(|is_placed| !is_placed || *place < sequence) {
                set(&mut holds, *recorded_at, change.effective_from, value);
            }
        }
        let is_placed = holds.last().is_some_and(|(_, held)| *held);
        if is_placed || in_effect(&holds, at) == Some(&true) {
            return Err("a legal hold was in effect when it was recorded".to_owned());
        }
        match retained_from(&days, &holds, at) {
            None => Err("the log has no settings recorded before it by which events expire".to_owned()),
            Some(from) if last < from - MARGIN => Ok(()),
            Some(from) => Err(format!(
                "by the settings in the log it may name events before {}, and it names events up to {last}",
                from - MARGIN
            )),
        }
    }
}

/// Adds a value, in place of what was to come and had not taken effect when it was recorded.
fn set<T>(timeline: &mut Timeline<T>, recorded_at: Timestamp, effective_from: Timestamp, value: T) {
    timeline.retain(|(from, _)| *from <= recorded_at);
    timeline.push((effective_from, value));
}

fn in_effect<T>(timeline: &Timeline<T>, at: Timestamp) -> Option<&T> {
    timeline.iter().rfind(|(from, _)| *from <= at).map(|(_, value)| value)
}

/// The time before which every event had expired at an instant; `None` if none had.
fn retained_from(days: &Timeline<Option<i64>>, holds: &Timeline<bool>, at: Timestamp) -> Option<Timestamp> {
    let changes = days.iter().map(|(from, _)| *from).chain(holds.iter().map(|(from, _)| *from));
    let mut starts: Vec<_> = changes.filter(|from| *from <= at).collect();
    starts.sort_unstable();
    let ends = starts.iter().skip(1).copied().chain([at]);
    let reached = starts.iter().zip(ends).filter_map(|(start, end)| {
        let days = (*in_effect(days, *start)?)?;
        let is_held = in_effect(holds, *start) == Some(&true);
        (!is_held).then(|| end - SignedDuration::from_hours(24 * days))
    });
    reached.max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn settings(changes: &[(&str, &str, Value)]) -> Settings {
        let mut settings = Settings::default();
        for (sequence, (at, path, new)) in (0..).zip(changes) {
            let from = time(at) + SignedDuration::from_mins(2);
            let event = json!({"action": ACTION, "timestamp": at, "context": {"effective_from": from.to_string()},
                               "changes": [{"path": path, "old": null, "new": new}]});
            settings.note(&event, sequence).unwrap();
        }
        settings
    }

    #[test]
    fn a_receipt_is_allowed_by_the_settings_before_it() {
        let days = settings(&[("2025-01-01T00:00:00Z", "/retention_days", json!(30))]);
        let allow = |at: &str, last: &str| days.allow(5, time(at), time(last)).is_ok();
        assert!(allow("2025-03-02T01:00:01Z", "2025-01-31T00:00:00Z"));
        assert!(!allow("2025-03-02T00:59:59Z", "2025-01-31T00:00:00Z"), "expired for less than an hour");
        assert!(!allow("2025-03-02T01:00:01Z", "2025-02-01T00:00:00Z"));
        assert!(!allow("2024-12-31T23:59:59Z", "2000-01-01T00:00:00Z"), "the settings came after it");
        assert!(
            Settings::default().allow(5, time("2025-03-02T00:00:00Z"), time("2000-01-01T00:00:00Z")).is_err()
        );
    }

    #[test]
    fn a_hold_allows_none_from_the_moment_it_is_placed_until_its_end() {
        let held = settings(&[
            ("2025-01-01T00:00:00Z", "/retention_days", json!(1)),
            ("2025-02-01T00:00:00Z", "/legal_hold/reason", json!("case 17")),
            ("2025-03-01T00:00:00Z", "/legal_hold/reason", json!(null)),
        ]);
        let allow = |sequence, at: &str| held.allow(sequence, time(at), time("2024-12-01T00:00:00Z"));
        assert_eq!(allow(1, "2025-01-31T00:00:00Z"), Ok(()));
        assert!(allow(2, "2025-02-01T00:00:01Z").is_err());
        assert_eq!(allow(1, "2025-02-01T00:00:01Z"), Ok(()), "the log has the hold after it");
        assert!(allow(2, "2025-02-15T00:00:00Z").is_err());
        assert!(allow(3, "2025-03-01T00:01:00Z").is_err(), "its end has not taken effect");
        assert_eq!(allow(3, "2025-03-01T00:03:00Z"), Ok(()));
        let during = held.allow(3, time("2025-03-01T00:03:00Z"), time("2025-02-15T00:00:00Z"));
        assert_eq!(during, Ok(()), "the limit catches up when the hold ends");
    }

    #[test]
    fn a_longer_period_brings_nothing_back_and_a_change_to_come_can_be_replaced() {
        let longer = settings(&[
            ("2025-01-01T00:00:00Z", "/retention_days", json!(1)),
            ("2025-02-01T00:00:00Z", "/retention_days", json!(100)),
        ]);
        let at = time("2025-02-02T00:00:00Z");
        assert_eq!(longer.allow(9, at, time("2025-01-30T22:00:00Z")), Ok(()));
        assert!(longer.allow(9, at, time("2025-01-31T12:00:00Z")).is_err());
        let replaced = settings(&[
            ("2025-01-01T00:00:00Z", "/retention_days", json!(1)),
            ("2025-01-01T00:01:00Z", "/retention_days", json!(null)),
        ]);
        assert!(replaced.allow(9, at, time("2020-01-01T00:00:00Z")).is_err());
    }
}
