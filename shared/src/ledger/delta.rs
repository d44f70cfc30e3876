//! A delta: the next events of a workspace's log, in the order that a sealing pass decided.
//!
//! A delta is written once, under the sequence of its first event, and never changes. Deltas have three purposes: they decide
//! the order, map a sequence to its event, and are the lowest level of the tree. No delta crosses a multiple of 256, so
//! each tile of the tree consists of whole deltas.

use super::{hash::Hash, places, tile::FULL};
use crate::model::keys::Place;

/// Consecutive events of a workspace's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The sequence of the first event.
    pub first: u64,
    /// The events; at least one.
    pub entries: Vec<Entry>,
}

/// An event in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The place of the event.
    pub place: Place,
    /// The hash of its leaf.
    pub leaf: Hash,
}

impl Delta {
    /// The most events of a delta that begins at this sequence.
    pub fn room(first: u64) -> usize {
        usize::from(FULL) - usize::try_from(first % u64::from(FULL)).unwrap_or_default()
    }

    /// The sequence after its last event.
    pub fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The events with their sequences.
    pub fn sequenced(&self) -> impl Iterator<Item = (u64, &Entry)> {
        (self.first..).zip(&self.entries)
    }

    /// The stored form: for each event the hash of its leaf, and its place.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for Entry { place, leaf } in &self.entries {
            bytes.extend(leaf.as_bytes());
            places::write(&mut bytes, place);
        }
        bytes
    }

    /// Parses the output of [`Self::to_bytes`]; `None` for any other bytes.
    pub fn from_bytes(first: u64, bytes: &[u8]) -> Option<Self> {
        let mut entries = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (leaf, after) = rest.split_first_chunk::<32>()?;
            let (place, after) = places::read(after)?;
            entries.push(Entry { place, leaf: Hash::from_bytes(*leaf) });
            rest = after;
        }
        ((1..=Self::room(first)).contains(&entries.len())).then_some(Self { first, entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{id::EventId, keys::Position, timestamp::Timestamp};

    fn delta(first: u64, count: usize) -> Delta {
        fn entry(number: usize) -> Entry {
            Entry {
                place: Place {
                    shard: (!number.is_multiple_of(3)).then_some(u8::try_from(number % 16).unwrap()),
                    position: Position {
                        timestamp: Timestamp::parse("2025-02-18T10:47:37.123456Z").unwrap(),
                        id: EventId::parse(&format!("e-{number}")).unwrap(),
                    },
                },
                leaf: Hash::of_leaf(&number.to_be_bytes()),
            }
        }
        Delta { first, entries: (0..count).map(entry).collect() }
    }

    #[test]
    fn a_delta_is_read_as_it_was_written() {
        for (first, count) in [(0, 1), (0, 256), (255, 1), (256, 7), (300, 212)] {
            let delta = delta(first, count);
            assert_eq!(Delta::from_bytes(first, &delta.to_bytes()), Some(delta));
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        let bytes = delta(0, 2).to_bytes();
        for length in 0..bytes.len() {
            let read = Delta::from_bytes(0, &bytes[..length]);
            assert!(read.is_none_or(|read| read == delta(0, 1)), "{length} bytes");
        }
        assert_eq!(Delta::from_bytes(255, &bytes), None, "it would cross a tile");
    }

    #[test]
    fn its_events_are_numbered_from_its_first_to_its_end() {
        let delta = delta(300, 7);
        assert_eq!(delta.end(), 307);
        let numbered: Vec<_> = delta.sequenced().map(|(sequence, _)| sequence).collect();
        assert_eq!(numbered, [300, 301, 302, 303, 304, 305, 306]);
    }

    #[test]
    fn a_delta_ends_with_its_tile() {
        for (first, room) in [(0, 256), (1, 255), (255, 1), (256, 256)] {
            assert_eq!(Delta::room(first), room);
        }
    }
}
