//! How often each token reads, counted where all instances of a function see it.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::{Store, condition_failed, corrupt, unavailable};
use crate::{
    error::Error,
    rate::{Rate, WINDOW_SECONDS, window},
    timestamp::Timestamp,
    token::TokenId,
};

/// How long a count is kept after its window, in seconds: no clock is behind by as much.
const KEPT_SECONDS: i64 = 3600;

impl Store {
    /// Counts a read of a token, and says how the token stands after it; `None` where reads are not limited.
    ///
    /// It is one conditional write. An SDK that repeats it, because an answer was lost, may count a read
    /// twice, and never none.
    ///
    /// # Errors
    /// [`Error::TooManyReads`] if the window has none left; [`Error::Unavailable`] if the read may not have been
    /// counted.
    pub async fn count_read(&self, token: &TokenId, now: Timestamp) -> Result<Option<Rate>, Error> {
        let Some(limit) = self.read_limit else { return Ok(None) };
        let number = |number: i64| AttributeValue::N(number.to_string());
        let forgotten_at = (window(now) + 1) * WINDOW_SECONDS + KEPT_SECONDS;
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.rates)
            .key("token", AttributeValue::S(token.to_string()))
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
                let count =
                    count.and_then(|count| count.parse().ok()).ok_or_else(|| corrupt("a count of reads"))?;
                Ok(Some(Rate::after(count, limit, now)))
            }
            Err(error) if condition_failed(&error) => {
                Err(Error::TooManyReads(Rate::after(limit, limit, now)))
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}
