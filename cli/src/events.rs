//! Pages of events on standard output, in the shape that was asked for.

use clap::{Args, ValueEnum};
use console::Style;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::{
    api::Encoding,
    error::Error,
    output::{Output, Shape},
    page::{self, CsvPage},
    table::{Column, Layout},
    time,
};

/// The columns of a table without `--columns`, with the least width of each. Together they fit 80 columns.
const DEFAULT: [(Field, usize); 7] = [
    (Field::Sequence, 12),
    (Field::Time, 20),
    (Field::Action, 18),
    (Field::Outcome, 7),
    (Field::Actor, 10),
    (Field::Entity, 8),
    (Field::Ip, 12),
];
/// The least width of a column that was chosen.
const LEAST: usize = 4;
/// From this width on, a name has its id beside it.
const WIDE: usize = 120;

/// A column of a table of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Field {
    /// The place of the event in the log; `-` until it is sealed
    Sequence,
    /// When it happened
    Time,
    Action,
    Category,
    Outcome,
    /// The name of the actor, with the id if there is room
    Actor,
    ActorId,
    /// The address of the actor
    Ip,
    /// The type and the name of the entity
    Entity,
    EntityId,
    Id,
    Description,
    CorrelationId,
    /// When the API received it
    Received,
}

/// Options of a table of events.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Table")]
pub(crate) struct TableOptions {
    /// The columns of the table, in this order
    #[arg(long, value_enum, value_delimiter = ',', value_name = "COLUMN,…")]
    columns: Vec<Field>,
    /// Read and show times in UTC instead of local time
    #[arg(long)]
    utc: bool,
}

impl TableOptions {
    /// The zone of times that are read and shown.
    pub(crate) fn zone(&self) -> TimeZone {
        time::zone(self.utc)
    }

    fn columns(&self) -> Vec<(Field, usize)> {
        if self.columns.is_empty() {
            return DEFAULT.to_vec();
        }
        self.columns.iter().map(|field| (*field, LEAST)).collect()
    }
}

/// Events on their way to standard output.
pub(crate) struct Events {
    shape: Shape,
    columns: Vec<(Field, usize)>,
    zone: TimeZone,
    output: Output,
    written: u64,
    layout: Option<Layout>,
    header: Option<String>,
}

impl Events {
    /// No events yet.
    ///
    /// # Errors
    /// If columns are chosen for another shape than a table.
    pub(crate) fn new(shape: Shape, table: &TableOptions, output: Output) -> Result<Self, Error> {
        if shape != Shape::Table && !table.columns.is_empty() {
            return Err(Error::usage(
                "--columns chooses the columns of a table, and --output asks for another form.",
                "Leave one of them out; the other forms have all of an event.",
            ));
        }
        let (columns, zone) = (table.columns(), table.zone());
        Ok(Self { shape, columns, zone, output, written: 0, layout: None, header: None })
    }

    /// How many events were written.
    pub(crate) fn written(&self) -> u64 {
        self.written
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
        let width = self.output.width();
        // In a pipe a line has room for everything.
        let is_wide = width.is_none_or(|width| width >= WIDE);
        let events = lines.iter().map(|line| page::event(line)).collect::<Result<Vec<_>, Error>>()?;
        if events.is_empty() {
            return Ok(());
        }
        let row = |event: &Value| -> Vec<String> {
            self.columns.iter().map(|(field, _)| field.text(event, &self.zone, is_wide)).collect()
        };
        let rows: Vec<_> = events.iter().map(row).collect();
        // The first page decides how wide the columns are: those to come are not known yet.
        let mut text = String::new();
        let layout = self.layout.get_or_insert_with(|| {
            let columns: Vec<Column> =
                self.columns.iter().map(|(field, floor)| (field.heading(), *floor)).collect();
            let layout = Layout::of(&columns, &rows, width);
            text.push_str(&layout.heading());
            layout
        });
        for (event, row) in events.iter().zip(&rows) {
            let style = if event["outcome"] == "failure" { Style::new().red() } else { Style::new() };
            text.push_str(&layout.line(row, &style));
        }
        self.output.text(&text)
    }
}

