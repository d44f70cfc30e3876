//! What admins change of streams: each change is one transaction with the event about it, and raises the generation, so
//! that who delivers meanwhile notes nothing over it. Asking for a test changes nothing, and raises none.

use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, TransactWriteItem, Update, builders::UpdateBuilder,
};

use super::{
    Store, Written,
    deliveries::{Definition, key},
    item::Writer,
};
use crate::{
    error::Error,
    event::Event,
    id::WorkspaceId,
    json::canonical,
    stream::{Pause, Stream, StreamId, TestRequest},
};

impl Store {
    /// Keeps a new stream, which begins at the sequence `next`, and records the event about it: both or neither.
    /// [`Written::Before`] if there is one of its id.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been kept.
    pub async fn create_stream(&self, stream: &Stream, next: u64, event: &Event) -> Result<Written, Error> {
        let item = Writer::default()
            .text("workspace", stream.workspace.as_str())
            .text("stream", stream.id.as_str())
            .text("definition", canonical(&Definition::of(stream)))
            .number("generation", 1)
            .number("next", next)
            .number("delivered", 0)
            .finish();
        let put = Put::builder()
            .table_name(&self.tables.streams)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#stream)")
            .expression_attribute_names("#stream", "stream")
            .build()
            .map_err(|error| Error::Internal(error.into()))?;
        self.write_with_event(TransactWriteItem::builder().put(put).build(), event).await
    }

    /// Sets a stream anew, if its generation is still this one, and records the event about it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been set.
    pub async fn change_stream(
        &self,
        stream: &Stream,
        generation: u64,
        event: &Event,
    ) -> Result<Written, Error> {
        let update = self
            .update_stream(&stream.workspace, &stream.id)
            .update_expression("SET #definition = :definition, #generation = #generation + :one")
            .condition_expression("#generation = :generation")
            .expression_attribute_names("#definition", "definition")
            .expression_attribute_names("#generation", "generation")
            .expression_attribute_values(":definition", AttributeValue::S(canonical(&Definition::of(stream))))
            .expression_attribute_values(":generation", AttributeValue::N(generation.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        self.change_with_event(update, event).await
    }

    /// Lets a stream stand still, and records the event about it. [`Written::Before`] if it does, or is not there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been paused.
    pub async fn pause_stream(&self, id: &StreamId, pause: &Pause, event: &Event) -> Result<Written, Error> {
        let update = self
            .update_stream(&event.workspace, id)
            .update_expression("SET #paused = :pause, #generation = #generation + :one")
            .condition_expression("attribute_exists(#stream) AND attribute_not_exists(#paused)")
            .expression_attribute_names("#stream", "stream")
            .expression_attribute_names("#paused", "paused")
            .expression_attribute_names("#generation", "generation")
            .expression_attribute_values(":pause", AttributeValue::S(canonical(pause)))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        self.change_with_event(update, event).await
    }

    /// Lets a paused stream go on at once, where it stood, and records the event about it. [`Written::Before`] if it
    /// is not paused.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been resumed.
    pub async fn resume_stream(&self, id: &StreamId, event: &Event) -> Result<Written, Error> {
        let update = self
            .update_stream(&event.workspace, id)
            .update_expression("SET #generation = #generation + :one REMOVE #paused, #failure")
            .condition_expression("attribute_exists(#paused)")
            .expression_attribute_names("#paused", "paused")
            .expression_attribute_names("#failure", "failure")
            .expression_attribute_names("#generation", "generation")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        self.change_with_event(update, event).await
    }

    /// Lets a stream go on at another sequence, paused or not, and records the event about it. [`Written::Before`] if
    /// it is not there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been set back.
    pub async fn replay_stream(&self, id: &StreamId, from: u64, event: &Event) -> Result<Written, Error> {
        let update = self
            .update_stream(&event.workspace, id)
            .update_expression("SET #next = :from, #generation = #generation + :one REMOVE #failure")
            .condition_expression("attribute_exists(#stream)")
            .expression_attribute_names("#stream", "stream")
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#failure", "failure")
            .expression_attribute_names("#generation", "generation")
            .expression_attribute_values(":from", AttributeValue::N(from.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        self.change_with_event(update, event).await
    }

    /// Asks for a test of a stream, in place of one that nobody has done yet, and records the event about it.
    /// [`Written::Before`] if the stream is not there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been asked for.
    pub async fn request_test(
        &self,
        id: &StreamId,
        request: &TestRequest,
        event: &Event,
    ) -> Result<Written, Error> {
        let update = self
            .update_stream(&event.workspace, id)
            .update_expression("SET #test_requested = :request")
            .condition_expression("attribute_exists(#stream)")
            .expression_attribute_names("#stream", "stream")
            .expression_attribute_names("#test_requested", "test_requested")
            .expression_attribute_values(":request", AttributeValue::S(canonical(request)));
        self.change_with_event(update, event).await
    }

    /// Does away with a stream and records the event about it. [`Written::Before`] if it is not there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not be gone.
    pub async fn delete_stream(&self, id: &StreamId, event: &Event) -> Result<Written, Error> {
        let delete = Delete::builder()
            .table_name(&self.tables.streams)
            .set_key(Some(key(&event.workspace, id)))
            .condition_expression("attribute_exists(#stream)")
            .expression_attribute_names("#stream", "stream")
            .build()
            .map_err(|error| Error::Internal(error.into()))?;
        self.write_with_event(TransactWriteItem::builder().delete(delete).build(), event).await
    }

    /// A change of a stream, as a part of a transaction.
    pub(super) fn update_stream(&self, workspace: &WorkspaceId, id: &StreamId) -> UpdateBuilder {
        Update::builder().table_name(&self.tables.streams).set_key(Some(key(workspace, id)))
    }

    /// A change and the event about it, both or neither.
    pub(super) async fn change_with_event(
        &self,
        update: UpdateBuilder,
        event: &Event,
    ) -> Result<Written, Error> {
        let update = update.build().map_err(|error| Error::Internal(error.into()))?;
        self.write_with_event(TransactWriteItem::builder().update(update).build(), event).await
    }
}
