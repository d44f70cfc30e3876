//! Sets up the streams of a workspace's log to destinations, for admins of the workspace.
//!
//! This function sends nothing: it can reach no destination, and can read no secret. A change of a stream and
//! the event about it are one transaction. A secret is stored before the stream names it, and deleted after the
//! stream is gone, so that a crash leaves at most an unused secret.

mod answer;
mod body;
mod change;

use std::sync::Arc;

use serde_json::{Map, Value, json};
use shared::{
    aws::secrets::Secrets,
    http::{self, Request, Response},
    model::{error::Error, identity::AdminClaims, principal::Admin, rate::ChangeKind, timestamp::Timestamp},
    store::{Store, Written},
    stream::{
        Delivery, DestinationKind, MAX_STREAMS, Operator, Pause, PausedBy, Progress, SecretIs,
        SecretVersions, Stream, StreamId, StreamSecret, TestRequest,
        service_event::{StreamDeed, stream_by_admin},
    },
    system,
    text::problem::FieldError,
};

pub use self::{
    answer::{ListedStream, SetStream, Streams as ListedStreams},
    body::{
        CHANGE_FIELDS, FIELDS, MAX_BODY_BYTES, MAX_NAME_BYTES, MAX_REASON_BYTES, PAUSE_FIELDS, REPLAY_FIELDS,
    },
};
use self::{
    body::{NewStream, Patch},
    change::changed,
};

/// Attempts to read a stream again that changed meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// The dependencies of the handler.
#[derive(Debug)]
pub struct Streams {
    pub store: Store,
    /// The secrets of streams.
    pub secrets: Secrets,
    /// The destinations that the operator permits.
    pub operator: Operator,
    /// The names of the claims of an admin's JWT.
    pub claims: Arc<AdminClaims>,
}

/// Answers the routes of `/api/{workspace}/streams`.
///
/// # Errors
/// None: every failure is an answer.
pub async fn handle(
    streams: &Streams,
    request: lambda_http::Request,
) -> Result<Response, lambda_http::Error> {
    let request = Request::of_admins(request, &streams.claims);
    let answer = match request.route() {
        "GET /api/{workspace}/streams" => streams.list(&request).await,
        "POST /api/{workspace}/streams" => streams.create(&request).await,
        "GET /api/{workspace}/streams/{stream}" => streams.show(&request).await,
        "PATCH /api/{workspace}/streams/{stream}" => streams.change(&request).await,
        "DELETE /api/{workspace}/streams/{stream}" => streams.delete(&request).await,
        "POST /api/{workspace}/streams/{stream}/pause" => streams.pause(&request).await,
        "POST /api/{workspace}/streams/{stream}/resume" => streams.resume(&request).await,
        "POST /api/{workspace}/streams/{stream}/replay" => streams.replay(&request).await,
        "POST /api/{workspace}/streams/{stream}/test" => streams.test(&request).await,
        _ => Err(Error::UnknownRoute),
    };
    Ok(http::respond(&request, answer))
}

impl Streams {
    async fn list(&self, request: &Request) -> Result<Response, Error> {
        let admin = request.admin()?;
        let deliveries = self.store.streams_of(&admin.workspace).await?;
        let (head, now) = (self.store.head(&admin.workspace).await?.size(), system::now());
        let streams = deliveries.iter().map(|delivery| ListedStream::of(delivery, head, now)).collect();
        Ok(http::ok(&ListedStreams { streams }))
    }

    async fn show(&self, request: &Request) -> Result<Response, Error> {
        let admin = request.admin()?;
        let delivery = self.delivery(request, &admin).await?;
        let (head, now) = (self.store.head(&admin.workspace).await?.size(), system::now());
        Ok(http::ok(&ListedStream::of(&delivery, head, now)))
    }

