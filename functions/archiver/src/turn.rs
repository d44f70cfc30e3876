//! A stream's turn: runs of its log, one after the other, as long as they are due and time allows.
//!
//! No event is lost or archived twice: a run begins with the noted sequence, and is noted only when its
//! manifest, which is put after its objects, is in the bucket. Each object is named by a manifest: the stream's
//! item describes a run before its first object is put, and an interrupted archiver writes the same run again,
//! over the objects that it left, even if an admin has changed the stream meanwhile. A day whose events have
//! all expired since gets objects without events. No two archivers work on one stream: the lease outlives the
//! function's timeout, and an archiver that has lost it can note nothing.
//!
//! Memory is bounded: an event becomes a line and a row before the next one is decoded, and a run ends at
//! [`RUN_BYTES`] of lines.

use crate::archive::{Archived, Digest, Object, Rows, Run};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use shared::{
    ledger::hash::Hash,
    model::{error::Error, id::WorkspaceId, service_event::Origin, timestamp::Timestamp},
    store::{Attempt, FIRST_CHUNK, Failed, Lease, Sealed},
    stream::{
        Delivered, Delivery, LastRun, PlannedRun, Problem, StreamFilter, StreamId, Test, TestRequest, masked,
    },
    system,
};

use crate::{Archiver, bucket::NotPut};

/// Duration of a lease: longer than the function may run, so that its holder is gone when it ends.
pub const LEASE_SECONDS: i64 = 330;
/// Time for which a stream is archived before others have their turn.
const TURN_SECONDS: i64 = 30;
/// Events in a run, at most.
const RUN_EVENTS: usize = 10_000;
/// Bytes of lines in a run; the last event may exceed it.
pub const RUN_BYTES: usize = 8_000_000;
/// Sequences in a run, at most, including those whose events are left out.
const RUN_SEQUENCES: u64 = 10_000;
/// Objects of a run that are put at a time.
const CONCURRENCY: usize = 16;

/// The result of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The number of written runs.
    pub(crate) runs: u64,
    /// The number of events in them.
    pub(crate) events: u64,
    /// True if the bucket refused an object.
    pub(crate) failed: bool,
    /// True if the stream was paused because it failed for too long.
    pub(crate) paused: bool,
    /// True if the turn ran out of time while more runs were due.
    pub(crate) has_more: bool,
}

/// The rows of a run, and the number of its events that had expired.
#[derive(Default)]
struct Collected {
    rows: Rows,
    expired: u64,
    /// The sequence after the last one that was read.
    next: u64,
}

/// A turn in progress.
struct Shift<'a> {
    archiver: &'a Archiver,
    lease: Lease,
    delivery: Delivery,
    turn: Turn,
}

/// Gives a stream its turn, in which no run begins after `ends_at`. Does nothing if another archiver has the
/// stream, or no run is due.
///
/// # Errors
/// [`Error::Unavailable`] if the store does not answer, and [`Error::Inconsistent`] or [`Error::Internal`] if
/// the log is not as we write it. The noted progress stays, and the next turn continues from there.
pub(crate) async fn turn(
    archiver: &Archiver,
    workspace: &WorkspaceId,
    id: &StreamId,
    ends_at: Timestamp,
) -> Result<Turn, Error> {
    let store = &archiver.store;
    let Some(delivery) = store.stream(workspace, id).await? else { return Ok(Turn::default()) };
    let tests = delivery.progress.test_requested.is_some();
    if !tests && !archiver.is_due(&delivery).await? {
        return Ok(Turn::default());
    }
    let (owner, now) = (system::event_id(), system::now());
    let until = now.plus_seconds(LEASE_SECONDS);
    let leased = store.lease_stream(workspace, id, owner.as_str(), now, until).await?;
    let Some((lease, delivery)) = leased else { return Ok(Turn::default()) };
    // If we crash from here on, the lease ends by itself, and another turn continues at `next`.
    let mut shift = Shift { archiver, lease, delivery, turn: Turn::default() };
    let archived = shift.archive(ends_at.min(now.plus_seconds(TURN_SECONDS))).await;
    let released = store.release_stream(&shift.lease).await;
    archived.and(released).map(|()| shift.turn)
}

