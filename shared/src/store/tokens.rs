//! Workspace tokens. Each write is one transaction with the event about it.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::{
    Store, WriteUnits, Written, item,
    transaction::{Statement, text},
    unavailable,
};
use crate::model::{
    error::Error,
    event::Event,
    id::{TokenId, WorkspaceId},
    timestamp::Timestamp,
    token::WorkspaceToken,
};

/// The result of revoking a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Revoked {
    /// This call revoked it.
    Now(WriteUnits),
    /// It was revoked before.
    Before,
}

impl Store {
    /// Reads a token as it was a moment ago, at half the cost of [`Self::token`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn token_lately(&self, id: &TokenId) -> Result<Option<WorkspaceToken>, Error> {
        self.get_token(id, false).await
    }

    /// Reads a token consistently.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn token(&self, id: &TokenId) -> Result<Option<WorkspaceToken>, Error> {
        self.get_token(id, true).await
    }

    async fn get_token(&self, id: &TokenId, consistent: bool) -> Result<Option<WorkspaceToken>, Error> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.tokens)
            .key("token", AttributeValue::S(id.to_string()))
            .consistent_read(consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(unavailable)?;
        let read_units = output.consumed_capacity().and_then(|consumed| consumed.capacity_units());
        tracing::debug!(read_units, "read a token");
        output.item().map(item::to_token).transpose()
    }

    /// All tokens of a workspace, the oldest first, with revoked and expired ones. It reads an index, so a token that was
    /// generated a moment ago may be missing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn tokens_of(&self, workspace: &WorkspaceId) -> Result<Vec<WorkspaceToken>, Error> {
        let mut tokens = Vec::new();
        let mut start = None;
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.tables.tokens)
                .index_name("by_workspace")
                .key_condition_expression("#workspace = :workspace")
                .expression_attribute_names("#workspace", "workspace")
                .expression_attribute_values(":workspace", AttributeValue::S(workspace.to_string()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            for item in output.items() {
                tokens.push(item::to_token(item)?);
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(tokens);
            }
        }
    }

    /// Stores a new token and records the event about it, both or neither.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if neither may have been written. The secret is lost with the error, so even a token that was
    /// written cannot be used.
    pub async fn create_token(&self, token: &WorkspaceToken, event: &Event) -> Result<WriteUnits, Error> {
        let insert = Statement::insert(&self.tables.tokens, item::from_token(token));
        match self.write_with_event(insert, event).await? {
            // If we crash here, the token and the event are stored but the admin has no answer. The list shows the token.
            Written::Now(units) => Ok(units),
            Written::Before => Err(Error::Internal("a new token has the id of another one".into())),
        }
    }

    /// Revokes a token and records the event about it, both or neither. A token that is revoked already does not change, and
    /// no event is recorded. The caller has read the token and has checked its workspace, which never changes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if neither may have been written. It is safe to repeat the call.
    pub async fn revoke_token(
        &self,
        token: &TokenId,
        revoked_at: Timestamp,
        event: &Event,
    ) -> Result<Revoked, Error> {
        let table = &self.tables.tokens;
        let update = Statement::new(
            format!(r#"UPDATE "{table}" SET "revoked_at"=? WHERE "token"=? AND "revoked_at" IS MISSING"#),
            [text(revoked_at.to_string()), text(token.as_str())],
        );
        Ok(match self.write_with_event(update, event).await? {
            Written::Now(write_units) => Revoked::Now(write_units),
            Written::Before => Revoked::Before,
        })
    }

    /// Records the day on which a token was used. Callers call it once a day.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been recorded; callers may ignore it.
    pub async fn mark_used(&self, token: &TokenId, now: Timestamp) -> Result<(), Error> {
        self.client
            .update_item()
            .table_name(&self.tables.tokens)
            .key("token", AttributeValue::S(token.to_string()))
            .update_expression("SET #last_used_on = :today")
            .condition_expression("attribute_exists(#token)")
            .expression_attribute_names("#last_used_on", "last_used_on")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":today", AttributeValue::S(now.day()))
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }
}
