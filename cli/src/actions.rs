//! `auditlog actions`: what can be in an audit log.

use clap::Args;
use console::Style;
use serde_json::Value;

use crate::{
    api::Identity,
    error::Error,
    flags::Flags,
    output::{Output, Shape},
    table::{Column, Layout},
};

const RETRIES: u32 = 3;
const MEMBERS: [&str; 4] = ["category", "action", "event", "recorded_by"];
const COLUMNS: [Column; 3] = [("ACTION", 30), ("EVENT", 20), ("RECORDED BY", 11)];

/// Options of `auditlog actions`.
#[derive(Args, Debug)]
pub(crate) struct Actions {
    /// How to write them
    #[arg(long, short, value_enum, default_value_t = Shape::Table)]
    output: Shape,
}

impl Actions {
    /// Reads the catalogue and writes it.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let api = flags.api(&flags.gather()?, RETRIES)?;
        let answer = api.get("/api/actions", &[], Identity::Anyone)?;
        let catalogue = answer.json()?;
        let actions = catalogue["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut output = Output::new();
        match self.output {
            Shape::Json => output.json(&catalogue),
            Shape::Ndjson => output.ndjson(actions),
            Shape::Csv => {
                let records: Vec<_> =
                    actions.iter().map(|row| MEMBERS.map(|name| text(row, name)).to_vec()).collect();
                output.csv(&MEMBERS, &records)
            }
            Shape::Table => write_table(&mut output, &catalogue, actions),
        }
    }
}

fn write_table(output: &mut Output, catalogue: &Value, actions: &[Value]) -> Result<(), Error> {
    fn row(action: &Value) -> [String; 3] {
        [text(action, "action"), text(action, "event"), text(action, "recorded_by")]
    }
    let rows: Vec<_> = actions.iter().map(row).collect();
    let layout = Layout::of(&COLUMNS, &rows, output.width());
    output.text(&layout.heading())?;
    for category in catalogue["categories"].as_array().into_iter().flatten() {
        let (name, label) = (text(category, "category"), text(category, "label"));
        let rows: Vec<_> =
            actions.iter().filter(|action| text(action, "category") == name).map(row).collect();
        // Some categories are only for actions that the catalogue does not list.
        if rows.is_empty() {
            continue;
        }
        let title = crate::terminal::safe_line(&format!("{label} ({name})"));
        output.text(&format!("\n{}\n", Style::new().bold().cyan().apply_to(title)))?;
        for row in &rows {
            output.text(&layout.line(row, &Style::new()))?;
        }
    }
    Ok(())
}

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_default().to_owned()
}
