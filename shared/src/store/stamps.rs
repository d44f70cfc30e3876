//! Writes the sequence of each sealed event into its item.
//!
//! The events of a round are updated by PartiQL statements, 25 in a request. An `UPDATE` takes the same units as an
//! `UpdateItem`, but a request is signed, sent and answered once for all its statements. If a statement fails, its event is
//! updated by a request of its own. That request retries if the table was too busy, and distinguishes an event that an
//! earlier pass has stamped from a missing one and from one with another sequence.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{
        AttributeValue, BatchStatementRequest, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    },
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{Store, WriteUnits, inserts::MAX_STATEMENTS, ledger::event_key, unavailable};
use crate::{
    ledger::Delta,
    model::{
        error::Error,
        id::WorkspaceId,
        keys::{Place, partition},
    },
};

/// How many requests of statements are sent at a time.
const REQUESTS: usize = 16;
/// How many events are stamped separately at a time.
const UPDATES: usize = 32;

/// The reason why an event cannot get its sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The event is missing.
    Gone,
    /// The event has another sequence: a defect, or tampering.
    Other,
}

/// A sequence and the place of its event.
type Stamp<'a> = (u64, &'a Place);

impl Store {
    /// Writes the sequences of all events of deltas. Repeating the call changes nothing. Returns the events that could not
    /// get their sequence, each with the reason, and the write units.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if some events may not have their sequence.
    pub async fn stamp_all(
        &self,
        workspace: &WorkspaceId,
        deltas: &[Delta],
    ) -> Result<(Vec<(u64, Misfit)>, WriteUnits), Error> {
        let sequenced = deltas.iter().flat_map(Delta::sequenced);
        let stamps: Vec<_> = sequenced.map(|(sequence, entry)| (sequence, &entry.place)).collect();
        let requests: Vec<_> =
            stamps.chunks(MAX_STATEMENTS).map(|chunk| self.stamp_chunk(workspace, chunk)).collect();
        let mut requests = stream::iter(requests).buffer_unordered(REQUESTS);
        let (mut left, mut units) = (Vec::new(), WriteUnits::default());
        while let Some((not_done, taken)) = requests.try_next().await? {
            left.extend(not_done);
            units += taken;
        }
        // If we crash here, some events have their sequence and the others do not. The next sealer finds the delta after the
        // head and continues.
        let updates: Vec<_> = left.into_iter().map(|stamp| self.stamp(workspace, stamp)).collect();
        let mut updates = stream::iter(updates).buffer_unordered(UPDATES);
        let mut misfits = Vec::new();
        while let Some((sequence, stamped)) = updates.try_next().await? {
            match stamped {
                Ok(taken) => units += taken,
                Err(misfit) => misfits.push((sequence, misfit)),
            }
        }
        Ok((misfits, units))
    }

    /// Stamps events in one request. Returns the events that were not stamped, and the write units.
    async fn stamp_chunk<'a>(
        &self,
        workspace: &WorkspaceId,
        stamps: &[Stamp<'a>],
    ) -> Result<(Vec<Stamp<'a>>, WriteUnits), Error> {
        let output = self
            .client
            .batch_execute_statement()
            .set_statements(Some(stamps.iter().map(|stamp| self.statement(workspace, *stamp)).collect()))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        match output {
            Ok(output) => {
                let answers = output.responses().iter().zip(stamps);
                let not_done = answers.filter(|(answer, _)| answer.error().is_some());
                Ok((not_done.map(|(_, stamp)| *stamp).collect(), WriteUnits::of(output.consumed_capacity())))
            }
            // DynamoDB refused the whole request. The caller stamps each event separately, so that a bad one does not keep the
            // others from theirs.
            Err(SdkError::ServiceError(_)) => Ok((stamps.to_vec(), WriteUnits::default())),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The statement that stamps an event without a sequence.
    fn statement(&self, workspace: &WorkspaceId, (sequence, place): Stamp<'_>) -> BatchStatementRequest {
        let table = &self.tables.events;
        let Place { shard, position } = place;
        BatchStatementRequest::builder()
            // The statement has no unnecessary spaces, because each byte is signed and sent.
            .statement(format!(
                r#"UPDATE "{table}" SET "sequence"=? WHERE "workspace"=? AND "timestamp"=? AND "sequence" IS MISSING"#
            ))
            .parameters(AttributeValue::N(sequence.to_string()))
            .parameters(AttributeValue::S(partition(workspace, *shard)))
            .parameters(AttributeValue::S(position.sort_key()))
            .build()
            .expect("it has a statement")
    }

    /// Stamps one event. Returns the write units, or the reason why the event cannot be stamped.
    async fn stamp(
        &self,
        workspace: &WorkspaceId,
        (sequence, place): Stamp<'_>,
    ) -> Result<(u64, Result<WriteUnits, Misfit>), Error> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.events)
            .set_key(Some(event_key(workspace, place)))
            .update_expression("SET #sequence = :sequence")
            .condition_expression(
                "attribute_exists(#timestamp) AND (attribute_not_exists(#sequence) OR #sequence = :sequence)",
            )
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_names("#timestamp", "timestamp")
            .expression_attribute_values(":sequence", AttributeValue::N(sequence.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        let stamped = match update {
            Ok(output) => Ok(WriteUnits::of(output.consumed_capacity.as_slice())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failure)) => {
                    Err(if failure.item().is_some() { Misfit::Other } else { Misfit::Gone })
                }
                _ => return Err(unavailable(error)),
            },
        };
        Ok((sequence, stamped))
    }
}
