//! `auditlog record`: a few events, from options, a file or standard input.
//!
//! An event without an id and a timestamp gets both here, before the first request. So the request can be retried, and the
//! API records the event once.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    api::{Api, Identity},
    credentials::Credentials,
    error::Error,
    flags::Flags,
    output::Output,
    terminal::safe_line,
    time,
};

const RETRIES: u32 = 3;
/// The limits of the API for one request.
const MAX_BYTES: u64 = 1_000_000;
const MAX_EVENTS: usize = 500;
const FORMS: &str = "Give one event as a JSON object, or one a line, or {\"events\": […]} with up to 500.";

/// Options of `auditlog record`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("events").required(true).args(["file", "action"]))]
pub(crate) struct Record {
    /// A file with events as JSON: an object, one a line, or {"events": […]}; `-` is standard input
    #[arg(conflicts_with = "actor")]
    file: Option<PathBuf>,
    /// The action, such as group_created; `auditlog actions` lists them, and x_… is a name of your own
    #[arg(long, requires = "actor")]
    action: Option<String>,
    /// The user id of the person or program that did it
    #[arg(long, value_name = "USER_ID", requires = "action")]
    actor: Option<String>,
    /// The name of the actor
    #[arg(long, value_name = "NAME", requires = "action")]
    actor_name: Option<String>,
    /// The kind of the actor
    #[arg(long, value_enum, value_name = "TYPE", requires = "action")]
    actor_type: Option<ActorType>,
    /// The address of the actor
    #[arg(long, value_name = "ADDRESS", requires = "action")]
    actor_ip: Option<String>,
    /// The id of the entity to which it was done
    #[arg(long, value_name = "ID", requires = "entity_type")]
    entity: Option<String>,
    /// The type of the entity, such as report
    #[arg(long, value_name = "TYPE", requires = "action")]
    entity_type: Option<String>,
    /// The name of the entity
    #[arg(long, value_name = "NAME", requires = "entity_type")]
    entity_name: Option<String>,
    /// How it ended
    #[arg(long, value_enum, requires = "action")]
    outcome: Option<Outcome>,
    /// What happened, in a sentence
    #[arg(long, value_name = "TEXT", requires = "action")]
    description: Option<String>,
    /// A member of the context: KEY=TEXT, or KEY:=JSON for a number or an object; may be repeated
    #[arg(long, value_name = "KEY=TEXT", value_parser = member, requires = "action")]
    context: Vec<(String, Value)>,
    /// When it happened [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "action")]
    timestamp: Option<String>,
    /// The id of the event, by which a repetition is recognized [default: a new one]
    #[arg(long, requires_all = ["action", "timestamp"])]
    id: Option<String>,
    /// How to write the results
    #[arg(long, short, value_enum, default_value_t = Plainness::Text)]
    output: Plainness,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Plainness {
    /// A line for each event
    Text,
    /// The answer of the API
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outcome {
    /// It was done
    Success,
    /// It was refused, or failed
    Failure,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum ActorType {
    /// A person
    User,
    /// A program with a workspace token
    WorkspaceToken,
    /// A program with a member's API token
    MemberToken,
    /// A part of the product, or another service
    Service,
    /// The product itself
    System,
}

/// The body of a request.
#[derive(Debug, PartialEq, Eq)]
struct Body {
    /// The events as they were given, so that what is recorded is what was given.
    text: String,
    events: usize,
    /// Whether each event has its id and timestamp, so that a retry is recognized.
    is_repeatable: bool,
}

impl Record {
    /// Records the events, and says of each what became of it.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let now = Timestamp::now();
        let body = match (&self.file, &self.action) {
            (Some(file), _) => Body::read(&text_of(file)?, now)?,
            (None, Some(action)) => Body::read(&self.event(action, now)?.to_string(), now)?,
            (None, None) => return Err(Error::usage("There is no event to record.", FORMS)),
        };
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        let answer = body.send(&api, &credentials)?;
        let results = answer["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        if results.len() != body.events {
            return Err(Error::failure(
                format!("The API answered {} results for {} events.", results.len(), body.events),
                "Check the endpoint: it must lead to an Audit Logs API.",
            ));
        }
        match self.output {
            Plainness::Json => Output::new().json(&answer)?,
            Plainness::Text => {
                Output::new().text(&results.iter().filter_map(recorded_line).collect::<String>())?;
            }
        }
        refusals(results)
    }

    /// The event that the options describe.
    fn event(&self, action: &str, now: Timestamp) -> Result<Value, Error> {
        let mut event = json!({"action": action, "actor": {"user_id": self.actor}});
        fn text(text: &Option<String>) -> Option<Value> {
            text.as_ref().map(|text| json!(text))
        }
        let members = [
            ("/actor/username", text(&self.actor_name)),
            ("/actor/type", self.actor_type.and_then(|kind| name_of(&kind))),
            ("/actor/ip", text(&self.actor_ip)),
            ("/entity/entity_id", text(&self.entity)),
            ("/entity/entity_type", text(&self.entity_type)),
            ("/entity/entity_name", text(&self.entity_name)),
            ("/outcome", self.outcome.and_then(|outcome| name_of(&outcome))),
            ("/description", text(&self.description)),
        ];
        for (pointer, value) in members {
            if let Some(value) = value {
                place(&mut event, pointer, value);
            }
        }
        for (key, value) in &self.context {
            event["context"][key] = value.clone();
        }
        if let Some(text) = &self.timestamp {
            let time = time::parse_past(text, &now.to_zoned(time::zone(false)))
                .map_err(|forms| Error::usage("--timestamp is not a time.", format!("Please {forms}.")))?;
            event["timestamp"] = json!(time::rfc3339(time));
            let id = self.id.clone().unwrap_or_else(|| new_id(&event.to_string(), now, 0));
            event["id"] = json!(id);
        }
        Ok(event)
    }
}

impl Body {
    /// Reads an object, a list, or a line for each event. An object or a line without an id and a timestamp gets both; the
    /// elements of a list stay as they are.
    fn read(text: &str, now: Timestamp) -> Result<Self, Error> {
        let text = text.trim_start_matches('\u{feff}').trim();
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) if !members.contains_key("events") => Self::of_lines(&[text], now),
            Ok(Value::Object(members)) => match &members["events"] {
                Value::Array(events) => Self::of_list(text.to_owned(), events),
                _ => Err(Error::usage("The member events is not a list.", FORMS)),
            },
            Ok(Value::Array(events)) => Self::of_list(format!("{{\"events\":{text}}}"), &events),
            Ok(_) => Err(Error::usage("The text is not an event.", FORMS)),
            Err(error) if !text.contains('\n') => Err(no_json(&error)),
            Err(_) => {
                let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
                Self::of_lines(&lines, now)
            }
        }
    }

