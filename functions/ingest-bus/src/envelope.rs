//! What the bus delivers: a batch of the queue, or one bare EventBridge envelope.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use shared::{
    error::FieldError,
    id::EventId,
    json::{self, Document},
    new_event::Envelope,
    store::{Quarantined, Reason},
    timestamp::Timestamp,
};

/// An invocation's payload, to the letter: an event is judged by what was sent, not by what a
/// parser made of it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Delivery(Box<RawValue>);

/// A delivery, taken apart.
pub enum Received {
    /// One envelope, by itself.
    Bare(Message),
    /// Envelopes from the queue.
    Batch(Vec<Message>),
}

/// One envelope as it was delivered.
pub struct Message {
    /// The queue's id of it, by which it is reported as failed; empty for a bare one.
    pub(crate) id: String,
    /// When the queue took it, which a redelivery repeats; `None` for a bare one.
    sent_at: Option<Timestamp>,
    body: String,
}

/// An envelope, opened.
pub struct Opened {
    /// What the envelope says.
    pub envelope: Envelope,
    /// The event within.
    pub detail: Value,
    /// What the JSON of the detail alone shows to be wrong with it.
    pub problems: Vec<FieldError>,
}

impl Delivery {
    /// Tells a batch from a bare envelope: only a batch has `Records`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn open(self) -> Result<Received, serde_json::Error> {
        #[derive(Deserialize)]
        struct Shape {
            #[serde(rename = "Records")]
            records: Option<serde::de::IgnoredAny>,
        }
        let Self(payload) = self;
        if serde_json::from_str::<Shape>(payload.get())?.records.is_none() {
            return Ok(Received::Bare(Message {
                id: String::new(),
                sent_at: None,
                body: payload.get().to_owned(),
            }));
        }
        let batch: SqsEvent = serde_json::from_str(payload.get())?;
        let message = |record: SqsMessage| Message {
            id: record.message_id.unwrap_or_default(),
            sent_at: record
                .attributes
                .get("SentTimestamp")
                .and_then(|milliseconds| Timestamp::from_unix_milliseconds(milliseconds.parse().ok()?)),
            body: record.body.unwrap_or_default(),
        };
        Ok(Received::Batch(batch.records.into_iter().map(message).collect()))
    }
}

impl Message {
    /// Opens the envelope.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub fn open(&self) -> Result<Opened, (Reason, Vec<FieldError>)> {
        // The detail stands one level deep.
        let document = json::parse(self.body.as_bytes(), json::MAX_DEPTH + 1).map_err(|error| {
            (Reason::InvalidJson, vec![FieldError::new("", "invalid_json", error.to_string())])
        })?;
        let Document { value, problems } = document;
        let mut wrong = Vec::new();
        let Value::Object(mut members) = value else {
            return Err((
                Reason::InvalidEnvelope,
                vec![FieldError::new("", "wrong_type", "must be an EventBridge envelope")],
            ));
        };
        let id = text(&members, "id").and_then(|id| EventId::parse(id).ok());
        let time = text(&members, "time").and_then(|time| Timestamp::parse(time).ok());
        let detail = members.remove("detail");
        for (field, missing) in
            [("/id", id.is_none()), ("/time", time.is_none()), ("/detail", detail.is_none())]
        {
            if missing {
                wrong.push(FieldError::new(field, "required", "must be there, as EventBridge writes it"));
            }
        }
        match (id, time, detail) {
            (Some(id), Some(time), Some(detail)) => {
                let within = |problem: FieldError| {
                    let rest = problem.field.strip_prefix("/detail")?.to_owned();
                    // Beside the detail there is the detail-type.
                    (rest.is_empty() || rest.starts_with('/'))
                        .then_some(FieldError { field: rest, ..problem })
                };
                Ok(Opened {
                    envelope: Envelope { id, time },
                    detail,
                    problems: problems.into_iter().filter_map(within).collect(),
                })
            }
            _ => Err((Reason::InvalidEnvelope, wrong)),
        }
    }

    /// The message as it is kept in quarantine. Its place there follows from the message alone, so
    /// that a redelivery overwrites it.
    pub fn set_aside(&self, reason: Reason, problems: Vec<FieldError>, now: Timestamp) -> Quarantined {
        let envelope = serde_json::from_str::<Value>(&self.body).unwrap_or_default();
        let member = |name: &str| {
            envelope.get(name).and_then(Value::as_str).filter(|text| (1..=256).contains(&text.len()))
        };
        let id = member("id").or(Some(self.id.as_str()).filter(|id| !id.is_empty())).unwrap_or("unknown");
        Quarantined {
            source: member("source").unwrap_or("unknown").to_owned(),
            at: member("time").and_then(|time| Timestamp::parse(time).ok()).or(self.sent_at).unwrap_or(now),
            id: id.to_owned(),
            reason,
            problems,
            body: self.body.clone(),
        }
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}
