//! The body of a request to record: one event, or `{"events": […]}`.

use serde_json::Value;
use shared::{
    error::{Error, FieldError},
    json::{self, Document},
};

/// The most events in one request.
pub const MAX_EVENTS: usize = 500;
/// The most bytes in one request.
pub const MAX_BODY_BYTES: usize = 1_000_000;

/// The member that holds the events of a batch.
const EVENTS: &str = "events";

/// What a client sent.
#[derive(Debug)]
pub enum Sent {
    /// One event, by itself.
    One(SentEvent),
    /// Several, as `{"events": […]}`.
    Batch(Vec<SentEvent>),
}

/// One event as it was sent, and what its JSON alone shows to be wrong with it.
#[derive(Debug)]
pub struct SentEvent {
    /// The event, read.
    pub value: Value,
    /// What its JSON alone shows to be wrong with it.
    pub problems: Vec<FieldError>,
}

impl Sent {
    /// Takes a body apart.
    ///
    /// # Errors
    /// If the body as a whole is not one that the route takes.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        // The events of a batch stand two levels deep.
        let Document { value, problems } = json::parse(body, json::MAX_DEPTH + 2)?;
        let refuse = |field: &str, code, detail: &str| {
            Err(Error::InvalidBody(vec![FieldError::new(field, code, detail)]))
        };
        let mut members = match value {
            Value::Object(members) if members.contains_key(EVENTS) => members,
            value @ Value::Object(_) => return Ok(Self::One(SentEvent { value, problems })),
            _ => return refuse("", "wrong_type", "must be an event, or {\"events\": […]} for several"),
        };
        let Some(Value::Array(events)) = members.remove(EVENTS) else {
            return refuse("/events", "wrong_type", "must be an array of events");
        };
        let (problems, mut own): (Vec<_>, Vec<_>) =
            problems.into_iter().partition(|problem| problem.field.starts_with("/events/"));
        let beside = |name: &String| {
            FieldError::new(json::step("", name), "unknown_field", "goes into an event, not beside them")
        };
        own.extend(members.keys().map(beside));
        if !own.is_empty() {
            return Err(Error::InvalidBody(own));
        }
        match events.len() {
            0 => refuse("/events", "empty", "must hold at least one event"),
            1..=MAX_EVENTS => Ok(Self::Batch(share_out(events, problems))),
            count => Err(Error::TooLarge(format!(
                "it has {count} events and may have {MAX_EVENTS}; send fewer at a time"
            ))),
        }
    }
}

/// Gives each problem to its event, with its pointer from there on.
fn share_out(events: Vec<Value>, problems: Vec<FieldError>) -> Vec<SentEvent> {
    let mut sent: Vec<_> =
        events.into_iter().map(|value| SentEvent { value, problems: Vec::new() }).collect();
    for FieldError { field, code, detail } in problems {
        let within = field.strip_prefix("/events/").unwrap_or_default();
        let (index, rest) = within.split_at(within.find('/').unwrap_or(within.len()));
        if let Some(event) = index.parse::<usize>().ok().and_then(|index| sent.get_mut(index)) {
            event.problems.push(FieldError { field: rest.to_owned(), code, detail });
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        let shown = match Sent::parse(body.as_bytes()) {
            Ok(Sent::One(event)) => format!("one {}", event.problems.len()),
            Ok(Sent::Batch(events)) => {
                format!("batch {:?}", events.iter().map(|event| event.problems.len()).collect::<Vec<_>>())
            }
            Err(Error::InvalidBody(problems)) => {
                problems.iter().map(|problem| format!("{} {}", problem.field, problem.code)).collect()
            }
            Err(Error::InvalidJson(_)) => "invalid json".to_owned(),
            Err(Error::TooLarge(_)) => "too large".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(shown, expected, "{body}");
    }

    #[test]
    fn a_body_is_one_event_or_a_batch() {
        check(r#"{"action": "a"}"#, "one 0");
        check("{}", "one 0");
        check(r#"{"events": [{}, {"a": 1, "a": 2}, 7]}"#, "batch [0, 1, 0]");
        check(r#"{"events": []}"#, "/events empty");
        check(r#"{"events": {}}"#, "/events wrong_type");
        check(r#"{"events": [{}], "action": "a"}"#, "/action unknown_field");
        check(r#"{"events": [{}], "events": [{}]}"#, "/events duplicate_key");
        check("[{}]", " wrong_type");
        check("null", " wrong_type");
        check("", "invalid json");
        check(
            &format!(r#"{{"events": [{}]}}"#, vec!["1"; 500].join(",")),
            &format!("batch {:?}", vec![0; 500]),
        );
        check(&format!(r#"{{"events": [{}]}}"#, vec!["1"; 501].join(",")), "too large");
    }

    #[test]
    fn an_event_of_a_batch_has_pointers_of_its_own() {
        let Ok(Sent::Batch(events)) = Sent::parse(br#"{"events": [{}, {"a": {"b": 1, "b": 2}}]}"#) else {
            panic!("a batch")
        };
        assert_eq!(events[1].problems[0].field, "/a/b");
    }
}
