//! The shards of a busy workspace: its events are spread over several partitions.
//!
//! One partition of a DynamoDB table takes 1,000 write units a second (AWS, partition limits). A workspace that records
//! more gets shards: a hash of the event's id selects one of several partition keys, and a read merges the partitions.
//!
//! The number of shards depends on the day of an event's own timestamp, not on the day of its arrival. So an event has the
//! same partition whenever it is sent, and retries are still recognized after the number changes. A change must start far
//! enough ahead that no instance with stale settings can write to that day.

use serde::{Deserialize, Serialize};

use crate::model::{
    id::WorkspaceId,
    keys::{MAX_SHARDS, Position, READS, partition},
    timestamp::{MAX_AHEAD_SECONDS, Timestamp},
};

/// How long an instance may use settings after it has read them, in seconds.
pub const SETTINGS_AGE_SECONDS: i64 = 60;

/// The number of shards of a workspace: each change with the day from which it applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shards(Vec<Since>);

/// One change of the number of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// The first moment of the day, in UTC.
    pub from: Timestamp,
    /// The number of shards from that day on.
    pub count: u8,
}

/// The reason why a change of the number of shards is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChange {
    /// The number is out of range.
    #[error("the number of shards must be from 1 to {MAX_SHARDS}")]
    Count,
    /// Instances that know only the old number may still record events of that day.
    #[error(
        "the change must begin on a later day than events can be recorded for now; take the day after tomorrow"
    )]
    TooSoon,
    /// The time is not the first moment of a day.
    #[error("the change must begin with a day, in UTC")]
    NotADay,
}

impl Shards {
    /// Adds a change from a day on. It replaces all changes that were planned for that day and later days.
    ///
    /// # Errors
    /// If the number is out of range, or the day is too close for every instance to learn of the change.
    pub fn change(&self, count: u8, from: Timestamp, now: Timestamp) -> Result<Self, InvalidChange> {
        if !(1..=MAX_SHARDS).contains(&count) {
            return Err(InvalidChange::Count);
        }
        if !from.to_string().ends_with("T00:00:00.000000Z") {
            return Err(InvalidChange::NotADay);
        }
        // An instance's clock may be off, and its settings may be stale.
        if from <= now.plus_seconds(2 * (MAX_AHEAD_SECONDS + SETTINGS_AGE_SECONDS)) {
            return Err(InvalidChange::TooSoon);
        }
        let mut changes: Vec<_> = self.0.iter().copied().filter(|since| since.from < from).collect();
        changes.push(Since { from, count });
        Ok(Self(changes))
    }

    /// All changes, the oldest first.
    pub fn changes(&self) -> &[Since] {
        &self.0
    }

    /// The partition of an event.
    pub fn partition(&self, workspace: &WorkspaceId, position: &Position) -> String {
        if position.is_of_read() {
            return partition(workspace, Some(READS));
        }
        let count =
            self.0.iter().rfind(|since| since.from <= position.timestamp).map_or(1, |since| since.count);
        partition(workspace, shard(position, count))
    }

