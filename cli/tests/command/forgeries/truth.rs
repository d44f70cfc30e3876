//! A true log, and the true files that are forged.

use std::{collections::BTreeMap, fs, path::Path};

use archiver::archive::Run;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use shared::model::id::WorkspaceId;

use crate::{
    api::Api,
    auditlog::Auditlog,
    events,
    ledger::{self, Log},
};

const STREAM: &str = "str_5h2Qb8nTz0Yx";
/// How many events the log has, the last of which is a receipt for the first two.
const EVENTS: usize = 8;
/// The name under which a file is verified.
const MAIN: &str = "file";

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ndjson,
    Json,
    Csv,
    Ocsf,
    Bundle,
    Receipt,
    State,
    Checkpoint,
    Archive,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::Ndjson,
        Self::Json,
        Self::Csv,
        Self::Ocsf,
        Self::Bundle,
        Self::Receipt,
        Self::State,
        Self::Checkpoint,
        Self::Archive,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Ocsf => "ocsf",
            Self::Bundle => "bundle",
            Self::Receipt => "receipt",
            Self::State => "state",
            Self::Checkpoint => "checkpoint",
            Self::Archive => "archive",
        }
    }

    pub(super) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap()
    }

    /// The arguments that verify it.
    pub(super) fn command(self, key: &str) -> Vec<String> {
        let arguments: &[&str] = match self {
            Self::Ndjson | Self::Json | Self::Csv | Self::Ocsf => {
                &["verify", "export", MAIN, "--state=log", "--complete=log"]
            }
            Self::Bundle => &["verify", "event", MAIN, "--key", key],
            Self::Receipt => &["verify", "receipt", MAIN, "--key", key, "--state=log"],
            Self::State | Self::Checkpoint => {
                &["verify", "export", "true.ndjson", "--state=forged", "--complete=log", "--key", key]
            }
            Self::Archive => &["verify", "archive", "archive", "--key", key],
        };
        arguments.iter().map(|argument| (*argument).to_owned()).collect()
    }

    /// The name of the file that is forged, if it is one file.
    fn main(self) -> Option<&'static str> {
        match self {
            Self::Ndjson | Self::Json | Self::Csv | Self::Ocsf | Self::Bundle | Self::Receipt => Some(MAIN),
            Self::Checkpoint => Some("forged/checkpoint"),
            Self::State | Self::Archive => None,
        }
    }
}

/// Files by their paths, true or forged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Forged(pub(super) BTreeMap<String, Vec<u8>>);

/// The log and its files.
pub(super) struct Truth {
    pub(super) log: Log,
    pub(super) key: String,
    state: BTreeMap<String, Vec<u8>>,
    archive: BTreeMap<String, Vec<u8>>,
}

/// The log: of its last three events one records what was erased, one the settings, and one is the receipt.
fn logged() -> Log {
    let mut log = Log::with(EVENTS - 2);
    log.record_redaction(json!(["actor", "context"]), json!([3]));
    log.grow(1);
    log.expire(0..2);
    log.redact(3, &["actor", "context"]);
    log
}

impl Truth {
    /// Makes the log, and the state that the forged files are held against.
    pub(super) fn make(auditlog: &Auditlog) -> Self {
        let log = logged();
        let key = log.key();
        let api = Api::serve(log);
        let address = api.url();
        let to_api = ["--endpoint", &address, "--workspace=acme"];
        let follow = ["verify", "follow", "--once", "--state=log", "--key", &key];
        for arguments in [&follow[..], &["export", "true.ndjson"]] {
            let mut command = auditlog.command(&[arguments, &to_api].concat());
            let output = command.env("AUDITLOG_TOKEN", crate::api::BEARER).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        let log = logged();
        let mut lines: Vec<_> = events::lines(&log.events).lines().map(str::to_owned).collect();
        let mut exported: Vec<_> = auditlog.read("true.ndjson").lines().map(str::to_owned).collect();
        lines.sort_unstable();
        exported.sort_unstable();
        assert_eq!(exported, lines, "the API answers with other events than the log has");
        let state = files_below(&auditlog.path("log"), "forged");
        let archive = archive(&log);
        Self { log, key, state, archive }
    }

    /// The true file of a kind.
    pub(super) fn file(&self, kind: Kind) -> Forged {
        let one = |text: String| BTreeMap::from([(MAIN.to_owned(), text.into_bytes())]);
        let lines = events::lines(&self.log.events);
        Forged(match kind {
            Kind::Ndjson => one(lines),
            Kind::Json => one(format!("[\n{}\n]\n", lines.trim_end().replace('\n', ",\n"))),
            Kind::Csv => one(ledger::csv(&self.log.events)),
            Kind::Ocsf => one(events::ocsf(&self.log.events)),
            Kind::Bundle => one(self.log.entry(2).unwrap().to_string()),
            Kind::Receipt => one(self.log.entry(EVENTS - 1).unwrap().to_string()),
            Kind::State | Kind::Checkpoint => self.state.clone(),
            Kind::Archive => self.archive.clone(),
        })
    }

    /// Another log of the same workspace, under another key.
    pub(super) fn other(&self) -> Log {
        let mut other = Log::of("acme", 2, EVENTS);
        other.rewrite(4);
        other
    }

    /// An event of the log as it is not.
    pub(super) fn forged_event(&self, sequence: usize) -> Value {
        let mut event = self.log.events[sequence].clone();
        event["actor"] = json!({"type": "user", "user_id": "mallory", "username": "root"});
        event
    }
}

impl Forged {
    /// The files that hold text which operators of lines forge: all, or those of one path.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        String::from_utf8(self.0.get(path)?.clone()).ok()
    }

