//! The tables of a trial, its clock, and the change of settings during the freeze.

use std::{env, fs, time::Duration};

use axum::{Router, http::StatusCode};
use local::Storage;
use serde_json::{Value, json};
use shared::{
    aws::config::Config,
    model::{
        id::WorkspaceId,
        keys::Place,
        principal::Admin,
        retention::{NOTICE_SECONDS, Retention},
        service_event::{self, Origin},
        shards::Shards,
        timestamp::Timestamp,
    },
    store::{Store, Written},
    stream::StreamId,
    system,
};
use tests::{Tables, TestApp, invoke};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    functions::{Function, Ran},
    gate::{Gated, Held},
};

pub(crate) const DAY: i64 = 86_400;
const FREEZE_SECONDS: i64 = 600;
/// The freeze begins this long before the day from which the workspace has four shards: a little more than the rules demand.
const BEFORE_MIDNIGHT_SECONDS: i64 = 1_390;

/// The systems that all trials share: a stand-in for Secrets Manager, and a destination that accepts everything.
pub(crate) struct Surroundings {
    secrets: TestApp,
    destination: String,
    server: JoinHandle<()>,
}

impl Surroundings {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let destination = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(|| async { StatusCode::OK });
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { secrets: TestApp::start().await, destination, server }
    }

    pub(crate) fn secrets(&self) -> &str {
        self.secrets.endpoint()
    }

    pub(crate) fn destination(&self) -> &str {
        &self.destination
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) struct World<'a> {
    pub(crate) surroundings: &'a Surroundings,
    engine: local::Tables,
    midnight: Timestamp,
    /// The stream that `deliver` or `archiver` works on.
    pub(crate) stream: Option<StreamId>,
}

pub(crate) fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

/// Sets the wall clock of this process ahead.
fn set_ahead(seconds: i64) {
    fs::write(env::var_os("CLOCK_AHEAD").unwrap(), seconds.to_string()).unwrap();
}

/// Sets the wall clock of this process to a time.
pub(crate) fn set_clock(time: Timestamp) {
    set_ahead(0);
    let microseconds = time.unix_microseconds() - system::now().unix_microseconds();
    set_ahead(microseconds.div_euclid(1_000_000) + 1);
}

/// The start of the second day from now.
fn later_midnight() -> Timestamp {
    set_ahead(0);
    let day = system::now().plus_seconds(2 * DAY).to_string();
    Timestamp::parse(&format!("{}T00:00:00Z", &day[..10])).unwrap()
}

impl<'a> World<'a> {
    /// Three events of 40 days ago and two of an hour ago in acme, all sealed, and the preparation that the function needs.
    pub(crate) async fn prepared(surroundings: &'a Surroundings, function: Function) -> Self {
        let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
        let mut world = Self { surroundings, engine, midnight: later_midnight(), stream: None };
        set_clock(world.midnight.plus_seconds(-3 * 3600));
        invoke::vouch(&world.store()).await;
        for (id, time) in world.first_events() {
            let request = invoke::audit_logs("POST", &event(&id, time));
            assert_eq!(invoke::ingest_api(&world.store(), request).await.0, 201);
        }
        world.seal().await;
        world.stream = function.prepare(&world).await;
        world.seal().await;
        set_clock(world.midnight.plus_seconds(-BEFORE_MIDNIGHT_SECONDS));
        function.prepare_last(&world).await;
        world
    }

    pub(crate) fn midnight(&self) -> Timestamp {
        self.midnight
    }

    fn first_events(&self) -> Vec<(String, Timestamp)> {
        let old = (0..3).map(|number| ("old", number, -40 * DAY + number));
        let new = (0..2).map(|number| ("new", number, -3 * 3600 + number));
        let events = old.chain(new);
        events
            .map(|(age, number, seconds)| (format!("{age}-{number}"), self.midnight.plus_seconds(seconds)))
            .collect()
    }

    /// The events that were recorded before the freeze.
    pub(crate) fn acknowledged(&self) -> Vec<(String, Timestamp)> {
        self.first_events()
    }

