//! When to retry a request, and after which wait.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};

/// The longest wait that a server may ask for.
pub(super) const MAX_ASKED: Duration = Duration::from_secs(120);
/// The longest wait of our own accord.
const MAX_BACK_OFF: Duration = Duration::from_secs(30);
const FIRST_BACK_OFF: Duration = Duration::from_millis(500);

/// Whether a request with this answer may succeed the next time.
pub(super) fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The wait before the next try, after `tried` that failed: as long as the server asks for, or twice as long each
/// time. `None` if the server asks for more than [`MAX_ASKED`].
pub(super) fn wait(tried: u32, asked: Option<Duration>) -> Option<Duration> {
    let back_off = FIRST_BACK_OFF.saturating_mul(2_u32.saturating_pow(tried)).min(MAX_BACK_OFF);
    match asked {
        // A server that goes on refusing is asked less often than it allows.
        Some(asked) => (asked <= MAX_ASKED).then(|| asked.max(back_off / 2)),
        None => Some(back_off),
    }
}

/// Reads `Retry-After` (RFC 9110 §10.2.3): seconds or a date.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(Duration::try_from(http_date(value)?.duration_since(now)).unwrap_or_default())
}

/// Reads a date as HTTP writes it.
pub(super) fn http_date(value: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_bound() {
        let waits: Vec<_> = [0, 1, 2, 6, 40].map(|tried| wait(tried, None).unwrap().as_millis()).into();
        assert_eq!(waits, [500, 1000, 2000, 30_000, 30_000]);
    }

    #[test]
    fn the_server_is_given_the_time_it_asks_for_within_reason() {
        let seconds = Duration::from_secs;
        assert_eq!(wait(0, Some(seconds(3))), Some(seconds(3)));
        assert_eq!(wait(0, Some(seconds(0))), Some(Duration::from_millis(250)));
        assert_eq!(wait(4, Some(seconds(1))), Some(seconds(4)));
        assert_eq!(wait(0, Some(seconds(121))), None);
    }

    fn check(value: &str, expected: Option<u64>) {
        let now = "1994-11-06T08:49:30Z".parse().unwrap();
        assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        check("7", Some(7));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(7));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("soon", None);
        check("-1", None);
    }
}
