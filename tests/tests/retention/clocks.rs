//! The shipped functions as processes whose clocks disagree: frozen while settings change, ahead, or set back.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use local::Storage;
use serde_json::{Value, json};
use shared::{
    aws::config::Config,
    model::{
        retention::{NOTICE_SECONDS, Retention},
        shards::Shards,
        timestamp::Timestamp,
    },
    store::Store,
    system,
};
use tests::{
    Tables, invoke,
    process::{PATIENCE, freeze, invoke as call},
    runtime_api::{Instance, program},
    sample::event,
};

use crate::aged::{acme, set};

const DAY: i64 = 86_400;

/// The tables, and functions whose wall clock is ahead by the seconds in a file.
struct World {
    engine: local::Tables,
    folder: tempfile::TempDir,
    shim: PathBuf,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shim = folder.path().join("ahead.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clock/ahead.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(source).status();
        assert!(compiled.unwrap().success(), "cc is there, because Rust links with it");
        let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
        let world = Self { engine, folder, shim };
        invoke::vouch(&world.store()).await;
        world
    }

    fn ahead_file(&self) -> PathBuf {
        self.folder.path().join("seconds")
    }

    /// Sets the clocks of all functions ahead by this many seconds; their monotonic clocks do not notice.
    fn set_ahead(&self, seconds: i64) {
        fs::write(self.ahead_file(), seconds.to_string()).unwrap();
    }

    async fn function(&self, name: &str) -> Instance {
        let mut command = program(Path::new(env!("CARGO_BIN_EXE_function")), self.engine.endpoint());
        command.arg(name).env("LD_PRELOAD", &self.shim).env("CLOCK_AHEAD", self.ahead_file());
        Instance::start(name, command, PATIENCE).await.unwrap()
    }

    fn store(&self) -> Store {
        Store::connect(&Config::local(self.engine.endpoint()))
    }

    fn tables(&self) -> Tables {
        Tables::at(self.engine.endpoint())
    }
}

/// The status and the body of a function's answer.
async fn ask(instance: &Instance, request: &Value) -> (i64, Value) {
    let answer = call(instance, request, PATIENCE).await.unwrap();
    let body = serde_json::from_str(answer["body"].as_str().unwrap_or("null")).unwrap();
    (answer["statusCode"].as_i64().unwrap(), body)
}

fn post(id: &str, time: Timestamp) -> Value {
    let mut event = event(id, 0);
    event["timestamp"] = json!(time);
    invoke::audit_logs("POST", &event)
}

fn list() -> Value {
    invoke::by_token("GET /api/{workspace}/audit_logs", &[], "limit=100&order=asc")
}

async fn ids(instance: &Instance) -> Vec<String> {
    let (status, page) = ask(instance, &list()).await;
    assert_eq!(status, 200, "{page}");
    let ids =
        page["audit_logs"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned());
    // The records of reads have longer ids.
    ids.filter(|id| id.len() < 20).collect()
}

/// The start of the day after tomorrow.
fn later_day(now: Timestamp) -> Timestamp {
    let day = now.plus_seconds(2 * DAY).to_string();
    Timestamp::parse(&format!("{}T00:00:00Z", &day[..10])).unwrap()
}

#[tokio::test]
async fn a_function_frozen_while_settings_changed_uses_the_new_ones() {
    let world = World::start().await;
    world.set_ahead(0);
    let (frozen, reader) = futures::join!(world.function("ingest-api"), world.function("query"));
    let now = system::now();
    let (old, day) = (now.plus_seconds(-29 * DAY), later_day(now));
    assert_eq!(ask(&frozen, &post("old", old)).await.0, 201);
    assert_eq!(ids(&reader).await, ["old"]);

    // The changes are as far ahead as the rules demand: after everything that an instance with the old settings
    // can record.
    freeze(
        &frozen,
        freeze(&reader, async {
            let four = Shards::default().change(4, day, now).unwrap();
            assert!(world.store().set_shards(&acme(), &Shards::default(), &four).await.unwrap());
            let thirty = Retention::default().keep(Some(30), now.plus_seconds(NOTICE_SECONDS), now).unwrap();
            set(&world.store(), &thirty).await;
            world.set_ahead(3 * DAY);
        }),
    )
    .await;

    let other = world.function("ingest-api").await;
    let fresh = post("new", now.plus_seconds(3 * DAY));
    assert_eq!(ask(&frozen, &fresh).await.0, 201);
    let (status, answer) = ask(&other, &fresh).await;
    assert_eq!(status, 200, "an instance that was not frozen knows the event: {answer}");
    // It was retained when the function was frozen, and has expired since.
    for instance in [&frozen, &other] {
        let (status, answer) = ask(instance, &post("late", old.plus_seconds(1))).await;
        assert_eq!((status, &answer["errors"][0]["code"]), (422, &json!("expired_timestamp")));
    }
    assert_eq!(ids(&reader).await, ["new"], "one that is stored is seen, and one that has expired is not");
    assert_eq!(
        world
            .tables()
            .events("acme")
            .await
            .iter()
            .filter(|event| event["timestamp"].as_str().unwrap().ends_with("#new"))
            .count(),
        0
    );
}

#[tokio::test]
async fn clocks_that_are_minutes_off_lose_no_event_and_record_no_expired_one() {
    let world = World::start().await;
    world.set_ahead(0);
    let (writer, reader) = futures::join!(world.function("ingest-api"), world.function("query"));
    let now = system::now();
    let from = now.plus_seconds(-3600);
    set(
        &world.store(),
        &Retention::default().keep(Some(30), from, from.plus_seconds(-NOTICE_SECONDS)).unwrap(),
    )
    .await;
    for (number, ahead) in [0, 300, -300, 0, -600, 600].into_iter().enumerate() {
        world.set_ahead(ahead);
        let id = format!("e-{number}");
        assert_eq!(ask(&writer, &post(&id, now)).await.0, 201, "{ahead} s ahead");
        // An hour older than the retention: a clock that is minutes off does not accept it.
        let (status, _) = ask(&writer, &post("expired", now.plus_seconds(-30 * DAY - 3600))).await;
        assert_eq!(status, 422, "{ahead} s ahead");
        assert_eq!(ids(&reader).await.len(), number + 1, "{ahead} s ahead");
    }
}
