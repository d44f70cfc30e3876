//! Attempts to delete events that a hold, the log or the settings protect.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response, header},
};
use local::Storage;
use serde_json::{Value, json};
use shared::{
    aws::config::Config,
    ledger::tree::Frontier,
    model::{
        id::WorkspaceId,
        keys::Place,
        principal::Admin,
        retention::{Hold, NOTICE_SECONDS, Retention},
        service_event::{self, Origin},
    },
    store::{Store, Written},
    system,
};
use tests::{Fault, FaultyEngine, Plan, Tables, invoke, sample::at};
use tokio::net::TcpListener;

use crate::held;

/// More events than one transaction can mark.
const EVENTS: i64 = 60;

/// The tables without a system, with sealed events of February 2025 in acme.
struct World {
    engine: local::Tables,
    tables: Tables,
}

impl World {
    async fn start() -> Self {
        let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
        let world = Self { tables: Tables::at(engine.endpoint()), engine };
        invoke::vouch(&world.store()).await;
        world.record("acme").await;
        world
    }

    async fn record(&self, workspace: &str) {
        self.tables.put_events(workspace, "group_created", EVENTS).await;
        let places: Vec<_> =
            (0..EVENTS).map(|number| Place::from_key(workspace, &group_key(number)).unwrap().1).collect();
        sealer::seal(&self.store(), &id(workspace), &places, system::now()).await.unwrap();
    }

    /// The same with a retention of 30 days in force, and a sealed receipt for all events.
    async fn receipted() -> Self {
        let world = Self::start().await;
        set(&world.store(), "acme", &days(30)).await;
        assert_eq!(world.run(json!({"workspace": "acme"})).await.events, EVENTS as u64);
        world.seal().await;
        world
    }

    /// A store with an empty cache.
    fn store(&self) -> Store {
        store(self.engine.endpoint())
    }

    async fn run(&self, trigger: Value) -> expiry::Response {
        invoke::expire(&self.store(), trigger).await.unwrap()
    }

    /// Seals all unsealed events.
    async fn seal(&self) {
        for workspace in ["acme", "globex"] {
            let events = self.tables.events(workspace).await;
            let unsealed = events.iter().filter(|event| event.get("sequence").is_none());
            let places = unsealed
                .map(|event| Place::from_key(workspace, event["timestamp"].as_str().unwrap()).unwrap().1);
            sealer::seal(&self.store(), &id(workspace), &places.collect::<Vec<_>>(), system::now())
                .await
                .unwrap();
        }
    }

    async fn marked(&self) -> usize {
        marked(&self.tables).await
    }
}

fn group_key(number: i64) -> String {
    format!("{}#group_created", at(number))
}

fn store(endpoint: &str) -> Store {
    Store::connect(&Config::local(endpoint))
}

fn id(workspace: &str) -> WorkspaceId {
    WorkspaceId::parse(workspace).unwrap()
}

async fn marked(tables: &Tables) -> usize {
    tables.events("acme").await.iter().filter(|event| event.get("expires_at").is_some()).count()
}

/// A retention that has been in force for three hours.
fn days(days: u32) -> Retention {
    let from = system::now().plus_seconds(-3 * 3600);
    Retention::default().keep(Some(days), from, from.plus_seconds(-NOTICE_SECONDS)).unwrap()
}

fn hold() -> Option<Hold> {
    Some(Hold { reason: "case 17".to_owned(), by: "u1".to_owned() })
}

async fn set(store: &Store, workspace: &str, retention: &Retention) {
    let old = store.settings_now(&id(workspace)).await.unwrap().retention;
    let admin = Admin { workspace: id(workspace), user_id: "u1".to_owned(), username: None };
    let record = service_event::settings_changed(&admin, origin(), Vec::new(), serde_json::Map::new());
    assert!(matches!(store.set_retention(&old, retention, &record).await.unwrap(), Written::Now(_)));
}

/// Places a hold now, as an admin does: it takes effect in two minutes.
async fn place_hold(endpoint: &str) {
    let (store, now) = (store(endpoint), system::now());
    let retention = store.settings_now(&id("acme")).await.unwrap().retention;
    let held = retention.with_hold(hold(), now.plus_seconds(NOTICE_SECONDS), now).unwrap();
    set(&store, "acme", &held).await;
}