    async fn create(&self, request: &Request) -> Result<Response, Error> {
        let admin = request.admin()?;
        let NewStream { name, destination, format, filter, mask, secret, from } =
            NewStream::parse(&request.body(MAX_BODY_BYTES)?, &self.operator)?;
        self.count(&admin).await?;
        let there = self.store.streams_of(&admin.workspace).await?.len();
        if there >= MAX_STREAMS {
            return Err(Error::TooManyStreams(there));
        }
        let head = self.store.head(&admin.workspace).await?.size();
        let next = within("/from", from.unwrap_or(head), head)?;
        let now = system::now();
        let id = system::stream_id().map_err(|error| Error::Internal(error.into()))?;
        let (made, stored) = match destination.kind().secret() {
            SecretIs::Generated => {
                let made = system::webhook_secret().map_err(|error| Error::Internal(error.into()))?;
                (Some(made.clone()), Some(made))
            }
            SecretIs::Given => (None, secret),
            SecretIs::None => (None, None),
        };
        let versions = stored.as_ref().map(|_| SecretVersions::first(system::secret_version()));
        if let (Some(secret), Some(versions)) = (&stored, &versions) {
            self.secrets.create(&admin.workspace, &id, &versions.current, secret).await?;
            // If we crash here, the secret of a stream that was never created is left; it is of no use.
        }
        let stream = Stream {
            id,
            workspace: admin.workspace.clone(),
            name,
            destination,
            format,
            filter,
            mask,
            secret: versions,
            created_by: admin.user_id.clone(),
            created_at: now,
        };
        let context = Map::from_iter([
            ("destination".to_owned(), stream.destination.disclosed()),
            ("format".to_owned(), json!(stream.format)),
            ("filter".to_owned(), json!(stream.filter)),
            ("mask".to_owned(), json!(stream.mask)),
            ("from".to_owned(), json!(next)),
        ]);
        let origin = request.origin(now, system::event_id(), system::salt());
        let event = stream_by_admin(&admin, origin, StreamDeed::Created, &stream, vec![], context);
        if self.store.create_stream(&stream, next, &event).await? == Written::Before {
            return Err(Error::Internal("two streams of one id".into()));
        }
        // If we crash here, the stream exists and its admin did not get its secret; the list shows the stream.
        let progress = Progress::from(next);
        let delivery = Delivery {
            stream,
            generation: 1,
            progress,
            leased_until: None,
            last_run: None,
            planned_run: None,
        };
        Ok(http::created(&SetStream {
            stream: ListedStream::of(&delivery, head, now),
            secret: made.as_ref().map(StreamSecret::expose),
        }))
    }

    async fn change(&self, request: &Request) -> Result<Response, Error> {
        let admin = self.changing(request).await?;
        let body = request.body(MAX_BODY_BYTES)?;
        let mut delivery = self.delivery(request, &admin).await?;
        let patch = Patch::parse(&body, delivery.stream.destination.kind(), &self.operator)?;
        let made = match patch.rotate_secret {
            true => Some(system::webhook_secret().map_err(|error| Error::Internal(error.into()))?),
            false => None,
        };
        let version = match made.as_ref().or(patch.secret.as_ref()) {
            None => None,
            Some(secret) => {
                let version = system::secret_version();
                self.secrets.add(&admin.workspace, &delivery.stream.id, &version, secret).await?;
                // If we crash here, a version is left that no stream names and that is never used.
                Some(version)
            }
        };
        for _ in 0..MAX_ATTEMPTS {
            let now = system::now();
            let (stream, changes) = changed(&delivery.stream, &patch, version.as_ref(), now);
            let head = self.store.head(&admin.workspace).await?.size();
            let origin = request.origin(now, system::event_id(), system::salt());
            let event =
                stream_by_admin(&admin, origin, StreamDeed::Changed, &stream, changes.clone(), Map::new());
            if changes.is_empty()
                || self.store.change_stream(&stream, delivery.generation, &event).await? != Written::Before
            {
                delivery.stream = stream;
                return Ok(http::ok(&SetStream {
                    stream: ListedStream::of(&delivery, head, now),
                    secret: made.as_ref().map(StreamSecret::expose),
                }));
            }
            delivery = self.delivery(request, &admin).await?;
        }
        Err(Error::Contention("other requests keep changing the stream".into()))
    }

    async fn pause(&self, request: &Request) -> Result<Response, Error> {
        let admin = self.changing(request).await?;
        let reason = body::parse_pause(&request.body(MAX_BODY_BYTES)?)?;
        let delivery = self.delivery(request, &admin).await?;
        let now = system::now();
        let context = Map::from_iter(reason.iter().map(|reason| ("reason".to_owned(), json!(reason))));
        let event = self.event(request, &admin, &delivery, StreamDeed::Paused, now, context);
        let pause = Pause { by: PausedBy::Admin(admin.user_id.clone()), reason, at: now };
        // A paused stream keeps its reason, and there is no second event.
        self.store.pause_stream(&delivery.stream.id, &pause, &event).await?;
        self.show(request).await
    }

