//! The stamps: each sealed event has its sequence.
//!
//! Those of a round are statements of PartiQL, 25 to a request, as recording has them: an `UPDATE` of an event that
//! bears none yet takes the units of an `UpdateItem`, but a request is signed, sent and answered once for all of
//! them. What a statement does not plainly write is stamped by itself, and that tells an event that is gone or bears
//! another sequence from one that a pass before this one stamped, and tries again where the table was too busy.

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

/// How many requests of stamps are under way at a time.
const REQUESTS: usize = 16;
/// How many events are stamped by themselves at a time.
const UPDATES: usize = 32;

/// Why an event does not bear its sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is not there any more.
    Gone,
    /// It bears another: a defect, or tampering.
    Other,
}

/// An event that is to bear a sequence.
type Stamp<'a> = (u64, &'a Place);

impl Store {
    /// Puts their sequences on the events of deltas, each once. The same call again changes nothing.
    /// Returns the events that could not get their sequence, each with the reason; and what the writes took.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if not all of them may bear it.
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
        // If we crash here, some events bear their sequence and the others do not: whoever finds the delta goes on.
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

    /// Stamps events in one request; those that it does not plainly say are stamped.
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
            // They were refused as a whole: what is wrong with one of them shall not keep the others from theirs.
            Err(SdkError::ServiceError(_)) => Ok((stamps.to_vec(), WriteUnits::default())),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The statement that stamps an event which bears no sequence.
    fn statement(&self, workspace: &WorkspaceId, (sequence, place): Stamp<'_>) -> BatchStatementRequest {
        let table = &self.tables.events;
        let Place { shard, position } = place;
        BatchStatementRequest::builder()
            // No spaces that need not be: each byte is signed and sent.
            .statement(format!(
                r#"UPDATE "{table}" SET "sequence"=? WHERE "workspace"=? AND "timestamp"=? AND "sequence" IS MISSING"#
            ))
            .parameters(AttributeValue::N(sequence.to_string()))
            .parameters(AttributeValue::S(partition(workspace, *shard)))
            .parameters(AttributeValue::S(position.sort_key()))
            .build()
            .expect("it has a statement")
    }

    /// Stamps one event; what it took, or why it cannot be done.
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