fn origin() -> Origin {
    Origin::without_request(system::now(), system::event_id(), system::salt())
}

/// A proxy to the tables that places a hold when a chosen call arrives, before it executes the call.
struct Gate {
    engine: String,
    http: reqwest::Client,
    at: usize,
    calls: AtomicUsize,
    /// The number of marked events when the hold was placed, and after the next call.
    marked: Mutex<Option<[usize; 2]>>,
}

impl Gate {
    async fn before(engine: &str, at: usize) -> (Arc<Self>, String) {
        let gate = Arc::new(Self {
            engine: engine.to_owned(),
            http: reqwest::Client::new(),
            at,
            calls: AtomicUsize::new(0),
            marked: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(forward).with_state(gate.clone());
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        (gate, endpoint)
    }
}

async fn forward(State(gate): State<Arc<Gate>>, mut headers: HeaderMap, body: Bytes) -> Response<Body> {
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let is_held = gate.calls.fetch_add(1, Ordering::SeqCst) == gate.at;
    let tables = Tables::at(&gate.engine);
    let before = if is_held {
        place_hold(&gate.engine).await;
        marked(&tables).await
    } else {
        0
    };
    let answer = gate.http.post(&gate.engine).headers(headers).body(body).send().await.unwrap();
    if is_held {
        *gate.marked.lock().unwrap() = Some([before, marked(&tables).await]);
    }
    let response = Response::builder().status(answer.status());
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}

#[tokio::test]
async fn a_hold_placed_at_any_call_of_marking_stops_it_and_removes_the_marks() {
    let mut number = 0;
    loop {
        let world = World::receipted().await;
        let (gate, endpoint) = Gate::before(world.engine.endpoint(), number).await;
        invoke::expire(&store(&endpoint), json!({"workspace": "acme"})).await.unwrap();
        let Some([then, after]) = *gate.marked.lock().unwrap() else { break };
        assert_eq!(after, then, "call {number} marked after the hold was placed");
        assert!(world.marked().await <= then, "call {number}: marked after the hold was placed");
        world.run(json!({"holds": true})).await;
        assert_eq!(world.marked().await, 0, "call {number}");
        let quiet = world.run(json!({"expire": true})).await;
        assert_eq!((quiet.marked, quiet.receipts, world.marked().await), (0, 0, 0), "call {number}");
        // After the end of the hold, every event that a receipt names is marked again.
        set(&world.store(), "acme", &days(30)).await;
        world.run(json!({"expire": true})).await;
        assert_eq!(world.marked().await, EVENTS as usize, "call {number}: marked again");
        held(
            "P14",
            &format!("a hold placed at call {number} of a run that marks"),
            format!("{then} marks, all taken away"),
        );
        number += 1;
    }
    assert!(number > 8, "{number} calls");
}

#[tokio::test]
async fn a_run_that_removes_marks_may_end_at_any_call() {
    let mut number = 0;
    loop {
        let world = World::receipted().await;
        world.run(json!({"workspace": "acme"})).await;
        assert_eq!(world.marked().await, EVENTS as usize);
        place_hold(world.engine.endpoint()).await;
        let plan = Plan::default().nth(number, "*", Fault::Denied);
        let faulty = FaultyEngine::with(world.engine.endpoint(), plan).await;
        let _ = invoke::expire(&faulty.store(), json!({"holds": true})).await;
        if faulty.happened(Fault::Denied) == 0 {
            break;
        }
        world.run(json!({"holds": true})).await;
        assert_eq!(world.marked().await, 0, "call {number}");
        set(&world.store(), "acme", &days(30)).await;
        world.run(json!({"expire": true})).await;
        assert_eq!(world.marked().await, EVENTS as usize, "call {number}: marked again");
        number += 1;
    }
    held(
        "P14",
        &format!("a run that takes marks away, ended at each of {number} calls"),
        "no mark stays, none is lost",
    );
    assert!(number > 5, "{number} calls");
}

#[tokio::test]
async fn a_process_that_resumes_after_hours_marks_nothing_under_a_hold() {
    let world = World::receipted().await;
    let store = world.store();
    let before = store.settings_now(&id("acme")).await.unwrap();
    let entries = store.entries(&id("acme"), 0..5).await.unwrap();
    let places: Vec<_> = entries.into_iter().map(|(_, entry)| entry.place).collect();
    place_hold(world.engine.endpoint()).await;
    let marked = store.mark_expired(&id("acme"), &before, &places, system::now()).await.unwrap();
    assert_eq!((marked, world.marked().await), (None, 0));
    held("P14", "marks by settings that were read before the hold", "refused by the store");
    assert!(!store.write_marked_size(&id("acme"), &before, 999).await.unwrap());
    held("P14", "progress by settings that were read before the hold", "refused by the store");
    let receipt = service_event::expired(&id("acme"), origin(), serde_json::Map::new());
    let last = &places[4].position;
    assert_eq!(store.write_receipt(&before, last, &receipt, 60).await.unwrap(), Written::Before);
    held("P14", "a receipt by settings that were read before the hold", "refused by the store");
}

#[tokio::test]
async fn a_hold_counts_from_when_it_is_placed_until_an_hour_after_its_end() {
    let world = World::receipted().await;
    let now = system::now();
    let far = days(30).with_hold(hold(), now.plus_seconds(10 * 86_400), now).unwrap();
    set(&world.store(), "acme", &far).await;
    assert_eq!((world.run(json!({"expire": true})).await.marked, world.marked().await), (0, 0));
    held("P14", "marks before a hold that takes effect in ten days", "none");

    let ended = now.plus_seconds(-600);
    let stopped = days(30).with_hold(hold(), ended.plus_seconds(-3600), ended.plus_seconds(-7200)).unwrap();
    let free = stopped.with_hold(None, ended, ended.plus_seconds(-NOTICE_SECONDS)).unwrap();
    set(&world.store(), "acme", &free).await;
    assert_eq!((world.run(json!({"expire": true})).await.marked, world.marked().await), (0, 0));
    held("P14", "marks by a clock that may be ten minutes ahead of the end of a hold", "none");
}

#[tokio::test]
async fn no_event_is_marked_before_its_receipt_is_sealed() {
    let world = World::start().await;
    set(&world.store(), "acme", &days(30)).await;
    for _ in 0..3 {
        world.run(json!({"expire": true})).await;
        assert_eq!(world.marked().await, 0);
    }
    held("P14", "three runs while the sealer is withheld", "no mark");
    world.seal().await;
    assert_eq!(world.run(json!({"expire": true})).await.marked, EVENTS as u64);
    held("P14", "the run after the receipt is sealed", format!("{EVENTS} marks"));
}

#[tokio::test]
async fn a_receipt_that_the_log_or_the_settings_contradict_marks_nothing() {
    let world = World::receipted().await;
    world.run(json!({"expire": true})).await;
    assert_eq!(world.tables.sweep().await, EVENTS as usize);
    // Present events, which must stay.
    let now = json!({"action": "group_created", "actor": {"user_id": "u1"}});
    for _ in 0..3 {
        assert_eq!(invoke::ingest_api(&world.store(), invoke::audit_logs("POST", &now)).await.0, 201);
    }
    world.seal().await;
    let size = world.store().head(&id("acme")).await.unwrap().size();
    let entries = world.store().entries(&id("acme"), size - 3..size).await.unwrap();
    let mut root = Frontier::default();
    for (_, entry) in &entries {
        root.push(entry.leaf);
    }
    let (kept, root) = (format!("{}-{}", size - 3, size - 1), json!(root.root()));
    let attempts = [
        ("of events that have not expired", kept.clone(), root.clone()),
        ("with another root", kept, json!(Frontier::default().root())),
        ("of events beyond the log", "0-9999".to_owned(), root.clone()),
        ("of the whole log of a million", "0-999999999999999999".to_owned(), root.clone()),
        ("of no sequences", "all".to_owned(), root),
    ];
    for (attempt, sequences, root) in attempts {
        let time = json!(at(0));
        let context = json!({"first_timestamp": time, "last_timestamp": time, "count": 3, "sequences": sequences, "root": root});
        let origin = Origin::without_request(system::now(), system::receipt_id(), system::salt());
        let forged = service_event::expired(&id("acme"), origin, context.as_object().unwrap().clone());
        world.store().append(&forged).await.unwrap();
        world.seal().await;
        let done = world.run(json!({"expire": true})).await;
        assert_eq!((done.marked, world.marked().await), (0, 0), "{attempt}");
        held("P14", &format!("a forged receipt {attempt}, sealed"), "no mark");
    }
}

#[tokio::test]
async fn every_change_that_lets_more_events_expire_must_be_confirmed() {
    let world = World::start().await;
    let now = system::now();
    let thirty = days(30);
    let longer = thirty.keep(Some(3650), now.plus_seconds(86_400), now).unwrap();
    let past = now.plus_seconds(-7200);
    let ends = stopped(past, &days(3650)).with_hold(None, now.plus_seconds(86_400), now).unwrap();
    let placed = thirty.with_hold(hold(), now.plus_seconds(10 * 86_400), now).unwrap();
    let unlimited = thirty.keep(None, now.plus_seconds(86_400), now).unwrap();
    let attempts = [
        ("a longer period to come is taken back", longer.clone(), json!({"retention_days": 30})),
        (
            "a longer period to come is put off",
            longer,
            json!({"retention_days": 3650, "effective_from": days_after(now, 9)}),
        ),
        ("a shorter period under a hold whose end is set", ends, json!({"retention_days": 1})),
        ("a hold to come is ended", placed.clone(), json!({"legal_hold": null})),
        (
            "a hold to come is put off",
            placed,
            json!({"legal_hold": {"reason": "later"}, "effective_from": days_after(now, 20)}),
        ),
        ("no period to come is taken back", unlimited, json!({"retention_days": 30})),
        ("a hold is ended", stopped(past, &thirty), json!({"legal_hold": null})),
        ("a shorter period", thirty, json!({"retention_days": 29})),
    ];
    for (attempt, retention, patch) in attempts {
        set(&world.store(), "acme", &retention).await;
        let (status, problem) = invoke::manage_settings(&world.store(), patch_request(&patch)).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!("/confirm")),
            "{attempt}: {problem}"
        );
        held("P14", attempt, "422 /confirm");
        let mut confirmed = patch;
        confirmed["confirm"] = json!(true);
        assert_eq!(
            invoke::manage_settings(&world.store(), patch_request(&confirmed)).await.0,
            200,
            "{attempt}"
        );
    }
}

