//! A log as a server keeps it, worked out here by the definitions of the standards alone.
//!
//! The command verifies with crates of others; nothing here uses them, so the two cannot be wrong
//! together. It is as slow as the definitions are.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::events;

pub(crate) type Hash = [u8; 32];

const ORIGIN: &str = "audit-logs.test";
const PARTS: [&str; 5] = ["actor", "changes", "context", "description", "entity"];

/// The log of a workspace.
pub(crate) struct Log {
    workspace: String,
    signer: Ed25519KeyPair,
    /// Signs service records.
    service: Ed25519KeyPair,
    /// The events that readers get.
    pub(crate) events: Vec<Value>,
    leaves: Vec<String>,
    /// How many entries the last checkpoint has.
    pub(crate) signed: usize,
    /// A false checkpoint to answer in place of the last one.
    pub(crate) claim: Option<String>,
    /// The size from which consistency is proved, in place of the requested one.
    pub(crate) claims_consistency_of: Option<usize>,
}

impl Log {
    /// The log of `acme` with so many events, all of them signed.
    pub(crate) fn with(events: usize) -> Self {
        Self::of("acme", 1, events)
    }

    /// The log of a workspace, with the signing key that a number makes.
    pub(crate) fn of(workspace: &str, key: u8, events: usize) -> Self {
        let signer = Ed25519KeyPair::from_seed_unchecked(&[key; 32]).unwrap();
        let service = Ed25519KeyPair::from_seed_unchecked(&[key + 100; 32]).unwrap();
        let workspace = workspace.to_owned();
        let mut log = Self {
            workspace,
            signer,
            service,
            events: Vec::new(),
            leaves: Vec::new(),
            signed: 0,
            claim: None,
            claims_consistency_of: None,
        };
        log.grow(events);
        log
    }

    /// Seals and signs so many more events.
    pub(crate) fn grow(&mut self, events: usize) {
        for number in self.events.len()..self.events.len() + events {
            let event = sealed(number, &self.workspace);
            self.leaves.push(leaf(&event));
            self.events.push(event);
        }
        self.signed = self.events.len();
    }

    /// Seals and signs a receipt for these sequences, whose root is that of the entries there. The last event before it
    /// becomes the record of the settings that allow it.
    pub(crate) fn expire(&mut self, sequences: std::ops::Range<usize>) {
        self.set("2025-02-01T00:00:00Z", "/retention_days", json!(1));
        self.grow(1);
        self.receipt(sequences, "2025-03-01T00:00:00Z");
    }

    /// Makes the last event a receipt for these sequences, recorded at this time.
    pub(crate) fn receipt(&mut self, sequences: std::ops::Range<usize>, at: &str) {
        let leaves: Vec<_> = self.leaves[sequences.clone()].iter().map(|leaf| leaf_hash(leaf)).collect();
        let last =
            self.events[sequences.clone()].iter().filter_map(|event| event["timestamp"].as_str()).max();
        let context = json!({
            "count": leaves.len(),
            "sequences": format!("{}-{}", sequences.start, sequences.end - 1),
            "root": BASE64_STANDARD.encode(root(&leaves)),
            "last_timestamp": last,
        });
        self.replace_last(|receipt| {
            receipt["action"] = json!("x_audit_log_expired");
            receipt["category"] = json!("custom");
            receipt["timestamp"] = json!(at);
            receipt["context"] = context;
        });
        self.sign_last();
    }

    /// Makes the last event the record of a change of settings at this time, which takes effect at once.
    pub(crate) fn set(&mut self, at: &str, path: &str, new: Value) {
        self.replace_last(|event| {
            event["action"] = json!("x_audit_log_settings_changed");
            event["category"] = json!("custom");
            event["timestamp"] = json!(at);
            event["changes"] = json!([{"path": path, "old": null, "new": new}]);
            event["context"] = json!({"effective_from": at});
        });
        self.sign_last();
    }

    /// Makes the last event the record that these parts of these sequences were erased.
    pub(crate) fn record_redaction(&mut self, parts: Value, sequences: Value) {
        self.replace_last(|event| {
            event["action"] = json!("x_audit_log_redacted");
            event["category"] = json!("custom");
            event["context"] = json!({"parts": parts, "sequences": sequences, "unsealed": 0});
        });
        self.sign_last();
    }

    /// Alters the last event before it is shown.
    pub(crate) fn replace_last(&mut self, alter: impl FnOnce(&mut Value)) {
        let event = self.events.last_mut().unwrap();
        alter(event);
        *self.leaves.last_mut().unwrap() = leaf(event);
    }

    /// Signs the last event as the service signs its records.
    pub(crate) fn sign_last(&mut self) {
        let name = self.name();
        let event = self.events.last_mut().unwrap();
        event["context"].as_object_mut().unwrap().remove("service_signature");
        let key = BASE64_STANDARD.encode(self.service.public_key());
        let statement = format!("audit-log-service-key v1\n{ORIGIN}\n{key}\n");
        let text = format!("audit-log-service-record v1\n{name}\n{}\n", leaf(event));
        event["context"]["service_signature"] = json!({
            "key": key,
            "key_signature": BASE64_STANDARD.encode(self.signer.sign(statement.as_bytes())),
            "signature": BASE64_STANDARD.encode(self.service.sign(text.as_bytes())),
        });
        *self.leaves.last_mut().unwrap() = leaf(event);
    }

