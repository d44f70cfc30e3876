//! The keys of every table. Writers and readers both use this module.
//!
//! | table           | partition key                                | sort key                        | holds                 |
//! |-----------------|----------------------------------------------|---------------------------------|-----------------------|
//! | AuditEvents     | `workspace`: `<workspace>[#<shard>]`         | `timestamp`: `<time>#<id>`      | one recorded event    |
//! | ` by_action`    | `workspace`, `action`                        | `timestamp`                     | its key               |
//! | ` by_actor`     | `workspace`, `actor_id`                      | `timestamp`                     | its key               |
//! | ` by_entity`    | `workspace`, `entity_type`, `entity_id`      | `timestamp`                     | its key               |
//! | AuditTokens     | `token`: `<token id>`                        |                                 | one workspace token   |
//! | ` by_workspace` | `workspace`: `<workspace>`                   | `created_at`: `<time>`          | the same              |
//! | AuditQuarantine | `source`: `<event source>`                   | `quarantined_at`: `<time>#<id>` | a bus event set aside |
//! | AuditSettings   | `workspace`: `<workspace>`                   |                                 | its settings          |
//! | AuditLedger     | `workspace`: `<workspace>`                   | `part`: see [`ledger`]          | its sealed log        |
//! | AuditBacklog    | `workspace`: `<workspace>`                   | `left_at`: `<time>#<id>`        | places to be sealed   |
//! | AuditCheckpoints | `workspace`: `<workspace>`                  |                                 | its last checkpoint   |
//! | AuditStreams    | `workspace`: `<workspace>`                   | `stream`: `<stream id>`         | a stream              |
//! | AuditRates      | `token`: `<token id>`                        | `window`: its number            | its count of reads    |
//! | the same        | `<token id>`, `#<workspace>`, `##<group>`    | `wait`, `search`                | slots of long reads   |
//!
//! Partition 16 of a workspace has the records of reads, however many shards there are.
//!
//! A time always has 27 characters, so that DynamoDB's byte order sorts by time and then by id. Neither a workspace nor an
//! id contains a `#`, so that a key can be parsed in only one way. An event's key is its identity: `(workspace, timestamp,
//! id)` is written at most once, so DynamoDB itself recognizes duplicates. The indexes hold keys only, so that their cost
//! does not grow with the event, and the event is stored in one place.

use std::iter;

use crate::model::{
    id::{EventId, WorkspaceId},
    timestamp::Timestamp,
};

/// Separates the parts of a key. It sorts before every character of an id.
const SEPARATOR: char = '#';

/// The most shards a workspace may have.
pub const MAX_SHARDS: u8 = 16;

/// The number of the partition for records of reads, after those of all shards. It is apart from the other events, so that
/// a read without those records takes nothing for them.
pub const READS: u8 = MAX_SHARDS;

/// The beginning of the ids of records of reads. No sender may choose such an id, so the key of an event alone tells its
/// partition, and an event that has the same id and time as another one is in the same partition.
pub const READ_ID: &str = "x_audit_log_read.";

/// The position of an event in the order of its workspace: by timestamp, then by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// When the event happened.
    pub timestamp: Timestamp,
    /// The event's id, which orders events of the same microsecond.
    pub id: EventId,
}

impl Position {
    /// Whether the event is a record of a read that this service wrote. Records of versions before 0.3 have other ids.
    pub fn is_of_read(&self) -> bool {
        self.id.as_str().starts_with(READ_ID)
    }

    /// The sort key of the event at this position.
    pub fn sort_key(&self) -> String {
        format!("{}{SEPARATOR}{}", self.timestamp, self.id)
    }

    /// Parses a sort key; `None` if it is not exactly in the form of [`Self::sort_key`].
    pub fn from_sort_key(key: &str) -> Option<Self> {
        let (time, id) = key.split_once(SEPARATOR)?;
        let timestamp = Timestamp::parse(time).ok().filter(|_| time.len() == Timestamp::LENGTH)?;
        let position = Self { timestamp, id: EventId::parse(id).ok()? };
        (position.sort_key() == key).then_some(position)
    }
}

