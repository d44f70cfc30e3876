//! Drills: a sealed and signed log, and every way to tamper with it past our code.
//!
//! The log is made once, through the API and the sealer, and stored on disk. Each drill gets a copy, and
//! changes it with the real SDK, as an attacker with the account's credentials could. Two test binaries check
//! who detects the change: `tests/tests/tamper` with the tables, by fsck, and `cli/tests/command/tamper.rs`
//! with the independent verifier.

mod drill;
pub mod raw;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;
use shared::{model::id::WorkspaceId, store::Store};
use tempfile::TempDir;

pub use self::drill::Drill;
use self::raw::Raw;
use crate::{
    Client, TestApp,
    sample::{event, full_event},
};

/// Events that are recorded with one request and sealed together.
const BATCH: usize = 90;

/// A sealed and signed log, and the evidence that was kept of it.
pub struct Prepared {
    directory: TempDir,
    /// A workspace token that may read.
    pub bearer: String,
    /// The number of entries.
    pub size: u64,
    /// The number of entries of the first kept checkpoint.
    pub half: u64,
    /// The log's verifier key.
    pub key: String,
    /// The kept checkpoints: at about half of the log, and at its end.
    pub checkpoints: [String; 2],
}

/// A copy of a log, for a drill to change.
pub struct Copy {
    /// Removed after the system has ended.
    _directory: TempDir,
    /// The system over the copy. It seals nothing.
    pub app: TestApp,
}

impl Prepared {
    /// Makes a log of the workspace `acme` with at least this many events, in several deltas and tiles.
    pub async fn with(events: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let app = TestApp::start_sealing_in(directory.path()).await;
        let scopes = json!(["audit_log:read", "audit_log:write"]);
        let wanted = json!({"name": "drill", "scopes": scopes});
        let token = app.admin("acme").create_token(&wanted).await.expect(201).body;
        let client = app.client("acme").with_token(&token);
        let store = app.store();
        let numbers: Vec<_> = (0..events).collect();
        let mut half: Option<(u64, String)> = None;
        for batch in numbers.chunks(BATCH) {
            if half.is_none() && 2 * batch[0] + BATCH >= events {
                half = Some((size(&store).await, checkpoint(&client).await));
            }
            let batched: Vec<_> = batch.iter().map(|number| recorded(*number)).collect();
            client.record(&json!({ "events": batched })).await.expect(201);
            app.sealed().await;
        }
        let (half, note) = half.unwrap();
        let (size, checkpoints) = (size(&store).await, [note, checkpoint(&client).await]);
        let key = client.ledger("key").await.expect(200).text.trim_end().to_owned();
        let bearer = token["bearer"].as_str().unwrap().to_owned();
        app.shutdown().await;
        Self { directory, bearer, size, half, key, checkpoints }
    }

    /// A copy of the log as it was prepared.
    pub async fn copy(&self) -> Copy {
        let directory = tempfile::tempdir().unwrap();
        copy_directory(self.directory.path(), directory.path());
        let app = TestApp::start_in(directory.path()).await;
        Copy { _directory: directory, app }
    }
}

impl Copy {
    /// Runs the drill. Returns the first sequence that differs afterwards.
    pub async fn tamper(&self, drill: Drill, log: &Prepared) -> u64 {
        drill.tamper(&self.raw(), log).await
    }

    /// The number of entries that the head covers.
    pub async fn size(&self) -> u64 {
        size(&self.app.store()).await
    }

    /// The tables, past our code.
    pub fn raw(&self) -> Raw<'_> {
        Raw::of(&self.app)
    }
}

/// Copies a directory with all directories in it.
pub fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_directory(&path, &copy);
        } else {
            fs::copy(&path, copy).unwrap();
        }
    }
}

async fn checkpoint(client: &Client) -> String {
    client.ledger("checkpoint").await.expect(200).text
}

async fn size(store: &Store) -> u64 {
    store.head(&acme()).await.unwrap().size()
}

fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

/// An event; every seventh has all optional members.
fn recorded(number: usize) -> serde_json::Value {
    let (id, second) = (format!("e-{number:05}"), i64::try_from(number).unwrap());
    if number.is_multiple_of(7) { full_event(&id, second) } else { event(&id, second) }
}
