//! Events as a table: RFC 4180, a header line first, lines that end with CR LF.
//!
//! A column is named by the path of its member in the JSON of an event, and holds the member's value: a text as
//! it is, a number in its digits, an object or array as canonical JSON (RFC 8785). Every member of an event has
//! a column. Columns are added at the end, and never renamed or moved.
//!
//! A spreadsheet program treats a cell that begins with `=`, `+`, `-`, `@`, a tab or a line end as a formula,
//! and would run a formula that an attacker put into a name. So such a text gets an apostrophe before it, and
//! so does a text that begins with an apostrophe, and an empty one. A cell without even an apostrophe is a member
//! that is null or missing. (OWASP, CSV Injection.)
//!
//! In many countries a spreadsheet program separates cells by semicolons, and other programs by tabs or at every kind of
//! line end. So a text with one of these characters is quoted, and where a formula would follow such a character there is an
//! apostrophe between them. Removing one apostrophe, if there is one, from the beginning of a text and before each such formula
//! restores the exact value. Within JSON the first character of such a formula is escaped (`\u003d`), which
//! changes no value.

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

/// The same within a text.
const INNER_FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// The characters at which some program ends a cell or a line.
const BOUNDARIES: [char; 12] =
    [';', '\t', '\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// The mark at the beginning of a text by which some programs know that it is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A page: the header line, and a line for each event. Every page has the header, so that it is complete by
/// itself; when pages are joined, only the first header is kept.
pub(super) fn write(events: &[Event], has_mark: bool) -> String {
    let mut table = if has_mark { BYTE_ORDER_MARK.to_owned() } else { String::new() };
    table.push_str(&COLUMNS.join(","));
    table.push_str("\r\n");
    table.extend(events.iter().map(line));
    table
}

/// The line of one event.
pub(super) fn line(event: &Event) -> String {
    cells(event).map(quoted).join(",") + "\r\n"
}

/// A cell, in quotes where it has a character that ends a cell or a line.
fn quoted(cell: String) -> String {
    if cell.contains([',', '"']) || cell.contains(BOUNDARIES) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

fn cells(event: &Event) -> [String; COLUMNS.len()] {
    let event = serde_json::to_value(event).expect("the model has only string keys and finite numbers");
    COLUMNS.map(|column| match column.split('.').try_fold(&event, |value, name| value.get(name)) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => harmless(text),
        Some(value) => harmless_json(&canonical(value)),
    })
}

/// The text, changed so that no program runs it as a formula.
fn harmless(text: &str) -> String {
    let mut cell = String::new();
    if text.is_empty() || text.starts_with('\'') || text.starts_with(FORMULA) {
        cell.push('\'');
    }
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        cell.push(character);
        if BOUNDARIES.contains(&character)
            && rest.as_str().trim_start_matches('\'').starts_with(INNER_FORMULA)
        {
            cell.push('\'');
        }
    }
    cell
}

/// A JSON text, changed so that no program runs a part of it as a formula. Such characters stand in its strings alone, where any character may be escaped.
fn harmless_json(json: &str) -> String {
    let mut cell = String::new();
    let mut is_after_boundary = false;
    for character in json.chars() {
        match is_after_boundary && INNER_FORMULA.contains(&character) {
            true => cell.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => cell.push(character),
        }
        is_after_boundary = BOUNDARIES.contains(&character);
    }
    cell
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::format::sample;

    /// The text in a cell as a reader of the table understands it; `None` if it is missing.
    fn text(cell: &str) -> Option<String> {
        let mut rest = cell.strip_prefix('\'').unwrap_or(cell).chars();
        let mut text = String::new();
        while let Some(character) = rest.next() {
            text.push(character);
            let formula = rest.as_str().trim_start_matches('\'').starts_with(INNER_FORMULA);
            if BOUNDARIES.contains(&character) && formula && rest.as_str().starts_with('\'') {
                rest.next();
            }
        }
        (!cell.is_empty()).then_some(text)
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
        insta::assert_snapshot!(write(&events, false));
    }

    #[test]
    fn a_page_without_events_is_its_header() {
        assert_eq!(write(&[], false), format!("{}\r\n", COLUMNS.join(",")));
        assert_eq!(write(&[], true), format!("\u{feff}{}\r\n", COLUMNS.join(",")));
    }

    #[test]
    fn a_page_is_its_header_and_the_lines_of_its_events() {
        let events = [sample::full("group_created"), sample::minimal("group_deleted")];
        assert_eq!(write(&events, false), write(&[], false) + &line(&events[0]) + &line(&events[1]));
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
    fn no_text_of_a_cell_is_a_formula() {
        let check = |text: &str, cell: &str| {
            let mut event = sample::minimal("group_created");
            event.actor.as_mut().unwrap().username = Some(text.to_owned());
            assert_eq!(read(&write(&[event], false))[0]["actor.username"], cell, "{text}");
        };
        check("peter", "peter");
        check("=HYPERLINK(\"//evil\", \"a\")", "'=HYPERLINK(\"//evil\", \"a\")");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t'=1");
        check("\r\n=1", "'\r\n'=1");
        check("x;=1+1", "x;'=1+1");
        check("x;'=1", "x;''=1");
        check("x;'a", "x;'a");
        check("x\t@a;b;-1", "x\t'@a;b;'-1");
        check("x\u{2028}＝1", "x\u{2028}'＝1");
        check("＝1", "'＝1");
        check("'", "''");
        check("'=1", "''=1");
        check("", "'");
        check("a=1", "a=1");
    }

    #[test]
    fn no_program_that_separates_cells_otherwise_finds_a_formula() {
        let mut event = sample::minimal("group_created");
        event.actor.as_mut().unwrap().username = Some("x;=1+1".to_owned());
        event.context.insert("a".to_owned(), "b;=1\u{2028}+2;c".into());
        let line = line(&event);
        assert!(line.contains(",\"x;'=1+1\","), "{line}");
        assert!(line.contains(r#"b;\u003d1"#), "{line}");
        for cell in line.split(BOUNDARIES) {
            assert!(!cell.trim_start_matches('"').starts_with(INNER_FORMULA), "{cell}");
        }
    }

    proptest! {
        #[test]
        fn every_cell_says_what_the_json_says(events in proptest::collection::vec(sample::any_event(), 0..4)) {
            let rows = read(&write(&events, false));
            prop_assert_eq!(rows.len(), events.len());
            for (event, row) in events.iter().zip(rows) {
                let event = serde_json::to_value(event).unwrap();
                for column in COLUMNS {
                    match member(&event, column) {
                        Value::Null => prop_assert_eq!(&row[column], "", "{}", column),
                        Value::String(sent) => {
                            prop_assert_eq!(text(&row[column]), Some(sent.clone()), "{}", column);
                        }
                        value => {
                            let found: Value = serde_json::from_str(&row[column]).unwrap();
                            prop_assert_eq!(&found, value, "{}", column);
                        }
                    }
                }
            }
        }

        #[test]
        fn a_text_made_harmless_comes_back_and_begins_no_formula(
            before in "[-=+@'\t\r\n＝＋－＠]{0,2}",
            rest in "\\PC{0,8}|[-=+@;'\t\r\n\u{85}\u{2028}＝a]{0,8}",
        ) {
            let original = before + &rest;
            let cell = harmless(&original);
            prop_assert!(!cell.is_empty() && !cell.starts_with(FORMULA));
            prop_assert!(cell.split(BOUNDARIES).all(|part| !part.starts_with(INNER_FORMULA)));
            prop_assert_eq!(text(&cell), Some(original));
        }
    }
}
