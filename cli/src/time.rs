//! Times as people write them: RFC 3339, dates, and spans such as `7 days ago`. All in UTC, as the
//! server answers.

use jiff::{Span, Timestamp, Zoned, civil, tz::TimeZone};

const FORMS: &str =
    "write RFC 3339 (2025-02-18T10:47:37Z), a date (2025-02-18), a span (-7d, \"7 days ago\") or today";

/// Reads a time that is rather in the past: a span without a sign counts back from `now`.
///
/// # Errors
/// Says how to write one.
pub(crate) fn parse_past(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let signed = text.starts_with('+');
    parse(text, now, |span| if signed { span } else { -span.abs() })
}

/// Reads a time that is in the future: a span without a sign counts on from `now`.
///
/// # Errors
/// Says how to write one.
pub(crate) fn parse_future(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    parse(text, now, |span| span)
}

/// The time as the server writes it, to the microsecond.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    format!("{time:.6}")
}

fn parse(text: &str, now: Timestamp, directed: impl Fn(Span) -> Span) -> Result<Timestamp, String> {
    let text = text.trim();
    let utc = now.to_zoned(TimeZone::UTC);
    absolute(text, &utc).or_else(|| relative(text, &utc, directed)).ok_or_else(|| FORMS.to_owned())
}

fn absolute(text: &str, now: &Zoned) -> Option<Timestamp> {
    let midnight = |day: civil::Date| day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    match text {
        "now" => Some(now.timestamp()),
        "today" => midnight(now.date()),
        "yesterday" => midnight(now.date().yesterday().ok()?),
        _ => text.parse().ok().or_else(|| {
            let local: civil::DateTime = text.parse().ok()?;
            local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        }),
    }
}

fn relative(text: &str, now: &Zoned, directed: impl Fn(Span) -> Span) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    now.checked_add(directed(span)).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2025-03-10T12:30:00.5Z".parse().unwrap()
    }

    #[test]
    fn a_time_in_the_past_is_read_as_it_is_meant() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse_past(text, now()).map(rfc3339).as_deref(), Ok(expected), "{text}");
        };
        check("2025-02-18T10:47:37.1234567Z", "2025-02-18T10:47:37.123456Z");
        check("2025-02-18T10:47:37+02:00", "2025-02-18T08:47:37.000000Z");
        check("2025-02-18", "2025-02-18T00:00:00.000000Z");
        check("2025-02-18T10:47", "2025-02-18T10:47:00.000000Z");
        check("now", "2025-03-10T12:30:00.500000Z");
        check("today", "2025-03-10T00:00:00.000000Z");
        check("yesterday", "2025-03-09T00:00:00.000000Z");
        for week in ["-7d", "7d", "7 days ago", "1 week ago", "-1w"] {
            check(week, "2025-03-03T12:30:00.500000Z");
        }
        check("90m", "2025-03-10T11:00:00.500000Z");
        check("1mo", "2025-02-10T12:30:00.500000Z");
        check("1h 30m ago", "2025-03-10T11:00:00.500000Z");
        check("+1h", "2025-03-10T13:30:00.500000Z");
    }

    #[test]
    fn a_time_in_the_future_counts_on() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse_future(text, now()).map(rfc3339).as_deref(), Ok(expected), "{text}");
        };
        check("90d", "2025-06-08T12:30:00.500000Z");
        check("1 year", "2026-03-10T12:30:00.500000Z");
        check("2026-01-01", "2026-01-01T00:00:00.000000Z");
    }

    #[test]
    fn other_texts_are_refused_with_the_forms() {
        for text in ["", "soon", "7", "2025-02-30", "2025", "1740000000", "9999 years ago ago", "-99999y"] {
            assert_eq!(parse_past(text, now()), Err(FORMS.to_owned()), "{text}");
        }
    }
}
