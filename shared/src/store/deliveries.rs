//! Streams and their progress. Each stream has one item.
//!
//! Admins and deliverers both write to it, without waiting for each other. Admins change the definition; each change
//! increments the generation, and is in one transaction with the event about it. A deliverer holds a lease, and writes its
//! progress on the condition that the lease is still its own and the generation has not changed. So two deliverers never
//! deliver one stream at once, and a deliverer never overwrites an admin's change: its write is refused, and the events are
//! delivered again. Both write `next` and `failure`, which a replay resets, and `paused`, which the service sets when it
//! gives up. Every other attribute has one writer.
//!
//! A lease expires by itself. A stream whose item cannot be read is logged and skipped, so that other streams continue.

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValue},
};
use serde::{Deserialize, Serialize};

use super::{
    Store, Written,
    archive::last_run,
    condition_failed, corrupt,
    item::{self, Item, Writer, json, optional},
    transaction::{Statement, number, text},
    unavailable, written,
};
use crate::{
    model::{error::Error, event::Event, id::WorkspaceId, timestamp::Timestamp},
    stream::{
        Delivered, Delivery, Destination, Format, Mask, Pause, Problem, Progress, SecretVersions, Stream,
        StreamFilter, StreamId, Test, TestRequest,
    },
    text::json::canonical,
};

/// The exclusive right to deliver a stream for a limited time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The workspace of the stream.
    pub workspace: WorkspaceId,
    /// The stream.
    pub stream: StreamId,
    /// The name of the holder, unique for each lease.
    pub owner: String,
    /// The generation of the stream at the start of the lease.
    pub generation: u64,
}

/// The lease after its holder has recorded a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It stays with its holder.
    Continue,
    /// It is given back in the same write.
    Release,
}

