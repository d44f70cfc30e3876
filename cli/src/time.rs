//! Times as people write and read them: RFC 3339, dates, and spans such as `7 days ago`.
//!
//! A time without an offset is of the zone of `now`: local time for commands that show events to people, UTC with `--utc`
//! and for files, which must not depend on the machine.

use std::path::{Path, PathBuf};

use jiff::{Span, Timestamp, Zoned, civil, tz::TimeZone};

use crate::flags::variable;

const FORMS: &str =
    "write RFC 3339 (2025-02-18T10:47:37Z), a date (2025-02-18), a span (-7d, \"7 days ago\") or today";

/// The zone of times without an offset: UTC, or that of the machine.
pub(crate) fn zone(is_utc: bool) -> TimeZone {
    if is_utc { TimeZone::UTC } else { local_zone().unwrap_or(TimeZone::UTC) }
}

/// The zone that `TZ` names, as POSIX says, or else that of the machine.
///
/// jiff would find it by itself with a feature that every Lambda function would then link too.
fn local_zone() -> Option<TimeZone> {
    let named = variable("TZ");
    let name = named.as_deref().map(|name| name.trim_start_matches(':'));
    let path = match name {
        None => PathBuf::from("/etc/localtime"),
        Some(name) if Path::new(name).is_absolute() => name.into(),
        Some(name) => Path::new("/usr/share/zoneinfo").join(name),
    };
    let rules = std::fs::read(path).ok().and_then(|rules| TimeZone::tzif("local", &rules).ok());
    rules.or_else(|| TimeZone::posix(name?).ok())
}

/// A time of the API for people, to the second. Any other text stays as it is.
pub(crate) fn shown(text: &str, zone: &TimeZone) -> String {
    let Ok(time) = text.parse::<Timestamp>() else { return text.to_owned() };
    let local = time.to_zoned(zone.clone());
    match local.offset().seconds() {
        0 => local.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        // The offset stands with each time, so that no hour is told twice when clocks go back.
        seconds if seconds % 3600 == 0 => {
            let hours = seconds / 3600;
            format!("{}{hours:+03}", local.strftime("%Y-%m-%d %H:%M:%S"))
        }
        _ => local.strftime("%Y-%m-%d %H:%M:%S%:z").to_string(),
    }
}

/// Reads a time that is rather in the past: a span without a sign counts back from `now`.
///
/// # Errors
/// Says how to write one.
pub(crate) fn parse_past(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let signed = text.starts_with('+');
    parse(text, now, |span| if signed { span } else { -span.abs() })
}

/// Reads a time that is in the future, in UTC: a span without a sign counts on from `now`.
///
/// # Errors
/// Says how to write one.
pub(crate) fn parse_future(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    parse(text, &now.to_zoned(TimeZone::UTC), |span| span)
}

/// The time as the server writes it, to the microsecond.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    format!("{time:.6}")
}

fn parse(text: &str, now: &Zoned, directed: impl Fn(Span) -> Span) -> Result<Timestamp, String> {
    let text = text.trim();
    absolute(text, now).or_else(|| relative(text, now, directed)).ok_or_else(|| FORMS.to_owned())
}

fn absolute(text: &str, now: &Zoned) -> Option<Timestamp> {
    let zone = now.time_zone();
    let midnight = |day: civil::Date| day.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    match text {
        "now" => Some(now.timestamp()),
        "today" => midnight(now.date()),
        "yesterday" => midnight(now.date().yesterday().ok()?),
        _ => text.parse().ok().or_else(|| {
            let local: civil::DateTime = text.parse().ok()?;
            local.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
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
        fn check(text: &str, expected: &str) {
            assert_eq!(
                parse_past(text, &now().to_zoned(TimeZone::UTC)).map(rfc3339).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
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
    fn a_time_without_an_offset_is_of_the_zone() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let now = now().to_zoned(berlin.clone());
        let check = |text: &str, expected: &str| {
            assert_eq!(parse_past(text, &now).map(rfc3339).as_deref(), Ok(expected), "{text}");
        };
        check("2025-02-18T10:47", "2025-02-18T09:47:00.000000Z");
        check("2025-07-01", "2025-06-30T22:00:00.000000Z");
        check("today", "2025-03-09T23:00:00.000000Z");
        check("2025-02-18T10:47:37Z", "2025-02-18T10:47:37.000000Z");
        check("2h", "2025-03-10T10:30:00.500000Z");
        assert_eq!(shown("2025-07-01T10:00:00.123456Z", &berlin), "2025-07-01 12:00:00+02");
        assert_eq!(shown("2025-07-01T10:00:00.123456Z", &TimeZone::UTC), "2025-07-01T10:00:00Z");
        let india = TimeZone::posix("IST-5:30").unwrap();
        assert_eq!(shown("2025-07-01T10:00:00.123456Z", &india), "2025-07-01 15:30:00+05:30");
        assert_eq!(shown("soon", &berlin), "soon");
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
            assert_eq!(parse_past(text, &now().to_zoned(TimeZone::UTC)), Err(FORMS.to_owned()), "{text}");
        }
    }
}
