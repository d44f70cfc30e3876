//! The drills.

use serde_json::json;
use shared::{
    ledger::{Delta, Entry, hash::Hash, leaf, tree::Frontier},
    model::{event::Event, id::EventId, keys::ledger},
};

use super::{
    Prepared, acme,
    raw::{Item, Raw, bytes, number, text, with_digest},
};
use crate::sample::event;

/// A way to tamper with a log, or a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drill {
    /// The log stays as it is.
    Control,
    /// Parts of an event are erased through the API, which is legitimate.
    Redaction,
    /// The context of an event is changed.
    ChangedAttribute,
    /// The salt of an event is changed.
    ChangedSalt,
    /// The actor of an event is changed, and the key of the index with it.
    ChangedIndexKey,
    DeletedEvent,
    /// The contents of two events are swapped.
    SwappedContents,
    /// The sequences of two events are swapped.
    SwappedSequences,
    /// An event is inserted, with a sequence that another one has.
    InsertedEvent,
    /// An event is inserted with an entry of its own; the later entries of its delta move up.
    InsertedEntry,
    /// The last deltas are deleted, with their events.
    Truncated,
    /// The head is set to an earlier size.
    HeadSetBack,
    /// The root of a tile is changed.
    ChangedTileRoot,
    /// An event is changed, and so is everything in the ledger that follows from it.
    Rewritten,
    /// `Rewritten`, and then signed by the service.
    RewrittenAndSigned,
    /// The end of the log is cut off, the rest is made to fit, and the service signs it.
    CutAndSigned,
    /// `CutAndSigned`, and then the log grows beyond its old size with other events.
    CutAndRegrown,
}

impl Drill {
    pub const ALL: [Self; 17] = [
        Self::Control,
        Self::Redaction,
        Self::ChangedAttribute,
        Self::ChangedSalt,
        Self::ChangedIndexKey,
        Self::DeletedEvent,
        Self::SwappedContents,
        Self::SwappedSequences,
        Self::InsertedEvent,
        Self::InsertedEntry,
        Self::Truncated,
        Self::HeadSetBack,
        Self::ChangedTileRoot,
        Self::Rewritten,
        Self::RewrittenAndSigned,
        Self::CutAndSigned,
        Self::CutAndRegrown,
    ];