/// The key of an event, without its workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The shard, or [`READS`]; `None` if the workspace had only one shard on the day of the event.
    pub shard: Option<u8>,
    /// The position in that partition.
    pub position: Position,
}

impl Place {
    /// Parses the key of an event, as [`partition`] and [`Position::sort_key`] write it, into its workspace and place.
    /// `None` if it is not the key of an event.
    pub fn from_key(partition: &str, sort_key: &str) -> Option<(WorkspaceId, Self)> {
        let (workspace, shard) = parse_partition(partition)?;
        Some((workspace, Self { shard, position: Position::from_sort_key(sort_key)? }))
    }
}

/// The partition key of a workspace's events, with the number of the shard if the workspace has several, or with [`READS`].
pub fn partition(workspace: &WorkspaceId, shard: Option<u8>) -> String {
    match shard {
        None => workspace.to_string(),
        Some(shard) => format!("{workspace}{SEPARATOR}{shard}"),
    }
}

/// Every partition that a workspace can have.
pub fn all_partitions() -> impl Iterator<Item = Option<u8>> {
    iter::once(None).chain((0..=READS).map(Some))
}

/// The workspace of a partition key; `None` if the key is not in the form of [`partition`].
pub fn workspace_of(partition: &str) -> Option<WorkspaceId> {
    parse_partition(partition).map(|(workspace, _)| workspace)
}

fn parse_partition(partition: &str) -> Option<(WorkspaceId, Option<u8>)> {
    let (workspace, shard) = match partition.split_once(SEPARATOR) {
        None => (partition, None),
        Some((workspace, digits)) => {
            let shard = digits.parse().ok();
            (workspace, Some(shard.filter(|shard: &u8| *shard <= READS && shard.to_string() == digits)?))
        }
    };
    Some((WorkspaceId::parse(workspace).ok()?, shard))
}

/// The sort keys (`part`) of the items that the ledger has for a workspace.
pub mod ledger {
    /// The head of the log: its size, and the roots of its perfect subtrees.
    pub const HEAD: &str = "head";

    /// The prefix of the keys of deltas.
    pub const DELTA: &str = "delta#";
    /// The prefix of the keys of tile roots.
    pub const ROOT: &str = "root#";
    /// The prefix of the keys of notes about events that cannot be sealed.
    pub const ASIDE: &str = "aside#";

    /// The key of the delta whose first event has this sequence.
    pub fn delta(first: u64) -> String {
        format!("{DELTA}{first:016}")
    }

    /// The key of the root of tile `index` in the level below `level`. The root is a hash in a tile of `level`.
    pub fn root(level: u8, index: u64) -> String {
        format!("{ROOT}{level:02}#{index:016}")
    }

    /// The key of the note about an event that cannot be sealed.
    pub fn aside(partition: &str, sort_key: &str) -> String {
        format!("{ASIDE}{partition}#{sort_key}")
    }

    /// The partition of items that belong to no workspace. No workspace can have this name.
    pub const COMMON: &str = "#";
    /// The progress of the search for unsealed events.
    pub const RECONCILED: &str = "reconciled";
}

