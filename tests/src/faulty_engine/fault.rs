//! The faults between a function and DynamoDB. `docs/faults.md` has a row for each, and names the tests that
//! survive it.

/// A way in which a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The call is denied, as by a policy, and never reaches the engine.
    Denied,
    /// The function's credentials have run out.
    CredentialsExpired,
    /// The table does not exist.
    TableGone,
    /// The table's provisioned capacity is used up.
    TableThrottled,
    /// An index's capacity is used up, and with it the writes to its table.
    IndexThrottled,
    /// One key takes more than its partition allows.
    KeyThrottled,
    /// The table on demand is at its maximum.
    MaximumThrottled,
    /// The account's quota is used up.
    AccountThrottled,
    /// DynamoDB reports an internal error, and did nothing.
    InternalError,
    /// DynamoDB reports that it is unavailable.
    ServiceUnavailable,
    /// A server on the way answers with a page of its own.
    AnsweredByAnother,
    /// The connection is reset before the engine gets the call.
    ResetBefore,
    /// The engine executes the call, and the connection is reset.
    ResetAfter,
    /// The engine executes the call, and the answer reports an error.
    AnswerLost,
    /// The engine executes the call, and half of the answer arrives.
    AnswerTruncated,
    /// The engine executes the call, and the answer is not JSON.
    AnswerGarbled,
    /// The engine executes the call, and the answer arrives after the SDK has given up on it.
    AnswerDelayed,
    /// The call reaches the engine after the SDK has given up on it and retried.
    CallDelayed,
    /// The call reaches the engine twice, and the second answer counts.
    CalledTwice,
    /// The call is not executed, and there is no answer for as long as the client waits.
    NeverAnswered,
    /// The engine executes the call, and there is no answer for as long as the client waits.
    AnswerWithheld,
    /// A transaction is cancelled because another one writes one of its items.
    TransactionConflict,
    /// A transaction is cancelled because a table's capacity is used up.
    TransactionCapacity,
    /// A transaction is cancelled because of too many requests.
    TransactionThrottled,
    /// A transaction is cancelled because one of its items breaks a rule of DynamoDB.
    TransactionInvalid,
    /// The transaction with this token is still in progress.
    TransactionInProgress,
    /// A single write conflicts with a transaction on its item.
    MetTransaction,
    /// Half of the statements of a batch are not executed, and their answers give the reason.
    StatementsLeftOut,
    /// Half of the keys of a batch are left for the next call.
    KeysLeftOut,
    /// All keys of a batch are left for the next call.
    NoKeysTaken,
    /// A page has one item and a key to continue from, although more would fit.
    OneItemPages,
    /// Every other page is empty, and has a key to continue from.
    EmptyPages,
    /// Indexes do not show the last writes yet.
    IndexBehind,
    /// Reads that are not consistent do not show the last writes yet.
    CopyBehind,
    /// Writes fail while reads work.
    WritesFail,
    /// Reads fail while writes work.
    ReadsFail,
    /// One key takes a fixed number of units a second, and no more.
    KeyCapped,
}

/// How a fault is carried out.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// The engine never sees the call; this is the answer.
    Refused(u16, &'static str, &'static str),
    /// The engine never sees the call, and a transaction is cancelled for this reason.
    Cancelled(&'static str),
    /// The engine executes the call, and the answer is treated like this.
    Applied(After),
    /// The call or its answer is changed.
    Changed,
    /// Handled separately.
    Special,
}

/// The treatment of an answer.
#[derive(Clone, Copy)]
pub(super) enum After {
    Replaced,
    Reset,
    Truncated,
    Garbled,
    Delayed,
    Withheld,
}

impl Fault {
    /// One row for each fault; no second table lists what they do.
    pub(super) fn way(self) -> Way {
        use Way::{Applied, Cancelled, Changed, Refused, Special};
        match self {
            Self::Denied => Refused(400, "AccessDeniedException", ""),
            Self::CredentialsExpired => Refused(400, "ExpiredTokenException", ""),
            Self::TableGone => Refused(400, "ResourceNotFoundException", ""),
            Self::TableThrottled => Refused(
                400,
                "ProvisionedThroughputExceededException",
                "TableWriteProvisionedThroughputExceeded",
            ),
            Self::IndexThrottled => Refused(
                400,
                "ProvisionedThroughputExceededException",
                "IndexWriteProvisionedThroughputExceeded",
            ),
            Self::KeyThrottled | Self::KeyCapped => {
                Refused(400, "ThrottlingException", "TableWriteKeyRangeThroughputExceeded")
            }
            Self::MaximumThrottled => {
                Refused(400, "ThrottlingException", "TableWriteMaxOnDemandThroughputExceeded")
            }
            Self::AccountThrottled => Refused(400, "RequestLimitExceeded", "TableWriteAccountLimitExceeded"),
            Self::InternalError | Self::WritesFail | Self::ReadsFail => {
                Refused(500, "InternalServerError", "")
            }
            Self::ServiceUnavailable => Refused(503, "ServiceUnavailable", ""),
            Self::TransactionConflict => Cancelled("TransactionConflict"),
            Self::TransactionCapacity => Cancelled("ProvisionedThroughputExceeded"),
            Self::TransactionThrottled => Cancelled("ThrottlingError"),
            Self::TransactionInvalid => Cancelled("ValidationError"),
            Self::TransactionInProgress => Refused(400, "TransactionInProgressException", ""),
            Self::MetTransaction => Refused(400, "TransactionConflictException", ""),
            Self::AnswerLost => Applied(After::Replaced),
            Self::ResetAfter => Applied(After::Reset),
            Self::AnswerTruncated => Applied(After::Truncated),
            Self::AnswerGarbled => Applied(After::Garbled),
            Self::AnswerDelayed => Applied(After::Delayed),
            Self::AnswerWithheld => Applied(After::Withheld),
            Self::StatementsLeftOut
            | Self::KeysLeftOut
            | Self::NoKeysTaken
            | Self::OneItemPages
            | Self::EmptyPages
            | Self::IndexBehind
            | Self::CopyBehind => Changed,
            Self::AnsweredByAnother
            | Self::ResetBefore
            | Self::CallDelayed
            | Self::CalledTwice
            | Self::NeverAnswered => Special,
        }
    }

    /// True if the fault can happen to a call of this operation.
    pub(super) fn befalls(self, operation: &str) -> bool {
        match self {
            Self::TransactionConflict
            | Self::TransactionCapacity
            | Self::TransactionThrottled
            | Self::TransactionInvalid
            | Self::TransactionInProgress => matches!(operation, "ExecuteTransaction" | "TransactWriteItems"),
            Self::MetTransaction => matches!(operation, "PutItem" | "UpdateItem" | "ExecuteStatement"),
            Self::StatementsLeftOut => operation == "BatchExecuteStatement",
            Self::KeysLeftOut | Self::NoKeysTaken => operation == "BatchGetItem",
            Self::OneItemPages | Self::EmptyPages => matches!(operation, "Query" | "Scan"),
            Self::IndexBehind => operation == "Query",
            Self::CopyBehind => matches!(operation, "GetItem" | "BatchGetItem"),
            Self::WritesFail => is_write(operation),
            Self::ReadsFail => !is_write(operation),
            _ => true,
        }
    }
}

/// True if an operation writes. All our statements write.
fn is_write(operation: &str) -> bool {
    matches!(
        operation,
        "PutItem"
            | "UpdateItem"
            | "ExecuteStatement"
            | "BatchExecuteStatement"
            | "ExecuteTransaction"
            | "TransactWriteItems"
    )
}
