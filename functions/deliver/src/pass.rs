//! A stream's turn: from the sequence that is noted as far as there is time.
//!
//! ```text
//! take the lease ─▶ the test, if one was asked for
//!      ┌──────────▶ read the log from `next` on ─▶ mask, filter, write as the destination wants it
//!      │                                                   │
//!      │            ┌─▶ send as much as it takes ─▶ note that `next` is behind it ─┐
//!      │            └──────────────────── more of it? ◀────────────────────────────┤
//!      └─ more in the log? ◀───────────────────────────────────────────────────────┘
//! give the lease back
//! ```
//!
//! Why nothing is lost and the order is kept: `next` moves only behind what the destination took, one request is under
//! way at a time, and whoever goes on begins at `next`. Why events come twice, and only under their own ids: a crash
//! between sending and noting leaves `next` where it was. Why no two deliver one stream at once: the lease outlives the
//! function's timeout, and who lost it can note nothing.

use shared::{
    ambient,
    error::Error,
    event::Event,
    id::WorkspaceId,
    json::canonical,
    service_event::{self, Origin},
    store::{Failed, Lease, Room},
    stream::{Delivered, Delivery, Destination, Progress, StreamId, StreamSecret, Test, TestRequest},
    timestamp::Timestamp,
};

use crate::{
    Post,
    bus::Bus,
    destination,
    entry::{Entry, Limits},
    failure::Failure,
};

/// For how long a stream is taken. Longer than the function may run, so that who holds it is gone when it ends.
pub const LEASE_SECONDS: i64 = 90;
/// How long a stream is delivered before others have their turn, in seconds.
const TURN_SECONDS: i64 = 15;
/// How much of the log is held at a time.
const ROOM: Room = Room { events: 1000, bytes: 2_000_000, measure: |event| canonical(event).len() };

/// What became of entries that were sent.
#[derive(Debug)]
pub(crate) struct Carried {
    /// How many of them, from the first on, the destination has taken.
    pub(crate) taken: usize,
    /// Why no more.
    pub(crate) failure: Option<Failure>,
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// How many events the destination took.
    pub(crate) events: u64,
    /// Whether it failed at the end.
    pub(crate) failed: bool,
    /// Whether the stream was paused for that.
    pub(crate) paused: bool,
}

/// A turn under way.
struct Run<'a> {
    post: &'a Post,
    lease: Lease,
    delivery: Delivery,
    /// Found with the first thing to send: most turns of a stream that nothing came for send nothing.
    way: Option<Way>,
    limits: Limits,
    /// No more events than this in one request: the destination found more too large.
    most: usize,
    ends_at: Timestamp,
    turn: Turn,
}

/// How events get to a destination.
enum Way {
    /// By requests, signed or opened with these secrets, the current one first.
    Requests(Vec<StreamSecret>),
    Bus(Bus),
    /// Not at all, as it is.
    Barred(Failure),
}

impl Carried {
    /// The destination took none.
    pub(crate) fn nothing(failure: Failure) -> Self {
        Self { taken: 0, failure: Some(failure) }
    }
}

/// Gives a stream its turn, which ends at `ends_at` at the latest; `None` if somebody else has it, or it is gone.
///
/// # Errors
/// [`Error::Unavailable`] if the store does not answer, and [`Error::Inconsistent`] or [`Error::Internal`] if the log
/// is not as we write it. Whatever was noted stands, and the next turn goes on from there.
pub(crate) async fn turn(
    post: &Post,
    workspace: &WorkspaceId,
    id: &StreamId,
    ends_at: Timestamp,
) -> Result<Option<Turn>, Error> {
    let (owner, now) = (ambient::event_id(), ambient::now());
    let until = now.plus_seconds(LEASE_SECONDS);
    let Some((lease, delivery)) = post.store.lease_stream(workspace, id, owner.as_str(), now, until).await?
    else {
        return Ok(None);
    };
    // If we crash from here on, the lease ends by itself, and then another turn goes on at `next`.
    let limits = destination::limits(delivery.stream.destination.kind());
    let ends_at = ends_at.min(now.plus_seconds(TURN_SECONDS));
    let turn = Turn::default();
    let mut run = Run { post, lease, delivery, way: None, limits, most: limits.events, ends_at, turn };
    let delivered = run.deliver().await;
    let released = post.store.release_stream(&run.lease).await;
    delivered.and(released).map(|()| Some(run.turn))
}

impl Way {
    async fn to(post: &Post, delivery: &Delivery, now: Timestamp) -> Self {
        let stream = &delivery.stream;
        if let Destination::EventBridge { event_bus } = &stream.destination {
            return Self::Bus(Bus::of(event_bus, &post.config, post.events_endpoint.as_deref()));
        }
        let mut secrets = Vec::new();
        for version in stream.secret.iter().flat_map(|versions| versions.signing(now)) {
            match post.secrets.read(&stream.workspace, &stream.id, version).await {
                Ok(secret) => secrets.extend(secret),
                Err(error) => {
                    tracing::error!(workspace = %stream.workspace, stream = %stream.id, %error, "a secret cannot be read");
                    return Self::Barred(Failure::new(
                        "secret_unavailable",
                        "the secret of the stream cannot be read",
                    ));
                }
            }
        }
        Self::Requests(secrets)
    }
}

