//! The clocks and the random generator. Only this module reads them.
//!
//! Handlers call these functions and pass the values on, so that everything below a handler depends on its arguments
//! alone.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::{
    model::{
        disclosure::Salt,
        id::{BASE62, EventId},
        keys::READ_ID,
        retention::{RECEIPT_ID, REDACTION_ID, SETTINGS_ID},
        timestamp::Timestamp,
        token::PlainToken,
    },
    stream::{SecretVersion, StreamId, StreamSecret},
};

/// The time now.
pub fn now() -> Timestamp {
    Timestamp::from(jiff::Timestamp::now())
}

/// An instant, read from both clocks of the machine.
///
/// Lambda freezes a process between two invocations. The monotonic clock may stop meanwhile, and the wall clock may be set
/// to another time, so an age is computed from both.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    wall: Timestamp,
    monotonic: Instant,
}

impl Moment {
    /// This instant.
    pub fn now() -> Self {
        Self { wall: now(), monotonic: Instant::now() }
    }

    /// The time since this instant, by the clock that advanced more; `None` if the wall clock was set back, since the age
    /// is then unknown.
    pub fn age(self) -> Option<Duration> {
        self.age_at(Self::now())
    }

    fn age_at(self, later: Self) -> Option<Duration> {
        let wall = later.wall.unix_microseconds() - self.wall.unix_microseconds();
        let wall = Duration::from_micros(u64::try_from(wall).ok()?);
        Some(wall.max(later.monotonic.duration_since(self.monotonic)))
    }
}

/// A unique event id: a UUID of version 7 (RFC 9562), so that ids made in one process sort in the order in which they
/// were made.
pub fn event_id() -> EventId {
    EventId::parse(&uuid::Uuid::now_v7().to_string()).expect("a UUID has only digits, letters and dashes")
}

/// A unique event id for a receipt. Its prefix distinguishes a receipt's key from the keys of other events.
pub fn receipt_id() -> EventId {
    prefixed_id(RECEIPT_ID)
}

/// An id for a redaction record, by which its key can be told from those of events that expire.
pub fn redaction_id() -> EventId {
    prefixed_id(REDACTION_ID)
}

/// An id for a record of changed settings, by which its key can be told from those of events that expire.
pub fn settings_id() -> EventId {
    prefixed_id(SETTINGS_ID)
}

/// An id for a record of a read, which determines its partition.
pub fn read_id() -> EventId {
    prefixed_id(READ_ID)
}

fn prefixed_id(beginning: &str) -> EventId {
    let id = format!("{beginning}{}", uuid::Uuid::now_v7());
    EventId::parse(&id)
        .expect("a UUID has only digits, letters and dashes, and the beginning is that of an id")
}

/// A client request token. All attempts of a transaction send the same one, so that DynamoDB writes the transaction once.
pub fn transaction_token() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The seed of an event's salts, with 128 bits of the operating system's entropy.
pub fn salt() -> Salt {
    let mut bytes = [0; Salt::LENGTH];
    getrandom::fill(&mut bytes).expect("a system that has started has entropy to give");
    Salt::from_bytes(bytes)
}

/// A workspace token with 256 bits of the operating system's entropy in its secret.
///
/// # Errors
/// If the operating system has no entropy to give.
pub fn workspace_token() -> Result<PlainToken, getrandom::Error> {
    Ok(PlainToken::new(&base62::<{ PlainToken::ID_LENGTH }>()?, &base62::<{ PlainToken::SECRET_LENGTH }>()?))
}

/// A unique stream id.
///
/// # Errors
/// If the operating system has no entropy to give.
pub fn stream_id() -> Result<StreamId, getrandom::Error> {
    Ok(StreamId::new(&base62::<{ StreamId::LENGTH }>()?))
}

/// The secret of a webhook, with 256 bits of the operating system's entropy.
///
/// # Errors
/// If the operating system has no entropy to give.
pub fn webhook_secret() -> Result<StreamSecret, getrandom::Error> {
    let mut key = Zeroizing::new([0; StreamSecret::WEBHOOK_BYTES]);
    getrandom::fill(key.as_mut())?;
    Ok(StreamSecret::of_webhook(&key))
}

/// The id of a new version of a secret.
pub fn secret_version() -> SecretVersion {
    SecretVersion::new(uuid::Uuid::now_v7())
}

/// `LENGTH` characters, each of the 62 equally likely.
fn base62<const LENGTH: usize>() -> Result<[u8; LENGTH], getrandom::Error> {
    let mut characters = [0; LENGTH];
    let mut filled = 0;
    let mut random = [0; LENGTH];
    while filled < LENGTH {
        getrandom::fill(&mut random)?;
        // 248 = 4 * 62. Bytes from 248 on are dropped, because they would make the first characters more likely.
        for byte in random.iter().filter(|byte| **byte < 248).take(LENGTH - filled) {
            characters[filled] = BASE62[usize::from(byte % 62)];
            filled += 1;
        }
    }
    Ok(characters)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_character_is_drawn_about_equally_often() {
        let mut counts = HashMap::<u8, u32>::new();
        for _ in 0..200 {
            for character in base62::<310>().unwrap() {
                *counts.entry(character).or_default() += 1;
            }
        }
        // 62,000 draws, 1,000 expected of each: 200 off is more than six standard deviations.
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| (800..1200).contains(count)), "{counts:?}");
    }

    #[test]
    fn an_age_is_that_of_the_clock_that_advanced_more() {
        let then = Moment::now();
        let check = |wall_seconds: i64, monotonic_seconds: u64, expected: Option<u64>| {
            let later = Moment {
                wall: then.wall.plus_seconds(wall_seconds),
                monotonic: then.monotonic + Duration::from_secs(monotonic_seconds),
            };
            assert_eq!(
                then.age_at(later),
                expected.map(Duration::from_secs),
                "{wall_seconds} {monotonic_seconds}"
            );
        };
        check(5, 5, Some(5));
        check(70, 0, Some(70));
        check(3, 70, Some(70));
        check(-1, 70, None);
    }

    #[test]
    fn unique_ids_differ() {
        assert_ne!(event_id(), event_id());
    }
}