impl Archiver {
    /// True if the log has enough new events, or they have waited long enough.
    async fn is_due(&self, delivery: &Delivery) -> Result<bool, Error> {
        let (Delivery { stream, progress, last_run, .. }, now) = (delivery, system::now());
        if !progress.may_deliver(now) {
            return Ok(false);
        }
        let waiting = progress.lag(self.store.head(&stream.workspace).await?.size());
        let since = last_run.as_ref().map_or(stream.created_at, |last| last.at);
        let seconds = (now.unix_ms() - since.unix_ms()) / 1000;
        Ok(self.pace.is_over(waiting, seconds))
    }
}

impl Shift<'_> {
    async fn archive(&mut self, ends_at: Timestamp) -> Result<(), Error> {
        if let Some(request) = self.delivery.progress.test_requested.clone() {
            self.test(&request).await?;
        }
        while self.archiver.is_due(&self.delivery).await? {
            if system::now() >= ends_at {
                self.turn.has_more = true;
                return Ok(());
            }
            if !self.run().await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Archives the next run; true if there may be another one.
    async fn run(&mut self) -> Result<bool, Error> {
        let first = self.delivery.progress.next;
        let begun = self.delivery.planned_run.clone().filter(|plan| plan.first == first);
        let (plan, collected) = match begun {
            Some(plan) => {
                let collected = self.collect(&plan).await?;
                (plan, collected)
            }
            None => {
                let Some((plan, collected)) = self.plan(first).await? else { return Ok(false) };
                if !self.archiver.store.plan_run(&self.lease, &plan).await? {
                    return Ok(false);
                }
                (plan, collected)
            }
        };
        // If we crash from here on, the next turn writes the same run, under the same names.
        let events = collected.rows.len() as u64;
        let archived = self.archived(&plan, collected).await?;
        let manifest = Hash::from_bytes(*archived.manifest.sha256.as_bytes());
        if let Err(refused) = self.put(archived).await {
            self.fail(refused.problem(system::now())).await?;
            return Ok(false);
        }
        let at = system::now();
        let (delivered, run) = (Delivered { next: plan.next, events, at }, LastRun { manifest, at });
        let Delivery { progress, .. } = &self.delivery;
        let store = &self.archiver.store;
        let Some(progress) = store.record_run(&self.lease, progress, &delivered, &run).await? else {
            return Ok(false);
        };
        self.turn.runs += 1;
        self.turn.events += events;
        self.delivery.progress = progress;
        (self.delivery.last_run, self.delivery.planned_run) = (Some(run), None);
        Ok(true)
    }

    /// Decides the content of the run from `first`, by the present settings of the stream; `None` if the first
    /// event is gone, which is noted.
    async fn plan(&mut self, first: u64) -> Result<Option<(PlannedRun, Collected)>, Error> {
        let stream = &self.delivery.stream;
        let head = self.archiver.store.head(&stream.workspace).await?.size();
        let (filter, mask) = (stream.filter.clone(), stream.mask.clone());
        let mut next = head.min(first + RUN_SEQUENCES);
        // A run ends where the last signed checkpoint ends, so that its manifest has the proof of all its events. What is
        // after it waits for the next checkpoint, as long as it may wait.
        let signed = self.archiver.store.signed(&stream.workspace).await?;
        if let Some(signed) = signed.filter(|signed| (first + 1..next).contains(&signed.size)) {
            next = signed.size;
        }
        let open = PlannedRun { first, next, filter, mask, at: system::now() };
        let collected = self.collect(&open).await?;
        if collected.next == first {
            self.fail(gone(first, system::now())).await?;
            return Ok(None);
        }
        Ok(Some((PlannedRun { next: collected.next, ..open }, collected)))
    }

    /// Reads the events of a run. It ends early at an event that is gone, or when there is no room for more.
    async fn collect(&self, plan: &PlannedRun) -> Result<Collected, Error> {
        let PlannedRun { first, next: end, filter, mask, at } = plan;
        let (store, workspace) = (&self.archiver.store, &self.delivery.stream.workspace);
        let mut collected = Collected { next: *first, ..Collected::default() };
        let retained_then = store.retained(workspace, *at).await?;
        let mut chunk = FIRST_CHUNK;
        while collected.next < *end {
            let range = collected.next..*end.min(&(collected.next + chunk));
            let stored = store.stored_events(workspace, range, system::now()).await?;
            chunk = stored.next_chunk();
            for entry in stored {
                let (sequence, entry, sealed) = entry?;
                match sealed {
                    Sealed::Event(event) if filter.matches(&event) => {
                        collected.rows.add(&json!(masked(&event, mask)));
                    }
                    Sealed::Event(_) => {}
                    Sealed::Expired => {
                        collected.expired += 1;
                        // It has expired since, and an earlier attempt may have put an object for its day.
                        if retained_then.may_keep(&entry.place.position) {
                            collected.rows.add_day(entry.place.position.timestamp.day());
                        }
                    }
                    Sealed::Gone => return Ok(collected),
                }
                collected.next = sequence + 1;
                if collected.rows.len() >= RUN_EVENTS || collected.rows.bytes() >= RUN_BYTES {
                    return Ok(collected);
                }
            }
        }
        Ok(collected)
    }

    /// The objects of a run.
    async fn archived(&self, plan: &PlannedRun, collected: Collected) -> Result<Archived, Error> {
        if collected.next != plan.next {
            return Err(Error::Inconsistent("an event of a run that was begun is gone".into()));
        }
        let Delivery { stream, last_run, .. } = &self.delivery;
        let signed = self.archiver.store.signed(&stream.workspace).await?;
        let mask: Vec<_> = plan.mask.iter().map(|mask| mask.path().to_owned()).collect();
        let run = Run {
            workspace: &stream.workspace,
            stream: stream.id.as_str(),
            sequences: plan.first..=plan.next - 1,
            events: &collected.rows,
            expired: collected.expired,
            filter: plan.filter != StreamFilter::default(),
            mask: &mask,
            checkpoint: signed.as_ref().map(|signed| signed.note.as_str()),
            previous: last_run.as_ref().map(|last| Digest::from_bytes(*last.manifest.as_bytes())),
        };
        run.archive().map_err(|error| Error::Internal(error.into()))
    }

    /// Puts the objects, and then the manifest.
    async fn put(&self, archived: Archived) -> Result<(), NotPut> {
        let Archived { objects, manifest } = archived;
        stream::iter(objects)
            .map(|object: Object| self.archiver.bucket.put(object))
            .buffer_unordered(CONCURRENCY)
            .try_collect::<()>()
            .await?;
        // If we crash here, no manifest names the objects yet, and the next turn overwrites them.
        self.archiver.bucket.put(manifest).await
    }

    /// Notes that a run failed, and pauses the stream if its runs failed for too long.
    async fn fail(&mut self, problem: Problem) -> Result<(), Error> {
        let origin = Origin::without_request(problem.at, system::event_id(), system::salt());
        let sequence = self.delivery.progress.next;
        let attempt =
            Attempt { problem, sequence, at_least_seconds: 0, spread: fastrand::f64(), is_final: false };
        let store = &self.archiver.store;
        let Failed { progress, paused } =
            store.fail_stream(&self.lease, &self.delivery, attempt, origin).await?;
        self.delivery.progress = progress;
        (self.turn.failed, self.turn.paused) = (true, paused);
        Ok(())
    }

    /// Puts a test object, which says that it is a test, and notes the result. Queries and verifiers do not
    /// read it.
    async fn test(&self, request: &TestRequest) -> Result<(), Error> {
        let stream = &self.delivery.stream;
        let key = format!("tests/workspace={}/{}.json", stream.workspace, stream.id);
        let text = json!({"test": request.id, "stream": stream.id, "requested_at": request.at});
        let put =
            self.archiver.bucket.put(Object::new(key, "application/json", text.to_string().into_bytes()));
        let refused = put.await.err();
        let now = system::now();
        let problem = refused.map(|refused| refused.problem(now));
        let test = Test { id: request.id.clone(), requested_at: request.at, done_at: now, problem };
        // If we crash before this, the test is repeated.
        self.archiver.store.record_test(&self.lease, request, &test).await.map(drop)
    }
}

fn gone(sequence: u64, at: Timestamp) -> Problem {
    let detail = format!(
        "the event {sequence} of the log is gone although it has not expired; tell the operator. An archive from {} on \
         needs another stream",
        sequence + 1
    );
    Problem { code: "inconsistent_log".to_owned(), detail, at }
}