impl Field {
    fn heading(self) -> &'static str {
        match self {
            Self::Sequence => "SEQ",
            Self::Time => "TIME",
            Self::Action => "ACTION",
            Self::Category => "CATEGORY",
            Self::Outcome => "OUTCOME",
            Self::Actor => "ACTOR",
            Self::ActorId => "ACTOR ID",
            Self::Ip => "FROM",
            Self::Entity => "ENTITY",
            Self::EntityId => "ENTITY ID",
            Self::Id => "ID",
            Self::Description => "DESCRIPTION",
            Self::CorrelationId => "CORRELATION ID",
            Self::Received => "RECEIVED",
        }
    }

    fn text(self, event: &Value, zone: &TimeZone, is_wide: bool) -> String {
        fn text(value: &Value) -> String {
            value.as_str().unwrap_or_default().to_owned()
        }
        let entity = &event["entity"];
        match self {
            Self::Sequence => event["sequence"].as_u64().map_or("-".to_owned(), |number| number.to_string()),
            Self::Time => time::shown(&text(&event["timestamp"]), zone),
            Self::Action => text(&event["action"]),
            Self::Category => text(&event["category"]),
            Self::Outcome => text(&event["outcome"]),
            Self::Actor => actor(&event["actor"], is_wide),
            Self::ActorId => text(&event["actor"]["user_id"]),
            Self::Ip => text(&event["actor"]["ip"]),
            Self::Entity => {
                let named = named(&entity["entity_name"], &entity["entity_id"], is_wide);
                format!("{} {named}", text(&entity["entity_type"])).trim().to_owned()
            }
            Self::EntityId => text(&entity["entity_id"]),
            Self::Id => text(&event["id"]),
            Self::Description => text(&event["description"]),
            Self::CorrelationId => text(&event["context"]["correlation_id"]),
            Self::Received => time::shown(&text(&event["received_at"]), zone),
        }
    }
}

fn actor(actor: &Value, is_wide: bool) -> String {
    let named = named(&actor["username"], &actor["user_id"], is_wide);
    match &actor["on_behalf_of"] {
        Value::Object(_) => format!("{named} for {}", self::actor(&actor["on_behalf_of"], is_wide)),
        _ => named,
    }
}

/// A name, with the id by which one filters if there is room, or the id alone.
fn named(name: &Value, id: &Value, is_wide: bool) -> String {
    let id = id.as_str().unwrap_or_default();
    match name.as_str() {
        Some(name) if name != id && is_wide => format!("{name} ({id})"),
        Some(name) => name.to_owned(),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(event: &Value, is_wide: bool) -> Vec<String> {
        DEFAULT.iter().map(|(field, _)| field.text(event, &TimeZone::UTC, is_wide)).collect()
    }

    fn event() -> Value {
        json!({
            "action": "group_created",
            "sequence": 81234,
            "timestamp": "2025-02-18T10:47:37.000000Z",
            "outcome": "success",
            "actor": {"user_id": "s1", "username": "support", "ip": "::1",
                      "on_behalf_of": {"user_id": "u1"}},
            "entity": {"entity_type": "group", "entity_id": "g1", "entity_name": "Staff"},
        })
    }

    #[test]
    fn an_event_is_shown_in_a_line() {
        let wide = [
            "81234",
            "2025-02-18T10:47:37Z",
            "group_created",
            "success",
            "support (s1) for u1",
            "group Staff (g1)",
            "::1",
        ];
        assert_eq!(row(&event(), true), wide);
        assert_eq!(row(&event(), false)[4..6], ["support for u1", "group Staff"]);
        assert_eq!(row(&json!({"action": "x_a"}), true), ["-", "", "x_a", "", "", "", ""]);
    }

    #[test]
    fn a_table_fits_80_columns_with_the_sequence_and_the_outcome() {
        let mut long = event();
        long["action"] = json!("connection_member_added_with_role");
        long["actor"]["username"] = json!("a name that is longer than any column");
        let rows = [row(&long, false)];
        for zone in [20, 22] {
            let columns = DEFAULT
                .map(|(field, floor)| (field.heading(), if field == Field::Time { zone } else { floor }));
            let line = Layout::of(&columns, &rows, Some(80)).line(&rows[0], &Style::new());
            assert!(line.trim_end().chars().count() <= 80, "{line}");
            for part in ["81234", "2025-02-18T10:47:37Z", "connection_member_", "success", "a name", "group"]
            {
                assert!(line.contains(part), "{part}: {line}");
            }
        }
    }
}
