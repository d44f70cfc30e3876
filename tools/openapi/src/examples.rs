//! The examples. The functions' own code makes them wherever it can.

use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use shared::{
    intake::new_event::{Door, Fallback, NewEvent},
    ledger::{
        checkpoint::Checkpoint, hash::Hash, leaf, note::Vkey, subtrees::Subtrees, tile::TileId, tiles::Tiles,
        tlog_proof::TlogProof, tree::Frontier,
    },
    model::{
        disclosure::Salt,
        event::Event,
        id::{EventId, WorkspaceId},
        timestamp::Timestamp,
    },
};

/// The workspace of all examples.
pub(crate) const WORKSPACE: &str = "charismabrotherscorp";
/// The token of all examples.
pub(crate) const TOKEN: &str = "7kPq2ZsW9xLd";

/// An event as a client sends it.
pub(crate) fn sent() -> Value {
    json!({
        "id": "12326c8c-3c13-45a3-9b36-5a16d42937db",
        "timestamp": "2025-02-18T10:47:37Z",
        "action": "connection_group_added_with_role",
        "description": "group added to connection",
        "actor": {"user_id": "af03c0246b82", "username": "peter_parker", "ip": "157.52.123.42"},
        "entity": {
            "entity_type": "workspace_connection",
            "entity_id": "af5aaf31658b",
            "entity_name": "Star Space",
        },
        "context": {"group_id": "4f68a254168a", "role": "view", "group_name": "internalgroup"},
        "changes": [{"path": "/role", "old": null, "new": "view"}],
    })
}

/// An event without optional members.
pub(crate) fn sent_in_short() -> Value {
    json!({"action": "x_invoice_paid", "actor": {"user_id": "af03c0246b82"}})
}

/// The same event as [`sent`], as a reader gets it.
pub(crate) fn read() -> Event {
    let now = Timestamp::parse("2025-02-18T10:47:37.481Z").expect("a literal time");
    let id = EventId::parse("unused").expect("a literal id");
    let salt = Salt::from_bytes(*b"an example's own");
    NewEvent::parse(sent(), Vec::new(), Door::Api(&workspace()), Fallback { now, id, salt })
        .expect("a valid event")
        .event
}

/// A log that ends with [`read`]: its proofs verify by its key.
pub(crate) struct Log {
    head: Frontier,
    tiles: Tiles,
    pub(crate) key: Vkey,
    pub(crate) checkpoint: String,
}

impl Log {
    /// The sequence of the event.
    const SEQUENCE: u64 = 2;

    pub(crate) fn new() -> Self {
        let leaf = Hash::of_leaf(leaf(&read()).as_bytes());
        let leaves = [Hash::of_leaf(b"one before it"), Hash::of_leaf(b"another"), leaf];
        let (mut head, mut tiles) = (Frontier::default(), Tiles::default());
        leaves.iter().for_each(|leaf| drop(head.push(*leaf)));
        let tile = TileId::of(0, 0, head.size()).expect("the log is not empty");
        tiles.insert(tile, &Hash::concatenate(&leaves)).expect("the tile is of its leaves");

        let pair = SigningKey::from_bytes(&[7; 32]);
        let key = Vkey::new(&format!("audit.example.com/{WORKSPACE}"), pair.verifying_key().to_bytes())
            .expect("a name and a key");
        let text = Checkpoint::new(&key, head.size(), head.root()).to_string();
        let checkpoint =
            key.note(&text, &pair.sign(text.as_bytes()).to_bytes()).expect("the key signed this text");
        Self { head, tiles, key, checkpoint }
    }

    /// The event, sealed.
    pub(crate) fn event() -> Event {
        Event { sequence: Some(Self::SEQUENCE), ..read() }
    }

    /// The size and root of the log.
    pub(crate) fn head(&self) -> Value {
        json!({"size": self.head.size(), "root": self.head.root()})
    }

    /// The event with its proof.
    pub(crate) fn entry(&self) -> Value {
        let proof =
            TlogProof { sequence: Self::SEQUENCE, hashes: self.siblings(), note: self.checkpoint.clone() };
        json!({"event": Self::event(), "leaf": leaf(&read()), "proof": proof.to_string()})
    }

    /// The proof that the event is in it.
    pub(crate) fn inclusion(&self) -> Value {
        json!({
            "sequence": Self::SEQUENCE,
            "size": self.head.size(),
            "root": self.head.root(),
            "hashes": self.siblings(),
        })
    }

    /// The proof that it begins with its first two entries.
    pub(crate) fn consistency(&self) -> Value {
        let (from, to) = (Self::SEQUENCE, self.head.size());
        json!({
            "from": from,
            "to": to,
            "root_from": self.hashes(Subtrees::root(from))[0],
            "root_to": self.head.root(),
            "hashes": self.hashes(Subtrees::consistency(from, to)),
        })
    }

    fn siblings(&self) -> Vec<Hash> {
        self.hashes(Subtrees::inclusion(Self::SEQUENCE, self.head.size()))
    }

    fn hashes(&self, wanted: Option<Subtrees>) -> Vec<Hash> {
        wanted.expect("it is of this log").hashes(&self.tiles).expect("the one tile has it")
    }
}

/// The result of an event.
pub(crate) fn recorded(status: &str) -> Value {
    let Event { id, timestamp, .. } = read();
    json!({"index": 0, "status": status, "id": id, "timestamp": timestamp, "retry_safe": true})
}

/// A token as it is listed.
pub(crate) fn token() -> Value {
    json!({
        "token": TOKEN,
        "name": "SIEM",
        "scopes": ["audit_log:read"],
        "created_by": "af03c0246b82",
        "created_at": "2025-02-18T10:40:00.000000Z",
        "expires_at": "2026-02-18T10:40:00.000000Z",
        "revoked_at": null,
        "last_used_on": "2025-02-18",
    })
}

/// The workspace of all examples.
pub(crate) fn workspace() -> WorkspaceId {
    WorkspaceId::parse(WORKSPACE).expect("a literal name")
}
