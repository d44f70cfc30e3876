//! The body of a redaction request: which events, which parts, and why.

use serde_json::Value;
use shared::{
    intake::{members::Members, new_event::MAX_ID_CHARACTERS},
    model::{disclosure::Part, error::Error},
    store::Redaction,
    text::{
        json::{self, Document},
        problem::FieldError,
    },
};

/// Bytes in one request, at most.
pub const MAX_BODY_BYTES: usize = 10_000;
/// Events that can be named at once, at most.
pub const MAX_SEQUENCES: usize = Redaction::MAX_EVENTS;
/// The longest reason, in bytes.
pub const MAX_REASON_BYTES: usize = 1024;
/// The members a request may have.
pub const FIELDS: &[&str] = &["actor", "sequences", "parts", "reason", "cursor"];
/// The longest cursor, in bytes.
pub const MAX_CURSOR_BYTES: usize = 1024;

/// A parsed redaction request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NewRedaction {
    pub(crate) which: Which,
    pub(crate) parts: Vec<Part>,
    pub(crate) reason: Option<String>,
    /// The place where the previous request ended.
    pub(crate) cursor: Option<String>,
}

/// The events to redact.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All events by an actor.
    Actor(String),
    /// The events of these sequences, each named once.
    Sequences(Vec<u64>),
}

impl NewRedaction {
    /// Reads a request.
    ///
    /// # Errors
    /// All problems of the request.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Error> {
        let Document { value, mut problems } = json::parse(body, 3)?;
        let Value::Object(members) = value else {
            let detail = "must be an object with an actor or with sequences";
            return Err(Error::InvalidBody(vec![FieldError::new("", "wrong_type", detail)]));
        };
        let mut object = Members { members, pointer: String::new(), problems: &mut problems };
        let actor = object.identifier("actor", MAX_ID_CHARACTERS);
        if actor.as_deref() == Some("") {
            object.problem("actor", "empty", "may not be empty");
        }
        let sequences = object.take("sequences").map(|value| read_sequences(&mut object, &value));
        let which = match (actor, sequences) {
            (Some(actor), None) => Some(Which::Actor(actor)),
            (None, Some(sequences)) => Some(Which::Sequences(sequences)),
            (None, None) if object.has_problem("actor") => None,
            (None, None) => {
                object.problem("actor", "required", "say whose events, or give sequences instead");
                None
            }
            (Some(_), Some(_)) => {
                object.problem("sequences", "mismatch", "go without an actor: send one request for each");
                None
            }
        };
        let parts = object.take("parts").map(|value| read_parts(&mut object, &value));
        let parts = parts.unwrap_or_else(|| match which {
            Some(Which::Actor(_)) => vec![Part::Actor],
            _ => Part::ALL.to_vec(),
        });
        let reason = object.text("reason", MAX_REASON_BYTES);
        let cursor = object.identifier("cursor", MAX_CURSOR_BYTES);
        if cursor.is_some() && matches!(which, Some(Which::Sequences(_))) {
            object.problem("cursor", "mismatch", "goes with an actor: leave it out");
        }
        object.finish(FIELDS);
        match which {
            Some(which) if problems.is_empty() => Ok(Self { which, parts, reason, cursor }),
            _ => Err(Error::InvalidBody(problems)),
        }
    }
}

fn read_sequences(object: &mut Members<'_>, value: &Value) -> Vec<u64> {
    let detail = format!("must be a list of 1 to {MAX_SEQUENCES} sequences");
    let listed = value.as_array().filter(|listed| (1..=MAX_SEQUENCES).contains(&listed.len()));
    let mut sequences: Vec<_> = listed.into_iter().flatten().map_while(Value::as_u64).collect();
    if listed.is_none_or(|listed| listed.len() != sequences.len()) {
        object.problem("sequences", "wrong_type", detail);
    }
    sequences.sort_unstable();
    sequences.dedup();
    sequences
}

fn read_parts(object: &mut Members<'_>, value: &Value) -> Vec<Part> {
    let names = value.as_array().filter(|names| !names.is_empty());
    let mut parts: Vec<_> =
        names.into_iter().flatten().map_while(|name| Part::parse(name.as_str()?)).collect();
    if names.is_none_or(|names| names.len() != parts.len()) {
        let detail = format!("must be a list of at least one of {}", Part::NAMES.join(", "));
        object.problem("parts", "unknown_value", detail);
    }
    parts.sort_unstable();
    parts.dedup();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_or_sequences_are_enough() {
        let by =
            |which, parts: &[Part]| NewRedaction { which, parts: parts.to_vec(), reason: None, cursor: None };
        assert_eq!(parsed(r#"{"actor": "u1"}"#), by(Which::Actor("u1".to_owned()), &[Part::Actor]));
        assert_eq!(parsed(r#"{"sequences": [7, 1, 7]}"#), by(Which::Sequences(vec![1, 7]), &Part::ALL));
        assert_eq!(
            parsed(r#"{"sequences": [0], "parts": ["context", "actor"], "reason": "GDPR"}"#),
            NewRedaction {
                which: Which::Sequences(vec![0]),
                parts: vec![Part::Actor, Part::Context],
                reason: Some("GDPR".to_owned()),
                cursor: None,
            }
        );
    }

    fn parsed(body: &str) -> NewRedaction {
        NewRedaction::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        check("[]", &[" wrong_type"]);
        check("{}", &["/actor required"]);
        check(r#"{"actor": 1}"#, &["/actor wrong_type"]);
        check(r#"{"actor": ""}"#, &["/actor empty"]);
        check(r#"{"actor": "u1", "sequences": [1]}"#, &["/sequences mismatch"]);
        check(r#"{"sequences": [1], "cursor": "acts.1.a"}"#, &["/cursor mismatch"]);
        check(r#"{"sequences": []}"#, &["/sequences wrong_type"]);
        check(r#"{"sequences": [-1]}"#, &["/sequences wrong_type"]);
        check(r#"{"sequences": [1, "2"]}"#, &["/sequences wrong_type"]);
        check(
            r#"{"actor": "u1", "parts": ["id"], "why": 1}"#,
            &["/parts unknown_value", "/why unknown_field"],
        );
        check(r#"{"actor": "u1", "parts": []}"#, &["/parts unknown_value"]);
    }

    fn check(body: &str, expected: &[&str]) {
        let found = match NewRedaction::parse(body.as_bytes()) {
            Ok(_) => vec![],
            Err(Error::InvalidBody(problems)) => {
                problems.iter().map(|problem| format!("{} {}", problem.field, problem.code)).collect()
            }
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(found, expected, "{body}");
    }
}
