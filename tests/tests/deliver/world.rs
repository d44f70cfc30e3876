//! A workspace with a sealed log and streams, and the `deliver` handlers for them.

use deliver::Post;
use local::{Options, Storage, System};
use serde_json::json;
use shared::{
    aws::{
        config::{Config, Streaming},
        secrets::Secrets,
    },
    model::{id::WorkspaceId, keys::Place, principal::Admin, service_event::Origin, timestamp::Timestamp},
    store::{Store, Written},
    stream::{
        Delivery, Destination, Endpoint, Format, Operator, SecretVersions, Stream, StreamFilter, StreamId,
        StreamSecret,
        service_event::{StreamDeed, stream_by_admin},
    },
    system,
};
use tests::{Tables, invoke, sample::at};

/// Events that are sealed at a time.
const CHUNK: usize = 500;

pub(crate) fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

pub(crate) struct World {
    pub(crate) tables: Tables,
    pub(crate) store: Store,
    engine: local::Tables,
    /// For its stand-in for Secrets Manager, and its bus.
    pub(crate) system: System,
}

impl World {
    /// A world whose log has this many events of `group_created`, and no others.
    pub(crate) async fn with(events: i64) -> Self {
        let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
        let options = Options { tables: Some(engine.endpoint().to_owned()), ..Options::default() };
        let system = System::start(options).await.unwrap();
        let (tables, store) =
            (Tables::at(engine.endpoint()), Store::connect(&Config::local(engine.endpoint())));
        tables.put_events("acme", "group_created", events).await;
        let places: Vec<_> = (0..events)
            .map(|number| Place::from_key("acme", &format!("{}#group_created", at(number))).unwrap().1)
            .collect();
        for places in places.chunks(CHUNK) {
            sealer::seal(&store, &acme(), places, system::now()).await.unwrap();
        }
        Self { tables, store, engine, system }
    }

    /// Seals all unsealed events.
    pub(crate) async fn seal(&self) {
        invoke::sealer(&self.store, json!({"reconcile": true})).await;
    }

    pub(crate) async fn end(self) {
        self.system.shutdown().await;
        self.engine.shutdown().await;
    }

    pub(crate) fn engine(&self) -> &str {
        self.engine.endpoint()
    }

    fn streaming(&self, insecure: bool) -> Streaming {
        Streaming {
            secrets_prefix: "test".to_owned(),
            secrets_endpoint: Some(self.system.endpoint().to_owned()),
            events_endpoint: Some(self.system.endpoint().to_owned()),
            operator: Operator { insecure, ..Operator::default() },
        }
    }

    /// A `deliver` handler that is connected to the engine itself.
    pub(crate) fn post(&self) -> Post {
        self.post_over(self.store.clone())
    }

    /// A `deliver` handler with this store.
    pub(crate) fn post_over(&self, store: Store) -> Post {
        Post::over(store, Config::local(self.engine()), &self.streaming(true))
    }

    /// A `deliver` handler as it is deployed: it connects to the public internet only.
    pub(crate) fn deployed_post(&self) -> Post {
        Post::over(self.store.clone(), Config::local(self.engine()), &self.streaming(false))
    }

    /// A `deliver` handler with another EventBridge.
    pub(crate) fn post_to_bus(&self, endpoint: &str) -> Post {
        let streaming = Streaming { events_endpoint: Some(endpoint.to_owned()), ..self.streaming(true) };
        Post::over(self.store.clone(), Config::local(self.engine()), &streaming)
    }

    /// A stream of all events to a webhook, from the first event.
    pub(crate) async fn webhook(&self, url: &str) -> StreamId {
        self.stream(webhook(url), |stream| stream).await
    }

    /// A stream from the first event, changed by `change`.
    pub(crate) async fn stream(
        &self,
        destination: Destination,
        change: impl FnOnce(Stream) -> Stream,
    ) -> StreamId {
        let (id, version) = (system::stream_id().unwrap(), system::secret_version());
        let secret = match &destination {
            Destination::Webhook { .. } => StreamSecret::of_webhook(&[7; 32]),
            _ => StreamSecret::parse("a-secret-of-a-destination").unwrap(),
        };
        let secrets = Secrets::connect(&Config::local(self.engine()), &self.streaming(true));
        secrets.create(&acme(), &id, &version, &secret).await.unwrap();
        let stream = change(Stream {
            id: id.clone(),
            workspace: acme(),
            name: "a stream".to_owned(),
            destination,
            format: Format::Native,
            filter: StreamFilter::default(),
            mask: Vec::new(),
            secret: Some(SecretVersions::first(version)),
            created_by: "u1".to_owned(),
            created_at: system::now(),
        });
        let event = by_admin(&stream, StreamDeed::Created);
        assert!(matches!(self.store.create_stream(&stream, 0, &event).await.unwrap(), Written::Now(_)));
        id
    }

    pub(crate) async fn delivery(&self, id: &StreamId) -> Delivery {
        self.store.stream(&acme(), id).await.unwrap().unwrap()
    }

    /// Makes a stream's retry due, and ends the lease of a run that died.
    pub(crate) async fn let_retry(&self, id: &StreamId) {
        let delivery = self.delivery(id).await;
        if let Some(since) = delivery.progress.failing_since {
            self.has_failed(id, since, delivery.progress.attempts).await;
        }
        if delivery.leased_until.is_some() {
            self.set(id, "lease_until", "2025-01-01T00:00:00.000000Z").await;
        }
    }

    /// Makes a stream fail since an instant, with its next retry due.
    pub(crate) async fn has_failed(&self, id: &StreamId, since: Timestamp, attempts: u32) {
        let failure = json!({"since": since, "attempts": attempts, "retry_at": since});
        self.set(id, "failure", &failure.to_string()).await;
    }

    /// Writes an attribute of a stream, past our code.
    pub(crate) async fn set(&self, id: &StreamId, attribute: &str, text: &str) {
        let key = [("workspace", "acme"), ("stream", id.as_str())];
        self.tables.set_text("AuditStreams", key, attribute, text).await;
    }
}

pub(crate) fn webhook(url: &str) -> Destination {
    Destination::Webhook { url: endpoint(url) }
}

pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint::parse(url, &Operator { insecure: true, ..Operator::default() }).unwrap()
}

/// The event about an admin's action on a stream.
pub(crate) fn by_admin(stream: &Stream, deed: StreamDeed) -> shared::model::event::Event {
    let admin = Admin { workspace: acme(), user_id: "u1".to_owned(), username: None };
    let origin = Origin::without_request(system::now(), system::event_id(), system::salt());
    stream_by_admin(&admin, origin, deed, stream, Vec::new(), Default::default())
}
