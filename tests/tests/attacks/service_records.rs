//! Records of the service that another writes straight into its table, where the sealer seals them as all events.

use indicatif::ProgressBar;
use local::Storage;
use operator::fsck::{self, Kept, Kind, Report};
use serde_json::{Map, json};
use shared::{
    aws::config::{Config, Key, Seed},
    ledger::{hash::Hash, note::Vkey, service_record},
    model::{
        disclosure::Part,
        event::Event,
        id::WorkspaceId,
        keys::Position,
        principal::Admin,
        retention::Retention,
        service_event::{self, Origin},
    },
    store::{Redaction, Store, Written},
    system,
};
use tests::{Client, TestApp, invoke, sample::event};

use crate::held;

/// A system whose log of acme has two entries: the record of a token, and an event.
struct Attacked {
    app: TestApp,
    client: Client,
}

impl Attacked {
    async fn start() -> Self {
        let app = TestApp::start_sealing().await;
        let client = app.holder_of_both("acme").await;
        client.record(&event("e-1", 0)).await.expect(201);
        app.sealed().await;
        Self { app, client }
    }

    async fn key(&self) -> Vkey {
        Vkey::parse(self.client.ledger("key").await.expect(200).text.trim_end()).unwrap()
    }

    /// Writes a record into the table as it is, and seals it; its sequence.
    async fn write(&self, record: &Event) -> u64 {
        self.app.store().append(record).await.unwrap();
        self.app.sealed().await;
        self.app.store().head(&acme()).await.unwrap().size() - 1
    }

    async fn fsck(&self, key: Option<Vkey>) -> Report {
        let kept = Kept { key, ..Kept::default() };
        fsck::check(&self.app.store(), &acme(), &kept, system::now(), &ProgressBar::hidden()).await.unwrap()
    }

    /// The first thing that fsck finds, which is at this sequence.
    async fn found(&self, sequence: u64) -> (Kind, String) {
        let report = self.fsck(Some(self.key().await)).await;
        let first = report.findings.first().unwrap_or_else(|| panic!("{report}"));
        assert_eq!(first.sequence, sequence, "{report}");
        (first.kind, first.detail.clone())
    }

    /// The hash of the event, as every reader can get it.
    async fn leaf(&self) -> Hash {
        self.app.store().entries(&acme(), 1..2).await.unwrap()[0].1.leaf
    }
}

fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

fn ciso() -> Admin {
    Admin { workspace: acme(), user_id: "ciso".to_owned(), username: None }
}

fn origin(id: shared::model::id::EventId) -> Origin {
    Origin::without_request(system::now(), id, system::salt())
}

fn settings_record() -> Event {
    let context = Map::from_iter([("effective_from".to_owned(), json!(system::now()))]);
    service_event::settings_changed(&ciso(), origin(system::settings_id()), Vec::new(), context)
}

fn receipt(leaf: Hash) -> Event {
    let time = "2025-02-18T10:00:00.000000Z";
    let context =
        json!({"count": 1, "sequences": "1", "root": leaf, "first_timestamp": time, "last_timestamp": time});
    service_event::expired(&acme(), origin(system::receipt_id()), context.as_object().unwrap().clone())
}

/// A store with the service key of an attacker.
fn with_own_key(endpoint: &str) -> Store {
    let service_key = Some(Key::Seed(Seed::new([9; 32])));
    Store::connect(&Config { service_key, ..Config::local(endpoint) })
}

#[tokio::test]
async fn a_record_in_the_table_that_the_service_did_not_sign_is_named_by_fsck() {
    let attacked = Attacked::start().await;
    let forged = [
        receipt(attacked.leaf().await),
        service_event::redacted(&ciso(), origin(system::redaction_id()), &Part::ALL, &[1], &[], None),
        settings_record(),
    ];
    for record in forged {
        let attacked = Attacked::start().await;
        let sequence = attacked.write(&record).await;
        let (kind, told) = attacked.found(sequence).await;
        assert_eq!(kind, Kind::ServiceRecord, "{told}");
        assert!(told.contains("it has no signature of the service"), "{told}");
        // It is named even without the log's key.
        assert!(attacked.fsck(None).await.is_refuted());
        held("P14", &format!("{} in the table, unsigned", record.action), told);
    }
}

