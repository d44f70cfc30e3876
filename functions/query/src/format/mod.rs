//! The formats of a page: JSON, and formats that auditors and security tools read directly.

mod csv;
#[cfg(test)]
#[path = "../../../../shared/src/ocsf/sample.rs"]
mod sample;

use serde::Serialize;
use shared::{
    http::{self, Response, WrongPart},
    model::{error::Error, event::Event},
    ocsf,
};

/// A format of the time view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One object with all events and the cursor.
    #[default]
    Json,
    /// One event a line.
    Ndjson,
    /// RFC 4180, with a header line.
    Csv,
    /// One event of the Open Cybersecurity Schema Framework a line.
    Ocsf,
}

/// The name of each format, and its content type.
pub const FORMATS: [(Format, &str, &str); 4] = [
    (Format::Json, "json", "application/json"),
    (Format::Ndjson, "ndjson", "application/x-ndjson"),
    (Format::Csv, "csv", "text/csv"),
    (Format::Ocsf, "ocsf", "application/vnd.ocsf+x-ndjson"),
];

impl Format {
    /// The names of all formats.
    pub(crate) const NAMES: [&str; 4] = [FORMATS[0].1, FORMATS[1].1, FORMATS[2].1, FORMATS[3].1];

    /// The format with a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        FORMATS.iter().find(|(_, known, _)| *known == name).map(|(format, _, _)| *format)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The format that the query names, or else the first in `Accept` that we write (RFC 9110 §12.5.1; quality
    /// values other than 0 are not compared).
    ///
    /// # Errors
    /// [`Error::NotAcceptable`] if `Accept` names none of ours.
    pub(crate) fn choose(named: Option<Self>, accept: Option<&str>) -> Result<Self, Error> {
        if let Some(format) = named {
            return Ok(format);
        }
        let Some(accept) = accept.map(str::trim).filter(|accept| !accept.is_empty()) else {
            return Ok(Self::default());
        };
        let taken = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next()?;
            let refused = parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            FORMATS
                .iter()
                .find(|(_, _, content_type)| !refused && fits(media, content_type))
                .map(|(format, _, _)| *format)
        });
        taken.into_iter().next().ok_or_else(|| Error::NotAcceptable(content_types()))
    }

    /// Bytes of an event in an answer, which is a text within a JSON string: each quote, backslash and line end
    /// is escaped once more.
    pub(crate) fn measure(self) -> fn(&Event) -> usize {
        fn escaped(text: &str) -> usize {
            text.len()
                + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t')).count()
        }
        match self {
            Self::Json | Self::Ndjson => |event| escaped(&lines([event])),
            Self::Csv => |event| escaped(&csv::line(event)),
            Self::Ocsf => |event| escaped(&lines([ocsf::event(event)])),
        }
    }

    /// Writes a page of the time view; with the cursor in its body, or else in a header.
    pub fn write(self, events: &[Event], next_cursor: Option<&str>, warnings: &[WrongPart]) -> Response {
        let response = match self.lines(events) {
            Some(response) => http::with_next_cursor(response, next_cursor),
            None => {
                let has_more = next_cursor.is_some();
                http::ok(&Listing { audit_logs: events, has_more, next_cursor, warnings })
            }
        };
        http::with_warnings(response, warnings)
    }

    /// Writes the events alone, one a line; `None` for JSON, in which they are part of an object.
    pub(crate) fn lines(self, events: &[Event]) -> Option<Response> {
        let (_, _, content_type) = FORMATS[self as usize];
        let body = match self {
            Self::Json => return None,
            Self::Ndjson => lines(events),
            Self::Csv => csv::write(events),
            Self::Ocsf => lines(events.iter().map(ocsf::event)),
        };
        Some(http::ok_text(content_type, body))
    }
}

fn content_types() -> String {
    FORMATS.map(|(_, _, content_type)| content_type).join(", ")
}

fn fits(media: &str, content_type: &str) -> bool {
    match media.strip_suffix("/*") {
        Some("*") => true,
        Some(kind) => content_type.split('/').next().is_some_and(|known| known.eq_ignore_ascii_case(kind)),
        None => content_type.eq_ignore_ascii_case(media),
    }
}

/// A page of events, in JSON.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = AuditLogs))]
pub struct Listing<'a> {
    /// The events, in the requested order. A page may be short, or even empty, and yet have a next one.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<shared::model::event::ReadEvent>))]
    audit_logs: &'a [Event],
    /// True if more events may follow.
    has_more: bool,
    /// The value of the parameter `cursor` for the next page; null on the last page.
    #[cfg_attr(feature = "openapi", schema(required))]
    next_cursor: Option<&'a str>,
    /// Names in the query that no event has. Left out where there are none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    warnings: &'a [WrongPart],
}

/// One JSON text a line.
fn lines(events: impl IntoIterator<Item = impl Serialize>) -> String {
    let mut lines = String::new();
    for event in events {
        lines.push_str(
            &serde_json::to_string(&event).expect("the model has only string keys and finite numbers"),
        );
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_formats() {
        for (format, name, _) in FORMATS {
            assert_eq!((format.name(), Format::parse(name)), (name, Some(format)));
        }
    }

    #[test]
    fn the_query_decides_and_then_accept() {
        check(None, None, Some(Format::Json));
        check(None, Some(""), Some(Format::Json));
        check(None, Some("*/*"), Some(Format::Json));
        check(None, Some("text/csv"), Some(Format::Csv));
        check(None, Some("text/html, Text/CSV;q=0.9, */*;q=0.1"), Some(Format::Csv));
        check(None, Some("text/*"), Some(Format::Csv));
        check(None, Some("application/x-ndjson"), Some(Format::Ndjson));
        check(None, Some("text/csv;q=0, application/json"), Some(Format::Json));
        check(None, Some("text/html"), None);
        check(Some(Format::Ocsf), Some("text/html"), Some(Format::Ocsf));
    }

    fn check(named: Option<Format>, accept: Option<&str>, expected: Option<Format>) {
        assert_eq!(Format::choose(named, accept).ok(), expected, "{accept:?}");
    }
}
