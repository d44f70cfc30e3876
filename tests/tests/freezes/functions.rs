//! The functions, and a typical invocation of each.

use archiver::{Archiver, Bucket, Pace};
use deliver::Post;
use serde_json::{Value, json};
use shared::{
    aws::{
        config::{ArchiveSettings, Config, Streaming},
        secrets::Secrets,
    },
    model::{principal::Admin, service_event::Origin, timestamp::Timestamp},
    store::{Store, Written},
    stream::{
        Destination, Endpoint, Format, Operator, SecretVersions, Stream, StreamFilter, StreamId,
        StreamSecret,
        service_event::{StreamDeed, stream_by_admin},
    },
    system,
};
use tests::invoke;

use crate::{
    gate::Gated,
    world::{DAY, World, acme, event},
};

/// A function in one of its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    IngestOne,
    IngestBatch,
    IngestBus,
    List,
    Feed,
    Sealer,
    Backlog,
    ExpiryReceipt,
    ExpiryMarks,
    ExpiryHold,
    Redactions,
    Tokens,
    Streams,
    Settings,
    Ledger,
    Deliver,
    Archiver,
}

/// The result of an invocation.
pub(crate) struct Ran {
    /// The events that it acknowledged.
    pub(crate) acknowledged: Vec<(String, Timestamp)>,
    /// The store of the frozen instance, and the gate that it is connected to.
    pub(crate) store: Store,
    pub(crate) _gated: Gated,
}

/// The acknowledged events.
pub(crate) type Acknowledged = Vec<(String, Timestamp)>;

impl Function {
    pub(crate) const ALL: [Self; 17] = [
        Self::IngestOne,
        Self::IngestBatch,
        Self::IngestBus,
        Self::List,
        Self::Feed,
        Self::Sealer,
        Self::Backlog,
        Self::ExpiryReceipt,
        Self::ExpiryMarks,
        Self::ExpiryHold,
        Self::Redactions,
        Self::Tokens,
        Self::Streams,
        Self::Settings,
        Self::Ledger,
        Self::Deliver,
        Self::Archiver,
    ];

    /// Prepares the tables, hours before the freeze.
    pub(crate) async fn prepare(self, world: &World<'_>) -> Option<StreamId> {
        match self {
            Self::ExpiryReceipt => world.keep_days(30).await,
            Self::ExpiryMarks | Self::ExpiryHold => {
                world.keep_days(30).await;
                invoke::expire(&world.store(), json!({"workspace": "acme"})).await.unwrap();
                world.seal().await;
            }
            Self::Deliver => return Some(stream(world, true).await),
            Self::Archiver => return Some(stream(world, false).await),
            _ => {}
        }
        None
    }

    /// Prepares the tables, just before the freeze.
    pub(crate) async fn prepare_last(self, world: &World<'_>) {
        match self {
            Self::Sealer | Self::Backlog => {
                for (id, time) in more_events(world) {
                    let request = invoke::audit_logs("POST", &event(&id, time));
                    assert_eq!(invoke::ingest_api(&world.store(), request).await.0, 201);
                }
                if self == Self::Backlog {
                    let rows = world.rows().await;
                    let places =
                        rows.iter().filter(|row| row.get("sequence").is_none()).map(crate::world::place);
                    world.store().leave(&acme(), &places.collect::<Vec<_>>(), system::now()).await.unwrap();
                }
            }
            Self::ExpiryHold => {
                invoke::expire(&world.store(), json!({"workspace": "acme"})).await.unwrap();
                let hold = json!({"legal_hold": {"reason": "case 16"}});
                let request = invoke::settings("PATCH /api/{workspace}/settings", &hold);
                assert_eq!(invoke::manage_settings(&world.store(), request).await.0, 200);
            }
            _ => {}
        }
    }

