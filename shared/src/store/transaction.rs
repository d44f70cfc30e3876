//! One write and the event about it: both or neither.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsOutput},
    types::{Put, ReturnConsumedCapacity, TransactWriteItem},
};

use super::{Store, WriteUnits, Written, item, unavailable};
use crate::{error::Error, event::Event};

impl Store {
    /// A write with a condition and the event about it, in one transaction. [`Written::Before`] if what the write
    /// meets is not what it is of.
    pub(super) async fn write_with_event(
        &self,
        write: TransactWriteItem,
        event: &Event,
    ) -> Result<Written, Error> {
        let partition = self.partition_of(event).await?;
        match self.transact(write, event, &partition).await {
            Ok(output) => Ok(Written::Now(WriteUnits::of(output.consumed_capacity()))),
            Err(error) if first_condition_failed(&error) => Ok(Written::Before),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// One transaction: a write to another table, and the event about it.
    pub(super) async fn transact(
        &self,
        write: TransactWriteItem,
        event: &Event,
        partition: &str,
    ) -> Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>> {
        let put_event = Put::builder()
            .table_name(&self.tables.events)
            .set_item(Some(item::from_event(event, partition)))
            .condition_expression("attribute_not_exists(#timestamp)")
            .expression_attribute_names("#timestamp", "timestamp")
            .build()
            .map_err(SdkError::construction_failure)?;
        let sent = self
            .client
            .transact_write_items()
            .transact_items(write)
            .transact_items(TransactWriteItem::builder().put(put_event).build())
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        self.hint(partition, event);
        sent
    }
}

/// Whether the transaction was given up because the first of its writes met another state.
fn first_condition_failed(error: &SdkError<TransactWriteItemsError>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().first().and_then(|reason| reason.code())
                == Some("ConditionalCheckFailed")
        }
        _ => false,
    }
}
