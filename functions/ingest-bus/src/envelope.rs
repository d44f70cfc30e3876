//! What the bus delivers: a batch of the queue, or one bare EventBridge envelope.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use shared::{
    intake::new_event::Envelope,
    model::{id::EventId, timestamp::Timestamp},
    store::{Quarantined, Reason},
    text::{
        json::{self, Divided, Document},
        problem::{FieldError, MORE_PROBLEMS},
    },
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

/// The members of an envelope that name it in quarantine. The rest of a message may be anything, and is not read.
#[derive(Default, Deserialize)]
struct Names<'a> {
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
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
        Ok(Received::Batch(
            batch
                .records
                .into_iter()
                .map(|record: SqsMessage| Message {
                    id: record.message_id.unwrap_or_default(),
                    sent_at: record.attributes.get("SentTimestamp").and_then(|milliseconds| {
                        Timestamp::from_unix_milliseconds(milliseconds.parse().ok()?)
                    }),
                    body: record.body.unwrap_or_default(),
                })
                .collect(),
        ))
    }
}

impl Message {
    /// Opens the envelope.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub fn open(&self) -> Result<Opened, (Reason, Vec<FieldError>)> {
        let Divided { outer, inner } = json::parse_member(self.body.as_bytes(), "detail", json::MAX_DEPTH)
            .map_err(|error| {
                (Reason::InvalidJson, vec![FieldError::new("", "invalid_json", error.to_string())])
            })?;
        let Value::Object(members) = outer.value else {
            let problem = FieldError::new("", "wrong_type", "must be an EventBridge envelope");
            return Err((Reason::InvalidEnvelope, vec![problem]));
        };
        let id = text(&members, "id").and_then(|id| EventId::parse(id).ok());
        let time = text(&members, "time").and_then(|time| Timestamp::parse(time).ok());
        match (id, time, inner) {
            (Some(id), Some(time), Some(Document { value: detail, mut problems })) => {
                // A detail that is there twice may be another event; beside it there may be anything.
                let outer = outer
                    .problems
                    .into_iter()
                    .filter(|problem| problem.field == "/detail" || problem.code == MORE_PROBLEMS);
                problems.extend(outer.map(|problem| FieldError::new("", problem.code, problem.detail)));
                Ok(Opened { envelope: Envelope { id, time }, detail, problems })
            }
            (id, time, detail) => {
                let members =
                    [("/id", id.is_none()), ("/time", time.is_none()), ("/detail", detail.is_none())];
                let missing = members.into_iter().filter(|(_, missing)| *missing).map(|(field, _)| {
                    FieldError::new(field, "required", "must be there, as EventBridge writes it")
                });
                Err((Reason::InvalidEnvelope, missing.collect()))
            }
        }
    }

    /// The message as it is kept in quarantine. Its place there follows from the message alone, so
    /// that a redelivery overwrites it.
    pub fn set_aside(&self, reason: Reason, problems: Vec<FieldError>, now: Timestamp) -> Quarantined {
        let envelope: Names<'_> = serde_json::from_str(&self.body).unwrap_or_default();
        let time = name(envelope.time).and_then(|time| Timestamp::parse(&time).ok());
        Quarantined {
            source: name(envelope.source).unwrap_or_else(|| "unknown".to_owned()),
            at: time.or(self.sent_at).unwrap_or(now),
            id: name(envelope.id)
                .or_else(|| Some(self.id.clone()).filter(|id| !id.is_empty()))
                .unwrap_or_else(|| "unknown".to_owned()),
            reason,
            problems,
            body: self.body.clone(),
        }
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

/// A text that can be part of a key in quarantine.
fn name(text: Option<&RawValue>) -> Option<String> {
    let text: String = serde_json::from_str(text?.get()).ok()?;
    (1..=256).contains(&text.len()).then_some(text)
}
