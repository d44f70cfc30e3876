//! The payloads of functions: AWS's envelopes around the events of the bench, and the files of `events/`.

use std::fs;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::{Result, events, programs::root};

/// The door that events come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Http,
    Bus,
}

impl Door {
    pub(crate) const BOTH: [Self; 2] = [Self::Http, Self::Bus];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Bus => "bus",
        }
    }

    /// The function behind it.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Self::Http => "ingest-api",
            Self::Bus => "ingest-bus",
        }
    }
}

/// Makes payloads of new events.
pub(crate) struct Payloads {
    random: Rng,
    next: usize,
    request: Value,
}

impl Payloads {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            random: Rng::with_seed(5),
            next: 0,
            request: serde_json::from_str(&file("ingest-api-one")?)?,
        })
    }

    /// A payload of this many events. A single event over HTTP is the body itself.
    pub(crate) fn of(&mut self, door: Door, count: usize) -> String {
        let events: Vec<_> = (0..count).map(|_| self.event()).collect();
        match door {
            Door::Http => {
                let body = match events.as_slice() {
                    [event] => event.to_string(),
                    events => json!({"events": events}).to_string(),
                };
                self.request["body"] = json!(body);
                self.request.to_string()
            }
            Door::Bus => {
                let records: Vec<_> = events.iter().map(message).collect();
                json!({"Records": records}).to_string()
            }
        }
    }

    /// Skips the numbers of this many events.
    pub(crate) fn skip(&mut self, count: usize) {
        self.next += count;
    }

    fn event(&mut self) -> Value {
        self.next += 1;
        events::sent(self.next, &mut self.random)
    }
}

/// The queue's message for an event on the bus.
fn message(event: &Value) -> Value {
    let id = &event["id"];
    let mut detail = event.clone();
    detail["workspace_username"] = json!("acme");
    let envelope = json!({
        "version": "0", "id": id, "detail-type": "audit event", "source": "product", "account": "000000000000",
        "time": "2025-02-18T10:47:37Z", "region": "us-east-1", "resources": [], "detail": detail,
    });
    json!({
        "messageId": id, "receiptHandle": id, "body": envelope.to_string(),
        "attributes": {"SentTimestamp": "1739875657000", "ApproximateReceiveCount": "1"},
        "messageAttributes": {}, "md5OfBody": "00000000000000000000000000000000", "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:BusQueue", "awsRegion": "us-east-1",
    })
}

/// A payload that one of our functions accepts, and answers without changing what others read.
pub(crate) fn sample(function: &str) -> Result<String> {
    file(match function {
        "authorizer" => "authorizer-bearer",
        "ingest-bus" => "ingest-bus-group-created",
        "query" => "query-list",
        "tokens" => "tokens-list",
        "ledger" => "ledger-checkpoint",
        "redactions" => "redactions-actor-unknown",
        "settings" => "settings-show",
        "expiry" => "expiry-workspace",
        "sealer" => "sealer-redelivered",
        "viewer" => "viewer-icon",
        "streams" => "streams-list",
        // Both get a stream, here a deleted one, so that nothing is sent.
        "deliver" | "archiver" => "archiver-stream",
        _ => "ingest-api-one",
    })
}

/// A request to the query function with this query string.
pub(crate) fn list(query: &str) -> Result<String> {
    let mut request: Value = serde_json::from_str(&file("query-list")?)?;
    request["rawQueryString"] = json!(query);
    if let Some(request) = request.as_object_mut() {
        request.remove("queryStringParameters");
    }
    Ok(request.to_string())
}

/// A file of `events/`.
pub(crate) fn file(name: &str) -> Result<String> {
    let path = root().join("events").join(format!("{name}.json"));
    Ok(fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}