/// The sort keys of the events from `start` on and before `end`, as the inclusive bounds of a `BETWEEN`. No event's key
/// equals a bound, because a bound has no id.
pub fn time_range(start: Option<Timestamp>, end: Option<Timestamp>) -> (String, String) {
    // Every key begins with a digit, and a colon follows 9 in ASCII.
    (
        start.map_or("0".to_owned(), |time| time.to_string()),
        end.map_or(":".to_owned(), |time| time.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position(time: &str, id: &str) -> Position {
        Position { timestamp: Timestamp::parse(time).unwrap(), id: EventId::parse(id).unwrap() }
    }

    #[test]
    fn keys_of_a_log_sort_by_their_numbers() {
        assert_eq!(ledger::delta(257), "delta#0000000000000257");
        assert_eq!(ledger::root(2, 11), "root#02#0000000000000011");
        assert_eq!(ledger::aside("acme#3", "a-sort-key"), "aside#acme#3#a-sort-key");
        assert!(ledger::delta(9) < ledger::delta(10) && ledger::root(1, 9) < ledger::root(1, 10));
    }

    #[test]
    fn the_sort_key_of_an_event_has_its_time_and_id() {
        let key = position("2025-02-18T11:47:37+01:00", "e-1").sort_key();
        assert_eq!(key, "2025-02-18T10:47:37.000000Z#e-1");
    }

    #[test]
    fn a_range_includes_its_start_and_excludes_its_end() {
        let (from, to) = time_range(
            Timestamp::parse("2025-02-18T10:00:00Z").ok(),
            Timestamp::parse("2025-02-18T11:00:00Z").ok(),
        );
        let (first, last) = time_range(None, None);
        let check = |time: &str, inside: bool| {
            let key = position(time, "0").sort_key();
            assert_eq!((from.as_str()..=to.as_str()).contains(&key.as_str()), inside, "{time}");
            assert!((first.as_str()..=last.as_str()).contains(&key.as_str()), "{time}");
        };
        check("2025-02-18T09:59:59.999999Z", false);
        check("2025-02-18T10:00:00Z", true);
        check("2025-02-18T10:59:59.999999Z", true);
        check("2025-02-18T11:00:00Z", false);
        check("0000-01-01T00:00:00Z", false);
        check("9999-12-30T00:00:00Z", false);
    }

    #[test]
    fn a_key_in_any_other_notation_is_refused() {
        fn check(key: &str, fits: bool) {
            assert_eq!(Position::from_sort_key(key).is_some(), fits, "{key}");
        }
        check("2025-02-18T10:47:37.000000Z#e-1", true);
        check("2025-02-18T10:47:37Z#e-1", false);
        check("2025-02-18T10:47:37+00:00:0#e-1", false);
        check("2025-02-18T11:47:37.00+01:00#e-1", false);
        check("2025-02-18T10:47:37.000000Z#", false);
        check("2025-02-18T10:47:37.000000Z#a#b", false);
        check("2025-02-18T10:47:37.000000Z", false);
        check("", false);
    }

    #[test]
    fn a_partition_is_a_workspace_or_a_shard_of_it() {
        let acme = WorkspaceId::parse("acme").unwrap();
        assert_eq!(partition(&acme, None), "acme");
        assert_eq!(partition(&acme, Some(12)), "acme#12");
        fn check(partition: &str, workspace: Option<&str>) {
            assert_eq!(workspace_of(partition).as_ref().map(WorkspaceId::as_str), workspace, "{partition}");
        }
        check("acme", Some("acme"));
        check("acme#12", Some("acme"));
        check("acme#", None);
        check("acme#16", Some("acme"));
        check("acme#17", None);
        check("acme#012", None);
        check("acme#1#2", None);
        check("#1", None);
    }

    #[test]
    fn a_place_is_parsed_from_the_key_of_an_event() {
        fn check(partition: &str, sort_key: &str, expected: Option<(&str, Option<u8>)>) {
            let found = Place::from_key(partition, sort_key);
            let found = found.as_ref().map(|(workspace, place)| (workspace.as_str(), place.shard));
            assert_eq!(found, expected, "{partition} {sort_key}");
        }
        check("acme", "2025-02-18T10:47:37.000000Z#e-1", Some(("acme", None)));
        check("acme#3", "2025-02-18T10:47:37.000000Z#e-1", Some(("acme", Some(3))));
        check("acme#3", "e-1", None);
        check("ACME", "2025-02-18T10:47:37.000000Z#e-1", None);
    }

    proptest! {
        #[test]
        fn keys_sort_as_positions_do(a in "[A-Za-z0-9._:-]{1,8}", b in "[A-Za-z0-9._:-]{1,8}", later in 0..3_i64) {
            let start = Timestamp::parse("2025-02-18T10:47:37Z").unwrap();
            let one = Position { timestamp: start, id: EventId::parse(&a).unwrap() };
            let two = Position { timestamp: start.plus_seconds(later), id: EventId::parse(&b).unwrap() };
            prop_assert_eq!(one.cmp(&two), one.sort_key().cmp(&two.sort_key()));
            prop_assert_eq!(Position::from_sort_key(&one.sort_key()), Some(one));
        }
    }
}
