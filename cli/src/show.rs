//! `auditlog show`: one event, by its sequence or its id.

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::{
    api::{Api, Encoding, Ledger, Listing, MAX_PAGE, Wanted},
    credentials::Credentials,
    error::Error,
    filters::Parameters,
    flags::Flags,
    output::Output,
    page,
    terminal::safe_line,
    time,
};

const RETRIES: u32 = 3;
/// How many pages are searched for an id.
const MAX_PAGES: usize = 100;

/// Options of `auditlog show`.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The `sequence` of the event, or its id
    #[arg(value_name = "SEQUENCE|ID")]
    name: String,
    /// When the event with this id happened, to the second: finds it at once
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// Show times in UTC instead of local time
    #[arg(long)]
    utc: bool,
    /// How to write the event
    #[arg(long, short, value_enum, default_value_t = Plainness::Text)]
    output: Plainness,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Plainness {
    /// Lines for people
    Text,
    /// The event as one JSON object
    Json,
}

impl Show {
    /// Finds the event and writes it.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let zone = time::zone(self.utc);
        let at = match &self.at {
            None => None,
            Some(text) => Some(
                time::parse_past(text, &Timestamp::now().to_zoned(zone.clone()))
                    .map_err(|forms| Error::usage("--at is not a time.", format!("Please {forms}.")))?,
            ),
        };
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        let event = match (self.name.parse(), at) {
            (Ok(sequence), None) => by_sequence(&api, &credentials, sequence)?,
            _ => by_id(&api, &credentials, &self.name, at)?,
        };
        match self.output {
            Plainness::Json => Output::new().json(&event),
            Plainness::Text => Output::new().data(&lines(&event, &zone)),
        }
    }
}

fn by_sequence(api: &Api, credentials: &Credentials, sequence: u64) -> Result<Value, Error> {
    let ledger = Ledger::new(api, credentials)?;
    let Some(entry) = ledger.entry(sequence)? else { return Err(no_sequence(sequence, ledger.workspace())) };
    let mut entry = page::event(&entry)?;
    Ok(entry["event"].take())
}

/// That the log has no event with this sequence.
pub(crate) fn no_sequence(sequence: u64, workspace: &str) -> Error {
    Error::failure(
        format!("There is no event with the sequence {sequence} in the log of {workspace}."),
        "`auditlog query` shows the sequences; an event without one gets it within seconds.",
    )
}

/// Searches the newest events, or those of one second.
fn by_id(api: &Api, credentials: &Credentials, id: &str, at: Option<Timestamp>) -> Result<Value, Error> {
    let mut parameters = Parameters::from([("order".to_owned(), "desc".to_owned())]);
    if let Some(at) = at {
        let end = at.checked_add(SignedDuration::from_secs(1)).unwrap_or(at);
        parameters.insert("start_timestamp".to_owned(), time::rfc3339(at));
        parameters.insert("end_timestamp".to_owned(), time::rfc3339(end));
    }
    let wanted = Wanted {
        workspace: credentials.workspace()?,
        token: credentials.bearer()?,
        parameters: &parameters,
        encoding: Encoding::Ndjson,
    };
    let mut listing = Listing::new(&wanted, None, None);
    let mut searched = 0;
    for _ in 0..MAX_PAGES {
        let page = listing.next(api, MAX_PAGE)?;
        searched += page.places.len();
        if let Some(index) = page.places.iter().position(|place| place.id == id) {
            return page::event(page.body.lines().nth(index).unwrap_or_default());
        }
        if page.next.is_none() {
            break;
        }
    }
    let next = match at {
        None => "Give its time with --at, or its sequence, which is quicker.",
        Some(_) => "Check the time, which is that of the event; without --at the newest events are searched.",
    };
    Err(Error::failure(
        format!("No event has the id {:?} among the {searched} that were searched.", safe_line(id)),
        next,
    ))
}

/// The event for people: a line for each fact.
fn lines(event: &Value, zone: &TimeZone) -> String {
    let mut lines = String::new();
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            lines.push_str(&format!("{name:<11}  {}\n", safe_line(&text)));
        }
    };
    fn text(value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
    let local = |value: &Value| time::shown(&text(value), zone);
    add(
        "sequence",
        event["sequence"].as_u64().map_or("not sealed yet".to_owned(), |number| number.to_string()),
    );
    add("id", text(&event["id"]));
    add("time", local(&event["timestamp"]));
    add("received", local(&event["received_at"]));
    add("action", format!("{} ({})", text(&event["action"]), text(&event["category"])));
    add("outcome", text(&event["outcome"]));
    add("description", text(&event["description"]));
    for (name, part) in
        [("actor", &event["actor"]), ("entity", &event["entity"]), ("context", &event["context"])]
    {
        for (member, value) in part.as_object().into_iter().flatten() {
            add(name, format!("{member}: {}", text(value)));
        }
    }
    for change in event["changes"].as_array().into_iter().flatten() {
        add("change", format!("{}: {} -> {}", text(&change["path"]), change["old"], change["new"]));
    }
    add("redacted", text(&event["redacted"]));
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_shown_in_lines_that_control_no_terminal() {
        let event = json!({
            "sequence": 7, "id": "e-1", "timestamp": "2025-02-18T10:47:37.000000Z", "action": "group_created",
            "category": "user_groups", "outcome": "success", "actor": {"user_id": "u1", "username": "a\nb\u{1b}[2J"},
            "entity": null, "context": {"n": 1.5}, "changes": [{"path": "/role", "old": null, "new": "x"}],
        });
        let expected = "sequence     7\nid           e-1\ntime         2025-02-18T10:47:37Z\n\
                        action       group_created (user_groups)\noutcome      success\nactor        user_id: u1\n\
                        actor        username: a\\nb\\u001b[2J\ncontext      n: 1.5\n\
                        change       /role: null -> \"x\"\n";
        assert_eq!(lines(&event, &TimeZone::UTC), expected);
    }
}
