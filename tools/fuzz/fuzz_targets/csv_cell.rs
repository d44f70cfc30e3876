#![no_main]

use fuzz::table;
use libfuzzer_sys::fuzz_target;

// A text in a table: it can be restored, and no program takes its cell for a formula.
fuzz_target!(|text: &str| {
    let Some(table) = table(text) else { return };
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let header = rows.headers().expect("a header").clone();
    let row = rows.records().next().expect("a row").expect("of as many cells");
    for (column, cell) in header.iter().zip(&row) {
        let formula = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
        assert!(!cell.starts_with(formula), "{column}: {cell}");
        if matches!(column, "description" | "actor.username" | "entity.entity_name") && !cell.is_empty() {
            assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), text, "{column}");
        }
    }
});
