//! Counts the reads of each token and the changes of each workspace, across all instances of a function.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::{Store, condition_failed, corrupt, unavailable};
use crate::model::{
    error::Error,
    id::{TokenId, WorkspaceId},
    rate::{ChangeKind, Rate, WINDOW_SECONDS, window},
    timestamp::Timestamp,
};

/// How long a count is stored after its window, in seconds. No clock is behind by that much.
const KEPT_SECONDS: i64 = 3600;

impl Store {
    /// Counts a read of a token, and returns the state of the limit; `None` if reads are not limited.
    ///
    /// # Errors
    /// [`Error::TooManyReads`] if no reads are left in the window; [`Error::Unavailable`] if the read may not have been
    /// counted.
    pub async fn count_read(&self, token: &TokenId, now: Timestamp) -> Result<Option<Rate>, Error> {
        let Some(limit) = self.read_limit else { return Ok(None) };
        self.count(token.to_string(), limit, now).await?.map(Some).map_err(Error::TooManyReads)
    }

    /// Counts a change by an admin. Each workspace and each kind of change has its own count.
    ///
    /// # Errors
    /// [`Error::TooManyChanges`] if no changes are left in the window; [`Error::Unavailable`] if the change may not have been
    /// counted.
    pub async fn count_change(
        &self,
        workspace: &WorkspaceId,
        kind: ChangeKind,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(limit) = self.change_limit else { return Ok(()) };
        // IAM allows the roles of admin functions only keys with this prefix, and no token has such an id.
        let key = format!("admin#{workspace}#{}", kind.name());
        self.count(key, limit, now).await?.map(drop).map_err(Error::TooManyChanges)
    }

    /// Increments the count of a key. Returns the new state of the limit, or as the inner error the unchanged state if the
    /// window is used up.
    ///
    /// It is one conditional write. If an answer is lost and the SDK repeats the write, one call may count twice, but never
    /// zero times.
    async fn count(&self, key: String, limit: u32, now: Timestamp) -> Result<Result<Rate, Rate>, Error> {
        fn number(number: i64) -> AttributeValue {
            AttributeValue::N(number.to_string())
        }
        let forgotten_at = (window(now) + 1) * WINDOW_SECONDS + KEPT_SECONDS;
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.rates)
            .key("token", AttributeValue::S(key))
            .key("window", AttributeValue::S(window(now).to_string()))
            .update_expression("ADD #reads :one SET #expires_at = :expires_at")
            .condition_expression("attribute_not_exists(#reads) OR #reads < :limit")
            .expression_attribute_names("#reads", "reads")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":limit", number(limit.into()))
            .expression_attribute_values(":expires_at", number(forgotten_at))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        match update {
            Ok(output) => {
                let count = output.attributes().and_then(|attributes| attributes.get("reads")?.as_n().ok());
                let count = count.and_then(|count| count.parse().ok()).ok_or_else(|| corrupt("a count"))?;
                Ok(Ok(Rate::after(count, limit, now)))
            }
            Err(error) if condition_failed(&error) => Ok(Err(Rate::after(limit, limit, now))),
            Err(error) => Err(unavailable(error)),
        }
    }
}
