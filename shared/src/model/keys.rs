//! The keys of every table, in one place, shared by what writes and what reads.
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
//! | AuditSettings   | `workspace`: `<workspace>`                   |                                 | how it is kept        |
//! | AuditLedger     | `workspace`: `<workspace>`                   | `part`: see [`ledger`]          | its sealed log        |
//! | AuditBacklog    | `workspace`: `<workspace>`                   | `left_at`: `<time>#<id>`        | places to be sealed   |
//! | AuditCheckpoints | `workspace`: `<workspace>`                  |                                 | what was signed last  |
//! | AuditStreams    | `workspace`: `<workspace>`                   | `stream`: `<stream id>`         | a stream              |
//! | AuditRates      | `token`: `<token id>`                        | `window`: its number            | how often it read     |
//! | the same        | `<token id>`, `#<workspace>`, `##<group>`    | `wait`, `search`                | slots of long reads   |
//!
//! A time is always its 27 characters, so that DynamoDB's byte order is the order of time and
//! then of id. Neither a workspace nor an id can hold a `#`, so that no two keys mean the same and
//! each can be taken apart again. An event's key is its identity: `(workspace, timestamp, id)`
//! is written at most once, which makes DynamoDB itself the deduplicator. The indexes hold keys
//! alone: what they cost does not grow with the event, and there is one place where it is kept.

use crate::model::{
    id::{EventId, WorkspaceId},
    timestamp::Timestamp,
};

/// Between the parts of a key. It sorts before every character that an id can hold.
const SEPARATOR: char = '#';

/// The most shards a workspace may have.
pub const MAX_SHARDS: u8 = 16;

/// The place of an event among those of its workspace: by timestamp, then by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// When the event happened.
    pub timestamp: Timestamp,
    /// Its id, which orders events of the same microsecond.
    pub id: EventId,
}

impl Position {
    /// The sort key of the event at this place.
    pub fn sort_key(&self) -> String {
        format!("{}{SEPARATOR}{}", self.timestamp, self.id)
    }

    /// Reads a sort key back; `None` if it is not exactly one that [`Self::sort_key`] writes.
    pub fn from_sort_key(key: &str) -> Option<Self> {
        let (time, id) = key.split_once(SEPARATOR)?;
        let timestamp = Timestamp::parse(time).ok().filter(|_| time.len() == Timestamp::LENGTH)?;
        let position = Self { timestamp, id: EventId::parse(id).ok()? };
        (position.sort_key() == key).then_some(position)
    }
}

/// Where an event of a workspace is kept: its whole key, but for the workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The shard, where the workspace had several on the day of the event.
    pub shard: Option<u8>,
    /// Its place in that partition.
    pub position: Position,
}

impl Place {
    /// Reads the key of an event, as [`partition`] and [`Position::sort_key`] write it, and the workspace
    /// it belongs to; `None` if it is not one.
    pub fn from_key(partition: &str, sort_key: &str) -> Option<(WorkspaceId, Self)> {
        let (workspace, shard) = take_apart(partition)?;
        Some((workspace, Self { shard, position: Position::from_sort_key(sort_key)? }))
    }
}

/// The partition key of a workspace's events: with the number of the shard where it has several.
pub fn partition(workspace: &WorkspaceId, shard: Option<u8>) -> String {
    match shard {
        None => workspace.to_string(),
        Some(shard) => format!("{workspace}{SEPARATOR}{shard}"),
    }
}

/// The workspace that a partition key belongs to; `None` if it is not one that [`partition`] writes.
pub fn workspace_of(partition: &str) -> Option<WorkspaceId> {
    take_apart(partition).map(|(workspace, _)| workspace)
}

fn take_apart(partition: &str) -> Option<(WorkspaceId, Option<u8>)> {
    let (workspace, shard) = match partition.split_once(SEPARATOR) {
        None => (partition, None),
        Some((workspace, digits)) => {
            let ours = |shard: &u8| *shard < MAX_SHARDS && shard.to_string() == digits;
            (workspace, Some(digits.parse().ok().filter(ours)?))
        }
    };
    Some((WorkspaceId::parse(workspace).ok()?, shard))
}

/// What the ledger holds of a workspace, by the sort key `part`.
pub mod ledger {
    /// How far the log has come: its size, and the roots of its perfect subtrees.
    pub const HEAD: &str = "head";

    /// What the keys of deltas begin with.
    pub const DELTA: &str = "delta#";
    /// What the keys of tiles' roots begin with.
    pub const ROOT: &str = "root#";
    /// What the keys of events begin with that cannot be sealed.
    pub const ASIDE: &str = "aside#";

    /// The delta whose first event has this sequence.
    pub fn delta(first: u64) -> String {
        format!("{DELTA}{first:016}")
    }

    /// The root of the tile `index` of the level below `level`: a hash of a tile of this one.
    pub fn root(level: u8, index: u64) -> String {
        format!("{ROOT}{level:02}#{index:016}")
    }

    /// An event that cannot be sealed as it is.
    pub fn aside(partition: &str, sort_key: &str) -> String {
        format!("{ASIDE}{partition}#{sort_key}")
    }

    /// The partition of what belongs to no workspace; no workspace can have this name.
    pub const COMMON: &str = "#";
    /// How far the search for unsealed events has come.
    pub const RECONCILED: &str = "reconciled";
}

/// The sort keys of the events from `start` on and before `end`, as the inclusive bounds of a
/// `BETWEEN`. No event's key is equal to either bound, since a bound has no id.
pub fn time_range(start: Option<Timestamp>, end: Option<Timestamp>) -> (String, String) {
    // Every key begins with a digit; a colon is what follows 9.
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
    fn what_belongs_to_a_log_is_filed_in_the_order_of_its_numbers() {
        assert_eq!(ledger::delta(257), "delta#0000000000000257");
        assert_eq!(ledger::root(2, 11), "root#02#0000000000000011");
        assert_eq!(ledger::aside("acme#3", "a-sort-key"), "aside#acme#3#a-sort-key");
        assert!(ledger::delta(9) < ledger::delta(10) && ledger::root(1, 9) < ledger::root(1, 10));
    }

    #[test]
    fn an_event_is_filed_by_time_and_id() {
        let key = position("2025-02-18T11:47:37+01:00", "e-1").sort_key();
        assert_eq!(key, "2025-02-18T10:47:37.000000Z#e-1");
    }

    #[test]
    fn a_range_takes_its_start_and_leaves_its_end() {
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
    fn only_the_one_way_to_write_a_key_is_read() {
        let check = |key: &str, fits: bool| assert_eq!(Position::from_sort_key(key).is_some(), fits, "{key}");
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
        let check = |partition: &str, workspace: Option<&str>| {
            assert_eq!(workspace_of(partition).as_ref().map(WorkspaceId::as_str), workspace, "{partition}");
        };
        check("acme", Some("acme"));
        check("acme#12", Some("acme"));
        check("acme#", None);
        check("acme#16", None);
        check("acme#012", None);
        check("acme#1#2", None);
        check("#1", None);
    }

    #[test]
    fn a_place_is_read_from_the_key_that_is_written() {
        let check = |partition: &str, sort_key: &str, expected: Option<(&str, Option<u8>)>| {
            let found = Place::from_key(partition, sort_key);
            let found = found.as_ref().map(|(workspace, place)| (workspace.as_str(), place.shard));
            assert_eq!(found, expected, "{partition} {sort_key}");
        };
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
