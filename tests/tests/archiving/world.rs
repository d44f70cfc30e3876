//! A workspace with a sealed log and a stream to the archive, and the archiver.

use archiver::{Archiver, Bucket, Pace};
use local::Storage;
use shared::{
    aws::config::{ArchiveSettings, Config},
    model::{id::WorkspaceId, keys::Place, principal::Admin, service_event::Origin},
    store::{Store, Written},
    stream::{
        Delivery, Destination, Format, Stream, StreamFilter, StreamId,
        service_event::{StreamDeed, stream_by_admin},
    },
    system,
};
use tests::{Tables, sample::at};

use crate::shelf::Shelf;

pub(crate) fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

pub(crate) struct World {
    pub(crate) tables: Tables,
    pub(crate) store: Store,
    engine: local::Tables,
}

impl World {
    /// A world whose log has this many events of `group_created`, and no others.
    pub(crate) async fn with(events: i64) -> Self {
        let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
        let (tables, store) =
            (Tables::at(engine.endpoint()), Store::connect(&Config::local(engine.endpoint())));
        let world = Self { tables, store, engine };
        world.seal("group_created", events).await;
        world
    }

    /// Records and seals this many events of an action.
    pub(crate) async fn seal(&self, action: &str, events: i64) {
        self.tables.put_events("acme", action, events).await;
        let places: Vec<_> = (0..events)
            .map(|number| Place::from_key("acme", &format!("{}#{action}", at(number))).unwrap().1)
            .collect();
        sealer::seal(&self.store, &acme(), &places, system::now()).await.unwrap();
    }

    pub(crate) async fn end(self) {
        self.engine.shutdown().await;
    }

    pub(crate) fn engine(&self) -> &str {
        self.engine.endpoint()
    }

    /// An archiver with this store, for which a run is always due.
    pub(crate) fn archiver(&self, store: &Store, shelf: &Shelf) -> Archiver {
        let settings = ArchiveSettings {
            bucket: "archive".to_owned(),
            endpoint: Some(shelf.url.clone()),
            every_seconds: 0,
        };
        let bucket = Bucket::of(&settings, &Config::local(self.engine()));
        Archiver { store: store.clone(), bucket, pace: Pace::every(0) }
    }

    /// A stream to the archive from the first event, changed by `change`.
    pub(crate) async fn stream(&self, change: impl FnOnce(Stream) -> Stream) -> StreamId {
        let id = system::stream_id().unwrap();
        let stream = change(Stream {
            id: id.clone(),
            workspace: acme(),
            name: "Archive".to_owned(),
            destination: Destination::S3,
            format: Format::Native,
            filter: StreamFilter::default(),
            mask: Vec::new(),
            secret: None,
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
        let Delivery { progress, leased_until, .. } = self.delivery(id).await;
        if let Some(since) = progress.failing_since {
            let attempts = progress.attempts;
            let failure = serde_json::json!({"since": since, "attempts": attempts, "retry_at": since});
            self.set(id, "failure", &failure.to_string()).await;
        }
        if leased_until.is_some() {
            self.set(id, "lease_until", "2025-01-01T00:00:00.000000Z").await;
        }
    }

    /// Writes an attribute of a stream, past our code.
    pub(crate) async fn set(&self, id: &StreamId, attribute: &str, text: &str) {
        let key = [("workspace", "acme"), ("stream", id.as_str())];
        self.tables.set_text("AuditStreams", key, attribute, text).await;
    }
}

/// The event about an admin's action on a stream.
pub(crate) fn by_admin(stream: &Stream, deed: StreamDeed) -> shared::model::event::Event {
    let admin = Admin { workspace: acme(), user_id: "u1".to_owned(), username: None };
    let origin = Origin::without_request(system::now(), system::event_id(), system::salt());
    stream_by_admin(&admin, origin, deed, stream, Vec::new(), Default::default())
}
