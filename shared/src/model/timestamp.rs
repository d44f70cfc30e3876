//! Times to the microsecond, always written in UTC with six fraction digits.

use std::{borrow::Cow, fmt};

use jiff::{SignedDuration, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How far the timestamp of an event may be ahead of the service's clock, in seconds.
pub const MAX_AHEAD_SECONDS: i64 = 600;

/// A point in time, to the microsecond, in the years 0000 to 9999.
///
/// It is written as 27 characters, `2025-02-18T10:47:37.000000Z`, so that texts sort in the order of the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// The text is not a valid time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time such as 2025-02-18T10:47:37.000000Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// The number of characters of the written form.
    pub const LENGTH: usize = 27;

    /// Parses RFC 3339 in upper or lower case, with any offset. Fractions of a microsecond are cut off. A leap second is
    /// refused, because it could only be stored as another second.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        if !is_rfc3339(text.as_bytes()) {
            return Err(InvalidTimestamp);
        }
        let text = within_nanoseconds(text);
        let time = match text.parse::<jiff::Timestamp>() {
            Ok(time) => time,
            // The library's largest time is a day before the end of 9999, because of offsets. A client that sends the end
            // of 9999 means "never", and no event can be recorded at that time.
            Err(_) if is_last_day(&text) => jiff::Timestamp::MAX,
            Err(_) => return Err(InvalidTimestamp),
        };
        let year = time.to_zoned(TimeZone::UTC).year();
        if !(0..=9999).contains(&year) {
            return Err(InvalidTimestamp);
        }
        Ok(Self::from(time))
    }

    /// The time `seconds` later, or the largest time.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        self.0.checked_add(SignedDuration::from_secs(seconds)).map_or(Self(jiff::Timestamp::MAX), Self::from)
    }

    /// The time `microseconds` later, or the largest time.
    pub fn plus_microseconds(self, microseconds: i64) -> Self {
        self.0
            .checked_add(SignedDuration::from_micros(microseconds))
            .map_or(Self(jiff::Timestamp::MAX), Self::from)
    }

    /// The time this many milliseconds after 1970, the unit of SQS.
    pub fn from_unix_milliseconds(milliseconds: i64) -> Option<Self> {
        jiff::Timestamp::from_millisecond(milliseconds).ok().map(Self::from)
    }

    /// Microseconds since 1970. Nothing is cut off.
    pub fn unix_microseconds(self) -> i64 {
        self.0.as_microsecond()
    }

    /// The time this many microseconds after 1970.
    pub fn from_unix_microseconds(microseconds: i64) -> Option<Self> {
        jiff::Timestamp::from_microsecond(microseconds).ok().map(Self)
    }

    /// Whole seconds since 1970, the unit of DynamoDB's TTL.
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Whole milliseconds since 1970; the rest is cut off.
    pub fn unix_ms(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The day in UTC, such as `2025-02-18`.
    pub fn day(self) -> String {
        self.to_string()[..10].to_owned()
    }
}

impl From<jiff::Timestamp> for Timestamp {
    /// Cuts off fractions of a microsecond.
    fn from(time: jiff::Timestamp) -> Self {
        let cut = jiff::Timestamp::from_nanosecond(time.as_nanosecond().div_euclid(1_000) * 1_000);
        Self(cut.unwrap_or(jiff::Timestamp::MIN))
    }
}

/// Whether the text is a time of the last two days of the year 9999.
fn is_last_day(text: &str) -> bool {
    let civil = text.get(..19).and_then(|text| text.parse::<jiff::civil::DateTime>().ok());
    civil.is_some_and(|civil| (civil.year(), civil.month()) == (9999, 12) && civil.day() >= 30)
}

/// How many digits of a fraction the library reads.
const NANOSECOND_DIGITS: usize = 9;

/// The same time without the digits after the nanoseconds. The text has the shape of RFC 3339.
fn within_nanoseconds(text: &str) -> Cow<'_, str> {
    let Some((head, fraction)) = text.split_once('.') else { return Cow::Borrowed(text) };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits <= NANOSECOND_DIGITS {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{head}.{}{}", &fraction[..NANOSECOND_DIGITS], &fraction[digits..]))
}