    /// Runs the function, frozen at the call with this number. `None` if it makes fewer calls.
    pub(crate) async fn freeze(&self, function: Function, at: usize, held: Held, hold: bool) -> Option<Ran> {
        let (engine, midnight) = (self.endpoint().to_owned(), self.midnight);
        let meanwhile = Box::pin(change_settings(engine, midnight, hold));
        let gated = Gated::at(at, held, self.endpoint(), meanwhile).await;
        let store = Store::connect(&Config::local(&gated.endpoint));
        let acknowledged = function.run(self, &store).await;
        gated.has_held().then_some(Ran { acknowledged, store, _gated: gated })
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.engine.endpoint()
    }

    /// A store with an empty cache.
    pub(crate) fn store(&self) -> Store {
        Store::connect(&Config::local(self.endpoint()))
    }

    pub(crate) fn tables(&self) -> Tables {
        Tables::at(self.endpoint())
    }

    /// All events of the workspace, of all partitions.
    pub(crate) async fn rows(&self) -> Vec<Value> {
        let mut rows = self.tables().events("acme").await;
        for shard in 0..4 {
            rows.extend(self.tables().events(&format!("acme#{shard}")).await);
        }
        rows
    }

    /// Seals everything, as the sealer does with the records of the table's stream.
    pub(crate) async fn seal(&self) {
        let rows = self.rows().await;
        let places = rows.iter().filter(|row| row.get("sequence").is_none()).map(place);
        sealer::seal(&self.store(), &acme(), &places.collect::<Vec<_>>(), system::now()).await.unwrap();
    }

    /// Sets a retention in force for hours, past the notice.
    pub(crate) async fn keep_days(&self, days: u32) {
        let from = system::now().plus_seconds(-3 * 3600);
        let at = from.plus_seconds(-NOTICE_SECONDS);
        let retention = Retention::default().keep(Some(days), from, at).unwrap();
        let admin = Admin { workspace: acme(), user_id: "u1".to_owned(), username: None };
        let origin = Origin::without_request(at, system::settings_id(), system::salt());
        let change = shared::model::event::Change {
            path: "/retention_days".to_owned(),
            old: Value::Null,
            new: json!(days),
        };
        let context = [("effective_from".to_owned(), json!(from))].into_iter().collect();
        let record = service_event::settings_changed(&admin, origin, vec![change], context);
        let store = self.store();
        let old = store.settings_now(&acme()).await.unwrap().retention;
        assert!(matches!(store.set_retention(&old, &retention, &record).await.unwrap(), Written::Now(_)));
    }
}

pub(crate) fn place(row: &Value) -> Place {
    let [workspace, timestamp] = ["workspace", "timestamp"].map(|name| row[name].as_str().unwrap());
    Place::from_key(workspace, timestamp).unwrap().1
}

pub(crate) fn event(id: &str, time: Timestamp) -> Value {
    json!({"id": id, "timestamp": time, "action": "group_created", "actor": {"user_id": "u1"}})
}

/// The changes during the freeze, at its begin; and ten minutes.
async fn change_settings(engine: String, midnight: Timestamp, hold: bool) {
    let store = Store::connect(&Config::local(&engine));
    let now = system::now();
    let old = store.settings_now(&acme()).await.unwrap().shards;
    let four = Shards::default().change(4, midnight, now).unwrap();
    assert!(store.set_shards(&acme(), &old, &four).await.unwrap());
    let mut changes = vec![json!({"retention_days": 30, "confirm": true})];
    let retention = store.settings_now(&acme()).await.unwrap().retention;
    if hold && retention.standing_hold(now).is_none() {
        changes.push(json!({"legal_hold": {"reason": "case 17"}}));
    }
    for change in changes {
        let request = invoke::settings("PATCH /api/{workspace}/settings", &change);
        let (status, answer) = invoke::manage_settings(&store, request).await;
        assert_eq!(status, 200, "{change}: {answer}");
    }
    set_clock(system::now().plus_seconds(FREEZE_SECONDS));
    // The connection of the held call stays open; its attempt has not timed out.
    tokio::time::sleep(Duration::from_millis(1)).await;
}