impl Run<'_> {
    async fn deliver(&mut self) -> Result<(), Error> {
        if let Some(request) = self.progress().test_requested.clone() {
            self.test(&request).await?;
        }
        let Delivery { stream, .. } = &self.delivery;
        let (workspace, filter) = (stream.workspace.clone(), stream.filter.clone());
        while self.progress().may_deliver(ambient::now()) && self.is_in_time() {
            let (next, now) = (self.progress().next, ambient::now());
            let feed = self.post.store.feed(&workspace, &filter.of_feed(), next, ROOM, now).await?;
            let entries: Vec<_> = feed
                .events
                .iter()
                .filter(|event| filter.matches(event))
                .map(|event| self.entry(event))
                .collect();
            let goes_on = self.send(&entries, feed.next).await?;
            if !goes_on || feed.next >= feed.head.size() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends entries, after which the log is looked at from `next` on; whether to go on.
    async fn send(&mut self, entries: &[Entry], next: u64) -> Result<bool, Error> {
        if entries.is_empty() {
            return if next == self.progress().next { Ok(true) } else { self.note(next, 0).await };
        }
        let mut left = entries;
        while !left.is_empty() {
            if !self.is_in_time() {
                return Ok(false);
            }
            let batch = &left[..self.limits.fit(left, self.most)];
            let Carried { taken, failure } = self.carry(batch).await;
            // If we crash here, the destination gets these once more.
            left = &left[taken..];
            let behind = left.first().and_then(|entry| entry.sequence).unwrap_or(next);
            if taken > 0 && !self.note(behind, taken as u64).await? {
                return Ok(false);
            }
            match failure {
                None => {}
                Some(failure) if failure.too_large && batch.len() > 1 => self.most = batch.len() / 2,
                Some(failure) => {
                    self.fail(&failure).await?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn carry(&mut self, batch: &[Entry]) -> Carried {
        let way = match self.way.take() {
            Some(way) => way,
            None => Way::to(self.post, &self.delivery, ambient::now()).await,
        };
        let secrets = match self.way.insert(way) {
            Way::Bus(bus) => return bus.put(batch).await,
            Way::Barred(failure) => return Carried::nothing(failure.clone()),
            Way::Requests(secrets) => secrets,
        };
        let call = destination::call(&self.delivery, secrets, batch, ambient::now());
        let Some(call) = call else {
            return Carried::nothing(Failure::new(
                "no_secret",
                "the stream has no secret that its destination takes",
            ));
        };
        let kind = self.delivery.stream.destination.kind();
        let answer = self.post.internet.post(call).await;
        match answer.and_then(|answer| destination::read(kind, &answer, ambient::now())) {
            Ok(()) => Carried { taken: batch.len(), failure: None },
            Err(failure) => Carried::nothing(failure),
        }
    }

    /// Notes how far the stream has come; whether it is still ours, and as it was.
    async fn note(&mut self, next: u64, events: u64) -> Result<bool, Error> {
        let delivered = Delivered { next, events, at: ambient::now() };
        if !self.post.store.record_delivery(&self.lease, &delivered).await? {
            return Ok(false);
        }
        self.delivery.progress = self.progress().after_delivery(&delivered);
        self.turn.events += events;
        Ok(true)
    }

    /// Notes that the destination failed, and pauses the stream if it did for too long.
    async fn fail(&mut self, failure: &Failure) -> Result<(), Error> {
        let (store, now) = (&self.post.store, ambient::now());
        let wait = (failure.retry_after_seconds, fastrand::f64());
        let origin = Origin::without_request(now, ambient::event_id(), ambient::salt());
        let Failed { progress, paused } =
            store.fail_stream(&self.lease, &self.delivery, failure.problem(now), wait, origin).await?;
        self.delivery.progress = progress;
        (self.turn.failed, self.turn.paused) = (true, paused);
        Ok(())
    }

    /// Sends the event that an admin asks for, and notes how it went. It changes nothing else of the stream.
    async fn test(&mut self, request: &TestRequest) -> Result<(), Error> {
        let event = service_event::stream_test(&self.delivery.stream, request, ambient::salt())
            .map_err(|error| Error::Internal(error.into()))?;
        let Carried { failure, .. } = self.carry(&[self.entry(&event)]).await;
        let now = ambient::now();
        let problem = failure.map(|failure| failure.problem(now));
        let test = Test { id: request.id.clone(), requested_at: request.at, done_at: now, problem };
        // If we crash before this, it is sent once more.
        self.post.store.record_test(&self.lease, request, &test).await.map(drop)
    }

    fn entry(&self, event: &Event) -> Entry {
        let Delivery { stream, .. } = &self.delivery;
        let entry = Entry::of(stream, self.limits, event);
        if entry.cut {
            let sequence = entry.sequence;
            tracing::warn!(workspace = %stream.workspace, stream = %stream.id, sequence, "an event is too large for a destination");
        }
        entry
    }

    fn progress(&self) -> &Progress {
        &self.delivery.progress
    }

    fn is_in_time(&self) -> bool {
        ambient::now() < self.ends_at
    }
}