    /// Lets the last receipt name other sequences than its root is of, and signs it.
    pub(crate) fn forge_receipt(&mut self, sequences: Value, count: u64) {
        self.replace_last(|receipt| {
            receipt["context"]["sequences"] = sequences;
            receipt["context"]["count"] = json!(count);
        });
        self.sign_last();
    }

    /// Puts another event in the place of one, as only who holds the database and the key can.
    pub(crate) fn rewrite(&mut self, sequence: usize) {
        self.events[sequence]["actor"]["user_id"] = json!("another");
        self.leaves[sequence] = leaf(&self.events[sequence]);
    }

    /// Forgets all entries from one on.
    pub(crate) fn cut(&mut self, size: usize) {
        self.events.truncate(size);
        self.leaves.truncate(size);
        self.signed = size;
    }

    /// Removes the parts of an event with their salts, and keeps their digests.
    pub(crate) fn redact(&mut self, sequence: usize, parts: &[&str]) {
        let event = &mut self.events[sequence];
        let (mut digests, mut salts) = (json!({}), json!({}));
        for part in PARTS {
            if parts.contains(&part) {
                digests[part] = json!(digest(event, part));
            } else {
                salts[part] = json!(salt(event, part));
            }
        }
        for part in parts {
            event[*part] = match *part {
                "changes" => json!([]),
                "context" => json!({}),
                _ => Value::Null,
            };
        }
        event["salt"] = Value::Null;
        event["redacted"] = json!({"digests": digests, "salts": salts});
    }

    fn name(&self) -> String {
        format!("{ORIGIN}/{}", self.workspace)
    }

    fn public_key(&self) -> Vec<u8> {
        [&[1], self.signer.public_key().as_ref()].concat()
    }

    fn key_id(&self) -> Vec<u8> {
        let hash = Sha256::new().chain_update(self.name()).chain_update("\n").chain_update(self.public_key());
        hash.finalize()[..4].to_vec()
    }

    /// The verifier key.
    pub(crate) fn key(&self) -> String {
        let id: String = self.key_id().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}+{id}+{}", self.name(), BASE64_STANDARD.encode(self.public_key()))
    }

    fn hashes(&self, size: usize) -> Vec<Hash> {
        self.leaves[..size].iter().map(|leaf| leaf_hash(leaf)).collect()
    }

    /// The root of so many entries.
    pub(crate) fn root(&self, size: usize) -> Hash {
        root(&self.hashes(size))
    }

    /// The last checkpoint.
    pub(crate) fn checkpoint(&self) -> String {
        self.claim.clone().unwrap_or_else(|| self.sign(&self.name(), self.signed, self.root(self.signed)))
    }

    /// A checkpoint that says what it is told to.
    pub(crate) fn sign(&self, origin: &str, size: usize, root: Hash) -> String {
        let text = format!("{origin}\n{size}\n{}\n", BASE64_STANDARD.encode(root));
        let signature = [&self.key_id(), self.signer.sign(text.as_bytes()).as_ref()].concat();
        format!("{text}\n— {origin} {}\n", BASE64_STANDARD.encode(signature))
    }

    /// The proof of an entry against the last checkpoint.
    pub(crate) fn proof(&self, sequence: usize) -> String {
        let path = path(sequence, &self.hashes(self.signed));
        let hashes: String = path.iter().map(|hash| format!("{}\n", BASE64_STANDARD.encode(hash))).collect();
        format!("c2sp.org/tlog-proof@v1\nindex {sequence}\n{hashes}\n{}", self.checkpoint())
    }

    /// A tile by its name, such as `0/000.p/7`; only what the last checkpoint has.
    pub(crate) fn tile(&self, name: &str) -> Option<Vec<u8>> {
        let (path, width) = match name.split_once(".p/") {
            Some((path, width)) => (path, width.parse().unwrap()),
            None => (name, 256),
        };
        let start = path.strip_prefix("0/")?.parse::<usize>().ok()? * 256;
        let hashes = self.hashes(self.signed);
        Some(hashes.get(start..start + width)?.concat())
    }

    /// The proof that the log of one size has grown into that of another.
    pub(crate) fn consistency(&self, from: usize, to: usize) -> Value {
        fn text(hash: &Hash) -> String {
            BASE64_STANDARD.encode(hash)
        }
        let proved = self.claims_consistency_of.unwrap_or(from);
        let hashes: Vec<_> = consistency(proved, &self.hashes(to), true).iter().map(text).collect();
        let (root_from, root_to) = (text(&self.root(from)), text(&self.root(to)));
        json!({"from": from, "to": to, "root_from": root_from, "root_to": root_to, "hashes": hashes})
    }

    /// The API's answer for an entry.
    pub(crate) fn entry(&self, sequence: usize) -> Option<Value> {
        (sequence < self.signed).then(|| {
            let (event, leaf) = (&self.events[sequence], &self.leaves[sequence]);
            json!({"event": event, "leaf": leaf, "proof": self.proof(sequence)})
        })
    }
}

