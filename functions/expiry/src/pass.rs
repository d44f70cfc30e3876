//! One step: a receipt for events that have expired, or the marks for those that the last receipt is for.
//!
//! ```text
//! read the settings ─▶ a receipt without all its marks? ─yes─▶ mark the events ─▶ note it
//!                              │no
//!                              ▼
//! read what has expired, and what the log has of it ─▶ record a receipt and how far it goes, in one transaction
//! ```
//!
//! Why nothing is deleted without a receipt. Only what lies up to a place is marked to which receipts go, and
//! nothing comes into that range any more: whoever records refuses it, an hour before a receipt is written.
//!
//! Why there is no receipt while a hold stands. The transaction has the settings as its condition, in which the
//! hold would be.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Map, Value, json};
use shared::{
    ambient,
    error::Error,
    id::WorkspaceId,
    ledger::tree::Frontier,
    retention::runs,
    service_event::{self, Origin},
    store::{Store, Written},
    timestamp::Timestamp,
};

use crate::window::{Due, Window};

/// For how long events have expired before they are done away with, in seconds. Far longer than a request takes
/// that was on its way when they did, and than clocks differ.
pub const MARGIN_SECONDS: i64 = 3600;
/// How many events are marked at a time.
const CONCURRENCY: usize = 32;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// There was nothing to do, or others were doing it.
    Nothing,
    /// A receipt was recorded.
    Receipted {
        /// For how many events.
        events: u64,
    },
    /// The events of the last receipt were marked.
    Marked {
        /// How many of them were still there.
        events: u64,
    },
}

/// Takes one step with what has expired of a workspace.
///
/// # Errors
/// [`Error::Unavailable`] if it did not come to the end; whatever it did stands, and another step goes on from
/// there. [`Error::Inconsistent`] or [`Error::Internal`] if the log is not as we write it.
pub async fn expire(store: &Store, workspace: &WorkspaceId, now: Timestamp) -> Result<Expired, Error> {
    let settings = store.settings_now(workspace).await?;
    let (receipted, marked) = (&settings.expiry.receipted_to, &settings.expiry.marked_to);
    // Before the events: what bears a sequence that it does not cover may not be finished.
    let head = store.head(workspace).await?;
    if let Some(to) = receipted.as_ref().filter(|_| receipted != marked) {
        let after_it = to.timestamp.plus_microseconds(1);
        let mut window = Window::read(store, workspace, &head, marked.as_ref(), after_it).await?;
        window.due.retain(|due| due.place.position <= *to);
        let events = mark(store, workspace, &window, now).await?;
        // If we crash here, they are marked once more.
        store.write_marked(workspace, to).await?;
        return Ok(Expired::Marked { events });
    }
    let Some(before) = settings.retention.expires_before(now, MARGIN_SECONDS) else {
        return Ok(Expired::Nothing);
    };
    let window = Window::read(store, workspace, &head, receipted.as_ref(), before).await?;
    let Some(last) = window.due.last() else { return Ok(Expired::Nothing) };
    let origin = Origin::without_request(now, ambient::receipt_id(), ambient::salt());
    let receipt = service_event::expired(workspace, origin, context(&window, &head));
    match store.write_receipt(&settings, &last.place.position, &receipt).await? {
        // If we crash here, the next step marks what the receipt is for.
        Written::Now(_) => Ok(Expired::Receipted { events: window.due.len() as u64 }),
        Written::Before => Ok(Expired::Nothing),
    }
}

/// What a receipt says.
fn context(window: &Window, head: &Frontier) -> Map<String, Value> {
    let time = |due: Option<&Due>| json!(due.map(|due| due.place.position.timestamp));
    let members = [
        ("first_timestamp", time(window.due.first())),
        ("last_timestamp", time(window.due.last())),
        ("count", json!(window.due.len())),
        ("sequences", json!(runs(&window.sequences()))),
        ("root", json!(window.root())),
        ("log_size", json!(head.size())),
        ("log_root", json!(head.root())),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Marks the events of a receipt; how many were there.
async fn mark(store: &Store, workspace: &WorkspaceId, window: &Window, now: Timestamp) -> Result<u64, Error> {
    // Collected first: the compiler cannot see that a borrowing closure kept across an await is Send.
    let marks: Vec<_> = window.due.iter().map(|due| store.mark_expired(workspace, &due.place, now)).collect();
    let mut marks = stream::iter(marks).buffer_unordered(CONCURRENCY);
    let mut events = 0;
    while let Some(marked) = marks.try_next().await? {
        events += u64::from(marked.is_some());
    }
    Ok(events)
}
