//! Records several events at once.
//!
//! Each event is a PartiQL statement, with 25 statements in a request. `INSERT` writes an item only if its key is free, and
//! takes the same units as a put; but a request is signed, sent and answered once for all its statements. Each statement
//! succeeds or fails separately. If a key is taken, the event is compared with the stored one. If the table was too busy,
//! the event is appended by a request of its own.

use std::collections::HashSet;

use aws_sdk_dynamodb::{
    error::{DisplayErrorContext, SdkError},
    types::{BatchStatementErrorCodeEnum, BatchStatementRequest, ReturnConsumedCapacity},
};
use futures::{StreamExt as _, stream};

use super::{Status, Store, WriteUnits, events, item, transaction::Statement};
use crate::model::{error::Error, event::Event};

/// The most statements in a request (API reference of `BatchExecuteStatement`).
pub(super) const MAX_STATEMENTS: usize = 25;
/// How many requests of statements are sent at a time.
const REQUESTS: usize = 8;
/// How many events are appended separately at a time, which bounds the open connections.
const APPENDS: usize = 32;

/// The results of recording several events.
#[derive(Debug)]
pub struct AppendedAll {
    /// The result of each event, in the order of the events.
    pub results: Vec<Result<Status, Error>>,
    /// The write units of all requests.
    pub write_units: WriteUnits,
}

/// An event that is being recorded: its index, the event, and its result once that is known.
type Appending<'a> = (usize, &'a Event, Option<Result<Status, Error>>);

impl Store {
    /// Records events, each once and independently of the others. Of two events with the same key the first is recorded.
    ///
    /// An error in a result is [`Error::Unavailable`]: the event may not have been written, and it is safe to append it
    /// again.
    pub async fn append_all(&self, events: &[&Event]) -> AppendedAll {
        let mut write_units = WriteUnits::default();
        let mut keys = HashSet::new();
        let all = (0..).zip(events).map(|(index, event)| (index, *event, None));
        // A request must not have two statements for one key, and the second event must be written after the first.
        let (mut firsts, mut repeats): (Vec<Appending<'_>>, Vec<_>) =
            all.partition(|(_, event, _)| keys.insert((&event.workspace, event.position())));
        if firsts.len() > 1 {
            let requests: Vec<_> =
                firsts.chunks_mut(MAX_STATEMENTS).map(|chunk| self.insert_chunk(chunk)).collect();
            let mut requests = stream::iter(requests).buffer_unordered(REQUESTS);
            while let Some(units) = requests.next().await {
                write_units += units;
            }
        }
        for events in [&mut firsts, &mut repeats] {
            let unsettled = events.iter_mut().filter(|(_, _, result)| result.is_none());
            let appends: Vec<_> = unsettled.map(|event| self.append_alone(event)).collect();
            let mut appends = stream::iter(appends).buffer_unordered(APPENDS);
            while let Some(units) = appends.next().await {
                write_units += units;
            }
        }
        firsts.append(&mut repeats);
        firsts.sort_unstable_by_key(|(index, ..)| *index);
        AppendedAll { results: firsts.into_iter().filter_map(|(.., result)| result).collect(), write_units }
    }

    /// Records events with different keys in one request, and sets the results that the answer determines.
    async fn insert_chunk(&self, events: &mut [Appending<'_>]) -> WriteUnits {
        let mut statements = Vec::with_capacity(events.len());
        let mut sent = Vec::with_capacity(events.len());
        for (_, event, result) in events {
            match self.settings(&event.workspace).await {
                Ok(settings) if let Some(from) = events::has_expired(&settings, event) => {
                    *result = Some(Ok(Status::Expired(from)));
                }
                Ok(settings) => {
                    let partition = settings.shards.partition(&event.workspace, &event.position());
                    let item = item::attributes_of(event, &partition);
                    statements.push(in_batch(Statement::insert(&self.tables.events, item)));
                    sent.push((partition, *event, result));
                }
                Err(error) => *result = Some(Err(error)),
            }
        }
        if statements.is_empty() {
            return WriteUnits::default();
        }
        let outcome = self
            .client
            .batch_execute_statement()
            .set_statements(Some(statements))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        for (partition, event, _) in &sent {
            self.hint(partition, event);
        }
        // If we crash here, some of the events are recorded and the sender has no answer. Retries with the same keys are
        // duplicates.
        match outcome {
            Ok(output) => {
                let mut taken = Vec::new();
                for (answer, (partition, event, result)) in output.responses().iter().zip(sent) {
                    match answer.error() {
                        None => *result = Some(Ok(Status::Recorded)),
                        Some(error) if error.code() == Some(&BatchStatementErrorCodeEnum::DuplicateItem) => {
                            taken.push(async move {
                                *result = Some(self.compare(event, &partition).await);
                            });
                        }
                        // The caller appends it separately.
                        Some(_) => {}
                    }
                }
                stream::iter(taken).buffer_unordered(APPENDS).collect::<()>().await;
                WriteUnits::of(output.consumed_capacity())
            }
            // DynamoDB refused the whole request. The caller appends each event separately, so that a bad one does not keep
            // the others out.
            Err(SdkError::ServiceError(_)) => WriteUnits::default(),
            Err(error) => {
                let source = DisplayErrorContext(&error).to_string();
                for (_, _, result) in sent {
                    *result = Some(Err(Error::Unavailable(source.clone().into())));
                }
                WriteUnits::default()
            }
        }
    }

    /// Records one of several events with a request of its own.
    async fn append_alone(&self, (_, event, result): &mut Appending<'_>) -> WriteUnits {
        let appended = self.append(event).await;
        let write_units = appended.as_ref().map(|appended| appended.write_units).unwrap_or_default();
        *result = Some(appended.map(|appended| appended.status));
        write_units
    }
}

fn in_batch(Statement { text, parameters }: Statement) -> BatchStatementRequest {
    let request = BatchStatementRequest::builder().statement(text).set_parameters(Some(parameters));
    request.build().expect("it has a statement")
}
