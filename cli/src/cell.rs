//! Cells of a CSV export: how a text is guarded against spreadsheet programs, and read back.

/// What makes a formula at the beginning of a cell.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// What makes one within a text.
const INNER_FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// The characters at which some program ends a cell or a line.
const BOUNDARIES: [char; 12] =
    [';', '\t', '\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// The text of a cell that is not empty, without the apostrophes that keep programs from running it.
pub(crate) fn text(cell: &str) -> String {
    let mut rest = cell.strip_prefix('\'').unwrap_or(cell).chars();
    let mut text = String::with_capacity(cell.len());
    while let Some(character) = rest.next() {
        text.push(character);
        if BOUNDARIES.contains(&character) && rest.as_str().starts_with('\'') && begins_formula(rest.as_str())
        {
            rest.next();
        }
    }
    text
}

/// The cell of a text.
pub(crate) fn of_text(text: &str) -> String {
    let mut cell = if needs_guard(text) { "'".to_owned() } else { String::new() };
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        cell.push(character);
        if BOUNDARIES.contains(&character) && begins_formula(rest.as_str()) {
            cell.push('\'');
        }
    }
    cell
}

/// Whether a text has an apostrophe before it in its cell.
pub(crate) fn needs_guard(text: &str) -> bool {
    text.is_empty() || text.starts_with('\'') || text.starts_with(FORMULA)
}

/// The cell of a JSON text: the first character of a formula within it is escaped.
pub(crate) fn of_json(json: &str) -> String {
    let mut cell = String::with_capacity(json.len());
    let mut is_after_boundary = false;
    for character in json.chars() {
        if is_after_boundary && INNER_FORMULA.contains(&character) {
            cell.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            cell.push(character);
        }
        is_after_boundary = BOUNDARIES.contains(&character);
    }
    cell
}

/// The line of a record.
pub(crate) fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = cells.into_iter().map(|cell| {
        if cell.contains([',', '"']) || cell.contains(BOUNDARIES) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}

fn begins_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(INNER_FORMULA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_from_its_cell() {
        for (sent, cell) in [
            ("peter", "peter"),
            ("=1", "'=1"),
            ("", "'"),
            ("'a", "''a"),
            ("x;=1+1", "x;'=1+1"),
            ("x;'=1", "x;''=1"),
            ("x;'a", "x;'a"),
            ("\t@a", "'\t'@a"),
            ("a\r\n-b", "a\r\n'-b"),
        ] {
            assert_eq!((of_text(sent).as_str(), text(cell).as_str()), (cell, sent));
        }
        assert_eq!(of_json(r#"{"a":"b;=1"}"#), r#"{"a":"b;\u003d1"}"#);
    }
}
