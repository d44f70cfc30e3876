//! Events as a table: RFC 4180, a header line first, lines that end with CR LF.
//!
//! A column is named by the path of its member in the JSON of an event, and holds the member's value: a text as
//! it is, a number in its digits, an object or array as canonical JSON (RFC 8785). Every member of an event has
//! a column. Columns are added at the end, and never renamed or moved.
//!
//! A spreadsheet program treats a cell that begins with `=`, `+`, `-`, `@`, a tab or a line end as a formula,
//! and would run a formula that an attacker put into a name. So such a text gets an apostrophe before it, and
//! so does a text that begins with an apostrophe, and an empty one. Removing one leading apostrophe, if there
//! is one, restores the exact value. A cell without even an apostrophe is a member that is null or missing.
//! (OWASP, CSV Injection.)

use std::borrow::Cow;

use csv::{Terminator, WriterBuilder};
use serde_json::Value;
use shared::{model::event::Event, text::json::canonical};

const COLUMNS: [&str; 23] = [
    "id",
    "action",
    "category",
    "description",
    "timestamp",
    "received_at",
    "sequence",
    "workspace_username",
    "outcome",
    "actor.user_id",
    "actor.username",
    "actor.ip",
    "actor.user_agent",
    "actor.type",
    "actor.on_behalf_of.user_id",
    "actor.on_behalf_of",
    "entity.entity_type",
    "entity.entity_id",
    "entity.entity_name",
    "context",
    "changes",
    "salt",
    "redacted",
];

/// Characters that begin a formula, with the full-width forms that programs treat alike.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A page: the header line, and a line for each event. Every page has the header, so that it is complete by
/// itself; when pages are joined, only the first header is kept.
pub(super) fn write(events: &[Event]) -> String {
    records([COLUMNS.map(str::to_owned)].into_iter().chain(events.iter().map(cells)))
}

/// The line of one event.
pub(super) fn line(event: &Event) -> String {
    records([cells(event)])
}

fn records(records: impl IntoIterator<Item = [String; COLUMNS.len()]>) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for record in records {
        writer.write_record(record).expect("all records are of one length, and memory takes them");
    }
    let bytes = writer.into_inner().expect("memory takes what is left");
    String::from_utf8(bytes).expect("all cells are text")
}

fn cells(event: &Event) -> [String; COLUMNS.len()] {
    let event = serde_json::to_value(event).expect("the model has only string keys and finite numbers");
    COLUMNS.map(|column| match column.split('.').try_fold(&event, |value, name| value.get(name)) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => harmless(text).into_owned(),
        Some(value) => canonical(value),
    })
}

/// The text, changed so that no program runs it as a formula.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.is_empty() || text.starts_with('\'') || text.starts_with(FORMULA) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::format::sample;

    /// The member in a cell as a reader of the table understands it; `None` if it is missing.
    fn text(cell: &str) -> Option<&str> {
        (!cell.is_empty()).then(|| cell.strip_prefix('\'').unwrap_or(cell))
    }

    /// The rows of a table, by column.
    fn read(table: &str) -> Vec<HashMap<String, String>> {
        csv::Reader::from_reader(table.as_bytes()).deserialize().map(Result::unwrap).collect()
    }

    /// The value at the path of a column.
    fn member<'a>(event: &'a Value, column: &str) -> &'a Value {
        column.split('.').fold(event, |value, name| value.get(name).unwrap_or(&Value::Null))
    }

    #[test]
    fn an_event_is_one_line_under_the_header() {
        let events =
            [sample::full("connection_group_added_with_role"), sample::minimal("x_forecast_published")];
        insta::assert_snapshot!(write(&events));
    }

    #[test]
    fn a_page_without_events_is_its_header() {
        assert_eq!(write(&[]), format!("{}\r\n", COLUMNS.join(",")));
    }

    #[test]
    fn a_page_is_its_header_and_the_lines_of_its_events() {
        let events = [sample::full("group_created"), sample::minimal("group_deleted")];
        assert_eq!(write(&events), write(&[]) + &line(&events[0]) + &line(&events[1]));
    }

    #[test]
    fn every_member_has_a_column() {
        fn check(value: &Value, way: &str) {
            if COLUMNS.contains(&way) {
                return;
            }
            assert!(matches!(value, Value::Object(_)), "{way} has no column");
            for (name, member) in value.as_object().into_iter().flatten() {
                check(member, format!("{way}.{name}").trim_start_matches('.'));
            }
        }
        check(&serde_json::to_value(sample::full("group_created")).unwrap(), "");
    }

    #[test]
    fn no_cell_is_a_formula() {
        check("peter", "peter");
        check("=HYPERLINK(\"//evil\", \"a\")", "'=HYPERLINK(\"//evil\", \"a\")");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t=1");
        check("\r\n=1", "'\r\n=1");
        check("＝1", "'＝1");
        check("'", "''");
        check("'=1", "''=1");
        check("", "'");
        check("a=1", "a=1");
    }

    fn check(text: &str, cell: &str) {
        let mut event = sample::minimal("group_created");
        event.actor.as_mut().unwrap().username = Some(text.to_owned());
        assert_eq!(read(&write(&[event]))[0]["actor.username"], cell, "{text}");
    }

    proptest! {
        #[test]
        fn every_cell_agrees_with_the_json(events in proptest::collection::vec(sample::any_event(), 0..4)) {
            let rows = read(&write(&events));
            prop_assert_eq!(rows.len(), events.len());
            for (event, row) in events.iter().zip(rows) {
                let event = serde_json::to_value(event).unwrap();
                for column in COLUMNS {
                    let expected = match member(&event, column) {
                        Value::Null => None,
                        Value::String(text) => Some(text.clone()),
                        value => Some(canonical(value)),
                    };
                    prop_assert_eq!(text(&row[column]), expected.as_deref(), "{}", column);
                }
            }
        }

        #[test]
        fn an_escaped_text_is_restored_exactly_and_begins_no_formula(before in "[-=+@'\t\r\n＝＋－＠]{0,2}", rest in "\\PC{0,8}") {
            let original = before + &rest;
            let cell = harmless(&original);
            prop_assert!(!cell.is_empty() && !cell.starts_with(FORMULA));
            prop_assert_eq!(text(&cell), Some(original.as_str()));
        }
    }
}