    /// Runs the drill. Returns the first sequence that differs afterwards.
    pub(super) async fn tamper(self, raw: &Raw<'_>, log: &Prepared) -> u64 {
        // Both are beyond the checkpoint of the first half, and neither is the beginning of a delta or tile.
        let (one, other) = (log.size * 5 / 8, log.size * 7 / 8);
        match self {
            Self::Control => return log.size,
            Self::Redaction => {
                let parts = json!({"sequences": [one, other], "parts": ["actor", "context"]});
                raw.app.admin("acme").redact(&parts).await.expect(200);
                return log.size;
            }
            Self::ChangedAttribute => {
                let mut item = raw.event(one).await;
                item.insert("context".to_owned(), text(r#"{"forged":true}"#));
                raw.put_event(item).await;
            }
            Self::ChangedSalt => {
                let mut item = raw.event(one).await;
                item.insert("salt".to_owned(), bytes(vec![7; 16]));
                raw.put_event(item).await;
            }
            Self::ChangedIndexKey => raw.put_event(with_other_actor(raw.event(one).await)).await,
            Self::DeletedEvent => raw.delete_event(&raw.entry(one).await.place).await,
            Self::SwappedContents => swap(raw, one, other, &["workspace", "timestamp", "sequence"]).await,
            Self::SwappedSequences => {
                let (mut first, mut second) = (raw.event(one).await, raw.event(other).await);
                first.insert("sequence".to_owned(), number(other));
                second.insert("sequence".to_owned(), number(one));
                raw.put_event(first).await;
                raw.put_event(second).await;
            }
            Self::InsertedEvent => raw.put_event(forged(raw, one).await).await,
            Self::InsertedEntry => return insert_entry(raw, one).await,
            Self::Truncated => {
                let cut = cut(raw, log).await;
                for delta in raw.deltas().await.iter().filter(|delta| delta.first >= cut) {
                    raw.delete_part(&ledger::delta(delta.first)).await;
                    delete_events(raw, delta).await;
                }
                return cut;
            }
            Self::HeadSetBack => {
                let cut = cut(raw, log).await;
                raw.put_head(&frontier(&raw.deltas().await, cut)).await;
                return cut;
            }
            Self::ChangedTileRoot => {
                let tile = one / 256 - 1;
                let root = Hash::of_leaf(b"another").as_bytes().to_vec();
                raw.put_part(ledger::root(1, tile), [("root", bytes(root))]).await;
                return tile * 256;
            }
            Self::Rewritten => rewrite(raw, one).await,
            Self::RewrittenAndSigned => {
                rewrite(raw, one).await;
                raw.sign_again(&log.bearer).await;
            }
            Self::CutAndSigned => {
                let cut = cut_off(raw, log).await;
                raw.sign_again(&log.bearer).await;
                return cut;
            }
            Self::CutAndRegrown => {
                let cut = cut_off(raw, log).await;
                let others: Vec<_> = (0..log.size - cut + 30)
                    .map(|number| event(&format!("f-{number}"), i64::try_from(number).unwrap()))
                    .collect();
                let client = raw.app.client("acme").with_bearer(&log.bearer);
                for others in others.chunks(100) {
                    client.record(&json!({ "events": others })).await.expect(201);
                }
                raw.seal().await;
                raw.sign_again(&log.bearer).await;
                return cut;
            }
        }
        one
    }
}

fn with_other_actor(mut item: Item) -> Item {
    item.insert("actor_id".to_owned(), text("forged-actor"));
    item
}

/// Swaps all attributes of two events except the ones in `kept`.
async fn swap(raw: &Raw<'_>, one: u64, other: u64, kept: &[&str]) {
    let (first, second) = (raw.event(one).await, raw.event(other).await);
    raw.put_event(mixed(&first, &second, kept)).await;
    raw.put_event(mixed(&second, &first, kept)).await;
}

/// The attributes in `kept` from `own`, the others from `content`.
fn mixed(own: &Item, content: &Item, kept: &[&str]) -> Item {
    let content = content.iter().filter(|(name, _)| !kept.contains(&name.as_str()));
    let own = own.iter().filter(|(name, _)| kept.contains(&name.as_str()));
    own.chain(content).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A copy of the event of a sequence under an id of its own.
async fn forged(raw: &Raw<'_>, sequence: u64) -> Item {
    let mut item = raw.event(sequence).await;
    let position = raw.entry(sequence).await.place.position;
    item.insert("timestamp".to_owned(), text(format!("{}#forged", position.timestamp)));
    item
}

/// Inserts an event before this sequence; if its delta has no room, into the last delta before it that has.
async fn insert_entry(raw: &Raw<'_>, sequence: u64) -> u64 {
    let mut deltas = raw.deltas().await;
    let index = deltas.iter().rposition(|delta| {
        delta.first <= sequence && delta.entries.len() > 2 && delta.entries.len() < Delta::room(delta.first)
    });
    let delta = &mut deltas[index.unwrap()];
    let within = delta.entries.len() / 2;
    let sequence = delta.first + within as u64;
    let item = forged(raw, sequence).await;
    raw.put_event(item).await;
    let mut entry = delta.entries[within].clone();
    entry.place.position.id = EventId::parse("forged").unwrap();
    let found = raw.app.store().kept(&acme(), std::slice::from_ref(&entry.place)).await.unwrap();
    entry.leaf = leaf_of(found[0].as_ref().unwrap().event.as_ref().unwrap());
    delta.entries.insert(within, entry);
    raw.put_delta(delta).await;
    sequence
}

/// The first sequence of the first delta in the last sixth of the log.
async fn cut(raw: &Raw<'_>, log: &Prepared) -> u64 {
    let deltas = raw.deltas().await;
    deltas.iter().map(|delta| delta.first).find(|first| *first > log.size * 5 / 6).unwrap()
}

/// Cuts off the end of the log, and makes the ledger fit.
async fn cut_off(raw: &Raw<'_>, log: &Prepared) -> u64 {
    let cut = cut(raw, log).await;
    let (left, gone): (Vec<_>, Vec<_>) = raw.deltas().await.into_iter().partition(|delta| delta.first < cut);
    raw.rewrite(&left).await;
    for delta in &gone {
        delete_events(raw, delta).await;
    }
    cut
}

async fn delete_events(raw: &Raw<'_>, delta: &Delta) {
    for entry in &delta.entries {
        raw.delete_event(&entry.place).await;
    }
}

/// Changes the actor of an event, and makes the ledger fit.
async fn rewrite(raw: &Raw<'_>, sequence: u64) {
    raw.put_event(with_digest(with_other_actor(raw.event(sequence).await))).await;
    let mut deltas = raw.deltas().await;
    let delta = deltas.iter_mut().find(|delta| delta.end() > sequence).unwrap();
    let entry: &mut Entry = &mut delta.entries[usize::try_from(sequence - delta.first).unwrap()];
    let found = raw.app.store().kept(&acme(), std::slice::from_ref(&entry.place)).await.unwrap();
    entry.leaf = leaf_of(found[0].as_ref().unwrap().event.as_ref().unwrap());
    raw.rewrite(&deltas).await;
}

/// The tree of the first `size` entries.
fn frontier(deltas: &[Delta], size: u64) -> Frontier {
    let mut frontier = Frontier::default();
    for (_, entry) in deltas.iter().flat_map(Delta::sequenced).filter(|(sequence, _)| *sequence < size) {
        frontier.push(entry.leaf);
    }
    frontier
}

fn leaf_of(event: &Event) -> Hash {
    Hash::of_leaf(leaf(event).as_bytes())
}