    fn of_lines(lines: &[&str], now: Timestamp) -> Result<Self, Error> {
        let mut events = Vec::new();
        let mut texts = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            let event: Value = serde_json::from_str(line).map_err(|error| no_json(&error))?;
            let is_nameless = event.get("id").is_none() && event.get("timestamp").is_none();
            let is_empty = event.as_object().is_some_and(serde_json::Map::is_empty);
            texts.push(if is_nameless && event.is_object() {
                named(line, is_empty, now, number)
            } else {
                (*line).to_owned()
            });
            events.push(event);
        }
        let body = Self::of_list(format!("{{\"events\":[{}]}}", texts.join(",")), &events)?;
        let is_named = |event: &Value| event.get("id").is_some() == event.get("timestamp").is_some();
        Ok(Self { is_repeatable: events.iter().all(is_named), ..body })
    }

    fn of_list(text: String, events: &[Value]) -> Result<Self, Error> {
        if events.is_empty() {
            return Err(Error::usage("There is no event to record.", FORMS));
        }
        if events.len() > MAX_EVENTS {
            return Err(Error::usage(
                format!("There are {} events, and one request takes {MAX_EVENTS}.", events.len()),
                "Record them with `auditlog import --from ndjson FILE`, which can be interrupted.",
            ));
        }
        if let Some(number) = events.iter().position(|event| !event.is_object()) {
            return Err(Error::usage(format!("The event {number} is not an object."), FORMS));
        }
        let is_named = |event: &Value| event.get("id").is_some() && event.get("timestamp").is_some();
        Ok(Self { text, events: events.len(), is_repeatable: events.iter().all(is_named) })
    }

    fn send(&self, api: &Api, credentials: &Credentials) -> Result<Value, Error> {
        let path = format!("/api/{}/audit_logs", credentials.workspace()?);
        let identity = Identity::Token(credentials.bearer()?);
        api.post_text(&path, &self.text, identity, self.is_repeatable)?.json()
    }
}

/// The event with an id and a timestamp before its own members.
fn named(event: &str, is_empty: bool, now: Timestamp, number: usize) -> String {
    let (id, timestamp) = (new_id(event, now, number), time::rfc3339(now));
    let comma = if is_empty { "" } else { "," };
    let rest = event.trim_start().strip_prefix('{').unwrap_or_default();
    format!("{{\"id\":\"{id}\",\"timestamp\":\"{timestamp}\"{comma}{rest}")
}

/// A unique event id: a digest of the event, the time, and the process id.
fn new_id(event: &str, now: Timestamp, number: usize) -> String {
    let origin = format!("{event} {} {number} {}", now.as_nanosecond(), std::process::id());
    let digest = Sha256::digest(origin);
    digest[..12].iter().fold("cli-".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}

/// Sets a member of an object, or of the object in a member of it.
fn place(event: &mut Value, pointer: &str, value: Value) {
    let mut at = event;
    for name in pointer.split('/').skip(1) {
        at = &mut at[name];
    }
    *at = value;
}

fn name_of(value: &impl ValueEnum) -> Option<Value> {
    Some(json!(value.to_possible_value()?.get_name()))
}

/// Reads `KEY=TEXT` or `KEY:=JSON`.
fn member(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=TEXT, or KEY:=JSON")?;
    let (key, value) = match key.strip_suffix(':') {
        Some(key) => {
            (key, serde_json::from_str(value).map_err(|_| format!("what stands after {key}:= is not JSON"))?)
        }
        None => (key, json!(value)),
    };
    if key.is_empty() {
        Err("a member has a key before its =".to_owned())
    } else {
        Ok((key.to_owned(), value))
    }
}

fn no_json(error: &serde_json::Error) -> Error {
    Error::usage(format!("The text is not JSON: {error}."), FORMS)
}

fn text_of(file: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        io::stdin().take(MAX_BYTES + 1).read_to_string(&mut text)
    } else {
        File::open(file).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
    };
    read.map_err(|error| Error::named_file(file, error))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Error::usage(
            format!("{} has more than {MAX_BYTES} bytes, and one request takes no more.", file.display()),
            "Record the events with `auditlog import --from ndjson FILE`.",
        ));
    }
    Ok(text)
}

