//! The formats of a page: JSON, and formats that auditors and security tools read directly.

mod csv;
#[cfg(test)]
#[path = "../../../../shared/src/ocsf/sample.rs"]
mod sample;

use std::cmp::Reverse;

use serde::Serialize;
use shared::{
    http::{self, Response, WrongPart},
    model::{error::Error, event::Event},
    ocsf,
    text::json::one_line,
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
    /// CSV that begins with a byte order mark, by which Excel knows that it is UTF-8.
    CsvBom,
}

/// The name of each format, and the content type it is written as.
pub const FORMATS: [(Format, &str, &str); 5] = [
    (Format::Json, "json", "application/json"),
    (Format::Ndjson, "ndjson", "application/x-ndjson"),
    (Format::Csv, "csv", CSV),
    (Format::Ocsf, "ocsf", "application/vnd.ocsf+x-ndjson"),
    (Format::CsvBom, "csv_bom", CSV),
];

const CSV: &str = "text/csv";
const CSV_WITH_CHARSET: &str = "text/csv; charset=utf-8";

impl Format {
    /// The names of all formats.
    pub(crate) const NAMES: [&str; 5] =
        [FORMATS[0].1, FORMATS[1].1, FORMATS[2].1, FORMATS[3].1, FORMATS[4].1];

    /// The format with a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        FORMATS.iter().find(|(_, known, _)| *known == name).map(|(format, _, _)| *format)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The format that the query names, or else the one of the greatest weight in `Accept` (RFC 9110 §12.5.1); of several,
    /// the one that `Accept` names first.
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
        let ranges: Vec<_> =
            accept.split(',').enumerate().filter_map(|(at, text)| MediaRange::parse(at, text)).collect();
        let weighed = FORMATS.iter().filter_map(|(format, _, content_type)| {
            // Of the ranges that a type is in, the most precise one decides.
            let range = ranges.iter().filter_map(|range| Some((range.precision_of(content_type)?, range)));
            let (_, range) = range.max_by_key(|(precision, range)| (*precision, Reverse(range.at)))?;
            (range.weight > 0).then_some((range, *format))
        });
        let chosen =
            weighed.min_by_key(|(range, format)| (Reverse(range.weight), range.at, *format as usize));
        chosen.map(|(_, format)| format).ok_or_else(|| Error::NotAcceptable(Self::content_types()))
    }

    /// The content type of a page. A text without a charset is read as Latin-1 by some clients.
    pub fn content_type(self) -> &'static str {
        let (_, _, content_type) = FORMATS[self as usize];
        if content_type == CSV { CSV_WITH_CHARSET } else { content_type }
    }

    /// The content types that are written, each once.
    pub fn content_types() -> String {
        FORMATS[..4].iter().map(|(_, _, content_type)| *content_type).collect::<Vec<_>>().join(", ")
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
            Self::Csv | Self::CsvBom => |event| escaped(&csv::line(event)),
            Self::Ocsf => |event| escaped(&lines([ocsf::event(event)])),
        }
    }

    /// Writes a page of the time view; with the cursor in its body, or else in a header.
    pub fn write(
        self,
        events: &[Event],
        product: Option<&str>,
        next_cursor: Option<&str>,
        warnings: &[WrongPart],
    ) -> Response {
        let response = match self.lines(events, product) {
            Some(response) => http::with_next_cursor(response, next_cursor),
            None => {
                let has_more = next_cursor.is_some();
                http::ok(&Listing { audit_logs: events, has_more, next_cursor, warnings })
            }
        };
        http::with_warnings(response, warnings)
    }

    /// Writes the events alone, one a line; `None` for JSON, in which they are part of an object. OCSF names the product.
    pub(crate) fn lines(self, events: &[Event], product: Option<&str>) -> Option<Response> {
        let body = match self {
            Self::Json => return None,
            Self::Ndjson => lines(events),
            Self::Csv => csv::write(events, false),
            Self::CsvBom => csv::write(events, true),
            Self::Ocsf => lines(events.iter().map(|event| {
                let mut ocsf = ocsf::event(event);
                ocsf::name_product(&mut ocsf, product);
                ocsf
            })),
        };
        Some(http::ok_text(self.content_type(), body))
    }
}

/// A media range of `Accept`, such as `text/*;q=0.5`.
struct MediaRange<'a> {
    /// Its place in the header.
    at: usize,
    media: &'a str,
    /// In thousandths.
    weight: u16,
}

impl<'a> MediaRange<'a> {
    /// Reads a range; `None` if it has no weight that can be read.
    fn parse(at: usize, text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next()?;
        let weight = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then_some(value.trim())
        });
        Some(Self { at, media, weight: weight.map_or(Some(1000), weight_in_thousandths)? })
    }

    /// How precisely the range names a content type; `None` if it is of others.
    fn precision_of(&self, content_type: &str) -> Option<u8> {
        let (kind, _) = content_type.split_once('/')?;
        match self.media.strip_suffix("/*") {
            Some("*") => Some(0),
            Some(wanted) => kind.eq_ignore_ascii_case(wanted).then_some(1),
            None => content_type.eq_ignore_ascii_case(self.media).then_some(2),
        }
    }
}

/// A weight from 0 to 1, with up to three digits after the point.
fn weight_in_thousandths(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let is_weight =
        matches!(whole, "0" | "1") && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    let weight = format!("{whole}{digits:0<3}").parse().ok()?;
    (is_weight && weight <= 1000).then_some(weight)
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

/// One JSON text a line. Some readers also end a line at characters that JSON allows in a string, so these are escaped.
fn lines(events: impl IntoIterator<Item = impl Serialize>) -> String {
    let mut lines = String::new();
    for event in events {
        let text = serde_json::to_string(&event).expect("the model has only string keys and finite numbers");
        lines.push_str(&one_line(text));
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
        check(None, Some("text/csv;q=0.5, application/x-ndjson;q=0.9"), Some(Format::Ndjson));
        check(None, Some("text/csv;q=0.5, application/x-ndjson"), Some(Format::Ndjson));
        check(None, Some("text/csv;q=0.5, */*;q=0.1"), Some(Format::Csv));
        check(None, Some("*/*;q=0.1, text/*;q=0.2, application/x-ndjson;q=0.15"), Some(Format::Csv));
        check(None, Some("*/*, application/json;q=0"), Some(Format::Ndjson));
        check(None, Some("application/*;q=0.5, text/csv;q=0.4"), Some(Format::Json));
        check(None, Some("text/csv; charset=utf-8; q=0.3, application/json;q=0.2"), Some(Format::Csv));
        check(None, Some("text/csv, application/json"), Some(Format::Csv));
        check(None, Some("application/json, text/csv"), Some(Format::Json));
        check(None, Some("text/csv;Q=0.001, application/json;q=0.0"), Some(Format::Csv));
        check(None, Some("text/csv;q=2, application/json;q=0.1"), Some(Format::Json));
        check(None, Some("*/*;q=0"), None);
        check(None, Some("text/csv;q=high"), None);
        check(Some(Format::Ocsf), Some("text/html"), Some(Format::Ocsf));
    }

    fn check(named: Option<Format>, accept: Option<&str>, expected: Option<Format>) {
        assert_eq!(Format::choose(named, accept).ok(), expected, "{accept:?}");
    }
}
