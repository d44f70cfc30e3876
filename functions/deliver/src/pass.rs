//! A stream's turn: delivers from the noted sequence as far as time allows.
//!
//! ```text
//! take the lease ─▶ the test, if one was asked for
//!      ┌──────────▶ read the log until a request is full ─▶ send it ─▶ more in the log?
//!      └──────────────────── note the sequence behind it ◀──────yes──────┘ │no
//!                            note it and give the lease back in one write ◀┘ ─▶ more in the log?
//! ```
//!
//! No event is lost, and the order is kept: `next` moves only past events that the destination accepted, one
//! request is in progress at a time, and the next turn begins at `next`. Events may arrive twice, under the
//! same ids: a crash between a request and its note leaves `next` where it was. No two deliverers work on one
//! stream: the lease outlives the function's timeout, and a deliverer that has lost it can note nothing. A hint
//! that finds the stream leased can be dropped: the holder reads the head of the log again after it has given
//! the lease back.
//!
//! Memory is bounded: an event becomes text before the next one is decoded, and reading stops when a request is
//! full.

use std::collections::VecDeque;

use shared::{
    model::{error::Error, event::Event, id::WorkspaceId, service_event::Origin, timestamp::Timestamp},
    store::{Afterwards, Attempt, FIRST_CHUNK, Failed, Lease, Sealed},
    stream::{
        Delivered, Delivery, Destination, Progress, StreamId, StreamSecret, Test, TestRequest,
        service_event::stream_test,
    },
    system,
};

use crate::{
    Post,
    bus::Bus,
    destination,
    entry::{Entry, Limits},
    failure::{Carried, Failure},
};

/// Duration of a lease: longer than the function may run, so that its holder is gone when it ends.
pub const LEASE_SECONDS: i64 = 90;
/// Time for which a stream is delivered before others have their turn. A request that has begun may finish.
const TURN_SECONDS: i64 = 5;
/// Sequences without an event for the stream after which the progress is noted.
const NOTED_SEQUENCES: u64 = 10_000;

/// The result of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The number of events that the destination accepted.
    pub(crate) events: u64,
    /// True if the destination failed at the end.
    pub(crate) failed: bool,
    /// True if the stream was paused because it failed for too long.
    pub(crate) paused: bool,
    /// True if the stream has more to deliver at once.
    pub(crate) has_more: bool,
}

/// A turn in progress.
struct Run<'a> {
    post: &'a Post,
    lease: Lease,
    delivery: Delivery,
    /// Determined with the first event: a turn may find nothing to send.
    way: Option<Way>,
    /// Events that are read and not sent yet, in the order of the log.
    ready: VecDeque<Entry>,
    /// The first sequence that is not read yet.
    read_to: u64,
    /// Sequences that are read at a time.
    chunk: u64,
    /// The size of the log.
    head: u64,
    limits: Limits,
    /// Maximum of events in a request: the destination refused more as too large.
    most: usize,
    ends_at: Timestamp,
    turn: Turn,
    /// True if another deliverer has the stream, or an admin has changed it.
    is_lost: bool,
    /// True if the lease was given back with the last note.
    is_released: bool,
}

/// The way of events to a destination.
enum Way {
    /// In requests that are signed or authenticated with these secrets, the current one first.
    Requests(Vec<StreamSecret>),
    Bus(Bus),
    /// The destination cannot be reached as it is set up.
    Barred(Failure),
}

