//! Bus events that cannot be parsed or recorded. They are stored whole, with the reason, for 30 days.

use aws_sdk_dynamodb::{operation::execute_statement::ExecuteStatementError, types::ReturnConsumedCapacity};
use serde_json::json;

use super::{Store, WriteUnits, item::Writer, transaction::Statement, unavailable};
use crate::{
    model::{error::Error, timestamp::Timestamp},
    text::problem::FieldError,
};

/// How long a quarantined event is stored, in days.
const RETENTION_DAYS: i64 = 30;

/// The most bytes of a body in one item. An item has at most 400 KB with all its attributes (DynamoDB service quotas), and
/// bus events have up to 1 MB.
const PART_BYTES: usize = 350_000;

/// A bus event that cannot be recorded.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// The source in its envelope; `unknown` if there is no envelope.
    pub source: String,
    /// When it was put on the bus.
    pub at: Timestamp,
    /// The id of its envelope, or of the queue message. A redelivery has the same id.
    pub id: String,
    /// The reason.
    pub reason: Reason,
    /// The problems of its fields.
    pub problems: Vec<FieldError>,
    /// The unchanged body.
    pub body: String,
}

/// The reason for a quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not JSON.
    InvalidJson,
    /// It is not an EventBridge envelope.
    InvalidEnvelope,
    /// The event within breaks a rule of the model.
    InvalidEvent,
    /// Another event with the same key is recorded.
    Conflict,
}

impl Reason {
    /// The name under which it is stored and logged.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::InvalidEnvelope => "invalid_envelope",
            Self::InvalidEvent => "invalid_event",
            Self::Conflict => "conflict",
        }
    }
}

impl Store {
    /// Stores a quarantined event. Repeating the call for a redelivery changes nothing, because the key is the same.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if not all of it was written. It is safe to repeat the call.
    pub async fn quarantine(&self, quarantined: &Quarantined, now: Timestamp) -> Result<WriteUnits, Error> {
        let Quarantined { source, at, id, reason, problems, body } = quarantined;
        let problems: Vec<_> = problems
            .iter()
            .map(|problem| json!({"pointer": problem.field, "code": problem.code, "detail": problem.detail}))
            .collect();
        let problems = json!(problems).to_string();
        let parts = parts(body);
        let mut write_units = WriteUnits::default();
        for (index, part) in parts.iter().enumerate() {
            let item = Writer::default()
                .text("source", source)
                .text("quarantined_at", format!("{at}#{id}#{index}"))
                .text("reason", reason.name())
                // The list of problems may be long, and the first ones are enough.
                .text("problems", truncated(&problems, 20_000))
                .text("body", *part)
                .number("parts", parts.len())
                .number("expires_at", now.plus_seconds(RETENTION_DAYS * 86_400).unix_seconds());
            let Statement { text, parameters } = Statement::insert(&self.tables.quarantine, item.0);
            let inserted = self
                .client
                .execute_statement()
                .statement(text)
                .set_parameters(Some(parameters))
                .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
                .send()
                .await;
            // If we crash here, the message is delivered again, and the parts that are stored do not change.
            match inserted {
                Ok(output) => write_units += WriteUnits::of(output.consumed_capacity.as_slice()),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(ExecuteStatementError::is_duplicate_item_exception) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Ok(write_units)
    }
}

/// Splits a text into parts that fit an item, between characters. An empty text has one part.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > PART_BYTES {
        let (part, after) = rest.split_at(rest.floor_char_boundary(PART_BYTES));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

fn truncated(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_split_into_parts_without_loss() {
        fn check(text: String, lengths: &[usize]) {
            let parts = parts(&text);
            assert_eq!(parts.concat(), text);
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), lengths);
        }
        check(String::new(), &[0]);
        check("a".repeat(PART_BYTES), &[PART_BYTES]);
        check("a".repeat(PART_BYTES + 1), &[PART_BYTES, 1]);
        check(format!("a{}", "ä".repeat(PART_BYTES / 2)), &[PART_BYTES - 1, 2]);
    }
}