/// The columns of a table of events.
const COLUMNS: [&str; 23] = [
    "id",
    "action",
    "category",
    "description",
    "timestamp",
    "received_at",
    "sequence",
    "workspace_username",
    "outcome",
    "actor.user_id",
    "actor.username",
    "actor.ip",
    "actor.user_agent",
    "actor.type",
    "actor.on_behalf_of.user_id",
    "actor.on_behalf_of",
    "entity.entity_type",
    "entity.entity_id",
    "entity.entity_name",
    "context",
    "changes",
    "salt",
    "redacted",
];

/// Events as the API writes them in CSV.
pub(crate) fn csv(events: &[Value]) -> String {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS).unwrap();
    for event in events {
        writer.write_record(COLUMNS.map(|column| cell(event, column))).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn cell(event: &Value, column: &str) -> String {
    match column.split('.').fold(event, |value, name| &value[name]) {
        Value::Null => String::new(),
        Value::String(text) if text.is_empty() || text.starts_with(['=', '+', '-', '@', '\'']) => {
            format!("'{text}")
        }
        Value::String(text) => text.clone(),
        value => canonical(value),
    }
}

/// An event as a reader gets it once it is sealed. Some have all that there can be.
fn sealed(number: usize, workspace: &str) -> Value {
    let mut event = events::event(number);
    event["category"] = json!("user_groups");
    event["description"] = json!("Create a group");
    event["received_at"] = json!(format!("2025-02-01T00:00:00.{number:06}Z"));
    event["workspace_username"] = json!(workspace);
    event["sequence"] = json!(number);
    event["context"] = json!({"ratio": 0.1 + 0.2, "many": 1e21, "whole": 7, "Ä": ["=1", null, true]});
    event["changes"] = json!([{"path": "/role", "old": null, "new": {"is": -2.5e-7}}]);
    event["actor"]["type"] = json!("user");
    event["salt"] = json!(BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(format!("salt {number}"))[..16]));
    event["redacted"] = Value::Null;
    if number % 3 == 1 {
        event["entity"] = Value::Null;
        event["description"] = json!("");
        event["actor"]["on_behalf_of"] = json!({"user_id": "=u2", "username": "", "type": "service"});
    }
    event
}

fn salt(event: &Value, part: &str) -> String {
    match event["salt"].as_str() {
        Some(seed) => {
            let seed = BASE64_URL_SAFE_NO_PAD.decode(seed).unwrap();
            BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest([&seed, part.as_bytes()].concat())[..16])
        }
        None => event["redacted"]["salts"][part].as_str().unwrap().to_owned(),
    }
}

fn digest(event: &Value, part: &str) -> String {
    let disclosure = canonical(&json!([salt(event, part), part, event[part]]));
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(BASE64_URL_SAFE_NO_PAD.encode(disclosure)))
}

fn leaf(event: &Value) -> String {
    let mut leaf = json!({"version": 1, "workspace": event["workspace_username"]});
    for name in ["id", "action", "timestamp", "received_at", "outcome"] {
        leaf[name] = event[name].clone();
    }
    for part in PARTS {
        leaf[part] = json!(digest(event, part));
    }
    canonical(&leaf)
}

fn canonical(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).unwrap()
}

fn leaf_hash(leaf: &str) -> Hash {
    Sha256::digest([b"\0", leaf.as_bytes()].concat()).into()
}

fn node_hash(left: Hash, right: Hash) -> Hash {
    Sha256::digest([&[1][..], &left, &right].concat()).into()
}

/// RFC 6962 §2.1.
fn root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Sha256::digest([]).into(),
        [hash] => *hash,
        _ => {
            let (left, right) = split(hashes);
            node_hash(root(left), root(right))
        }
    }
}

/// RFC 6962 §2.1.1.
fn path(sequence: usize, hashes: &[Hash]) -> Vec<Hash> {
    if hashes.len() == 1 {
        return Vec::new();
    }
    let (left, right) = split(hashes);
    let (mut path, sibling) = match sequence.checked_sub(left.len()) {
        None => (path(sequence, left), root(right)),
        Some(sequence) => (path(sequence, right), root(left)),
    };
    path.push(sibling);
    path
}

/// RFC 6962 §2.1.2.
fn consistency(from: usize, hashes: &[Hash], is_whole: bool) -> Vec<Hash> {
    if from == hashes.len() {
        return if is_whole { Vec::new() } else { vec![root(hashes)] };
    }
    let (left, right) = split(hashes);
    let (mut proof, other) = match from.checked_sub(left.len()) {
        None | Some(0) => (consistency(from, left, is_whole), root(right)),
        Some(from) => (consistency(from, right, false), root(left)),
    };
    proof.push(other);
    proof
}

fn split(hashes: &[Hash]) -> (&[Hash], &[Hash]) {
    hashes.split_at(hashes.len().next_power_of_two() / 2)
}
