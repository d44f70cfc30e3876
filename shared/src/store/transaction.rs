//! One write and the event about it: both or neither.
//!
//! The writes of a transaction are statements of PartiQL, because IAM asks `PutItem` for the put of a transaction, and
//! the right to put is the right to overwrite. An `INSERT` writes an item only if there is none of its key.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::execute_transaction::{ExecuteTransactionError, ExecuteTransactionOutput},
    types::{AttributeValue, ParameterizedStatement, ReturnConsumedCapacity},
};

use super::{
    Store, WriteUnits, Written,
    item::{self, Attributes},
    unavailable,
};
use crate::{
    model::{error::Error, event::Event},
    system,
};

/// How often a transaction is tried that meets others on its items, and the first and the longest wait between.
const MAX_ATTEMPTS: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(10);
const MAX_WAIT: Duration = Duration::from_millis(300);

/// A statement, and the values of its `?` in their order.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) parameters: Vec<AttributeValue>,
}

/// The outcome of a transaction.
#[derive(Debug)]
pub(super) enum Transacted {
    /// All of it is written.
    Now(WriteUnits),
    /// Nothing is written: the conditions of these statements failed, by their numbers.
    ConditionsFailed(Vec<usize>),
}

impl Statement {
    /// Writes an item if there is none of its key. No spaces: each byte is signed and sent.
    pub(super) fn insert(table: &str, item: Attributes) -> Self {
        let mut text = String::with_capacity(512);
        text.extend(["INSERT INTO \"", table, "\" VALUE {"]);
        for (index, (name, _)) in item.iter().enumerate() {
            text.push_str(if index == 0 { "'" } else { ",'" });
            text.push_str(name);
            text.push_str("':?");
        }
        text.push('}');
        Self { text, parameters: item.into_iter().map(|(_, value)| value).collect() }
    }

    /// A statement that its caller writes out.
    pub(super) fn new(text: String, parameters: impl IntoIterator<Item = AttributeValue>) -> Self {
        Self { text, parameters: parameters.into_iter().collect() }
    }
}

/// A text as the value of a `?`.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number as the value of a `?`.
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

impl Store {
    /// A write with a condition and the event about it, in one transaction. [`Written::Before`] if the write's
    /// condition fails.
    pub(super) async fn write_with_event(&self, write: Statement, event: &Event) -> Result<Written, Error> {
        match self.transact(vec![write], event).await? {
            Transacted::Now(units) => Ok(Written::Now(units)),
            Transacted::ConditionsFailed(failed) if failed.contains(&0) => Ok(Written::Before),
            Transacted::ConditionsFailed(_) => {
                Err(Error::Unavailable("another event has the key of the event about it".into()))
            }
        }
    }

    /// One transaction: these writes, and the event about them as the last one.
    pub(super) async fn transact(
        &self,
        mut writes: Vec<Statement>,
        event: &Event,
    ) -> Result<Transacted, Error> {
        let partition = self.partition_of(event).await?;
        writes.push(Statement::insert(&self.tables.events, item::attributes_of(event, &partition)));
        // One token for all attempts: an attempt whose answer was lost is not written again, and is no condition that failed.
        let mut transaction = self
            .client
            .execute_transaction()
            .client_request_token(system::transaction_token())
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        for Statement { text, parameters } in writes {
            let statement =
                ParameterizedStatement::builder().statement(text).set_parameters(Some(parameters)).build();
            transaction =
                transaction.transact_statements(statement.map_err(|error| Error::Internal(error.into()))?);
        }
        let (mut wait, mut attempts) = (FIRST_WAIT, 1);
        let sent = loop {
            let sent = transaction.clone().send().await;
            // Nothing was written: another transaction had one of the items, and is soon done.
            if attempts == MAX_ATTEMPTS || !sent.as_ref().is_err_and(conflicted) {
                break sent;
            }
            attempts += 1;
            tokio::time::sleep(wait).await;
            wait = MAX_WAIT.min(wait * 2);
        };
        self.hint(&partition, event);
        transacted(sent)
    }
}

/// Whether another transaction was writing or checking one of the items, or an earlier attempt of this one has not ended.
fn conflicted(error: &SdkError<ExecuteTransactionError>) -> bool {
    let reasons = match error.as_service_error() {
        Some(ExecuteTransactionError::TransactionInProgressException(_)) => return true,
        Some(ExecuteTransactionError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons()
        }
        _ => return false,
    };
    let is = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
    is("TransactionConflict") && !is("ConditionalCheckFailed") && !is("DuplicateItem")
}

fn transacted(
    sent: Result<ExecuteTransactionOutput, SdkError<ExecuteTransactionError>>,
) -> Result<Transacted, Error> {
    let error = match sent {
        Ok(output) => return Ok(Transacted::Now(WriteUnits::of(output.consumed_capacity()))),
        Err(error) => error,
    };
    if let Some(ExecuteTransactionError::TransactionCanceledException(cancelled)) = error.as_service_error() {
        let reasons = cancelled.cancellation_reasons().iter().enumerate();
        let failed: Vec<_> = reasons
            .filter(|(_, reason)| matches!(reason.code(), Some("ConditionalCheckFailed" | "DuplicateItem")))
            .map(|(index, _)| index)
            .collect();
        if !failed.is_empty() {
            return Ok(Transacted::ConditionsFailed(failed));
        }
        let mut reasons = cancelled.cancellation_reasons().iter();
        if reasons.any(|reason| reason.code() == Some("TransactionConflict")) {
            return Err(Error::Contention(error.into()));
        }
    }
    Err(unavailable(error))
}
