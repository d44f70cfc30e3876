//! The body of a request for a token: its name, scopes and expiry.

use serde_json::Value;
use shared::{
    intake::members::{Members, Present},
    model::{error::Error, scope::Scope, timestamp::Timestamp},
    text::{
        json::{self, Document},
        problem::FieldError,
    },
};

/// Bytes in one request, at most.
pub const MAX_BODY_BYTES: usize = 10_000;
/// The default lifetime of a token, in days.
pub const DEFAULT_DAYS: i64 = 365;
/// The longest lifetime of a token, in days.
pub const MAX_DAYS: i64 = 3650;
/// The longest name of a token, in bytes.
pub const MAX_NAME_BYTES: usize = 128;
/// The members a request may have.
pub const FIELDS: &[&str] = &["name", "scopes", "expires_at"];

/// A requested token.
#[derive(Debug, PartialEq, Eq)]
pub struct NewToken {
    pub name: String,
    pub scopes: Vec<Scope>,
    pub expires_at: Timestamp,
}

impl NewToken {
    /// Reads a request.
    ///
    /// # Errors
    /// All problems of the request.
    pub fn parse(body: &[u8], now: Timestamp) -> Result<Self, Error> {
        let Document { value, mut problems } = json::parse(body, 3)?;
        let Value::Object(members) = value else {
            return Err(Error::InvalidBody(vec![FieldError::new(
                "",
                "wrong_type",
                "must be an object with a name",
            )]));
        };
        let mut object = Members { members, pointer: String::new(), problems: &mut problems };
        let name = object.required_identifier("name", MAX_NAME_BYTES);
        let scopes = read_scopes(&mut object);
        let expires_at = match object.parsed("expires_at", "invalid_timestamp", Timestamp::parse) {
            Present::Valid(time) if time <= now || time > now.plus_seconds(MAX_DAYS * 86_400) => {
                object.problem(
                    "expires_at",
                    "out_of_range",
                    format!("must be in the future and at most {MAX_DAYS} days ahead"),
                );
                now
            }
            time => time.or(now.plus_seconds(DEFAULT_DAYS * 86_400)),
        };
        object.finish(FIELDS);
        match name {
            Some(name) if problems.is_empty() => Ok(Self { name, scopes, expires_at }),
            _ => Err(Error::InvalidBody(problems)),
        }
    }
}

/// The requested scopes; only reading if none are named.
fn read_scopes(object: &mut Members<'_>) -> Vec<Scope> {
    let names = match object.take("scopes") {
        None => return vec![Scope::Read],
        Some(Value::Array(names)) if !names.is_empty() => names,
        Some(_) => {
            object.problem("scopes", "wrong_type", "must be a list of at least one scope");
            return Vec::new();
        }
    };
    let pointer = json::step(&object.pointer, "scopes");
    let mut scopes = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match name.as_str().and_then(Scope::parse) {
            Some(scope) if !scopes.contains(&scope) => scopes.push(scope),
            Some(_) => {}
            None => {
                let detail = format!("must be one of {}", Scope::NAMES.join(", "));
                object.problems.push(FieldError::new(json::step(&pointer, index), "unknown_value", detail));
            }
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-01-01T00:00:00Z").unwrap()
    }

    #[test]
    fn a_name_is_enough() {
        let wanted = NewToken::parse(br#"{"name": "siem"}"#, now()).unwrap();
        assert_eq!(
            wanted,
            NewToken {
                name: "siem".to_owned(),
                scopes: vec![Scope::Read],
                expires_at: Timestamp::parse("2027-01-01T00:00:00Z").unwrap()
            }
        );
    }

    #[test]
    fn all_problems_of_a_request_are_reported_at_once() {
        check(
            r#"{"name": "a", "scopes": ["audit_log:read", "audit_log:write"], "expires_at": "2026-01-01T00:00:01Z"}"#,
            &[],
        );
        check("[]", &[" wrong_type"]);
        check("{}", &["/name required"]);
        check(
            r#"{"name": "a\nb", "scopes": [], "expires_at": "2026-01-01T00:00:00Z", "scope": 1}"#,
            &[
                "/name control_character",
                "/scopes wrong_type",
                "/expires_at out_of_range",
                "/scope unknown_field",
            ],
        );
        check(
            r#"{"name": "a", "scopes": ["audit_log:read", "admin", 7]}"#,
            &["/scopes/1 unknown_value", "/scopes/2 unknown_value"],
        );
        check(r#"{"name": "a", "expires_at": "2036-01-01T00:00:00Z"}"#, &["/expires_at out_of_range"]);
        check(r#"{"name": "a", "expires_at": "tomorrow"}"#, &["/expires_at invalid_timestamp"]);
    }

    fn check(body: &str, expected: &[&str]) {
        let found = match NewToken::parse(body.as_bytes(), now()) {
            Ok(_) => vec![],
            Err(Error::InvalidBody(problems)) => {
                problems.iter().map(|problem| format!("{} {}", problem.field, problem.code)).collect()
            }
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(found, expected, "{body}");
    }
}
