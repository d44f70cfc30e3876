//! The stored form of places of events, in deltas and in the backlog.

use crate::model::{
    id::EventId,
    keys::{Place, Position},
    timestamp::Timestamp,
};

/// Appends a place: the shard plus one (0 for none), the timestamp in microseconds since 1970 (big-endian), the length of
/// the id, and the id.
pub(super) fn write(bytes: &mut Vec<u8>, place: &Place) {
    let Place { shard, position: Position { timestamp, id } } = place;
    bytes.push(shard.map_or(0, |shard| shard + 1));
    bytes.extend(timestamp.unix_microseconds().to_be_bytes());
    bytes.push(u8::try_from(id.as_str().len()).expect("an id has at most 128 bytes"));
    bytes.extend(id.as_str().as_bytes());
}

/// Reads a place. Returns it with the bytes after it.
pub(super) fn read(bytes: &[u8]) -> Option<(Place, &[u8])> {
    let (shard, after) = bytes.split_first()?;
    let (microseconds, after) = after.split_first_chunk::<8>()?;
    let (length, after) = after.split_first()?;
    let (id, after) = after.split_at_checked(usize::from(*length))?;
    let position = Position {
        timestamp: Timestamp::from_unix_microseconds(i64::from_be_bytes(*microseconds))?,
        id: EventId::parse(std::str::from_utf8(id).ok()?).ok()?,
    };
    Some((Place { shard: shard.checked_sub(1), position }, after))
}

/// The concatenated places.
pub fn to_bytes(places: &[Place]) -> Vec<u8> {
    let mut bytes = Vec::new();
    places.iter().for_each(|place| write(&mut bytes, place));
    bytes
}

/// Parses the output of [`to_bytes`]; `None` for any other bytes.
pub fn from_bytes(mut bytes: &[u8]) -> Option<Vec<Place>> {
    let mut places = Vec::new();
    while !bytes.is_empty() {
        let (place, after) = read(bytes)?;
        places.push(place);
        bytes = after;
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_were_written() {
        fn place(partition: &str) -> Place {
            Place::from_key(partition, "2025-02-18T10:47:37.123456Z#e-1").unwrap().1
        }
        let places = ["acme", "acme#0", "acme#15"].map(place);
        let bytes = to_bytes(&places);
        assert_eq!(from_bytes(&bytes).unwrap(), places);
        assert_eq!(from_bytes(&[]).unwrap(), []);
        assert_eq!(from_bytes(&bytes[1..]), None);
        assert_eq!(from_bytes(&bytes[..bytes.len() - 1]), None);
    }
}