impl Store {
    /// All streams of a workspace that can be read, in the order of their ids.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn streams_of(&self, workspace: &WorkspaceId) -> Result<Vec<Delivery>, Error> {
        let mut deliveries = Vec::new();
        let mut start = None;
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.tables.streams)
                .key_condition_expression("#workspace = :workspace")
                .expression_attribute_names("#workspace", "workspace")
                .expression_attribute_values(":workspace", AttributeValue::S(workspace.to_string()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            deliveries.extend(readable(output.items()));
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(deliveries);
            }
        }
    }

    /// A stream of a workspace, by a consistent read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn stream(&self, workspace: &WorkspaceId, id: &StreamId) -> Result<Option<Delivery>, Error> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.streams)
            .set_key(Some(key(workspace, id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        output.item().map(to_delivery).transpose()
    }

    /// The streams of all workspaces that are due.
    ///
    /// It scans the table. A workspace has at most 20 streams of a few KB each, and an index of due streams would be written
    /// with each progress, which costs more than reading all streams once a minute.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn due_streams(&self, now: Timestamp) -> Result<Vec<Delivery>, Error> {
        let mut due = Vec::new();
        let mut start = None;
        loop {
            let output = self
                .client
                .scan()
                .table_name(&self.tables.streams)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            due.extend(readable(output.items()).filter(|delivery| delivery.is_due(now)));
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(due);
            }
        }
    }

    /// Takes a lease of a stream until an instant, if it has none. Returns the lease and the stream. Callers use a
    /// new `owner` each time, so a lease of the same owner is from this call, whose answer was lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the lease may or may not have been taken. It ends at `until`.
    pub async fn lease_stream(
        &self,
        workspace: &WorkspaceId,
        id: &StreamId,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<(Lease, Delivery)>, Error> {
        let update = self
            .update_item_of(workspace, id)
            .update_expression("SET #lease_owner = :owner, #lease_until = :until")
            .condition_expression(
                "attribute_exists(#stream) AND (attribute_not_exists(#lease_until) OR #lease_until <= :now \
                 OR #lease_owner = :owner)",
            )
            .expression_attribute_names("#stream", "stream")
            .expression_attribute_names("#lease_owner", "lease_owner")
            .expression_attribute_names("#lease_until", "lease_until")
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(until.to_string()))
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let output = match update {
            Ok(output) => output,
            Err(error) if condition_failed(&error) => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        let delivery =
            to_delivery(output.attributes().ok_or_else(|| corrupt("a lease without its stream"))?)?;
        let lease = Lease {
            workspace: workspace.clone(),
            stream: id.clone(),
            owner: owner.to_owned(),
            generation: delivery.generation,
        };
        Ok(Some((lease, delivery)))
    }

    /// Records events that the destination accepted, or that were skipped. `before` is the progress that this lease recorded
    /// last. Returns the new progress, or `None` if another deliverer has the lease or an admin has changed the stream; then
    /// the deliverer stops.
    ///
    /// The write sets absolute numbers, so that a retry after a lost answer counts no event twice. A retry that finds the
    /// lease given back by the first attempt is answered with `None` too; the next turn begins at the recorded progress.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been recorded. If not, the events are delivered again.
    pub async fn record_delivery(
        &self,
        lease: &Lease,
        before: &Progress,
        delivered: &Delivered,
        afterwards: Afterwards,
    ) -> Result<Option<Progress>, Error> {
        let after = before.after_delivery(delivered);
        let mut update = self
            .update_leased(lease)
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":next", AttributeValue::N(after.next.to_string()));
        let (mut set, mut remove) = (vec!["#next = :next"], Vec::new());
        if delivered.events > 0 {
            set.extend(["#delivered = :delivered", "#delivered_at = :at"]);
            update = update
                .expression_attribute_names("#delivered", "delivered")
                .expression_attribute_names("#delivered_at", "delivered_at")
                .expression_attribute_values(":delivered", AttributeValue::N(after.delivered.to_string()))
                .expression_attribute_values(":at", AttributeValue::S(delivered.at.to_string()));
        }
        if after.failing_since.is_none() {
            remove.push("#failure");
            update = update.expression_attribute_names("#failure", "failure");
        }
        if afterwards == Afterwards::Release {
            remove.extend(["#lease_owner", "#lease_until"]);
            update = update.expression_attribute_names("#lease_until", "lease_until");
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression += &format!(" REMOVE {}", remove.join(", "));
        }
        Ok(written(update.update_expression(expression).send().await)?.then_some(after))
    }

    /// Records the result of [`Progress::after_failure`]. Returns whether the write's condition held.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been recorded.
    pub async fn record_failure(&self, lease: &Lease, failed: &Progress) -> Result<bool, Error> {
        let Some(failure) = Failure::of(failed) else { return Ok(true) };
        let update = self
            .update_leased(lease)
            .update_expression("SET #failure = :failure, #last_problem = :problem")
            .expression_attribute_names("#failure", "failure")
            .expression_attribute_names("#last_problem", "last_problem")
            .expression_attribute_values(":failure", AttributeValue::S(canonical(&failure)))
            .expression_attribute_values(":problem", AttributeValue::S(canonical(&failed.last_problem)));
        written(update.send().await)
    }

    /// Pauses a stream that failed for too long, and records the event about it. [`Written::Before`] if another deliverer
    /// has the lease, or an admin has changed the stream.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been paused.
    pub async fn pause_failing_stream(
        &self,
        lease: &Lease,
        pause: &Pause,
        event: &Event,
    ) -> Result<Written, Error> {
        let table = &self.tables.streams;
        let update = Statement::new(
            format!(
                r#"UPDATE "{table}" SET "paused"=? SET "generation"=? WHERE "workspace"=? AND "stream"=? AND "lease_owner"=? AND "generation"=? AND "paused" IS MISSING"#
            ),
            [
                text(canonical(pause)),
                number(lease.generation + 1),
                text(lease.workspace.as_str()),
                text(lease.stream.as_str()),
                text(&lease.owner),
                number(lease.generation),
            ],
        );
        self.write_with_event(update, event).await
    }

    /// Records the result of a requested test. Returns false if another test was requested meanwhile, or another deliverer
    /// has the lease.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may or may not have been recorded. If not, the test is done again.
    pub async fn record_test(
        &self,
        lease: &Lease,
        request: &TestRequest,
        test: &Test,
    ) -> Result<bool, Error> {
        let update = self
            .update_item_of(&lease.workspace, &lease.stream)
            .update_expression("SET #last_test = :test REMOVE #test_requested")
            .condition_expression("#lease_owner = :owner AND #test_requested = :request")
            .expression_attribute_names("#last_test", "last_test")
            .expression_attribute_names("#test_requested", "test_requested")
            .expression_attribute_names("#lease_owner", "lease_owner")
            .expression_attribute_values(":test", AttributeValue::S(canonical(test)))
            .expression_attribute_values(":request", AttributeValue::S(canonical(request)))
            .expression_attribute_values(":owner", AttributeValue::S(lease.owner.clone()));
        written(update.send().await)
    }

    /// Ends a lease. If another deliverer has it, nothing changes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may still be in effect; then it expires by itself.
    pub async fn release_stream(&self, lease: &Lease) -> Result<(), Error> {
        let update = self
            .update_item_of(&lease.workspace, &lease.stream)
            .update_expression("REMOVE #lease_owner, #lease_until")
            .condition_expression("#lease_owner = :owner")
            .expression_attribute_names("#lease_owner", "lease_owner")
            .expression_attribute_names("#lease_until", "lease_until")
            .expression_attribute_values(":owner", AttributeValue::S(lease.owner.clone()));
        written(update.send().await).map(drop)
    }

    fn update_item_of(&self, workspace: &WorkspaceId, id: &StreamId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.tables.streams).set_key(Some(key(workspace, id)))
    }

    /// An update by the holder of a lease, on the condition that no admin has changed the stream since.
    pub(super) fn update_leased(&self, lease: &Lease) -> UpdateItemFluentBuilder {
        self.update_item_of(&lease.workspace, &lease.stream)
            .condition_expression("#lease_owner = :owner AND #generation = :generation")
            .expression_attribute_names("#lease_owner", "lease_owner")
            .expression_attribute_names("#generation", "generation")
            .expression_attribute_values(":owner", AttributeValue::S(lease.owner.clone()))
            .expression_attribute_values(":generation", AttributeValue::N(lease.generation.to_string()))
    }
}