#[tokio::test]
async fn a_record_with_a_signature_that_is_not_its_own_is_named_by_fsck() {
    let attacked = Attacked::start().await;
    attacked.app.admin("acme").set(&json!({"retention_days": 3650, "confirm": true})).await.expect(200);
    attacked.app.sealed().await;
    assert_eq!(attacked.fsck(Some(attacked.key().await)).await.findings.first(), None);
    let genuine = attacked.client.read("action=x_audit_log_settings_changed").await[0].clone();
    let signature = genuine["context"][service_record::SIGNATURE].clone();
    assert!(signature.is_object(), "{genuine}");
    let mut forged = receipt(attacked.leaf().await);
    forged.context.insert(service_record::SIGNATURE.to_owned(), signature);
    let sequence = attacked.write(&forged).await;
    let (kind, told) = attacked.found(sequence).await;
    assert_eq!(kind, Kind::ServiceRecord, "{told}");
    assert!(told.contains("its signature is not one of the service for this record"), "{told}");
    held("P14", "a receipt with the signature of another record", told);
}

#[tokio::test]
async fn a_record_signed_with_keys_of_an_attacker_is_named_by_fsck() {
    let attacked = Attacked::start().await;
    let store = with_own_key(attacked.app.dynamodb_endpoint());
    // The attacker replaces the statement in the table too.
    invoke::vouch(&store).await;
    let record = settings_record();
    let retention = Retention::default();
    assert!(matches!(store.set_retention(&retention, &retention, &record).await.unwrap(), Written::Now(_)));
    attacked.app.seal_all("acme").await;
    let (kind, told) = attacked.found(2).await;
    assert_eq!(kind, Kind::ServiceRecord, "{told}");
    assert!(told.contains("the log's key does not vouch for the key that signed it"), "{told}");
    // Only the log's key tells.
    let report = attacked.fsck(None).await;
    assert!(!report.is_sound() && report.to_string().contains("COULD NOT BE CHECKED"), "{report}");
    held("P14", "a change of settings signed with keys of an attacker", told);
}

#[tokio::test]
async fn a_signed_receipt_that_the_settings_do_not_allow_is_named_by_fsck() {
    let attacked = Attacked::start().await;
    attacked.app.keep_days("acme", 3650).await;
    attacked.app.seal_all("acme").await;
    let store = attacked.app.fresh_store();
    let settings = store.settings_now(&acme()).await.unwrap();
    let to = Position::from_sort_key("2025-02-18T10:00:00.000000Z#e-1").unwrap();
    let receipt = receipt(attacked.leaf().await);
    assert!(matches!(store.write_receipt(&settings, &to, &receipt, 3).await.unwrap(), Written::Now(_)));
    attacked.app.seal_all("acme").await;
    let (kind, told) = attacked.found(3).await;
    assert_eq!(kind, Kind::Receipt, "{told}");
    assert!(told.contains("by the settings in the log only those before"), "{told}");
    held("P14", "a receipt of the service that the settings do not allow", told);
}

#[tokio::test]
async fn an_erased_part_that_no_record_names_is_named_by_fsck() {
    let attacked = Attacked::start().await;
    let store = attacked.app.store();
    let (entry, before) = store.sealed_event(&acme(), 1, system::now()).await.unwrap();
    let redaction = Redaction { place: entry.place, after: before.redact(&[Part::Actor]), before };
    let record =
        service_event::redacted(&ciso(), origin(system::redaction_id()), &[Part::Actor], &[0], &[], None);
    assert!(matches!(store.redact(&[redaction], &record).await.unwrap(), Written::Now(_)));
    attacked.app.sealed().await;
    let (kind, told) = attacked.found(1).await;
    assert_eq!(kind, Kind::Redaction, "{told}");
    held("P7", "an erasure whose record names another event", told);
}

#[tokio::test]
async fn no_change_is_made_before_its_record_can_be_signed() {
    let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
    let store = Store::connect(&Config::local(engine.endpoint()));
    let hold =
        || invoke::settings("PATCH /api/{workspace}/settings", &json!({"legal_hold": {"reason": "case 17"}}));
    for key in ["that the log's key does not vouch for yet", "that replaced the one of the statement"] {
        let (status, problem) = invoke::manage_settings(&store, hold()).await;
        assert_eq!((status, &problem["id"]), (503, &json!("no_service_key")), "{problem}");
        assert_eq!(store.settings_now(&acme()).await.unwrap().retention, Retention::default());
        held("P14", &format!("a hold, signed with a key {key}"), "503 no_service_key");
        invoke::vouch(&with_own_key(engine.endpoint())).await;
    }
    invoke::vouch(&store).await;
    assert_eq!(invoke::manage_settings(&store, hold()).await.0, 200);
    held("P14", "the hold, once the log's key vouches for the key", "200");
}
