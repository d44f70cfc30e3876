//! Changes of streams by admins. Each change is one transaction with the event about it, and increments the generation, so
//! that a deliverer does not overwrite it. The request for a test does not increment the generation.

use super::{
    Store, Written,
    deliveries::Definition,
    item::Writer,
    transaction::{Statement, number, text},
};
use crate::{
    model::{error::Error, event::Event},
    stream::{Pause, Stream, StreamId, TestRequest},
    text::json::canonical,
};

impl Store {
    /// Stores a new stream, which begins at the sequence `next`, and records the event about it, both or neither.
    /// [`Written::Before`] if its id is taken.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been stored.
    pub async fn create_stream(&self, stream: &Stream, next: u64, event: &Event) -> Result<Written, Error> {
        let item = Writer::default()
            .text("workspace", stream.workspace.as_str())
            .text("stream", stream.id.as_str())
            .text("definition", canonical(&Definition::of(stream)))
            .number("generation", 1)
            .number("next", next)
            .number("delivered", 0);
        self.write_with_event(Statement::insert(&self.tables.streams, item.0), event).await
    }

    /// Replaces the definition of a stream, if its generation is still `generation`, and records the event about it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been changed.
    pub async fn change_stream(
        &self,
        stream: &Stream,
        generation: u64,
        event: &Event,
    ) -> Result<Written, Error> {
        let table = &self.tables.streams;
        let update = Statement::new(
            format!(
                r#"UPDATE "{table}" SET "definition"=? SET "generation"=? WHERE "workspace"=? AND "stream"=? AND "generation"=?"#
            ),
            [
                text(canonical(&Definition::of(stream))),
                number(generation + 1),
                text(stream.workspace.as_str()),
                text(stream.id.as_str()),
                number(generation),
            ],
        );
        self.write_with_event(update, event).await
    }

    /// Pauses a stream, and records the event about it. [`Written::Before`] if it is paused already, or does not exist.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been paused.
    pub async fn pause_stream(&self, id: &StreamId, pause: &Pause, event: &Event) -> Result<Written, Error> {
        let table = &self.tables.streams;
        let update = Statement::new(
            format!(
                r#"UPDATE "{table}" SET "paused"=? SET generation=generation+1 WHERE "workspace"=? AND "stream"=? AND "paused" IS MISSING"#
            ),
            [text(canonical(pause)), text(event.workspace.as_str()), text(id.as_str())],
        );
        self.write_with_event(update, event).await
    }

    /// Resumes a paused stream at the same sequence, and records the event about it. [`Written::Before`] if it is not
    /// paused.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been resumed.
    pub async fn resume_stream(&self, id: &StreamId, event: &Event) -> Result<Written, Error> {
        let table = &self.tables.streams;
        let update = Statement::new(
            format!(
                r#"UPDATE "{table}" SET generation=generation+1 REMOVE "paused" REMOVE "failure" WHERE "workspace"=? AND "stream"=? AND "paused" IS NOT MISSING"#
            ),
            [text(event.workspace.as_str()), text(id.as_str())],
        );
        self.write_with_event(update, event).await
    }

    /// Moves a stream to another sequence, paused or not, and records the event about it. [`Written::Before`] if it does not
    /// exist.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been moved.
    pub async fn replay_stream(&self, id: &StreamId, from: u64, event: &Event) -> Result<Written, Error> {
        let table = &self.tables.streams;
        let update = Statement::new(
            format!(
                r#"UPDATE "{table}" SET "next"=? SET generation=generation+1 REMOVE "failure" WHERE "workspace"=? AND "stream"=?"#
            ),
            [number(from), text(event.workspace.as_str()), text(id.as_str())],
        );
        self.write_with_event(update, event).await
    }

    /// Requests a test of a stream, in place of a request that is not done yet, and records the event about it.
    /// [`Written::Before`] if the stream does not exist.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been requested.
    pub async fn request_test(
        &self,
        id: &StreamId,
        request: &TestRequest,
        event: &Event,
    ) -> Result<Written, Error> {
        let table = &self.tables.streams;
        let update = Statement::new(
            format!(r#"UPDATE "{table}" SET "test_requested"=? WHERE "workspace"=? AND "stream"=?"#),
            [text(canonical(request)), text(event.workspace.as_str()), text(id.as_str())],
        );
        self.write_with_event(update, event).await
    }

    /// Deletes a stream and records the event about it, both or neither. If two admins delete a stream at the same time, both
    /// are recorded, because a DELETE of a missing item succeeds.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been deleted.
    pub async fn delete_stream(&self, id: &StreamId, event: &Event) -> Result<Written, Error> {
        let table = &self.tables.streams;
        let delete = Statement::new(
            format!(r#"DELETE FROM "{table}" WHERE "workspace"=? AND "stream"=?"#),
            [text(event.workspace.as_str()), text(id.as_str())],
        );
        self.write_with_event(delete, event).await
    }
}