    /// The partitions that may hold other events than records of reads, from `start` on and before `end`.
    pub fn partitions(
        &self,
        workspace: &WorkspaceId,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> Vec<String> {
        let mut single = self.0.first().is_none_or(|first| start.is_none_or(|start| start < first.from));
        let mut most = 0;
        for (index, since) in self.0.iter().enumerate() {
            let over =
                self.0.get(index + 1).is_some_and(|next| start.is_some_and(|start| next.from <= start));
            let ahead = end.is_some_and(|end| end <= since.from);
            match since.count {
                _ if over || ahead => {}
                1 => single = true,
                count => most = most.max(count),
            }
        }
        single
            .then_some(None)
            .into_iter()
            .chain((0..most).map(Some))
            .map(|shard| partition(workspace, shard))
            .collect()
    }
}

/// The shard of an event. `None` if there is only one, because its key has no number.
fn shard(position: &Position, count: u8) -> Option<u8> {
    let hash = crc32fast::hash(position.id.as_str().as_bytes());
    (count > 1).then(|| u8::try_from(hash % u32::from(count)).expect("less than a u8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::EventId;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn acme() -> WorkspaceId {
        WorkspaceId::parse("acme").unwrap()
    }

    /// One shard, then four from 10 January on, then two from 20 January on.
    fn shards() -> Shards {
        let now = time("2026-01-01T00:00:00Z");
        let four = Shards::default().change(4, time("2026-01-10T00:00:00Z"), now).unwrap();
        four.change(2, time("2026-01-20T00:00:00Z"), now).unwrap()
    }

    #[test]
    fn changes_for_later_days_do_not_move_an_event_to_another_partition() {
        for id in 0..100 {
            let on = |day: &str| Position {
                timestamp: time(day),
                id: EventId::parse(&format!("e-{id}")).unwrap(),
            };
            let four = Shards(shards().changes()[..1].to_vec());
            let early = on("2026-01-09T23:59:59.999999Z");
            assert_eq!(Shards::default().partition(&acme(), &early), "acme");
            assert_eq!(shards().partition(&acme(), &early), "acme");
            let later = on("2026-01-19T23:59:59.999999Z");
            assert_eq!(four.partition(&acme(), &later), shards().partition(&acme(), &later));
        }
    }

    #[test]
    fn records_of_reads_have_one_partition_on_every_day() {
        fn check(id: &str, expected: &str) {
            for day in ["2026-01-09T00:00:00Z", "2026-01-15T00:00:00Z", "2026-01-25T00:00:00Z"] {
                let position = Position { timestamp: time(day), id: EventId::parse(id).unwrap() };
                let found = shards().partition(&acme(), &position);
                assert_eq!(found == "acme#16", expected == "acme#16", "{id} on {day}: {found}");
            }
        }
        check("x_audit_log_read.0190f1a2", "acme#16");
        check("x_audit_log_redacted.0190f1a2", "another");
        check("x_audit_log_read", "another");
    }

    #[test]
    fn a_read_covers_all_partitions_of_its_time_range() {
        fn check(start: Option<&str>, end: Option<&str>, expected: &[&str]) {
            assert_eq!(
                shards().partitions(&acme(), start.map(time), end.map(time)),
                expected,
                "{start:?} to {end:?}"
            );
        }
        check(None, None, &["acme", "acme#0", "acme#1", "acme#2", "acme#3"]);
        check(None, Some("2026-01-10T00:00:00Z"), &["acme"]);
        check(
            Some("2026-01-10T00:00:00Z"),
            Some("2026-01-20T00:00:00Z"),
            &["acme#0", "acme#1", "acme#2", "acme#3"],
        );
        check(Some("2026-01-20T00:00:00Z"), None, &["acme#0", "acme#1"]);
        check(Some("2026-01-19T23:00:00Z"), None, &["acme#0", "acme#1", "acme#2", "acme#3"]);
        assert_eq!(Shards::default().partitions(&acme(), None, None), ["acme"]);
    }

    #[test]
    fn every_event_is_in_a_partition_that_a_read_covers() {
        for (day, id) in (1..31).flat_map(|day| (0..40).map(move |id| (day, id))) {
            let timestamp = time(&format!("2026-01-{day:02}T12:00:00Z"));
            let position = Position { timestamp, id: EventId::parse(&format!("e-{id}")).unwrap() };
            let looked = shards().partitions(&acme(), Some(timestamp), Some(timestamp.plus_seconds(1)));
            assert!(looked.contains(&shards().partition(&acme(), &position)), "{position:?} in {looked:?}");
        }
    }

    #[test]
    fn a_change_must_begin_after_the_last_day_that_can_be_recorded() {
        fn check(count: u8, from: &str, expected: Option<InvalidChange>) {
            let changed = Shards::default().change(count, time(from), time("2026-01-01T23:30:00Z"));
            assert_eq!(changed.err(), expected, "{count} from {from}");
        }
        check(4, "2026-01-03T00:00:00Z", None);
        check(4, "2026-01-02T00:00:00Z", None);
        check(4, "2026-01-01T00:00:00Z", Some(InvalidChange::TooSoon));
        check(4, "2026-01-03T12:00:00Z", Some(InvalidChange::NotADay));
        check(0, "2026-01-03T00:00:00Z", Some(InvalidChange::Count));
        check(17, "2026-01-03T00:00:00Z", Some(InvalidChange::Count));
        let late = Shards::default().change(4, time("2026-01-02T00:00:00Z"), time("2026-01-01T23:50:00Z"));
        assert_eq!(late, Err(InvalidChange::TooSoon));
    }

    #[test]
    fn events_are_spread_evenly() {
        let mut counts = [0_u32; 16];
        for id in 0..16_000 {
            let position = Position {
                timestamp: time("2026-01-01T00:00:00Z"),
                id: EventId::parse(&format!("e-{id}")).unwrap(),
            };
            counts[usize::from(shard(&position, 16).unwrap())] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }
}
