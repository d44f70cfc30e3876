//! The failures of a delivery, described without any text of the destination's answer.

use std::time::UNIX_EPOCH;

use shared::{
    model::timestamp::Timestamp,
    stream::{MAX_BACK_OFF_SECONDS, Problem},
};

/// The reason why a destination did not accept a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A code for programs, such as `timeout` or `status_503`.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
    /// The wait that the destination asks for; 0 if it names none.
    pub retry_after_seconds: i64,
    /// True if a smaller request may succeed.
    pub too_large: bool,
    /// True if the destination says that it is gone permanently.
    pub is_final: bool,
}

/// The result of sending some entries.
#[derive(Debug)]
pub(crate) struct Carried {
    /// The number of entries, from the first, that the destination accepted.
    pub(crate) taken: usize,
    /// The reason why it accepted no more.
    pub(crate) failure: Option<Failure>,
}

impl Carried {
    /// The destination accepted no entry.
    pub(crate) fn nothing(failure: Failure) -> Self {
        Self { taken: 0, failure: Some(failure) }
    }
}

impl Failure {
    /// A failure without further details.
    pub fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            retry_after_seconds: 0,
            too_large: false,
            is_final: false,
        }
    }

    /// The failure of an answer without success, with its `Retry-After`, if any.
    pub fn status(status: u16, retry_after: Option<&str>, now: Timestamp) -> Self {
        Self {
            retry_after_seconds: retry_after.and_then(|value| seconds(value, now)).unwrap_or_default(),
            too_large: status == 413,
            is_final: status == 410,
            ..Self::new(
                format!("status_{status}"),
                format!("the destination answered {status}{}", meaning(status)),
            )
        }
    }

    /// The problem that the stream shows.
    pub fn problem(&self, at: Timestamp) -> Problem {
        Problem { code: self.code.clone(), detail: self.detail.clone(), at }
    }
}

/// A hint for the admin.
fn meaning(status: u16) -> &'static str {
    match status {
        300..=399 => ": redirects are not followed, give the URL that it leads to",
        401 | 403 => ": check the secret or token",
        410 => ": it is gone permanently, so the stream is paused",
        404 | 405 => ": check the URL",
        413 => ": it does not accept a request of this size",
        429 => ": it gets too many requests",
        _ => "",
    }
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3): a number of seconds, or a date in one of HTTP's three forms. At
/// most an hour.
fn seconds(value: &str, now: Timestamp) -> Option<i64> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large to parse is longer than any wait of ours.
        value.parse::<i64>().unwrap_or(i64::MAX)
    } else {
        let at = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(at.as_secs()).ok()?.saturating_sub(now.unix_seconds())
    };
    Some(wait.clamp(0, MAX_BACK_OFF_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_may_ask_for_a_later_retry() {
        let now = Timestamp::parse("2026-11-28T12:00:00Z").unwrap();
        check(now, None, 0);
        check(now, Some("120"), 120);
        check(now, Some("Sat, 28 Nov 2026 12:05:00 GMT"), 300);
        check(now, Some("Saturday, 28-Nov-26 12:05:00 GMT"), 300);
        check(now, Some("Sat Nov 28 12:05:00 2026"), 300);
        check(now, Some("Sat, 28 Nov 2026 11:00:00 GMT"), 0);
        check(now, Some("Sat, 28 Nov 2099 11:00:00 GMT"), 3600);
        check(now, Some(" 120 "), 120);
        check(now, Some("99999999999"), 3600);
        check(now, Some("99999999999999999999999999"), 3600);
        check(now, Some(""), 0);
        check(now, Some("1.5"), 0);
        check(now, Some("Sat, 31 Feb 2026 12:05:00 GMT"), 0);
        check(now, Some("soon"), 0);
        check(now, Some("-5"), 0);
    }

    fn check(now: Timestamp, value: Option<&str>, expected: i64) {
        assert_eq!(Failure::status(503, value, now).retry_after_seconds, expected, "{value:?}");
    }

    #[test]
    fn a_status_says_what_to_look_at() {
        let now = Timestamp::parse("2026-11-28T12:00:00Z").unwrap();
        let failure = Failure::status(413, None, now);
        assert_eq!((failure.code.as_str(), failure.too_large, failure.is_final), ("status_413", true, false));
        assert!(Failure::status(410, None, now).is_final);
        assert!(Failure::status(302, None, now).detail.contains("not followed"));
        assert_eq!(Failure::status(500, None, now).detail, "the destination answered 500");
    }
}