/// Gives a stream its turn, which ends at `ends_at` at the latest; `None` if another deliverer has it, or it
/// does not exist.
///
/// # Errors
/// [`Error::Unavailable`] if the store does not answer, and [`Error::Inconsistent`] or [`Error::Internal`] if
/// the log is not as we write it. The noted progress stays, and the next turn continues from there.
pub(crate) async fn turn(
    post: &Post,
    workspace: &WorkspaceId,
    id: &StreamId,
    ends_at: Timestamp,
) -> Result<Option<Turn>, Error> {
    let (owner, now) = (system::event_id(), system::now());
    let until = now.plus_seconds(LEASE_SECONDS);
    let Some((lease, delivery)) = post.store.lease_stream(workspace, id, owner.as_str(), now, until).await?
    else {
        return Ok(None);
    };
    // If we crash from here on, the lease ends by itself, and another turn continues at `next`.
    let limits = destination::limits(delivery.stream.destination.kind());
    let ends_at = ends_at.min(now.plus_seconds(TURN_SECONDS));
    let turn = Turn::default();
    let (ready, read_to) = (VecDeque::new(), delivery.progress.next);
    let mut run = Run {
        post,
        lease,
        delivery,
        way: None,
        ready,
        read_to,
        chunk: FIRST_CHUNK,
        head: 0,
        limits,
        most: limits.events,
        ends_at,
        turn,
        is_lost: false,
        is_released: false,
    };
    let delivered = run.deliver().await;
    let released = if run.is_released { Ok(()) } else { post.store.release_stream(&run.lease).await };
    delivered.and(released)?;
    if run.is_lost {
        // An admin may have set it back; the next turn uses the present state.
        run.turn.has_more = true;
    } else if run.goes_on() {
        run.turn.has_more = run.progress().lag(post.store.head(workspace).await?.size()) > 0;
    }
    Ok(Some(run.turn))
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
        while self.goes_on() && self.is_in_time() {
            if self.read_to >= self.head {
                self.head = self.post.store.head(&self.delivery.stream.workspace).await?.size();
            }
            if !self.fill().await? || !self.send().await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads the log until a request is full, and notes the sequences that it skips. Returns true if there is
    /// anything to send.
    async fn fill(&mut self) -> Result<bool, Error> {
        while self.read_to < self.head && !self.is_full() && self.is_in_time() {
            if let Some(gone) = self.read().await? {
                if gone == self.progress().next {
                    self.fail(&event_gone(gone)).await?;
                }
                break;
            }
            let passed_over = self.ready.is_empty() && self.read_to - self.progress().next >= NOTED_SEQUENCES;
            if passed_over && !self.note(self.read_to, 0, Afterwards::Continue).await? {
                return Ok(false);
            }
        }
        if !self.ready.is_empty() {
            return Ok(true);
        }
        if self.read_to > self.progress().next {
            self.note(self.read_to, 0, Afterwards::Release).await?;
        }
        Ok(false)
    }

    /// Reads a part of the log. Returns the first sequence whose event is gone, if any. It is not skipped.
    async fn read(&mut self) -> Result<Option<u64>, Error> {
        let range = self.read_to..self.head.min(self.read_to + self.chunk);
        let stored =
            self.post.store.stored_events(&self.delivery.stream.workspace, range, system::now()).await?;
        self.chunk = stored.next_chunk();
        for entry in stored {
            let (sequence, _, sealed) = entry?;
            match sealed {
                Sealed::Event(event) if self.delivery.stream.filter.matches(&event) => {
                    let entry = self.entry(&event);
                    self.ready.push_back(entry);
                }
                Sealed::Event(_) | Sealed::Expired => {}
                Sealed::Gone => return Ok(Some(sequence)),
            }
            self.read_to = sequence + 1;
        }
        Ok(None)
    }

    /// True if the events that are read fill a request.
    fn is_full(&self) -> bool {
        let bytes: usize = self.ready.iter().map(|entry| entry.text.len()).sum();
        self.ready.len() >= self.limits.events.min(self.most) || bytes >= self.limits.bytes
    }

    /// Sends one request, and notes the sequence after it. Returns true if the turn continues.
    async fn send(&mut self) -> Result<bool, Error> {
        let size = self.limits.fit(self.ready.make_contiguous(), self.most);
        let batch: Vec<_> = self.ready.drain(..size).collect();
        let Carried { taken, failure } = self.carry(&batch).await;
        // If we crash here, the destination gets these events again.
        let left = batch.into_iter().skip(taken).collect::<Vec<_>>();
        left.into_iter().rev().for_each(|entry| self.ready.push_front(entry));
        let behind = self.ready.front().and_then(|entry| entry.sequence).unwrap_or(self.read_to);
        let afterwards = if failure.is_none() && self.is_done().await {
            Afterwards::Release
        } else {
            Afterwards::Continue
        };
        if taken > 0 && !self.note(behind, taken as u64, afterwards).await? {
            return Ok(false);
        }
        match failure {
            None => Ok(!self.is_released),
            Some(failure) if failure.too_large && size > 1 => {
                self.most = size / 2;
                Ok(true)
            }
            Some(failure) => {
                self.fail(&failure).await?;
                Ok(false)
            }
        }
    }

    async fn carry(&mut self, batch: &[Entry]) -> Carried {
        let way = match self.way.take() {
            Some(way) => way,
            None => Way::to(self.post, &self.delivery, system::now()).await,
        };
        let secrets = match self.way.insert(way) {
            Way::Bus(bus) => return bus.put(batch).await,
            Way::Barred(failure) => return Carried::nothing(failure.clone()),
            Way::Requests(secrets) => secrets,
        };
        let call = destination::call(&self.delivery, secrets, batch, system::now());
        let Some(call) = call else {
            return Carried::nothing(Failure::new(
                "no_secret",
                "the stream has no secret of the kind that its destination needs",
            ));
        };
        let kind = self.delivery.stream.destination.kind();
        let answer = self.post.internet.post(call).await;
        match answer.and_then(|answer| destination::read(kind, &answer, system::now())) {
            Ok(()) => Carried { taken: batch.len(), failure: None },
            Err(failure) => Carried::nothing(failure),
        }
    }

    /// True if the turn has nothing more to send: its time is over, or everything in the log is sent.
    async fn is_done(&mut self) -> bool {
        if self.ready.is_empty()
            && self.read_to >= self.head
            // Without an answer, the turn ends; the head is read again after the lease is given back.
            && let Ok(head) = self.post.store.head(&self.delivery.stream.workspace).await
        {
            self.head = head.size();
        }
        !self.is_in_time() || (self.ready.is_empty() && self.read_to >= self.head)
    }

    /// Notes the progress of the stream. Returns true if the stream was ours and unchanged.
    async fn note(&mut self, next: u64, events: u64, afterwards: Afterwards) -> Result<bool, Error> {
        let delivered = Delivered { next, events, at: system::now() };
        let noted =
            self.post.store.record_delivery(&self.lease, self.progress(), &delivered, afterwards).await?;
        let Some(progress) = noted else {
            self.is_lost = true;
            return Ok(false);
        };
        self.is_released = afterwards == Afterwards::Release;
        self.delivery.progress = progress;
        self.turn.events += events;
        Ok(true)
    }

    /// Notes that the destination failed, and pauses the stream if it failed for too long or permanently.
    async fn fail(&mut self, failure: &Failure) -> Result<(), Error> {
        let (store, now) = (&self.post.store, system::now());
        let attempt = Attempt {
            problem: failure.problem(now),
            sequence: self.ready.front().and_then(|entry| entry.sequence).unwrap_or(self.read_to),
            at_least_seconds: failure.retry_after_seconds,
            spread: fastrand::f64(),
            is_final: failure.is_final,
        };
        let origin = Origin::without_request(now, system::event_id(), system::salt());
        let Failed { progress, paused } =
            store.fail_stream(&self.lease, &self.delivery, attempt, origin).await?;
        self.delivery.progress = progress;
        (self.turn.failed, self.turn.paused) = (true, paused);
        Ok(())
    }

    /// Sends the test that an admin requested, and notes the result. The stream does not move.
    async fn test(&mut self, request: &TestRequest) -> Result<(), Error> {
        let event = stream_test(&self.delivery.stream, request, system::salt())
            .map_err(|error| Error::Internal(error.into()))?;
        let Carried { failure, .. } = self.carry(&[self.entry(&event)]).await;
        let now = system::now();
        let problem = failure.map(|failure| failure.problem(now));
        let test = Test { id: request.id.clone(), requested_at: request.at, done_at: now, problem };
        // If we crash before this, the test is sent again.
        self.post.store.record_test(&self.lease, request, &test).await.map(drop)
    }

    fn entry(&self, event: &Event) -> Entry {
        let Delivery { stream, .. } = &self.delivery;
        let entry = destination::entry_of(stream, self.post.store.product(), self.limits, event);
        if entry.cut {
            let sequence = entry.sequence;
            tracing::warn!(workspace = %stream.workspace, stream = %stream.id, sequence, "an event is too large for a destination");
        }
        entry
    }

    /// True if the stream is still ours, and its destination may get a request now.
    fn goes_on(&self) -> bool {
        !self.is_lost && !self.turn.paused && self.progress().may_deliver(system::now())
    }

    fn progress(&self) -> &Progress {
        &self.delivery.progress
    }

    fn is_in_time(&self) -> bool {
        system::now() < self.ends_at
    }
}

/// The problem of a stream whose next event is gone. An admin can continue the stream after it, which the log
/// records.
fn event_gone(sequence: u64) -> Failure {
    let detail = format!(
        "the event {sequence} of the log is gone although it has not expired; tell the operator, and replay the stream \
         from {} to go on without it",
        sequence + 1
    );
    Failure::new("inconsistent_log", detail)
}
