//! A message of the queue, and the event with which a function gets it.

use aws_lambda_events::sqs::SqsBatchResponse;
use serde_json::{Value, json};

use crate::template::{ACCOUNT, REGION};

/// The approximate size of the members around a body in an event.
const RECORD_BYTES: usize = 1024;

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) receive_count: u32,
    sent_at: jiff::Timestamp,
    first_received_at: Option<jiff::Timestamp>,
}

impl Message {
    pub(super) fn new(body: String, now: jiff::Timestamp) -> Self {
        let id = uuid::Uuid::now_v7().to_string();
        Self { id, body, receive_count: 0, sent_at: now, first_received_at: None }
    }

    /// The message after one more delivery.
    pub(super) fn received(mut self, now: jiff::Timestamp) -> Self {
        self.receive_count += 1;
        self.first_received_at.get_or_insert(now);
        self
    }

    /// Its bytes in an invocation's payload, where its quotes are escaped.
    pub(super) fn size_bytes(&self) -> usize {
        let escaped = self.body.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        self.body.len() + escaped + RECORD_BYTES
    }

    fn record(&self, queue: &str) -> Value {
        let Self { id, body, receive_count, sent_at, first_received_at } = self;
        json!({
            "messageId": id,
            "receiptHandle": format!("{id}#{receive_count}"),
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": receive_count.to_string(),
                "SentTimestamp": sent_at.as_millisecond().to_string(),
                "SenderId": ACCOUNT,
                "ApproximateFirstReceiveTimestamp":
                    first_received_at.unwrap_or(*sent_at).as_millisecond().to_string(),
            },
            "messageAttributes": {},
            "md5OfBody": format!("{:x}", md5::compute(body)),
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"),
            "awsRegion": REGION,
        })
    }
}

/// The event of a batch.
pub(super) fn event(batch: &[Message], queue: &str) -> String {
    let records: Vec<_> = batch.iter().map(|message| message.record(queue)).collect();
    json!({"Records": records}).to_string()
}

/// The messages that a function reports as failed. `None` means all of them: as on AWS, one empty or unknown
/// identifier fails the batch.
pub(super) fn failed_ids(response: &SqsBatchResponse, batch: &[Message]) -> Option<Vec<String>> {
    let ids = response.batch_item_failures.iter().map(|failure| failure.item_identifier.clone());
    ids.map(|id| Some(id).filter(|id: &String| batch.iter().any(|message| message.id == *id))).collect()
}
