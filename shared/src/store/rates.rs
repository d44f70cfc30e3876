//! How often each token reads and each workspace is changed, counted where all instances of a function see it.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::{Store, condition_failed, corrupt, unavailable};
use crate::model::{
    error::Error,
    id::{TokenId, WorkspaceId},
    rate::{ChangeKind, Rate, WINDOW_SECONDS, window},
    timestamp::Timestamp,
};

/// How long a count is kept after its window, in seconds: no clock is behind by as much.
const KEPT_SECONDS: i64 = 3600;

impl Store {
    /// Counts a read of a token, and says how the token stands after it; `None` where reads are not limited.
    ///
    /// # Errors
    /// [`Error::TooManyReads`] if the window has none left; [`Error::Unavailable`] if the read may not have been
    /// counted.
    pub async fn count_read(&self, token: &TokenId, now: Timestamp) -> Result<Option<Rate>, Error> {
        let Some(limit) = self.read_limit else { return Ok(None) };
        self.count(token.to_string(), limit, now).await?.map(Some).map_err(Error::TooManyReads)
    }

    /// Counts a change by an admin of a workspace. Admins of other workspaces have counts of their own, and so have the
    /// other kinds of changes.
    ///
    /// # Errors
    /// [`Error::TooManyChanges`] if the window has none left; [`Error::Unavailable`] if the change may not have been
    /// counted.
    pub async fn count_change(
        &self,
        workspace: &WorkspaceId,
        kind: ChangeKind,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(limit) = self.change_limit else { return Ok(()) };
        // IAM gives the roles of admin functions keys with this beginning, and no token has such an id.
        let key = format!("admin#{workspace}#{}", kind.name());
        self.count(key, limit, now).await?.map(drop).map_err(Error::TooManyChanges)
    }

    /// Counts one under a key: how the key stands then, or stood before if the window has none left.
    ///
    /// It is one conditional write. An SDK that repeats it, because an answer was lost, may count one twice, and never
    /// none.
    async fn count(&self, key: String, limit: u32, now: Timestamp) -> Result<Result<Rate, Rate>, Error> {
        let number = |number: i64| AttributeValue::N(number.to_string());
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
