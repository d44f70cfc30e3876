//! Gives every file of `events/` to the function that it is named for, and compares the outcome with a
//! snapshot: the answer, and the new items in the tables.
//!
//! The functions are those of this build. With `REPLAY_ENDPOINTS`, such as
//! `query=http://127.0.0.1:9001/2015-03-31/functions/function/invocations,tokens=…`, they are the programs that
//! answer there, with the engine at `REPLAY_DYNAMODB`, which holds the samples. So `tests/rie.sh` shows that
//! the shipped programs do the same.
//!
//! One engine serves all files. The sealer's files come first: they seal the samples, and nothing is sealed
//! after them, so that all later files see the same log. Otherwise no file depends on another one: each has
//! keys of its own, and a file that reads asks for a time or a workspace that it alone uses. The
//! oversize event is a small file, because canonical JSON writes each of its `1e-6` as 8 digits.

#![expect(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use archiver::{Archiver, Bucket, Pace};
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};
use lambda_runtime::{Context, Error, LambdaEvent};
use ledger::Ledger;
use serde_json::{Value, json};
use shared::{
    aws::{
        config::{ArchiveSettings, Config, Streaming},
        https::Trust,
        secrets::Secrets,
    },
    model::{
        catalogue::{Action, CATEGORIES},
        id::WorkspaceId,
        identity::AdminClaims,
        keys::workspace_of,
    },
    query::page::{Filter, MAX_LIMIT, Order},
    store::{Room, Store},
    stream::Operator,
    system,
};
use streams::Streams;
use tests::{TestApp, invoke, plain};

/// The files that come first, in this order.
const FIRST: [&str; 3] = ["sealer-stream.json", "sealer-redelivered.json", "sealer-reconcile.json"];
/// The functions that files are named for.
const FUNCTIONS: [&str; 14] = [
    "archiver",
    "authorizer",
    "deliver",
    "expiry",
    "ingest-api",
    "ingest-bus",
    "ledger",
    "query",
    "redactions",
    "sealer",
    "settings",
    "streams",
    "tokens",
    "viewer",
];
/// The seed of the key that signs checkpoints; `tests/rie.sh` has the same.
const SIGNING_SEED: [u8; 32] = [7; 32];

/// The bus that streams may use; `tests/rie.sh` has the same.
const EVENT_BUS: &str = "arn:aws:events:us-east-1:123456789012:event-bus/security";