fn patch_request(body: &Value) -> Value {
    invoke::settings("PATCH /api/{workspace}/settings", body)
}

fn stopped(past: shared::model::timestamp::Timestamp, retention: &Retention) -> Retention {
    retention.with_hold(hold(), past, past.plus_seconds(-NOTICE_SECONDS)).unwrap()
}

fn days_after(now: shared::model::timestamp::Timestamp, days: i64) -> Value {
    json!(now.plus_seconds(days * 86_400))
}

#[tokio::test]
async fn one_workspace_never_delays_the_expiry_of_others() {
    let world = World::start().await;
    for workspace in ["broken", "globex"] {
        world.record(workspace).await;
    }
    for workspace in ["acme", "broken", "globex"] {
        set(&world.store(), workspace, &days(30)).await;
    }
    let key = format!("{}#group_created", at(7));
    world
        .tables
        .set_text("AuditEvents", [("workspace", "broken"), ("timestamp", &key)], "action", "group_deleted")
        .await;
    let done = world.run(json!({"expire": true})).await;
    assert_eq!((done.receipts, done.events, done.left), (2, 2 * EVENTS as u64, 1));
    held("P13", "a log that is not as it was sealed, among three", "the others expire; left 1");
    world.seal().await;

    // The first transactions conflict with an admin's change.
    let plan = Plan::seeded(7).first(3, "TransactWriteItems", Fault::TransactionConflict);
    let faulty = FaultyEngine::with(world.engine.endpoint(), plan).await;
    let done = invoke::expire(&faulty.store(), json!({"expire": true})).await.unwrap();
    assert_eq!((done.marked, faulty.happened(Fault::TransactionConflict)), (2 * EVENTS as u64, 3));
    held("P13", "a run that meets an admin's change of the settings three times", "all marked");

    let plan = Plan::default().first(5, "ExecuteTransaction", Fault::TransactionConflict);
    let faulty = FaultyEngine::with(world.engine.endpoint(), plan).await;
    let hold =
        invoke::settings("PATCH /api/{workspace}/settings", &json!({"legal_hold": {"reason": "case 17"}}));
    assert_eq!(invoke::manage_settings(&faulty.store(), hold).await.0, 200);
    assert_eq!(faulty.happened(Fault::TransactionConflict), 5);
    held("P13", "a hold that meets the marks of a run five times", "200");
}

