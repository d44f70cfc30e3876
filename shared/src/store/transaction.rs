//! Transactions of a write and the event about it.
//!
//! The writes are PartiQL statements, because the put of an ordinary transaction requires the permission `PutItem`, which
//! also allows overwriting. An `INSERT` writes an item only if its key is free.

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

/// The attempts for a transaction that conflicts with others, and the first and the longest wait between them.
const MAX_ATTEMPTS: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(10);
const MAX_WAIT: Duration = Duration::from_millis(300);

/// A statement with the values of its `?`.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) parameters: Vec<AttributeValue>,
}

/// The outcome of a transaction.
#[derive(Debug)]
pub(super) enum Transacted {
    /// All writes were done.
    Now(WriteUnits),
    /// No write was done, because the conditions of the statements with these indexes failed.
    ConditionsFailed(Vec<usize>),
}

impl Statement {
    /// A statement that writes an item if its key is free. It has no spaces, because each byte is signed and sent.
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

    /// A statement with the text of the caller.
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
    /// Does a conditional write and records the event about it in one transaction. [`Written::Before`] if the write's condition
    /// fails.
    pub(super) async fn write_with_event(&self, write: Statement, event: &Event) -> Result<Written, Error> {
        match self.transact(vec![write], event).await? {
            Transacted::Now(units) => Ok(Written::Now(units)),
            Transacted::ConditionsFailed(failed) if failed.contains(&0) => Ok(Written::Before),
            Transacted::ConditionsFailed(_) => {
                Err(Error::Unavailable("another event has the key of the event about it".into()))
            }
        }
    }

    /// Sends one transaction: these writes, followed by the event about them.
    pub(super) async fn transact(
        &self,
        mut writes: Vec<Statement>,
        event: &Event,
    ) -> Result<Transacted, Error> {
        let partition = self.partition_of(event).await?;
        writes.push(Statement::insert(&self.tables.events, item::attributes_of(event, &partition)));
        // All attempts have one token. So if an answer was lost, the next attempt succeeds without writing again.
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
            // Nothing was written, because another transaction used one of the items. It ends soon.
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

/// Whether another transaction was using one of the items, or an earlier attempt of this transaction has not ended.
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
