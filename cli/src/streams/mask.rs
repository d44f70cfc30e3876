//! `auditlog streams mask`: the mask of a stream, and a preview of what a mask leaves out of recorded events.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clap::{Args, ValueEnum};
use console::Style;
use serde_json::{Value, json};

use super::{Plainness, Reached, show, stream_id};
use crate::{
    api::{Answer, Identity},
    error::Error,
    output::Output,
    table::{Column, Layout},
    terminal,
};

const COLUMNS: [Column; 2] = [("LEFT OUT", 20), ("EVENTS", 6)];
/// Members that say what was left out, and are no values of the event.
const ABOUT_PARTS: [&str; 2] = ["redacted", "salt"];

/// Options of `auditlog streams mask`.
#[derive(Args, Debug)]
pub(crate) struct MaskStream {
    /// The stream whose mask is set or tried, by its id as `auditlog streams list` shows it
    #[arg(value_name = "STREAM", value_parser = stream_id)]
    id: Option<String>,
    /// Leave this out, such as /actor/ip or /context/**/email; repeat it, or put commas between
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    mask: Vec<String>,
    /// Change nothing: show what the mask leaves out of the newest events
    #[arg(long)]
    preview: bool,
    /// The number of events that a preview looks at
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000), requires = "preview")]
    events: u16,
    /// The form of a preview
    #[arg(long, short, value_enum, default_value_t = Form::Text, requires = "preview")]
    output: Form,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// How often each value is left out
    Text,
    /// The events as a receiver gets them, one a line
    Ndjson,
    /// The events as a receiver of OCSF gets them, one a line
    Ocsf,
}

impl MaskStream {
    /// Sets the mask of a stream, or shows what it leaves out.
    pub(super) fn run(&self, reached: &Reached<'_>) -> Result<(), Error> {
        let Self { id, mask, preview, events, output } = self;
        match (id, mask.as_slice(), preview) {
            (_, masks @ [_, ..], true) => Preview { reached, masks, events: *events }.show(*output),
            (Some(id), [], true) => {
                let stream = reached.get(id)?;
                let masks: Vec<_> = stream["mask"].as_array().into_iter().flatten().collect();
                let masks: Vec<_> = masks.into_iter().filter_map(Value::as_str).map(str::to_owned).collect();
                if masks.is_empty() {
                    return Err(Error::usage(
                        "The stream has no mask.",
                        "Give the paths to try with --mask.",
                    ));
                }
                Preview { reached, masks: &masks, events: *events }.show(*output)
            }
            (Some(id), masks @ [_, ..], false) => {
                let wanted = json!({ "mask": masks });
                let answer = reached.api.patch(&reached.at(id), &wanted, reached.admin()?)?.json()?;
                show(&answer, Plainness::Text)
            }
            (Some(id), [], false) => Err(Error::usage(
                "No mask is given.",
                format!(
                    "Give the paths with --mask, or --preview to see what the mask of the stream leaves out. \
                     `auditlog streams update {id} --no-mask` removes it."
                ),
            )),
            (None, _, _) => Err(Error::usage(
                "No stream is named.",
                "Name the stream whose mask is set; or give --mask and --preview to try a mask before there is a stream.",
            )),
        }
    }
}

/// The newest events of a workspace, without records of reads, as a mask leaves them.
struct Preview<'a> {
    reached: &'a Reached<'a>,
    masks: &'a [String],
    events: u16,
}

impl Preview<'_> {
    fn show(&self, output: Form) -> Result<(), Error> {
        match output {
            Form::Ndjson => Output::new().data(&self.text(&[("format", "ndjson")], "application/x-ndjson")?),
            Form::Ocsf => {
                Output::new().data(&self.text(&[("format", "ocsf")], "application/vnd.ocsf+x-ndjson")?)
            }
            Form::Text => self.table(),
        }
    }

    fn table(&self) -> Result<(), Error> {
        let before = self.page(&[])?;
        let after = self.page(&self.mask())?;
        let after: HashMap<_, _> = after.iter().map(|event| (key(event), event)).collect();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let (mut seen, mut changed) = (0, 0);
        // An event that was recorded between the two reads has no counterpart.
        for (event, masked) in before.iter().filter_map(|event| Some((event, after.get(&key(event))?))) {
            let mut paths = BTreeSet::new();
            note_left_out(event, masked, "", &mut paths);
            seen += 1;
            changed += usize::from(!paths.is_empty());
            paths.into_iter().for_each(|path| *counts.entry(path).or_default() += 1);
        }
        if counts.is_empty() {
            terminal::say(&format!(
                "This mask leaves nothing out of the newest {seen} events: none has a value at these paths."
            ));
            return Ok(());
        }
        let rows: Vec<_> = counts.into_iter().map(|(path, count)| [path, count.to_string()]).collect();
        let mut output = Output::new();
        let layout = Layout::of(&COLUMNS, &rows, output.width());
        output.text(&layout.heading())?;
        rows.iter().try_for_each(|row| output.text(&layout.line(row, &Style::new())))?;
        terminal::tell(&format!("The mask leaves something out of {changed} of the newest {seen} events."));
        Ok(())
    }

    fn page(&self, more: &[(&str, &str)]) -> Result<Vec<Value>, Error> {
        let mut page = self.answer(more)?.json()?;
        match page["audit_logs"].take() {
            Value::Array(events) => Ok(events),
            _ => Err(Error::failure(
                "The answer has no list of events.",
                "Look whether the endpoint is that of the audit log.",
            )),
        }
    }

    fn text(&self, more: &[(&str, &str)], content_type: &str) -> Result<String, Error> {
        self.answer(&[&self.mask(), more].concat())?.text(content_type)
    }

    fn mask(&self) -> Vec<(&str, &str)> {
        self.masks.iter().map(|path| ("mask", path.as_str())).collect()
    }

    fn answer(&self, more: &[(&str, &str)]) -> Result<Answer, Error> {
        let limit = self.events.to_string();
        let query = [&[("limit", limit.as_str()), ("reads", "exclude")], more].concat();
        let Reached { api, credentials, path: _ } = self.reached;
        let path = format!("/api/{}/audit_logs", credentials.workspace()?);
        api.get(&path, &query, Identity::Token(credentials.bearer()?))
    }
}

fn key(event: &Value) -> (String, String) {
    (event["timestamp"].to_string(), event["id"].to_string())
}

/// Notes the path of each value that `after` no longer has. The elements of a list have one path.
fn note_left_out(before: &Value, after: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match (before, after) {
        (Value::Null, _) => {}
        (_, Value::Null) => {
            paths.insert(path.to_owned());
        }
        (Value::Object(before), Value::Object(_)) => {
            for (name, value) in before {
                if path.is_empty() && ABOUT_PARTS.contains(&name.as_str()) {
                    continue;
                }
                let step = name.replace('~', "~0").replace('/', "~1");
                note_left_out(value, &after[name.as_str()], &format!("{path}/{step}"), paths);
            }
        }
        (Value::Array(before), Value::Array(left)) => {
            for (at, value) in before.iter().enumerate() {
                let left = left.get(at).unwrap_or(&Value::Null);
                note_left_out(value, left, &format!("{path}/*"), paths);
            }
        }
        _ if before == after => {}
        _ => {
            paths.insert(path.to_owned());
        }
    }
}
