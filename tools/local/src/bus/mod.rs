//! The event bus: accepts the `PutEvents` call of any AWS SDK, and puts the events that its rule forwards into
//! the queue.

mod entry;
mod pattern;

use std::sync::Arc;

use serde_json::{Value, json};

use self::{entry::Entry, pattern::Pattern};
use crate::{
    Error,
    queue::Queue,
    template::{self, ACCOUNT, REGION},
};

/// Entries in one call, at most.
const MAX_ENTRIES: usize = 10;
/// Bytes of all entries in one call, at most.
const MAX_TOTAL_BYTES: usize = 1024 * 1024;
/// The longest message of a queue.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// A bus with one rule and one queue as its target.
pub(crate) struct EventBus {
    name: String,
    pattern: Pattern,
    queue: Arc<Queue>,
}

/// The refusal of a whole call, in AWS's words.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl EventBus {
    pub(crate) fn new(bus: &template::Bus, queue: Arc<Queue>) -> Result<Self, Error> {
        let pattern = Pattern::parse(&bus.pattern).map_err(|error| Error::Pattern(error.to_string()))?;
        Ok(Self { name: bus.name.clone(), pattern, queue })
    }

    /// Answers one call of an AWS API, named by its `X-Amz-Target` header.
    pub(crate) fn call(&self, target: &str, body: &[u8], now: jiff::Timestamp) -> Result<Value, Refused> {
        if target != "AWSEvents.PutEvents" {
            let message = format!("{target} is not emulated here; AWSEvents.PutEvents is.");
            return Err(Refused { code: "UnknownOperationException", message });
        }
        let request: Value = serde_json::from_slice(body)
            .map_err(|error| Refused { code: "SerializationException", message: error.to_string() })?;
        self.put_events(&request, now)
    }

    fn put_events(&self, request: &Value, now: jiff::Timestamp) -> Result<Value, Refused> {
        let entries = request["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        let bound = match entries.len() {
            0 => Some("greater than or equal to 1"),
            count if count > MAX_ENTRIES => Some("less than or equal to 10"),
            _ => None,
        };
        if let Some(bound) = bound {
            return Err(invalid(format!(
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: \
                 Member must have length {bound}"
            )));
        }
        let entries = entries
            .iter()
            .map(Entry::read)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|message| Refused { code: "SerializationException", message })?;
        if entries.iter().map(Entry::size_bytes).sum::<usize>() > MAX_TOTAL_BYTES {
            return Err(invalid("Total size of the entries in the request is over the limit.".to_owned()));
        }
        let results: Vec<Value> = entries.iter().map(|entry| self.put(entry, now)).collect();
        let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
        Ok(json!({"FailedEntryCount": failed, "Entries": results}))
    }

    fn put(&self, entry: &Entry, now: jiff::Timestamp) -> Value {
        let detail = match entry.check() {
            Ok(detail) => detail,
            Err((code, message)) => return failed(code, message),
        };
        if !self.is_named_by(entry.bus()) {
            // AWS accepts an event for the default bus, which no rule here reads. Accepting it here would hide
            // a mistake.
            let message = format!(
                "Event bus {} is not here; put the event on {}, by EventBusName (--event-bus-name).",
                entry.bus(),
                self.name
            );
            return failed("ResourceNotFoundException", message);
        }
        let id = uuid::Uuid::now_v7().to_string();
        let envelope = entry.envelope(&id, now);
        let mut event = envelope.clone();
        event["detail"] = detail;
        if self.pattern.matches(&event) {
            self.forward(entry.body(&envelope));
        }
        json!({"EventId": id})
    }

    fn forward(&self, body: String) {
        if body.len() > MAX_MESSAGE_BYTES {
            self.queue.bury(body, "larger than a message of the queue may be");
        } else {
            self.queue.send(body);
        }
    }

    fn is_named_by(&self, name: &str) -> bool {
        name == self.name || name == format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{}", self.name)
    }
}

fn failed(code: &str, message: String) -> Value {
    json!({"ErrorCode": code, "ErrorMessage": message})
}

fn invalid(message: String) -> Refused {
    Refused { code: "ValidationException", message }
}

#[cfg(test)]
mod tests;