/// The streams of these items. An item that cannot be read is logged and skipped.
fn readable(items: &[Item]) -> impl Iterator<Item = Delivery> {
    items.iter().filter_map(|item| {
        let delivery = to_delivery(item).inspect_err(|error| {
            let [workspace, stream] =
                ["workspace", "stream"].map(|name| item::text(item, name).unwrap_or_default());
            let source = std::error::Error::source(error).map(ToString::to_string);
            // An alarm of the template counts this line.
            tracing::error!(workspace, stream, source, "a stream cannot be read");
        });
        delivery.ok()
    })
}

pub(super) fn key(workspace: &WorkspaceId, id: &StreamId) -> Item {
    Writer::default().text("workspace", workspace.as_str()).text("stream", id.as_str()).finish()
}

/// The definition of a stream, without its key.
#[derive(Serialize, Deserialize)]
pub(super) struct Definition {
    name: String,
    destination: Destination,
    format: Format,
    filter: StreamFilter,
    mask: Vec<Mask>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<SecretVersions>,
    created_by: String,
    created_at: Timestamp,
}

impl Definition {
    pub(super) fn of(stream: &Stream) -> Self {
        let Stream {
            id: _,
            workspace: _,
            name,
            destination,
            format,
            filter,
            mask,
            secret,
            created_by,
            created_at,
        } = stream;
        Self {
            name: name.clone(),
            destination: destination.clone(),
            format: *format,
            filter: filter.clone(),
            mask: mask.clone(),
            secret: secret.clone(),
            created_by: created_by.clone(),
            created_at: *created_at,
        }
    }
}

/// The current failure of a destination.
#[derive(Serialize, Deserialize)]
struct Failure {
    since: Timestamp,
    attempts: u32,
    retry_at: Timestamp,
    /// The first event that the destination did not accept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
}

impl Failure {
    fn of(progress: &Progress) -> Option<Self> {
        let (since, retry_at) = progress.failing_since.zip(progress.retry_at)?;
        Some(Self { since, attempts: progress.attempts, retry_at, sequence: progress.failing_at })
    }
}

fn to_delivery(item: &Item) -> Result<Delivery, Error> {
    let Definition { name, destination, format, filter, mask, secret, created_by, created_at } =
        json(item, "definition")?.ok_or_else(|| corrupt("a stream's definition"))?;
    let id = StreamId::parse(item::text(item, "stream")?).map_err(|_| corrupt("the id of a stream"))?;
    let workspace = WorkspaceId::parse(item::text(item, "workspace")?)
        .map_err(|_| corrupt("the workspace of a stream"))?;
    let failure = json::<Failure>(item, "failure")?;
    Ok(Delivery {
        stream: Stream {
            id,
            workspace,
            name,
            destination,
            format,
            filter,
            mask,
            secret,
            created_by,
            created_at,
        },
        generation: item::number(item, "generation")?,
        progress: Progress {
            next: item::number(item, "next")?,
            delivered: item::number(item, "delivered")?,
            delivered_at: time(item, "delivered_at")?,
            failing_since: failure.as_ref().map(|failure| failure.since),
            failing_at: failure.as_ref().and_then(|failure| failure.sequence),
            attempts: failure.as_ref().map_or(0, |failure| failure.attempts),
            retry_at: failure.as_ref().map(|failure| failure.retry_at),
            last_problem: json::<Problem>(item, "last_problem")?,
            paused: json(item, "paused")?,
            test_requested: json(item, "test_requested")?,
            last_test: json(item, "last_test")?,
        },
        leased_until: time(item, "lease_until")?,
        last_run: last_run(item)?,
        planned_run: json(item, "archive_run")?,
    })
}

fn time(item: &Item, name: &'static str) -> Result<Option<Timestamp>, Error> {
    optional(item, name, |value| Timestamp::parse(value.as_s().ok()?).ok())
}
