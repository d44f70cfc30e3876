//! A workspace with old and new events, before and after a retention is in force.

use serde_json::{Value, json};
use shared::{
    ledger::{checkpoint::Checkpoint, hash::Hash, note::Vkey},
    model::{
        event::Change,
        id::WorkspaceId,
        principal::Admin,
        retention::{Hold, NOTICE_SECONDS, Retention, receipt_action},
        service_event::{self, Origin},
        timestamp::Timestamp,
    },
    query::page::Filter,
    store::{Room, Store, Written},
    system,
};
use tests::{Client, TestApp, sample::event};

/// The number of old events, which are of February 2025.
pub(crate) const OLD: usize = 300;
/// The number of present events.
pub(crate) const NEW: usize = 5;

pub(crate) fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

/// A system in a directory, with [`OLD`] and [`NEW`] events in acme, all sealed. The first entry of the log is
/// about the token.
pub(crate) struct Aged {
    pub(crate) app: TestApp,
    pub(crate) client: Client,
    pub(crate) directory: tempfile::TempDir,
}

impl Aged {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let app = TestApp::start_sealing_in(directory.path()).await;
        let client = app.holder_of_both("acme").await;
        let old: Vec<_> = (0..OLD as i64).map(|number| event(&format!("old-{number}"), number)).collect();
        client.record(&json!({ "events": old })).await.expect(201);
        let new = json!({"action": "group_created", "actor": {"user_id": "u1"}});
        client.record(&json!({ "events": vec![new; NEW] })).await.expect(201);
        app.sealed().await;
        Self { app, client, directory }
    }

    /// The same system with this retention in force, and without instances that have cached other settings.
    pub(crate) async fn under(self, retention: &Retention) -> Self {
        let Self { app, client, directory } = self;
        set(&app.store(), retention).await;
        app.shutdown().await;
        let app = TestApp::start_sealing_in(directory.path()).await;
        let client = client.at(&app);
        Self { app, client, directory }
    }

    /// The present signed checkpoint.
    pub(crate) async fn checkpoint(&self) -> Checkpoint {
        let note = self.client.ledger("checkpoint").await.expect(200).text;
        Checkpoint::open(&note, &self.key().await).unwrap()
    }

    pub(crate) async fn key(&self) -> Vkey {
        Vkey::parse(self.client.ledger("key").await.expect(200).text.trim_end()).unwrap()
    }

    /// The newest receipt.
    pub(crate) async fn receipt(&self) -> Value {
        let receipts = self.client.read("action=x_audit_log_expired").await;
        receipts.first().cloned().unwrap_or_default()
    }
}

/// Seals the receipts that are not sealed yet.
pub(crate) async fn seal_receipts(store: &Store) {
    let room = Room { events: 1000, bytes: usize::MAX, measure: |_| 0 };
    let filter = Filter { actions: vec![receipt_action()], ..Filter::default() };
    let receipts = store.page(&acme(), &filter, None, room, system::now()).await.unwrap().events;
    let mut places = Vec::new();
    for receipt in receipts.iter().filter(|receipt| receipt.sequence.is_none()) {
        places.push(store.place_of(receipt).await.unwrap());
    }
    sealer::seal(store, &acme(), &places, system::now()).await.unwrap();
}

/// A retention of this many days, in force for an hour.
pub(crate) fn days(days: u32) -> Retention {
    let from = system::now().plus_seconds(-3600);
    Retention::default().keep(Some(days), from, from.plus_seconds(-NOTICE_SECONDS)).unwrap()
}

/// The same with a hold, in force for half an hour.
pub(crate) fn held(retention: &Retention) -> Retention {
    let from = system::now().plus_seconds(-1800);
    let hold = Hold { reason: "a lawsuit".to_owned(), by: "u1".to_owned() };
    retention.with_hold(Some(hold), from, from.plus_seconds(-NOTICE_SECONDS)).unwrap()
}

/// Sets the retention of acme in its table, with the record of the change, which is as old as [`days`] is.
pub(crate) async fn set(store: &Store, retention: &Retention) {
    let old = store.settings_now(&acme()).await.unwrap().retention;
    let admin = Admin { workspace: acme(), user_id: "u1".to_owned(), username: None };
    let (now, from) = (system::now(), system::now().plus_seconds(-3600));
    let at = from.plus_seconds(-NOTICE_SECONDS);
    let origin = Origin::without_request(at, system::settings_id(), system::salt());
    let days = json!(retention.days(now));
    let change = Change { path: "/retention_days".to_owned(), old: Value::Null, new: days };
    let context = [("effective_from".to_owned(), json!(from))].into_iter().collect();
    let record = service_event::settings_changed(&admin, origin, vec![change], context);
    assert!(matches!(store.set_retention(&old, retention, &record).await.unwrap(), Written::Now(_)));
}

pub(crate) fn origin(now: Timestamp) -> Origin {
    Origin::without_request(now, system::event_id(), system::salt())
}

pub(crate) fn hash(value: &Value) -> Hash {
    Hash::parse(value.as_str().unwrap()).unwrap()
}

pub(crate) fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}
