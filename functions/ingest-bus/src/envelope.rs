//! Messages of the bus: a batch of the queue, or one bare EventBridge envelope.

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

/// The unparsed payload of an invocation: an event is judged by the text that was sent, not by a parser's
/// reading of it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Delivery(Box<RawValue>);

/// A parsed delivery.
pub enum Received {
    Bare(Message),
    /// Envelopes from the queue.
    Batch(Vec<Message>),
}

/// One envelope as it was delivered.
pub struct Message {
    /// The queue's id for it, by which it is reported as failed; empty for a bare envelope.
    pub(crate) id: String,
    /// The time at which the queue accepted it, the same in every redelivery; `None` for a bare envelope.
    sent_at: Option<Timestamp>,
    body: String,
}

/// The members of an envelope that name it in quarantine. The rest of a message is not read.
#[derive(Default, Deserialize)]
struct Names<'a> {
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

/// A parsed envelope.
pub struct Opened {
    /// The envelope without the event.
    pub envelope: Envelope,
    /// The event.
    pub detail: Value,
    /// Problems that already the JSON of the event shows.
    pub problems: Vec<FieldError>,
}

impl Delivery {
    /// Tells a batch from a bare envelope: only a batch has `Records`.
    ///
    /// # Errors
    /// If it is neither of the two.
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
    /// Parses the envelope.
    ///
    /// # Errors
    /// The reason why it cannot be parsed.
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
                // A repeated `detail` could be another event; other members may be repeated.
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

    /// The message in the form of the quarantine. Its key depends on the message alone, so that a redelivery
    /// overwrites it.
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
