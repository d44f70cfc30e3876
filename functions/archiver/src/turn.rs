//! A stream's turn: runs of its log, one after the other, as far as they are due and there is time.
//!
//! Why nothing is lost, and nothing stands there twice: a run begins with the sequence that is noted, and is noted when
//! its manifest is in the bucket, which is put after its objects. Whoever is interrupted begins it again, with the same
//! events or more, and the names of its objects follow from where it begins: so what was left is written over. Why no
//! two archive one stream at once: the lease outlives the function's timeout, and who lost it can note nothing.

use archive::{Archived, Digest, Object, Run};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use shared::{
    ambient,
    error::Error,
    id::WorkspaceId,
    json::canonical,
    ledger::hash::Hash,
    service_event::Origin,
    store::{Failed, Feed, Lease, Room},
    stream::{Delivered, Delivery, LastRun, StreamFilter, StreamId, Test, TestRequest, masked},
    timestamp::Timestamp,
};

use crate::{Archiver, Pace, bucket::NotPut};

/// For how long a stream is taken. Longer than the function may run, so that who holds it is gone when it ends.
pub const LEASE_SECONDS: i64 = 330;
/// How much of the log is one run.
const ROOM: Room = Room { events: 10_000, bytes: 16_000_000, measure: |event| canonical(event).len() };
/// How many objects of a run are put at a time.
const CONCURRENCY: usize = 16;

/// What a turn came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// How many runs were written.
    pub(crate) runs: u64,
    /// With how many events.
    pub(crate) events: u64,
    /// Whether the bucket refused one.
    pub(crate) failed: bool,
    /// Whether the stream was paused for that.
    pub(crate) paused: bool,
}

/// A turn under way.
struct Shift<'a> {
    archiver: &'a Archiver,
    lease: Lease,
    delivery: Delivery,
    turn: Turn,
}

/// Gives a stream its turn, in which no run is begun after `ends_at`. It comes to nothing if somebody else has it, or
/// too little waits.
///
/// # Errors
/// [`Error::Unavailable`] if the store does not answer, and [`Error::Inconsistent`] or [`Error::Internal`] if the log
/// is not as we write it. Whatever was noted stands, and the next turn goes on from there.
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
    let (owner, now) = (ambient::event_id(), ambient::now());
    let until = now.plus_seconds(LEASE_SECONDS);
    let leased = store.lease_stream(workspace, id, owner.as_str(), now, until).await?;
    let Some((lease, delivery)) = leased else { return Ok(Turn::default()) };
    // If we crash from here on, the lease ends by itself, and then another turn goes on at `next`.
    let mut shift = Shift { archiver, lease, delivery, turn: Turn::default() };
    let archived = shift.archive(ends_at).await;
    let released = store.release_stream(&shift.lease).await;
    archived.and(released).map(|()| shift.turn)
}

impl Archiver {
    /// Whether enough of the log waits, or for long enough.
    async fn is_due(&self, delivery: &Delivery) -> Result<bool, Error> {
        let (Delivery { stream, progress, last_run, .. }, now) = (delivery, ambient::now());
        if !progress.may_deliver(now) {
            return Ok(false);
        }
        let waiting = progress.lag(self.store.head(&stream.workspace).await?.size());
        let since = last_run.as_ref().map_or(stream.created_at, |last| last.at);
        let Pace { seconds, sequences } = self.pace;
        Ok(waiting >= sequences || (waiting > 0 && since.plus_seconds(seconds) <= now))
    }
}

