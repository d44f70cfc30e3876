//! The body of a change of settings: the fields to change, and the effective time.

use serde_json::Value;
use shared::{
    intake::members::{Members, Present},
    model::{error::Error, timestamp::Timestamp},
    text::{
        json::{self, Document},
        problem::FieldError,
    },
};

/// Bytes in one request, at most.
pub const MAX_BODY_BYTES: usize = 10_000;
/// The longest reason of a hold, in bytes.
pub const MAX_REASON_BYTES: usize = 1024;
/// The members a request may have.
pub const FIELDS: &[&str] = &["retention_days", "legal_hold", "effective_from", "confirm"];
/// The members of a legal hold.
pub const HOLD_FIELDS: &[&str] = &["reason"];

/// The fields to change. As in RFC 7396, null clears a field, and a missing field stays as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    /// Days for which events are kept; `Some(None)` is without limit.
    pub(crate) retention_days: Option<Option<u32>>,
    /// The reason of a hold to place; `Some(None)` ends the hold.
    pub(crate) legal_hold: Option<Option<String>>,
    /// The effective time.
    pub(crate) effective_from: Option<Timestamp>,
    /// True if the admin confirms that events may expire.
    pub(crate) confirm: bool,
}

impl Patch {
    /// Reads a request.
    ///
    /// # Errors
    /// All problems of the request.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Error> {
        let Document { value, mut problems } = json::parse(body, 3)?;
        let Value::Object(members) = value else {
            let detail = "must be an object with retention_days or legal_hold";
            return Err(Error::InvalidBody(vec![FieldError::new("", "wrong_type", detail)]));
        };
        let mut object = Members { members, pointer: String::new(), problems: &mut problems };
        let patch = Self {
            retention_days: read_days(&mut object),
            legal_hold: read_hold(&mut object),
            effective_from: match object.parsed("effective_from", "invalid_timestamp", Timestamp::parse) {
                Present::Valid(time) => Some(time),
                Present::Absent | Present::Invalid => None,
            },
            confirm: read_confirm(&mut object),
        };
        object.finish(FIELDS);
        if problems.is_empty() && patch.retention_days.is_none() && patch.legal_hold.is_none() {
            problems.push(FieldError::new(
                "",
                "required",
                "say what is to change: retention_days or legal_hold",
            ));
        }
        if problems.is_empty() { Ok(patch) } else { Err(Error::InvalidBody(problems)) }
    }
}

/// The model checks the range.
fn read_days(object: &mut Members<'_>) -> Option<Option<u32>> {
    let days = match object.members.remove("retention_days")? {
        Value::Null => return Some(None),
        days => days.as_u64().map(|days| u32::try_from(days).unwrap_or(u32::MAX)),
    };
    if days.is_none() {
        object.problem(
            "retention_days",
            "wrong_type",
            "must be a whole number of days, or null for no limit",
        );
    }
    days.map(Some)
}

fn read_hold(object: &mut Members<'_>) -> Option<Option<String>> {
    if object.members.get("legal_hold")?.is_null() {
        object.take("legal_hold");
        return Some(None);
    }
    object
        .object("legal_hold", |hold: &mut Members<'_>| {
            let reason = hold.text("reason", MAX_REASON_BYTES).filter(|reason| !reason.is_empty());
            if reason.is_none() && !hold.has_problem("reason") {
                hold.problem("reason", "required", "say why it is placed");
            }
            hold.finish(HOLD_FIELDS);
            reason
        })
        .map(Some)
}

fn read_confirm(object: &mut Members<'_>) -> bool {
    match object.take("confirm") {
        None => false,
        Some(Value::Bool(confirm)) => confirm,
        Some(_) => {
            object.problem("confirm", "wrong_type", "must be true or false");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_clears_a_field_and_a_missing_field_stays() {
        let nothing = Patch::default;
        assert_eq!(
            parsed(r#"{"retention_days": 30, "confirm": true}"#),
            Patch { retention_days: Some(Some(30)), confirm: true, ..nothing() }
        );
        assert_eq!(parsed(r#"{"retention_days": null}"#), Patch { retention_days: Some(None), ..nothing() });
        let hold = Some(Some("a lawsuit".to_owned()));
        assert_eq!(
            parsed(r#"{"legal_hold": {"reason": "a lawsuit"}}"#),
            Patch { legal_hold: hold, ..nothing() }
        );
        assert_eq!(parsed(r#"{"legal_hold": null}"#), Patch { legal_hold: Some(None), ..nothing() });
    }

    fn parsed(body: &str) -> Patch {
        Patch::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        check("[]", &[" wrong_type"]);
        check("{}", &[" required"]);
        check(r#"{"confirm": true}"#, &[" required"]);
        check(r#"{"retention_days": "30"}"#, &["/retention_days wrong_type"]);
        check(r#"{"retention_days": -1}"#, &["/retention_days wrong_type"]);
        check(r#"{"legal_hold": true}"#, &["/legal_hold wrong_type"]);
        check(r#"{"legal_hold": {}}"#, &["/legal_hold/reason required"]);
        check(
            r#"{"legal_hold": {"reason": "", "by": "me"}}"#,
            &["/legal_hold/reason required", "/legal_hold/by unknown_field"],
        );
        check(
            r#"{"retention_days": 1, "effective_from": "now", "confirm": 1, "shards": 4}"#,
            &["/effective_from invalid_timestamp", "/confirm wrong_type", "/shards unknown_field"],
        );
    }

    fn check(body: &str, expected: &[&str]) {
        let found = match Patch::parse(body.as_bytes()) {
            Ok(_) => vec![],
            Err(Error::InvalidBody(problems)) => {
                problems.iter().map(|problem| format!("{} {}", problem.field, problem.code)).collect()
            }
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(found, expected, "{body}");
    }
}
