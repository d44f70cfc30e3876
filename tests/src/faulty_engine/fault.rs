//! What may go wrong between a function and DynamoDB. `docs/faults.md` has a row for each, and names the
//! tests that survive it.

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is denied, as by a policy, and never reaches the engine.
    Denied,
    /// The function's credentials have run out.
    CredentialsExpired,
    /// The table is not there.
    TableGone,
    /// The table's provisioned capacity is used up.
    TableThrottled,
    /// An index's capacity is used up, and with it the writes to its table.
    IndexThrottled,
    /// One key takes more than its partition gives.
    KeyThrottled,
    /// The table on demand is at its maximum.
    MaximumThrottled,
    /// The account's quota is used up.
    AccountThrottled,
    /// DynamoDB says that it failed, and did nothing.
    InternalError,
    /// DynamoDB says that it is not there.
    ServiceUnavailable,
    /// Something on the way answers with a page of its own.
    AnsweredByAnother,
    /// The connection is reset before the engine has the call.
    ResetBefore,
    /// The engine does the call, and the connection is reset.
    ResetAfter,
    /// The engine does the call, and the answer says that it failed.
    AnswerLost,
    /// The engine does the call, and half of the answer arrives.
    AnswerTruncated,
    /// The engine does the call, and the answer is not JSON.
    AnswerGarbled,
    /// The engine does the call, and the answer comes after the SDK has given it up.
    AnswerDelayed,
    /// The call reaches the engine after the SDK has given it up and tried again.
    CallDelayed,
    /// The call reaches the engine twice, and the second answer counts.
    CalledTwice,
    /// Nothing is done, and there is no answer as long as anybody waits.
    NeverAnswered,
    /// The engine does the call, and there is no answer as long as anybody waits.
    AnswerWithheld,
    /// A transaction is cancelled because another one writes one of its items.
    TransactionConflict,
    /// A transaction is cancelled because a table's capacity is used up.
    TransactionCapacity,
    /// A transaction is cancelled because of too many requests.
    TransactionThrottled,
    /// A transaction is cancelled because one of its items breaks a rule of DynamoDB.
    TransactionInvalid,
    /// The transaction of this token is still under way.
    TransactionInProgress,
    /// A single write meets a transaction on its item.
    MetTransaction,
    /// Half of the statements of a batch are not done, and their answers say why.
    StatementsLeftOut,
    /// Half of the keys of a batch are left for the next call.
    KeysLeftOut,
    /// All keys of a batch are left for the next call.
    NoKeysTaken,
    /// A page has one item and a key to go on from, though more would fit.
    OneItemPages,
    /// Every other page is empty, and has a key to go on from.
    EmptyPages,
    /// Indexes do not show yet what was written last.
    IndexBehind,
    /// Reads that are not consistent do not show yet what was written last.
    CopyBehind,
    /// Writes fail while reads work.
    WritesFail,
    /// Reads fail while writes work.
    ReadsFail,
    /// One key takes a fixed number of units a second, and no more.
    KeyCapped,
}

/// What becomes of a call, by the way that its fault takes.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// The engine never sees it; this is the answer.
    Refused(u16, &'static str, &'static str),
    /// The engine never sees it, and a transaction is cancelled for this reason.
    Cancelled(&'static str),
    /// The engine does it, and this becomes of the answer.
    Applied(After),
    /// What is asked or answered is changed.
    Changed,
    /// Something else altogether.
    Special,
}

/// What becomes of an answer.
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
    /// One row for each: there is no other table of what they do.
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

    /// Whether it can befall a call of this operation.
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

/// Whether an operation writes. Our statements are all of them writes.
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
