//! The events that are sent in one request.

use serde_json::{Value, json};

use super::{refused::Refused, state::Tally};
use crate::{
    api::{Api, Identity},
    credentials::Credentials,
    error::Error,
};

/// The most events that the API takes at a time.
const MAX_EVENTS: usize = 500;
/// How many events the first request has. Each later one has twice as many, so that an import which is killed again and
/// again, or meets a slow API, still gets on.
const FIRST_EVENTS: usize = 20;
/// The most bytes, with room for the brackets around the events.
const MAX_BYTES: usize = 1_000_000;

/// An event to send, and the row it was made of.
pub(super) struct Ready {
    number: u64,
    row: Value,
    event: Value,
    bytes: usize,
}

/// Events on their way to the API.
pub(super) struct Batch<'a> {
    api: &'a Api,
    credentials: &'a Credentials,
    ready: Vec<Ready>,
    bytes: usize,
    /// How many events the next request may have.
    most: usize,
}

impl Ready {
    /// An event and the row that it was made of.
    pub(super) fn new(number: u64, row: Value, event: Value) -> Self {
        let bytes = event.to_string().len() + 1;
        Self { number, row, event, bytes }
    }
}

impl<'a> Batch<'a> {
    /// An empty batch for the workspace of the credentials.
    pub(super) fn new(api: &'a Api, credentials: &'a Credentials) -> Self {
        Self { api, credentials, ready: Vec::new(), bytes: 0, most: FIRST_EVENTS }
    }

    /// Whether the event goes with those of the batch. An empty batch has room for any event.
    pub(super) fn has_room_for(&self, ready: &Ready) -> bool {
        self.ready.is_empty() || (self.ready.len() < self.most && self.bytes + ready.bytes <= MAX_BYTES)
    }

    /// Adds an event.
    pub(super) fn push(&mut self, ready: Ready) {
        self.bytes += ready.bytes;
        self.ready.push(ready);
    }

    /// Sends the events, which the API may have received before, and empties the batch.
    ///
    /// # Errors
    /// If the API cannot be reached, or refuses the caller.
    pub(super) fn send(&mut self, tally: &mut Tally, refused: &mut Refused) -> Result<(), Error> {
        self.bytes = 0;
        let ready = std::mem::take(&mut self.ready);
        self.send_part(&ready, tally, refused)?;
        self.most = (2 * self.most).min(MAX_EVENTS);
        Ok(())
    }

    /// Sends some events. If the API refuses their body, the halves are sent by themselves, down to the event that is at
    /// fault: one row never stops an import.
    fn send_part(&self, ready: &[Ready], tally: &mut Tally, refused: &mut Refused) -> Result<(), Error> {
        if ready.is_empty() {
            return Ok(());
        }
        let events: Vec<_> = ready.iter().map(|ready| &ready.event).collect();
        let path = format!("/api/{}/audit_logs", self.credentials.workspace()?);
        let identity = Identity::Token(self.credentials.bearer()?);
        let answer = self.api.post_again(&path, &json!({"events": events}), identity)?;
        let refuses_body = answer.refuses_body();
        let answer = answer.json()?;
        match answer["results"].as_array() {
            Some(results) if results.len() == ready.len() => {
                for (ready, result) in ready.iter().zip(results) {
                    match result["status"].as_str() {
                        Some("recorded") => tally.recorded += 1,
                        Some("duplicate") => tally.duplicates += 1,
                        _ => refuse(ready, &result["problem"], tally, refused)?,
                    }
                }
                Ok(())
            }
            _ if refuses_body && ready.len() == 1 => refuse(&ready[0], &answer, tally, refused),
            _ if refuses_body => {
                let (first, second) = ready.split_at(ready.len() / 2);
                self.send_part(first, tally, refused)?;
                self.send_part(second, tally, refused)
            }
            results => Err(Error::failure(
                format!(
                    "The API answered {} results for {} events.",
                    results.map_or(0, Vec::len),
                    ready.len()
                ),
                "Check the endpoint: it must lead to an Audit Logs API.",
            )),
        }
    }
}

fn refuse(ready: &Ready, reason: &Value, tally: &mut Tally, refused: &mut Refused) -> Result<(), Error> {
    refused.add(ready.number, Some(&ready.row), reason)?;
    tally.refused += 1;
    Ok(())
}