/// The line of an event that is recorded; `None` if it is not.
fn recorded_line(result: &Value) -> Option<String> {
    let status = match result["status"].as_str()? {
        "recorded" => "recorded",
        "duplicate" => "known already",
        _ => return None,
    };
    let [id, timestamp] =
        ["id", "timestamp"].map(|name| safe_line(result[name].as_str().unwrap_or_default()));
    Some(format!("{status} {id} at {timestamp}\n"))
}

fn is_refused(result: &Value) -> bool {
    !matches!(result["status"].as_str(), Some("recorded" | "duplicate"))
}

/// The events that were refused, with each of their problems.
fn refusals(results: &[Value]) -> Result<(), Error> {
    let mut details = Vec::new();
    let mut refused = 0;
    for (number, result) in results.iter().enumerate().filter(|(_, result)| is_refused(result)) {
        refused += 1;
        let problem = &result["problem"];
        fn text(value: &Value) -> String {
            value.as_str().map(safe_line).unwrap_or_default()
        }
        let errors = problem["errors"].as_array().filter(|errors| !errors.is_empty());
        match errors {
            Some(errors) => details.extend(errors.iter().map(|error| {
                format!("event {number}, {}: {}", text(&error["pointer"]), text(&error["detail"]))
            })),
            None => details.push(format!("event {number}: {}", text(&problem["message"]))),
        }
    }
    if refused == 0 {
        return Ok(());
    }
    let what = match results.len() {
        1 => "The event was not recorded.".to_owned(),
        all => format!("{refused} of {all} events were not recorded."),
    };
    let next = "Correct them, and run the command again: events that are recorded are not recorded twice if they have \
                an id and a timestamp.";
    let error =
        if refused == results.len() { Error::rejected(what, next) } else { Error::failure(what, next) };
    Err(error.with_details(details))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Body {
        Body::read(text, "2025-02-18T10:47:37Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn an_event_gets_the_id_and_timestamp_that_it_lacks_and_keeps_its_text() {
        let body = read(" {\"action\": \"x_a\", \"context\": {\"n\": 1.50}} ");
        assert!(body.is_repeatable && body.text.starts_with("{\"events\":[{\"id\":\"cli-"), "{body:?}");
        let rest = "\"timestamp\":\"2025-02-18T10:47:37.000000Z\",\"action\": \"x_a\", \"context\": {\"n\": 1.50}}]}";
        assert!(body.text.ends_with(rest), "{body:?}");
        let own = "{\"id\": \"e\", \"timestamp\": \"2025-01-01T00:00:00Z\"}";
        let expected = Body { text: format!("{{\"events\":[{own}]}}"), events: 1, is_repeatable: true };
        assert_eq!(read(own), expected);
        assert!(!read("{\"id\": \"e\"}").is_repeatable);
        assert!(read("{}").text.ends_with("Z\"}]}"));
    }

    #[test]
    fn several_events_come_in_lines_or_a_list() {
        let lines = read("{\"a\":1}\n\n{\"b\":2}\n");
        assert_eq!((lines.events, lines.is_repeatable), (2, true));
        let ids: Vec<_> =
            lines.text.match_indices("\"id\":\"").map(|(at, _)| &lines.text[at..at + 35]).collect();
        assert_ne!(ids[0], ids[1], "each has an id of its own");
        for text in ["[{\"a\":1.50},{\"b\":2}]", "{\"events\":[{\"a\":1.50},{\"b\":2}]}"] {
            let whole = "{\"events\":[{\"a\":1.50},{\"b\":2}]}".to_owned();
            assert_eq!(read(text), Body { text: whole, events: 2, is_repeatable: false }, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "[]", "7", "{", "[1]", "{\"events\": 1}", "{}\n{", "{}\n7"] {
            assert!(Body::read(text, Timestamp::UNIX_EPOCH).is_err(), "{text}");
        }
    }

    #[test]
    fn a_member_of_the_context_is_text_or_json() {
        assert_eq!(member("a=b=c"), Ok(("a".to_owned(), json!("b=c"))));
        assert_eq!(member("n:=7"), Ok(("n".to_owned(), json!(7))));
        for wrong in ["a", "=b", "n:=x", ":=1"] {
            assert!(member(wrong).is_err(), "{wrong}");
        }
    }
}
