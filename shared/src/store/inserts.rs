//! Several events at once.
//!
//! Each is a statement of PartiQL, 25 to a request. `INSERT` writes an item only if there is none of its key, and takes
//! the units of a put; but a request is signed, sent and answered once for all of its statements. Each statement
//! succeeds or fails by itself. Where the key is taken, the event is compared with the one that is there; where the
//! table was too busy, the event is appended by itself.

use std::collections::HashSet;

use aws_sdk_dynamodb::{
    error::{DisplayErrorContext, SdkError},
    types::{BatchStatementErrorCodeEnum, BatchStatementRequest, ReturnConsumedCapacity},
};
use futures::{StreamExt as _, stream};

use super::{Status, Store, WriteUnits, events, item, transaction::Statement};
use crate::model::{error::Error, event::Event};

/// The most statements in a request, by the reference of `BatchExecuteStatement`.
pub(super) const MAX_STATEMENTS: usize = 25;
/// How many requests of statements are under way at a time.
const REQUESTS: usize = 8;
/// How many events are appended by themselves at a time: as many connections are open at most.
const APPENDS: usize = 32;

/// What became of several events.
#[derive(Debug)]
pub struct AppendedAll {
    /// One for each event, in their order.
    pub results: Vec<Result<Status, Error>>,
    /// The units that all writes took.
    pub write_units: WriteUnits,
}

/// An event on its way: its place among those that came with it, and what became of it, if that is known.
type Appending<'a> = (usize, &'a Event, Option<Result<Status, Error>>);

impl Store {
    /// Records events, each once and by itself: that one is not recorded says nothing of another. Of two with
    /// one key the first is recorded.
    ///
    /// An error in a result is [`Error::Unavailable`]: the event may not have been written, and to append it
    /// again is safe.
    pub async fn append_all(&self, events: &[&Event]) -> AppendedAll {
        let mut write_units = WriteUnits::default();
        let mut keys = HashSet::new();
        let all = (0..).zip(events).map(|(index, event)| (index, *event, None));
        // A request takes no two statements of one key; and the second of two must come after the first.
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

    /// Records events of different keys in one request, and settles those whose end it tells.
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
        // If we crash here, some of them are recorded and their sender does not know: sent again with the same
        // keys they are duplicates.
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
                        // It is appended by itself.
                        Some(_) => {}
                    }
                }
                stream::iter(taken).buffer_unordered(APPENDS).collect::<()>().await;
                WriteUnits::of(output.consumed_capacity())
            }
            // It was refused as a whole: what is wrong with one of them shall not keep the others out.
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

    /// Records one of several events by itself.
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
