//! The retention of a workspace as the log records it: the events that a receipt might name, by what admins had set.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Hold, Retention, SETTINGS, Setting};
use crate::model::{event::Event, timestamp::Timestamp};

/// The records of changed settings in a log, by their times and sequences.
#[derive(Clone, Debug, Default)]
pub struct History(BTreeMap<(Timestamp, u64), Change>);

/// The content of a record.
#[derive(Clone, Debug)]
struct Change {
    from: Timestamp,
    days: Option<Option<u32>>,
    hold: Option<Option<Hold>>,
}

impl History {
    /// Whether an event is a record of changed settings.
    pub fn is_record(event: &Event) -> bool {
        event.action.name() == SETTINGS
    }

    /// Takes the record at a sequence; `None` if it is not in its form.
    pub fn note(&mut self, record: &Event, sequence: u64) -> Option<()> {
        let from = Timestamp::parse(record.context.get("effective_from")?.as_str()?).ok()?;
        let mut change = Change { from, days: None, hold: None };
        for one in &record.changes {
            match (one.path.as_str(), &one.new) {
                ("/retention_days", Value::Null) => change.days = Some(None),
                ("/retention_days", days) => change.days = Some(Some(u32::try_from(days.as_u64()?).ok()?)),
                ("/legal_hold/reason", reason) => {
                    let hold = |reason: &str| Hold { reason: reason.to_owned(), by: String::new() };
                    change.hold = Some(reason.as_str().map(hold));
                }
                _ => {}
            }
        }
        self.0.insert((record.timestamp, sequence), change);
        Some(())
    }

    /// Before which time a receipt at a sequence might name events, recorded at an instant; `None` if it might name none.
    ///
    /// Changes count by their times. A hold that was placed counts only where its record also comes first in the log,
    /// because the clocks of two instances may differ.
    pub fn expires_before(&self, sequence: u64, at: Timestamp, margin_seconds: i64) -> Option<Timestamp> {
        let mut retention = Retention::default();
        for ((now, place), Change { from, days, hold }) in self.0.range(..=(at, u64::MAX)) {
            retention.stood = Some(retention.stand(*now));
            if let Some(days) = days {
                retention.days = replaced(&retention.days, *days, *from, *now);
            }
            if let Some(hold) = hold.as_ref().filter(|hold| hold.is_none() || *place < sequence) {
                retention.holds = replaced(&retention.holds, hold.clone(), *from, *now);
            }
        }
        let is_held = retention.standing_hold(at).is_some();
        let from = retention.retained_from(at).filter(|_| !is_held);
        from.map(|from| from.plus_seconds(-margin_seconds))
    }
}

/// The setting in force, and a value from an instant on in place of a setting that was to come.
pub(super) fn replaced<T: Clone>(
    settings: &[Setting<T>],
    value: T,
    from: Timestamp,
    now: Timestamp,
) -> Vec<Setting<T>> {
    let current = settings.iter().rfind(|setting| setting.from <= now).cloned();
    current.into_iter().chain([Setting { from, value }]).collect()
}
