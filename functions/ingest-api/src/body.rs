//! The body of a request to record: one event, or `{"events": […]}`.

use serde_json::Value;
use shared::{
    model::error::Error,
    text::{
        json::{self, Divided, Document, Elements},
        problem::{FieldError, note},
    },
};

/// Events in one request, at most.
pub const MAX_EVENTS: usize = 500;
/// Bytes in one request, at most.
pub const MAX_BODY_BYTES: usize = 1_000_000;

/// The member that holds the events of a batch.
const EVENTS: &str = "events";

/// The events that a client sent.
#[derive(Debug)]
pub enum Sent {
    /// One event, by itself.
    One(Document),
    /// Several, as `{"events": […]}`.
    Batch(Vec<Document>),
}

impl Sent {
    /// Splits a body into its events.
    ///
    /// # Errors
    /// If the route does not accept the body as a whole.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let Divided { outer, inner } = json::parse_elements(body, EVENTS, MAX_EVENTS, json::MAX_DEPTH)?;
        let Document { value, mut problems } = outer;
        let Value::Object(members) = value else {
            return refuse("", "wrong_type", "must be an event, or {\"events\": […]} for several");
        };
        let Some(Elements { documents, count }) = inner else {
            if members.contains_key(EVENTS) {
                return refuse("/events", "wrong_type", "must be an array of events");
            }
            return Ok(Self::One(Document { value: Value::Object(members), problems }));
        };
        for name in members.keys().filter(|name| *name != EVENTS) {
            let detail = "goes into an event, not beside them";
            note(&mut problems, FieldError::new(json::step("", name), "unknown_field", detail));
        }
        if !problems.is_empty() {
            return Err(Error::InvalidBody(problems));
        }
        match count {
            0 => refuse("/events", "empty", "must hold at least one event"),
            1..=MAX_EVENTS => Ok(Self::Batch(documents)),
            count => Err(Error::TooLarge(format!(
                "it has {count} events and may have {MAX_EVENTS}; send fewer at a time"
            ))),
        }
    }
}

fn refuse(field: &str, code: &'static str, detail: &str) -> Result<Sent, Error> {
    Err(Error::InvalidBody(vec![FieldError::new(field, code, detail)]))
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
        check(r#"{"events": [{}, {"a": NaN}, {"a": 01}]}"#, "batch [0, 1, 1]");
        check(r#"{"a": NaN}"#, "invalid json");
        check("\u{feff}{\"events\": [{}]}", "batch [0]");
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