/// Whether the text has the shape of RFC 3339 §5.6, with `T` between date and time.
fn is_rfc3339(text: &[u8]) -> bool {
    fn shape(part: &[u8], shape: &[u8]) -> bool {
        part.len() == shape.len()
            && part.iter().zip(shape).all(|(byte, want)| {
                if *want == b'0' { byte.is_ascii_digit() } else { byte.to_ascii_uppercase() == *want }
            })
    }
    let Some((head, rest)) = text.split_at_checked(19) else { return false };
    if !shape(head, b"0000-00-00T00:00:00") || &head[17..] == b"60" {
        return false;
    }
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
    };
    rest.eq_ignore_ascii_case(b"Z")
        || ((shape(rest, b"+00:00") || shape(rest, b"-00:00")) && rest[1..3] <= *b"23".as_slice())
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rfc3339_is_parsed_and_written_in_one_form() {
        fn check(text: &str, written: Option<&str>) {
            assert_eq!(
                Timestamp::parse(text).ok().map(|time| time.to_string()).as_deref(),
                written,
                "{text}"
            );
        }
        check("2025-02-18T10:47:37Z", Some("2025-02-18T10:47:37.000000Z"));
        check("2025-02-18T10:47:37.5Z", Some("2025-02-18T10:47:37.500000Z"));
        check("2025-02-18T10:47:37.123456789Z", Some("2025-02-18T10:47:37.123456Z"));
        check("1969-12-31T23:59:59.999999999Z", Some("1969-12-31T23:59:59.999999Z"));
        check("2025-02-18T12:47:37+02:00", Some("2025-02-18T10:47:37.000000Z"));
        check("2025-02-18T10:47:37-00:00", Some("2025-02-18T10:47:37.000000Z"));
        check("2025-02-18t10:47:37z", Some("2025-02-18T10:47:37.000000Z"));
        check("2025-02-18t10:47:37.5+02:00", Some("2025-02-18T08:47:37.500000Z"));
        check("2025-02-18T10:47:37.1234567890Z", Some("2025-02-18T10:47:37.123456Z"));
        check("2025-02-18T10:47:37.99999999999999999999-01:00", Some("2025-02-18T11:47:37.999999Z"));
        check("2025-02-18T10:47:37.Z", None);
        check("2025-02-18 10:47:37Z", None);
        check("2025-02-18T10:47:37", None);
        check("2025-02-18T10:47Z", None);
        check("2025-02-30T10:47:37Z", None);
        check("2025-02-18T24:00:00Z", None);
        check("2016-12-31T23:59:60Z", None);
        check("2025-02-18T10:47:37+25:00", None);
        check("2025-02-18T10:47:37Z[Europe/Berlin]", None);
        check("0000-01-01T00:00:00+23:00", None);
        check("9999-12-30T22:00:00Z", Some("9999-12-30T22:00:00.000000Z"));
        check("9999-12-31T23:59:59Z", Some("9999-12-30T22:00:00.999999Z"));
        check("9999-12-31T23:59:59.999-01:00", Some("9999-12-30T22:00:00.999999Z"));
        check("9999-12-32T23:59:59Z", None);
        check("9999-12-31T24:59:59Z", None);
        check("9999-12-31T23:59:59+25:00", None);
        check("1740000000", None);
        check("", None);
    }

    proptest! {
        #[test]
        fn a_written_time_is_parsed_again(micros in 0_i64..250_000_000_000_000_000) {
            let time = Timestamp(jiff::Timestamp::from_microsecond(micros).unwrap());
            let text = time.to_string();
            prop_assert_eq!(text.len(), Timestamp::LENGTH);
            prop_assert_eq!(Timestamp::parse(&text), Ok(time));
        }

        #[test]
        fn texts_sort_in_the_order_of_the_times(a in 0_i64..250_000_000_000_000_000, b in 0_i64..250_000_000_000_000_000) {
            fn time(micros: i64) -> Timestamp { Timestamp(jiff::Timestamp::from_microsecond(micros).unwrap()) }
            prop_assert_eq!(time(a).cmp(&time(b)), time(a).to_string().cmp(&time(b).to_string()));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