    /// The same with another content of one file.
    pub(super) fn with(&self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        let mut files = self.0.clone();
        files.insert(path.to_owned(), content.into());
        Self(files)
    }

    /// The same without a file.
    pub(super) fn without(&self, path: &str) -> Self {
        let mut files = self.0.clone();
        files.remove(path);
        Self(files)
    }

    /// Puts the files below a directory, in place of those of another forgery.
    pub(super) fn put(&self, below: &Path) {
        for directory in ["forged", "archive"] {
            let _ = fs::remove_dir_all(below.join(directory));
        }
        for (path, content) in &self.0 {
            let path = below.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    /// Writes it into the corpus: a single file as it is, and else a list of the files that differ from the true ones.
    pub(super) fn write(&self, corpus: &Path, name: &str, kind: Kind, truth: &Truth) -> String {
        let is_whole =
            |main: &&str| truth.file(kind).0.keys().eq(self.0.keys()) && self.0.contains_key(*main);
        if let Some(main) = kind.main().filter(is_whole) {
            fs::write(corpus.join(name), &self.0[main]).unwrap();
            return name.to_owned();
        }
        let truth = truth.file(kind).0;
        let changed = self.0.iter().filter(|(path, content)| truth.get(*path) != Some(*content));
        let mut files: BTreeMap<_, _> =
            changed.map(|(path, content)| (path.clone(), json!(BASE64_STANDARD.encode(content)))).collect();
        files.extend(
            truth.keys().filter(|path| !self.0.contains_key(*path)).map(|path| (path.clone(), Value::Null)),
        );
        let name = format!("{name}.json");
        fs::write(corpus.join(&name), format!("{:#}\n", json!(files))).unwrap();
        name
    }

    /// Reads a file of the corpus.
    pub(super) fn read(path: &Path, kind: Kind, truth: &Truth) -> Self {
        let content = fs::read(path).unwrap();
        let forged = truth.file(kind);
        if let Some(main) = kind.main().filter(|_| path.extension().is_none()) {
            return forged.with(main, content);
        }
        let files: BTreeMap<String, Option<String>> = serde_json::from_slice(&content).unwrap();
        files.into_iter().fold(forged, |forged, (path, content)| match content {
            Some(content) => forged.with(&path, BASE64_STANDARD.decode(content).unwrap()),
            None => forged.without(&path),
        })
    }
}

/// Two runs of an archive of the log, each with a checkpoint.
fn archive(log: &Log) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut previous = None;
    for (first, last) in [(0, EVENTS / 2 - 1), (EVENTS / 2, EVENTS - 1)] {
        let sequences = first as u64..=last as u64;
        let events: archiver::archive::Rows = log.events[first..=last].iter().collect();
        let checkpoint = log.sign("audit-logs.test/acme", last + 1, log.root(last + 1));
        let run = Run {
            workspace: &WorkspaceId::parse("acme").unwrap(),
            stream: STREAM,
            sequences,
            events: &events,
            expired: 0,
            filter: false,
            mask: &[],
            checkpoint: Some(&checkpoint),
            previous,
        };
        let archived = run.archive().unwrap();
        previous = Some(archived.manifest.sha256);
        for object in archived.objects.into_iter().chain([archived.manifest]) {
            files.insert(format!("archive/{}", object.key), object.bytes.to_vec());
        }
    }
    files
}

fn files_below(directory: &Path, under: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{under}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path(), &name));
        } else {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}