    async fn resume(&self, request: &Request) -> Result<Response, Error> {
        let admin = self.changing(request).await?;
        let delivery = self.delivery(request, &admin).await?;
        let context = Map::from_iter([("next".to_owned(), json!(delivery.progress.next))]);
        let event = self.event(request, &admin, &delivery, StreamDeed::Resumed, system::now(), context);
        self.store.resume_stream(&delivery.stream.id, &event).await?;
        self.show(request).await
    }

    async fn replay(&self, request: &Request) -> Result<Response, Error> {
        let admin = self.changing(request).await?;
        let from = body::parse_replay(&request.body(MAX_BODY_BYTES)?)?;
        let delivery = self.delivery(request, &admin).await?;
        if delivery.stream.destination.kind() == DestinationKind::S3 {
            let detail = "an archive would have its events twice; create another stream for another archive";
            return Err(Error::InvalidBody(vec![FieldError::new("", "not_replayable", detail)]));
        }
        let head = self.store.head(&admin.workspace).await?.size();
        let from = within("/from", from, head)?;
        let context = Map::from_iter([
            ("from".to_owned(), json!(from)),
            ("next_before".to_owned(), json!(delivery.progress.next)),
        ]);
        let event = self.event(request, &admin, &delivery, StreamDeed::Replayed, system::now(), context);
        self.store.replay_stream(&delivery.stream.id, from, &event).await?;
        self.show(request).await
    }

    /// Requests a test: `deliver` sends it, and the status shows the result.
    async fn test(&self, request: &Request) -> Result<Response, Error> {
        let admin = self.changing(request).await?;
        let delivery = self.delivery(request, &admin).await?;
        let now = system::now();
        let event = self.event(request, &admin, &delivery, StreamDeed::Tested, now, Map::new());
        let asked = TestRequest { id: event.id.to_string(), at: now };
        self.store.request_test(&delivery.stream.id, &asked, &event).await?;
        let delivery = self.delivery(request, &admin).await?;
        let head = self.store.head(&admin.workspace).await?.size();
        Ok(http::accepted(&ListedStream::of(&delivery, head, now)))
    }

    async fn delete(&self, request: &Request) -> Result<Response, Error> {
        let admin = self.changing(request).await?;
        let delivery = self.delivery(request, &admin).await?;
        let context = Map::from_iter([
            ("destination".to_owned(), delivery.stream.destination.disclosed()),
            ("next".to_owned(), json!(delivery.progress.next)),
        ]);
        let event = self.event(request, &admin, &delivery, StreamDeed::Deleted, system::now(), context);
        let Stream { id, workspace, secret, .. } = &delivery.stream;
        self.store.delete_stream(id, &event).await?;
        // If we crash here, the secret of a deleted stream is left; its name is the stream's.
        if secret.is_some()
            && let Err(error) = self.secrets.delete(workspace, id).await
        {
            tracing::error!(stream = id.as_str(), source = ?error, "the secret of a deleted stream is left");
        }
        Ok(http::no_content())
    }

    /// The admin who makes a change, which is counted.
    async fn changing(&self, request: &Request) -> Result<Admin, Error> {
        let admin = request.admin()?;
        self.count(&admin).await?;
        Ok(admin)
    }

    async fn count(&self, admin: &Admin) -> Result<(), Error> {
        self.store.count_change(&admin.workspace, ChangeKind::Other, system::now()).await
    }

    /// The stream in the path, of the admin's own workspace.
    async fn delivery(&self, request: &Request, admin: &Admin) -> Result<Delivery, Error> {
        let id = StreamId::parse(request.path_parameter("stream")).map_err(|_| Error::UnknownStream)?;
        self.store.stream(&admin.workspace, &id).await?.ok_or(Error::UnknownStream)
    }

    fn event(
        &self,
        request: &Request,
        admin: &Admin,
        delivery: &Delivery,
        deed: StreamDeed,
        now: Timestamp,
        context: Map<String, Value>,
    ) -> shared::model::event::Event {
        let origin = request.origin(now, system::event_id(), system::salt());
        stream_by_admin(admin, origin, deed, &delivery.stream, vec![], context)
    }
}

/// A sequence that the log has, or its next one.
fn within(pointer: &str, sequence: u64, head: u64) -> Result<u64, Error> {
    if sequence <= head {
        return Ok(sequence);
    }
    let detail = format!("may be at most {head}, the next sequence of the log");
    Err(Error::InvalidBody(vec![FieldError::new(pointer, "out_of_range", detail)]))
}
