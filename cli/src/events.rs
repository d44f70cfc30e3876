//! Pages of events on standard output, in the shape that was asked for.

use console::Style;
use serde_json::Value;

use crate::{
    api::Encoding,
    error::Error,
    output::{Output, Shape},
    page::{self, CsvPage},
    table::{Column, Layout},
};

const COLUMNS: [Column; 6] =
    [("TIME", 20), ("ACTION", 25), ("ACTOR", 10), ("ENTITY", 10), ("OUTCOME", 7), ("FROM", 12)];
const OUTCOME: usize = 4;

/// Events on their way to standard output.
pub(crate) struct Events {
    shape: Shape,
    output: Output,
    written: u64,
    layout: Option<Layout>,
    header: Option<String>,
}

impl Events {
    /// None yet.
    pub(crate) fn new(shape: Shape, output: Output) -> Self {
        Self { shape, output, written: 0, layout: None, header: None }
    }

    /// How the API is asked to write the pages.
    pub(crate) fn encoding(shape: Shape) -> Encoding {
        if shape == Shape::Csv { Encoding::Csv } else { Encoding::Ndjson }
    }

    /// Writes a page, and says how many events it had: CSV for CSV, else NDJSON.
    pub(crate) fn write(&mut self, page: &str) -> Result<u64, Error> {
        if self.shape == Shape::Csv {
            return self.write_csv(page);
        }
        let lines: Vec<&str> = page.lines().collect();
        match self.shape {
            Shape::Table => self.write_table(&lines)?,
            Shape::Json => self.write_json(&lines)?,
            Shape::Ndjson | Shape::Csv => self.output.data(page)?,
        }
        self.count(lines.len() as u64)
    }

    /// Writes what comes after the last page: in JSON, `rest` says where to go on.
    pub(crate) fn finish(mut self, rest: &[(&str, Value)]) -> Result<(), Error> {
        match self.shape {
            Shape::Json => {
                let open = if self.written == 0 { "{\"audit_logs\":[" } else { "\n" };
                let rest: String = rest.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
                self.output.data(&format!("{open}]{rest}}}\n"))
            }
            Shape::Table if self.written == 0 => self.output.text("No events match.\n"),
            Shape::Table | Shape::Ndjson | Shape::Csv => Ok(()),
        }
    }

    fn count(&mut self, events: u64) -> Result<u64, Error> {
        self.written += events;
        Ok(events)
    }

    fn write_csv(&mut self, page: &str) -> Result<u64, Error> {
        let page = CsvPage::read(page)?;
        if self.header.is_none() {
            self.output.data(page.header)?;
            self.header = Some(page.header.to_owned());
        }
        self.output.data(page.records)?;
        self.count(page.events)
    }

    fn write_json(&mut self, lines: &[&str]) -> Result<(), Error> {
        let mut text = String::new();
        for (place, line) in (self.written..).zip(lines) {
            text.push_str(if place == 0 { "{\"audit_logs\":[\n" } else { ",\n" });
            text.push_str(line);
        }
        self.output.data(&text)
    }

    fn write_table(&mut self, lines: &[&str]) -> Result<(), Error> {
        let rows =
            lines.iter().map(|line| Ok(row(&page::event(line)?))).collect::<Result<Vec<_>, Error>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        // The first page decides how wide the columns are: those to come are not known yet.
        let mut text = String::new();
        let output = &self.output;
        let layout = self.layout.get_or_insert_with(|| {
            let layout = Layout::of(&COLUMNS, &rows, output.width());
            text.push_str(&layout.heading());
            layout
        });
        for row in &rows {
            let style = if row[OUTCOME] == "failure" { Style::new().red() } else { Style::new() };
            text.push_str(&layout.line(row, &style));
        }
        self.output.text(&text)
    }
}

/// An event in a line: what one looks for first.
fn row(event: &Value) -> [String; 6] {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let timestamp = text(&event["timestamp"]);
    // Microseconds are left to the other shapes.
    let time =
        timestamp.split_once('.').map_or_else(|| timestamp.clone(), |(seconds, _)| format!("{seconds}Z"));
    let entity = &event["entity"];
    let named = named(&entity["entity_name"], &entity["entity_id"]);
    let entity = format!("{} {named}", text(&entity["entity_type"]));
    [
        time,
        text(&event["action"]),
        actor(&event["actor"]),
        entity.trim().to_owned(),
        text(&event["outcome"]),
        text(&event["actor"]["ip"]),
    ]
}

fn actor(actor: &Value) -> String {
    let named = named(&actor["username"], &actor["user_id"]);
    match &actor["on_behalf_of"] {
        Value::Object(_) => format!("{named} for {}", self::actor(&actor["on_behalf_of"])),
        _ => named,
    }
}

/// A name with the id by which one filters, or the id alone.
fn named(name: &Value, id: &Value) -> String {
    let id = id.as_str().unwrap_or_default();
    match name.as_str() {
        Some(name) if name != id => format!("{name} ({id})"),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_told_in_a_line() {
        let event = json!({
            "action": "group_created",
            "timestamp": "2025-02-18T10:47:37.000000Z",
            "outcome": "success",
            "actor": {"user_id": "s1", "username": "support", "ip": "::1",
                      "on_behalf_of": {"user_id": "u1"}},
            "entity": {"entity_type": "group", "entity_id": "g1", "entity_name": "Staff"},
        });
        let expected = [
            "2025-02-18T10:47:37Z",
            "group_created",
            "support (s1) for u1",
            "group Staff (g1)",
            "success",
            "::1",
        ];
        assert_eq!(row(&event), expected);
        assert_eq!(row(&json!({"action": "x_a"})), ["", "x_a", "", "", "", ""]);
    }
}