impl Shift<'_> {
    async fn archive(&mut self, ends_at: Timestamp) -> Result<(), Error> {
        if let Some(request) = self.delivery.progress.test_requested.clone() {
            self.test(&request).await?;
        }
        while ambient::now() < ends_at && self.archiver.is_due(&self.delivery).await? {
            if !self.run().await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Archives the next run; whether to go on.
    async fn run(&mut self) -> Result<bool, Error> {
        let store = &self.archiver.store;
        let (Delivery { stream, progress, .. }, now) = (&self.delivery, ambient::now());
        let feed = store.feed(&stream.workspace, &stream.filter.of_feed(), progress.next, ROOM, now).await?;
        let signed = store.signed(&stream.workspace).await?;
        let matching = feed.events.iter().filter(|event| stream.filter.matches(event));
        let events: Vec<Value> = matching.map(|event| json!(masked(event, &stream.mask))).collect();
        let archived = self.archived(&feed, &events, signed.map(|signed| signed.note))?;
        let manifest = Hash::from_bytes(*archived.manifest.sha256.as_bytes());
        if let Err(refused) = self.put(archived).await {
            self.fail(&refused).await?;
            return Ok(false);
        }
        // If we crash here, the run is archived again, under the same names.
        let (at, events) = (ambient::now(), events.len() as u64);
        let (delivered, run) = (Delivered { next: feed.next, events, at }, LastRun { manifest, at });
        if !store.record_run(&self.lease, &delivered, &run).await? {
            return Ok(false);
        }
        self.turn.runs += 1;
        self.turn.events += events;
        self.delivery.progress = self.delivery.progress.after_delivery(&delivered);
        self.delivery.last_run = Some(run);
        Ok(true)
    }

    /// What of the log was read, as objects.
    fn archived(&self, feed: &Feed, events: &[Value], checkpoint: Option<String>) -> Result<Archived, Error> {
        let Delivery { stream, progress, last_run, .. } = &self.delivery;
        let mask: Vec<_> = stream.mask.iter().map(|mask| mask.path().to_owned()).collect();
        let run = Run {
            workspace: &stream.workspace,
            stream: stream.id.as_str(),
            sequences: progress.next..=feed.next - 1,
            events,
            expired: feed.expired,
            filter: stream.filter != StreamFilter::default(),
            mask: &mask,
            checkpoint: checkpoint.as_deref(),
            previous: last_run.as_ref().map(|last| Digest::from_bytes(*last.manifest.as_bytes())),
        };
        run.archive().map_err(|error| Error::Internal(error.into()))
    }

    /// Puts the objects, and the manifest when they are all there.
    async fn put(&self, archived: Archived) -> Result<(), NotPut> {
        let Archived { objects, manifest } = archived;
        let put = |object: Object| self.archiver.bucket.put(object);
        stream::iter(objects).map(put).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        // If we crash here, no manifest names the objects, and the next run writes over them.
        self.archiver.bucket.put(manifest).await
    }

    /// Notes that the bucket refused, and pauses the stream if it did for too long.
    async fn fail(&mut self, refused: &NotPut) -> Result<(), Error> {
        let now = ambient::now();
        let origin = Origin::without_request(now, ambient::event_id(), ambient::salt());
        let wait = (0, fastrand::f64());
        let store = &self.archiver.store;
        let Failed { progress, paused } =
            store.fail_stream(&self.lease, &self.delivery, refused.problem(now), wait, origin).await?;
        self.delivery.progress = progress;
        (self.turn.failed, self.turn.paused) = (true, paused);
        Ok(())
    }

    /// Puts an object that says it is a test, and notes how it went. No query and no verifier looks at it.
    async fn test(&self, request: &TestRequest) -> Result<(), Error> {
        let stream = &self.delivery.stream;
        let key = format!("tests/workspace={}/{}.json", stream.workspace, stream.id);
        let text = json!({"test": request.id, "stream": stream.id, "requested_at": request.at});
        let put =
            self.archiver.bucket.put(Object::new(key, "application/json", text.to_string().into_bytes()));
        let refused = put.await.err();
        let now = ambient::now();
        let problem = refused.map(|refused| refused.problem(now));
        let test = Test { id: request.id.clone(), requested_at: request.at, done_at: now, problem };
        // If we crash before this, it is done once more.
        self.archiver.store.record_test(&self.lease, request, &test).await.map(drop)
    }
}
