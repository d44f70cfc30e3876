//! A log for the drills: prepared tables, a signer, and the audit of the result.

use std::{collections::BTreeMap, path::PathBuf, sync::Mutex};

use ledger::Ledger;
use local::Storage;
use shared::{
    aws::config::Config,
    intake::new_event::{Door, Fallback, NewEvent},
    ledger::{
        checkpoint::Checkpoint,
        hash::Hash,
        leaf,
        note::Vkey,
        subtrees::Subtrees,
        tile::{FULL, TileId},
        tree::Frontier,
        turn::Turn,
    },
    model::{
        disclosure::Salt,
        event::Event,
        id::{EventId, WorkspaceId},
        keys::Place,
        timestamp::Timestamp,
    },
    store::{Standing, Store},
    system,
};
use tests::{
    Tables, invoke,
    sample::{self, at},
};

/// The workspace of all drills.
pub(crate) fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

/// The time of all drills.
pub(crate) fn now() -> Timestamp {
    Timestamp::parse(&at(1000)).unwrap()
}

/// Tables in a file, to be copied.
pub(crate) struct Prepared {
    directory: tempfile::TempDir,
    /// The places of the sealed events.
    pub(crate) sealed: Vec<Place>,
    /// The places of the unsealed events.
    pub(crate) unsealed: Vec<Place>,
}

impl Prepared {
    /// Prepares tables with a log of `sealed` events, and with `unsealed` more.
    pub(crate) async fn with(sealed: i64, unsealed: i64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::Directory(directory.path().to_owned());
        let running = local::Tables::start(0, storage).await.unwrap();
        let (tables, store) =
            (Tables::at(running.endpoint()), Store::connect(&Config::local(running.endpoint())));
        let sealed = put(&tables, "group_created", sealed).await;
        sealer::seal(&store, &acme(), &sealed, now()).await.unwrap();
        let unsealed = put(&tables, "group_deleted", unsealed).await;
        running.shutdown().await;
        Self { directory, sealed, unsealed }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("dynamodb.sqlite")
    }

    /// The places of the sealed events, and these.
    pub(crate) fn and(&self, more: &[Place]) -> Vec<Place> {
        [&self.sealed, more].concat()
    }
}

async fn put(tables: &Tables, action: &str, count: i64) -> Vec<Place> {
    tables.put_events("acme", action, count).await;
    (0..count).map(|number| Place::from_key("acme", &format!("{}#{action}", at(number))).unwrap().1).collect()
}

/// An event with a time of its own and a time of receipt, so that the two orders can differ.
pub(crate) fn event(number: i64, received: i64) -> Event {
    let fallback = Fallback {
        now: Timestamp::parse(&at(100 + received)).unwrap(),
        id: EventId::parse("unused").unwrap(),
        salt: Salt::from_bytes([u8::try_from(number).unwrap(); Salt::LENGTH]),
    };
    let sent = sample::event(&format!("e-{number}"), number);
    NewEvent::parse(sent, Vec::new(), Door::Api(&acme()), fallback).unwrap().event
}

/// Every root that was shown to a reader, with its size.
#[derive(Default)]
pub(crate) struct Shown(Mutex<Vec<(u64, Hash)>>);

impl Shown {
    pub(crate) fn add(&self, size: u64, root: Hash) {
        self.0.lock().unwrap().push((size, root));
    }

    /// Asks for a checkpoint, as a reader does. Returns the problem if there is none.
    pub(crate) async fn ask(&self, store: Store) -> Result<(), String> {
        let ledger = Ledger::with_seed(store, "audit.example", [7; 32]);
        let (_, key) = invoke::log_text(&ledger, "key").await;
        match invoke::log_text(&ledger, "checkpoint").await {
            (200, note) => {
                let checkpoint = Checkpoint::open(&note, &Vkey::parse(key.trim_end()).unwrap()).unwrap();
                self.add(checkpoint.size(), checkpoint.root());
                Ok(())
            }
            (status, text) => Err(format!("no checkpoint is signed: {status} {text}")),
        }
    }
}

/// Checks that exactly the events at these places are sealed, each once and as the log says, and that the log
/// continues everything shown of it. Returns the violation, if any.
pub(crate) async fn audit(store: &Store, places: &[Place], shown: &Shown) -> Result<(), String> {
    let Standing { head, delta: beyond, turn } = store.standing(&acme()).await.map_err(debug)?;
    let size = head.size();
    demand(beyond.is_none(), || "a delta is not finished".to_owned())?;
    // A pass that crashes at its last write leaves its turn, which ends by itself.
    let longest = system::now().plus_seconds(Turn::SECONDS);
    demand(turn.is_none_or(|turn| turn.until <= longest), || "a turn does not end".to_owned())?;
    let waiting = store.waiting(&acme(), None).await.map_err(debug)?;
    demand(waiting.is_empty(), || format!("something waits to be sealed: {waiting:?}"))?;
    let entries = store.entries(&acme(), 0..size).await.map_err(debug)?;
    let dense = entries.iter().map(|(sequence, _)| *sequence).eq(0..size);
    demand(dense, || "the sequences are not dense".to_owned())?;
    let mut sealed = BTreeMap::new();
    for (sequence, entry) in &entries {
        let before = sealed.insert(&entry.place, *sequence);
        demand(before.is_none(), || format!("an event is sealed twice, at {before:?} and {sequence}"))?;
    }
    let lost = places.iter().find(|place| !sealed.contains_key(place));
    demand(lost.is_none(), || format!("an event is lost: {lost:?}"))?;

    let mut candidates = store.candidates(&acme(), places).await.map_err(debug)?;
    candidates.sort_by(|one, other| one.place.cmp(&other.place));
    demand(candidates.len() == places.len(), || "an event is gone".to_owned())?;
    let mut tree = Frontier::default();
    let mut roots = vec![tree.root()];
    for (sequence, entry) in &entries {
        let found = candidates.binary_search_by(|candidate| candidate.place.cmp(&entry.place));
        let event = found.map_err(|_| format!("{sequence} is no event of these"))?;
        let event = candidates[event].event.as_ref().map_err(debug)?;
        demand(event.sequence == Some(*sequence), || {
            format!("{} is at {sequence} and has {:?}", event.id, event.sequence)
        })?;
        demand(entry.leaf == Hash::of_leaf(leaf(event).as_bytes()), || {
            format!("the leaf of {sequence} is not that of its event")
        })?;
        tree.push(entry.leaf);
        roots.push(tree.root());
    }
    demand(tree == head, || "the head is not that of the deltas".to_owned())?;

    let tiles = store.tiles(&acme(), TileId::new_since(0, size)).await.map_err(debug)?;
    let root = Subtrees::root(size).unwrap().hashes(&tiles).map_err(debug)?;
    demand(root == [head.root()], || "the root is not that of the tiles".to_owned())?;
    if let Some(tile) = TileId::of(1, 0, size) {
        let kept = store.tile(&acme(), tile).await.map_err(debug)?;
        let made = entries.chunks_exact(usize::from(FULL)).map(|full| {
            let mut tree = Frontier::default();
            full.iter().for_each(|(_, entry)| drop(tree.push(entry.leaf)));
            tree.root()
        });
        demand(kept == Hash::concatenate(&made.collect::<Vec<_>>()), || "a kept root is wrong".to_owned())?;
    }
    for (size, root) in shown.0.lock().unwrap().iter() {
        let is = usize::try_from(*size).ok().and_then(|size| roots.get(size));
        demand(is == Some(root), || format!("the log does not continue what was shown of it at {size}"))?;
    }
    Ok(())
}

pub(crate) fn demand(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn debug(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