    /// Invokes the function with this store.
    pub(crate) async fn run(self, world: &World<'_>, store: &Store) -> Acknowledged {
        match self {
            Self::IngestOne => {
                let (id, time) = ("one".to_owned(), system::now());
                let (status, _) =
                    invoke::ingest_api(store, invoke::audit_logs("POST", &event(&id, time))).await;
                if status < 300 { vec![(id, time)] } else { Vec::new() }
            }
            Self::IngestBatch => {
                let sent = more_events(world);
                let events: Vec<_> = sent.iter().map(|(id, time)| event(id, *time)).collect();
                let request = invoke::audit_logs("POST", &json!({ "events": events }));
                let (_, answer) = invoke::ingest_api(store, request).await;
                let results = answer["results"].as_array().cloned().unwrap_or_default();
                let stored =
                    |result: &Value| matches!(result["status"].as_str(), Some("recorded" | "duplicate"));
                let sent = sent.into_iter().zip(results);
                sent.filter(|(_, result)| stored(result)).map(|(sent, _)| sent).collect()
            }
            Self::IngestBus => {
                let sent = more_events(world);
                let messages: Vec<_> =
                    sent.iter().map(|(id, time)| (id.clone(), envelope(id, *time))).collect();
                let messages: Vec<_> =
                    messages.iter().map(|(id, body)| (id.as_str(), body.as_str())).collect();
                let answer = invoke::ingest_bus(store, &invoke::batch(&messages)).await.unwrap();
                let failed: Vec<_> =
                    answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
                let stored = world.rows().await;
                // A message that is not delivered again is recorded, or in quarantine if its event has expired.
                sent.into_iter()
                    .filter(|(id, _)| !failed.contains(id))
                    .filter(|(id, time)| {
                        let key = format!("{time}#{id}");
                        id != "more-old" || stored.iter().any(|row| row["timestamp"] == key)
                    })
                    .collect()
            }
            Self::List => {
                invoke::query(store, invoke::by_token("GET /api/{workspace}/audit_logs", &[], "limit=100"))
                    .await;
                Vec::new()
            }
            Self::Feed => {
                invoke::query(
                    store,
                    invoke::by_token("GET /api/{workspace}/audit_logs/feed", &[], "limit=100"),
                )
                .await;
                Vec::new()
            }
            Self::Sealer => {
                let rows = world.rows().await;
                let unsealed = rows.iter().filter(|row| row.get("sequence").is_none());
                let records: Vec<_> = unsealed.map(record).collect();
                invoke::sealer(store, json!({ "Records": records })).await;
                more_events(world)
            }
            Self::Backlog => {
                invoke::sealer(store, json!({"backlog": true})).await;
                more_events(world)
            }
            Self::ExpiryReceipt | Self::ExpiryMarks => {
                let _ = invoke::expire(store, json!({"workspace": "acme"})).await;
                Vec::new()
            }
            Self::ExpiryHold => {
                let _ = invoke::expire(store, json!({"holds": true})).await;
                Vec::new()
            }
            Self::Redactions => {
                invoke::redactions(store, invoke::redact(&json!({"actor": "u1"}))).await;
                Vec::new()
            }
            Self::Tokens => {
                let request = invoke::tokens("POST /api/{workspace}/tokens", "", &json!({"name": "frozen"}));
                invoke::manage_tokens(store, request).await;
                Vec::new()
            }
            Self::Streams => {
                let body = json!({"name": "siem", "destination": {"type": "webhook", "url": "https://siem.example.com"}});
                let request = invoke::streams("POST /api/{workspace}/streams", "", &body);
                invoke::manage_streams(store, world.surroundings.secrets(), request).await;
                Vec::new()
            }
            Self::Settings => {
                let change = json!({"retention_days": 3650});
                let request = invoke::settings("PATCH /api/{workspace}/settings", &change);
                invoke::manage_settings(store, request).await;
                Vec::new()
            }
            Self::Ledger => {
                let request = invoke::by_token(
                    "GET /api/{workspace}/ledger/entries/{sequence}",
                    &[("sequence", "0")],
                    "",
                );
                invoke::ledger(store, request).await;
                Vec::new()
            }
            Self::Deliver | Self::Archiver => {
                self.send(world, store).await;
                Vec::new()
            }
        }
    }

    /// Lets a stream continue.
    pub(crate) async fn send(self, world: &World<'_>, store: &Store) {
        let Some(stream) = &world.stream else { return };
        let config = Config::local(world.endpoint());
        if self == Self::Deliver {
            let post = Post::over(store.clone(), config, &streaming(world));
            let _ = invoke::deliver(&post, stream.as_str()).await;
        } else {
            let settings = ArchiveSettings {
                bucket: "archive".to_owned(),
                endpoint: Some(world.surroundings.destination().to_owned()),
                every_seconds: 0,
            };
            let bucket = Bucket::of(&settings, &config);
            let archiver = Archiver { store: store.clone(), bucket, pace: Pace::every(0) };
            let _ = invoke::archiver(&archiver, stream.as_str()).await;
        }
    }
}

/// An event that has just happened, one that a clock is ahead of, and an old one.
fn more_events(world: &World<'_>) -> Acknowledged {
    let midnight = world.midnight();
    vec![
        ("more-new".to_owned(), midnight.plus_seconds(-1_500)),
        ("more-ahead".to_owned(), midnight.plus_seconds(-850)),
        ("more-old".to_owned(), midnight.plus_seconds(-40 * DAY + 60)),
    ]
}

fn envelope(id: &str, time: Timestamp) -> String {
    let mut detail = event(id, time);
    detail["workspace"] = json!("acme");
    invoke::envelope(id, &detail).to_string()
}

fn record(row: &Value) -> Value {
    json!({"eventName": "INSERT", "dynamodb": {
        "Keys": {"workspace": {"S": row["workspace"]}, "timestamp": {"S": row["timestamp"]}},
        "SequenceNumber": "1",
    }})
}

fn streaming(world: &World<'_>) -> Streaming {
    Streaming {
        secrets_prefix: "local".to_owned(),
        secrets_endpoint: Some(world.surroundings.secrets().to_owned()),
        operator: Operator { insecure: true, ..Operator::default() },
        ..Streaming::default()
    }
}

/// A stream from the first event, to a webhook or to the archive.
async fn stream(world: &World<'_>, to_webhook: bool) -> StreamId {
    let id = system::stream_id().unwrap();
    let (mut destination, mut secret) = (Destination::S3, None);
    if to_webhook {
        let streaming = streaming(world);
        let version = system::secret_version();
        let url = Endpoint::parse(world.surroundings.destination(), &streaming.operator).unwrap();
        let secrets = Secrets::connect(&Config::local(world.endpoint()), &streaming);
        secrets.create(&acme(), &id, &version, &StreamSecret::of_webhook(&[7; 32])).await.unwrap();
        (destination, secret) = (Destination::Webhook { url }, Some(SecretVersions::first(version)));
    }
    let stream = Stream {
        id: id.clone(),
        workspace: acme(),
        name: "a stream".to_owned(),
        destination,
        format: Format::Native,
        filter: StreamFilter::default(),
        mask: Vec::new(),
        secret,
        created_by: "u1".to_owned(),
        created_at: system::now(),
    };
    let admin = Admin { workspace: acme(), user_id: "u1".to_owned(), username: None };
    let origin = Origin::without_request(system::now(), system::event_id(), system::salt());
    let event = stream_by_admin(&admin, origin, StreamDeed::Created, &stream, Vec::new(), Default::default());
    assert!(matches!(world.store().create_stream(&stream, 0, &event).await.unwrap(), Written::Now(_)));
    id
}