#[test]
fn every_event_file_has_the_outcome_of_its_snapshot() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (stage, _app) = runtime.block_on(Stage::set());
    let mut before = runtime.block_on(stage.tables());

    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    // Values that are generated at every call. The files themselves have UUIDs of version 4 and times of other
    // years.
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]");
    settings.add_filter(r"20(2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "[time]");
    settings.add_filter(r#""salt": "[\w-]{22}""#, r#""salt": "[salt]""#);
    settings.add_filter(r#""signature": "[A-Za-z0-9+/=]{88}""#, r#""signature": "[signature]""#);
    settings.add_filter(r#""sealer": "[0-9a-f-]{36}""#, r#""sealer": "[id]""#);
    settings.add_filter(r#""turn_until": \d+"#, r#""turn_until": "[time]""#);
    settings.add_filter(r#""last_used_on": (null|"[\d-]+")"#, r#""last_used_on": "[day]""#);
    for file in files() {
        let answer = runtime.block_on(stage.invoke(&file));
        let after = runtime.block_on(stage.tables());
        let mut outcome = json!({
            "answer": answer,
            "recorded": news(&before.recorded, &after.recorded),
            "quarantined": news(&before.quarantined, &after.quarantined),
            "tokens": news(&before.tokens, &after.tokens),
        });
        // Most files do not change the ledger.
        let sealed = news(&before.ledger, &after.ledger);
        if !sealed.is_empty() {
            outcome["ledger"] = json!(sealed);
        }
        let streams = news(&before.streams, &after.streams);
        if !streams.is_empty() {
            outcome["streams"] = json!(streams);
        }
        before = after;
        settings.set_snapshot_suffix(file.file_name().unwrap().to_str().unwrap());
        settings.set_input_file(&file);
        settings.bind(|| insta::assert_json_snapshot!("replay", without_new_token(outcome)));
    }
}

#[test]
fn the_bus_files_have_an_action_of_every_category() {
    let mut shown = BTreeSet::new();
    for file in fs::read_dir("../events").unwrap() {
        let envelope: Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        let action = envelope["detail"]["action"].as_str().and_then(Action::parse_lenient);
        shown.extend(action.map(|action| action.category().name));
    }
    for category in CATEGORIES {
        assert!(shown.contains(category.name), "{}", category.name);
    }
}

/// All files, in their order.
fn files() -> Vec<PathBuf> {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path().canonicalize().unwrap()).collect();
    files.sort_by_key(|file| {
        let name = file.file_name().unwrap().to_str().unwrap();
        (FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len()), name.to_owned())
    });
    files
}

/// The functions, and their tables.
struct Stage {
    /// The addresses of the functions, if they are not called in this process.
    endpoints: Option<BTreeMap<String, String>>,
    http: reqwest::Client,
    store: Store,
    claims: Arc<AdminClaims>,
    dynamodb: Client,
}

/// The parts of the tables that a snapshot shows.
struct Tables {
    recorded: Vec<Value>,
    quarantined: Vec<Value>,
    tokens: Vec<Value>,
    ledger: Vec<Value>,
    streams: Vec<Value>,
}

impl Stage {
    /// Sets up the stage, with a system of its own unless `REPLAY_DYNAMODB` names an engine.
    async fn set() -> (Self, Option<TestApp>) {
        let Ok(endpoints) = env::var("REPLAY_ENDPOINTS") else {
            let app = TestApp::start().await;
            local::samples::store(&app.store()).await.unwrap();
            return (Self::at(app.dynamodb_endpoint(), None), Some(app));
        };
        let engine = env::var("REPLAY_DYNAMODB").expect("REPLAY_DYNAMODB: their engine");
        (
            Self::at(
                &engine,
                Some(
                    endpoints
                        .split(',')
                        .map(|pair: &str| {
                            let (function, url) =
                                pair.split_once('=').expect("REPLAY_ENDPOINTS: function=url,…");
                            (function.to_owned(), url.to_owned())
                        })
                        .collect(),
                ),
            ),
            None,
        )
    }

    fn at(engine: &str, endpoints: Option<BTreeMap<String, String>>) -> Self {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(Trust::Plaintext.client())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(engine);
        Self {
            endpoints,
            http: reqwest::Client::new(),
            store: Store::connect(&Config::local(engine)),
            claims: Arc::default(),
            dynamodb: Client::from_conf(config.build()),
        }
    }

    /// Gives a file to its function. Returns the answer, with its body parsed if that is JSON.
    async fn invoke(&self, file: &Path) -> Value {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let payload = fs::read_to_string(file).unwrap();
        let function = FUNCTIONS
            .into_iter()
            .find(|function| name.strip_prefix(function).is_some_and(|rest| rest.starts_with('-')))
            .unwrap_or_else(|| panic!("{name} begins with the name of no function"));
        let mut answer = match &self.endpoints {
            Some(endpoints) => {
                let response = self.http.post(&endpoints[function]).body(payload).send().await.unwrap();
                serde_json::from_str(&response.text().await.unwrap()).unwrap()
            }
            None => self.call(function, &payload).await,
        };
        let body = answer["body"].as_str().and_then(|text| serde_json::from_str(text).ok());
        if let Some(body) = body {
            answer["body"] = body;
        }
        answer
    }

    async fn call(&self, function: &str, payload: &str) -> Value {
        fn event<T: serde::de::DeserializeOwned>(payload: &str) -> LambdaEvent<T> {
            LambdaEvent::new(serde_json::from_str(payload).unwrap(), Context::default())
        }
        fn answer(answer: Result<impl serde::Serialize, Error>) -> Value {
            json!(answer.unwrap())
        }
        match function {
            "authorizer" => answer(authorizer::handle(&self.store, event(payload)).await),
            "ingest-api" => {
                invoke::payload(payload, |request| ingest_api::handle(&self.store, request)).await
            }
            "ingest-bus" => answer(ingest_bus::handle(&self.store, event(payload)).await),
            "ledger" => {
                let ledger = Ledger::with_seed(self.store.clone(), "audit-logs.local", SIGNING_SEED);
                invoke::payload(payload, |request| ledger::handle(&ledger, request)).await
            }
            "query" => invoke::payload(payload, |request| query::handle(&self.store, request)).await,
            "redactions" => {
                invoke::payload(payload, |request| redactions::handle(&self.store, &self.claims, request))
                    .await
            }
            "streams" => {
                let streams = self.streams();
                invoke::payload(payload, |request| streams::handle(&streams, request)).await
            }
            "settings" => {
                invoke::payload(payload, |request| settings::handle(&self.store, &self.claims, request)).await
            }
            "archiver" => {
                let mut event = event(payload);
                event.context.deadline = u64::try_from(system::now().plus_seconds(300).unix_ms()).unwrap();
                let nowhere = ArchiveSettings {
                    bucket: "archive".to_owned(),
                    endpoint: Some("http://127.0.0.1:9".to_owned()),
                    every_seconds: 0,
                };
                let bucket = Bucket::of(&nowhere, &Config::local("http://127.0.0.1:9"));
                let archiver = Archiver { store: self.store.clone(), bucket, pace: Pace::every(0) };
                answer(archiver::handle(&archiver, event).await)
            }
            "deliver" => {
                let (config, mut event) = (Config::local("http://127.0.0.1:9"), event(payload));
                event.context.deadline = u64::try_from(system::now().plus_seconds(60).unix_ms()).unwrap();
                let post = deliver::Post::over(self.store.clone(), config, &Streaming::default());
                answer(deliver::handle(&post, event).await)
            }
            "expiry" => {
                let mut event = event(payload);
                event.context.deadline = u64::MAX / 2;
                answer(expiry::handle(&self.store, event).await)
            }
            "sealer" => answer(sealer::handle(&self.store, event(payload)).await),
            "viewer" => invoke::payload(payload, viewer::handle).await,
            _ => invoke::payload(payload, |request| tokens::handle(&self.store, &self.claims, request)).await,
        }
    }

    /// No file needs a secret, so there are none.
    fn streams(&self) -> Streams {
        let operator = Operator { event_buses: vec![EVENT_BUS.to_owned()], ..Operator::default() };
        let nowhere = Config::local("http://127.0.0.1:1");
        let secrets = Secrets::connect(&nowhere, &Streaming::default());
        Streams { store: self.store.clone(), secrets, operator, claims: Arc::default() }
    }

    async fn tables(&self) -> Tables {
        let keys = self.items("AuditEvents").await;
        let partitions = keys.iter().map(|item| text(item, "workspace"));
        let workspaces: BTreeSet<_> =
            partitions.map(|partition| workspace_of(&partition).unwrap().to_string()).collect();
        let filter = Filter { order: Order::Ascending, ..Filter::default() };
        let room = Room { events: MAX_LIMIT, bytes: usize::MAX, measure: |_| 0 };
        let mut recorded = Vec::new();
        for workspace in workspaces {
            let workspace = WorkspaceId::parse(&workspace).unwrap();
            let page = self.store.page(&workspace, &filter, None, room, system::now()).await.unwrap();
            recorded.extend(page.events.iter().map(|event| json!(event)));
        }
        let quarantined = self.items("AuditQuarantine").await;
        let tokens = self.items("AuditTokens").await;
        let ledger = [self.items("AuditLedger").await, self.items("AuditCheckpoints").await].concat();
        let streams = self.items("AuditStreams").await;
        Tables {
            recorded,
            quarantined: quarantined.iter().map(quarantine_entry).collect(),
            tokens: tokens.iter().map(token_entry).collect(),
            ledger: ledger.iter().map(plain).collect(),
            streams: streams.iter().map(plain).collect(),
        }
    }

    async fn items(&self, table: &str) -> Vec<HashMap<String, AttributeValue>> {
        let items = self.dynamodb.scan().table_name(table).into_paginator().items().send();
        items.collect::<Result<_, _>>().await.unwrap()
    }
}

fn quarantine_entry(item: &HashMap<String, AttributeValue>) -> Value {
    json!({
        "source": text(item, "source"),
        "quarantined_at": text(item, "quarantined_at"),
        "reason": text(item, "reason"),
        "problems": serde_json::from_str::<Value>(&text(item, "problems")).unwrap(),
    })
}

fn token_entry(item: &HashMap<String, AttributeValue>) -> Value {
    let revoked_at = item.get("revoked_at").map(|_| text(item, "revoked_at"));
    json!({
        "workspace": text(item, "workspace"),
        "token": text(item, "token"),
        "name": text(item, "name"),
        "revoked_at": revoked_at,
    })
}

fn text(item: &HashMap<String, AttributeValue>, name: &str) -> String {
    item[name].as_s().unwrap().clone()
}

fn news(before: &[Value], after: &[Value]) -> Vec<Value> {
    after.iter().filter(|value| !before.contains(value)).cloned().collect()
}

/// The same outcome, with the random parts of a new token or stream hidden in every place.
fn without_new_token(outcome: Value) -> Value {
    let generated = outcome["answer"]["body"].clone();
    let mut shown = outcome.to_string();
    if outcome["answer"]["statusCode"] == 201 && generated["stream"].is_string() {
        shown = shown.replace(generated["stream"].as_str().unwrap(), "[stream]");
    }
    if generated["bearer"].is_string() {
        for part in ["bearer", "secret", "token"] {
            shown = shown.replace(generated[part].as_str().unwrap(), &format!("[{part}]"));
        }
    }
    serde_json::from_str(&shown).unwrap()
}