#[tokio::test]
async fn an_event_that_the_index_does_not_show_yet_is_erased() {
    let world = World::start().await;
    let plan = Plan::default().always("Query", Fault::IndexBehind);
    let behind = FaultyEngine::with(world.engine.endpoint(), plan).await;
    for number in 0..3 {
        let event = json!({"action": "group_created", "actor": {"user_id": "user-9"}, "id": format!("n-{number}"),
            "timestamp": system::now()});
        assert_eq!(invoke::ingest_api(&behind.store(), invoke::audit_logs("POST", &event)).await.0, 201);
    }
    let request = invoke::redact(&json!({"actor": "user-9"}));
    let (status, done) = invoke::redactions(&behind.store(), request).await;
    assert_eq!((status, &done), (200, &json!({"redacted": 3, "has_more": false})));
    assert!(behind.happened(Fault::IndexBehind) > 0);
    assert_eq!(world.tables.mentions("AuditEvents", "user-9").await, 0);
    held("P7", "erasure while an index is behind an acknowledged event", &done);
}

/// `ERASED_READS=200000` runs the large size.
#[tokio::test]
async fn an_erasure_over_many_read_records_takes_bounded_requests() {
    let count: i64 = std::env::var("ERASED_READS").map_or(5000, |count| count.parse().unwrap());
    let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
    let (tables, counted) = (Tables::at(engine.endpoint()), FaultyEngine::counting(engine.endpoint()).await);
    invoke::vouch(&store(engine.endpoint())).await;
    tables.put_events("acme", "audit_log_accessed", count).await;
    for number in [0, count / 2, count - 1] {
        let key = [("workspace", "acme"), ("timestamp", &*read_key(number))];
        tables.set_text("AuditEvents", key, "context", r#"{"filters":{"actor":"user-9"}}"#).await;
    }
    let (mut body, mut requests, mut redacted, mut last) = (json!({"actor": "user-9"}), 0, 0, 0);
    let mut longest = 0;
    loop {
        let request = invoke::redact(&body);
        let (status, done) = match count {
            200_000.. => invoke::redactions(&counted.store(), request).await,
            _ => invoke::redactions_in_a_hurry(&counted.store(), request).await,
        };
        assert_eq!(status, 200, "{done}");
        requests += 1;
        redacted += done["redacted"].as_u64().unwrap();
        longest = longest.max(counted.all_calls() - last);
        last = counted.all_calls();
        if done["has_more"] == false {
            break;
        }
        body["cursor"] = done["cursor"].clone();
    }
    assert_eq!(redacted, 3);
    assert_eq!(tables.mentions("AuditEvents", "user-9").await, 0);
    let gets = counted.calls("BatchGetItem") as i64;
    assert!(gets <= count / 100 + 20, "each record is read once: {gets} batches of 100 for {count}");
    assert!(requests > 1, "{requests}");
    held(
        "P7",
        &format!("erasure by actor over {count} records of reads"),
        format!("{requests} requests, at most {longest} calls each"),
    );

    // A cursor is valid only for its own actor.
    body["actor"] = json!("u8");
    let (status, problem) = invoke::redactions(&counted.store(), invoke::redact(&body)).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/cursor")));
    held("P12", "the cursor of another actor's erasure", "422 /cursor");
}

fn read_key(number: i64) -> String {
    format!("{}#audit_log_accessed", at(number))
}
