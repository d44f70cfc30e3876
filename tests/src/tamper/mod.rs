//! Drills: a log that was sealed and signed, and every way to tamper with it past our code.
//!
//! The log is made once, through the API and by the sealer itself, and lies on the disk. Each drill gets a
//! copy of it, and does with the real SDK what somebody with the account's credentials could do. Who then
//! finds what is for the tests to say: `tests/tests/tamper` of the tables, by fsck, and
//! `cli/tests/command/tamper.rs` of the independent verifier.

mod drill;
pub mod raw;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;
use shared::model::id::WorkspaceId;
use tempfile::TempDir;

pub use self::drill::Drill;
use self::raw::Raw;
use crate::{
    TestApp,
    sample::{event, full_event},
};

/// How many events are recorded with one request, and sealed together.
const BATCH: usize = 90;

/// A log that was sealed and signed, and what was kept of it.
pub struct Prepared {
    directory: TempDir,
    /// A workspace token that may read.
    pub bearer: String,
    /// How many entries it has.
    pub size: u64,
    /// How many of them the first checkpoint has that was kept.
    pub half: u64,
    /// The log's verifier key.
    pub key: String,
    /// The checkpoints that were kept: at about half of it, and at its end.
    pub checkpoints: [String; 2],
}

/// A copy of a log, to be tampered with.
pub struct Copy {
    /// Kept until the system has ended.
    _directory: TempDir,
    /// The system over it. It seals nothing.
    pub app: TestApp,
}

impl Prepared {
    /// A log of the workspace `acme` of at least so many events, in several deltas and tiles.
    pub async fn with(events: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let app = TestApp::start_sealing_in(directory.path()).await;
        let scopes = json!(["audit_log:read", "audit_log:write"]);
        let wanted = json!({"name": "drill", "scopes": scopes});
        let token = app.admin("acme").create_token(&wanted).await.expect(201).body;
        let client = app.client("acme").with_token(&token);
        let checkpoint = async || client.ledger("checkpoint").await.expect(200).text;
        let size = async || app.store().head(&acme()).await.unwrap().size();
        let numbers: Vec<_> = (0..events).collect();
        let mut half: Option<(u64, String)> = None;
        for batch in numbers.chunks(BATCH) {
            if half.is_none() && 2 * batch[0] + BATCH >= events {
                half = Some((size().await, checkpoint().await));
            }
            let batched: Vec<_> = batch.iter().map(|number| recorded(*number)).collect();
            client.record(&json!({ "events": batched })).await.expect(201);
            app.sealed().await;
        }
        let (half, note) = half.unwrap();
        let (size, checkpoints) = (size().await, [note, checkpoint().await]);
        let key = client.ledger("key").await.expect(200).text.trim_end().to_owned();
        let bearer = token["bearer"].as_str().unwrap().to_owned();
        app.shutdown().await;
        Self { directory, bearer, size, half, key, checkpoints }
    }

    /// A copy of it as it was.
    pub async fn copy(&self) -> Copy {
        let directory = tempfile::tempdir().unwrap();
        copy_directory(self.directory.path(), directory.path());
        let app = TestApp::start_in(directory.path()).await;
        Copy { _directory: directory, app }
    }
}

impl Copy {
    /// Does what the drill does; the first sequence that is not what it was.
    pub async fn tamper(&self, drill: Drill, log: &Prepared) -> u64 {
        drill.tamper(&self.raw(), log).await
    }

    /// How many entries its head covers.
    pub async fn size(&self) -> u64 {
        self.app.store().head(&acme()).await.unwrap().size()
    }

    /// Its tables, past all our code.
    pub fn raw(&self) -> Raw<'_> {
        Raw::of(&self.app)
    }
}

/// Copies all files of a directory, and those of the directories in it.
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

fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

/// Some have all that there can be.
fn recorded(number: usize) -> serde_json::Value {
    let (id, second) = (format!("e-{number:05}"), i64::try_from(number).unwrap());
    if number.is_multiple_of(7) { full_event(&id, second) } else { event(&id, second) }
}
