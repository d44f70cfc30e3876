//! The receipts: the expired events, and their leaves in the log.

use serde_json::{Map, Value, json};
use shared::{
    ledger::{hash::Hash, tree::Frontier},
    model::{
        error::Error,
        id::WorkspaceId,
        keys::Position,
        retention::runs,
        service_event::{self, Origin},
        settings::Settings,
        timestamp::Timestamp,
    },
    store::{Store, Written},
    system,
};

use crate::{
    step::{Expired, MARGIN_SECONDS},
    window::{Due, Window, by_sequence, root, sequences},
};

/// Records receipts for the next expired events: one, or as many as the text of their sequences needs.
pub(crate) async fn record(
    store: &Store,
    workspace: &WorkspaceId,
    settings: &Settings,
    head: &Frontier,
    now: Timestamp,
) -> Result<Expired, Error> {
    let Some(before) = settings.retention.expires_before(now, MARGIN_SECONDS) else {
        return Ok(Expired::Nothing);
    };
    let window = Window::read(store, workspace, head, settings.expiry.receipted_to.as_ref(), before).await?;
    if window.due.is_empty() {
        return Ok(if window.is_blocked { Expired::Blocked } else { Expired::Nothing });
    }
    let mut settings = settings.clone();
    let (mut receipts, mut events) = (0, 0);
    for due in window.parts() {
        let Some(last) = due.last() else { continue };
        let to = last.place.position.clone();
        let origin = Origin::without_request(now, system::receipt_id(), system::salt());
        let receipt = service_event::expired(workspace, origin, context(due, head));
        match store.write_receipt(&settings, &to, &receipt, head.size()).await? {
            // If we crash here, the receipt is in the log, and a later run marks its events.
            Written::Now(_) => {
                receipts += 1;
                events += due.len() as u64;
                settings.expiry.receipted_to = Some(to);
            }
            Written::Before if receipts == 0 => return Ok(Expired::Changed),
            Written::Before => break,
        }
    }
    Ok(Expired::Receipted { receipts, events })
}

/// The context of a receipt.
fn context(due: &[Due], head: &Frontier) -> Map<String, Value> {
    let by_sequence = by_sequence(due);
    let members = [
        ("first_timestamp", time_of(due.first())),
        ("last_timestamp", time_of(due.last())),
        ("count", json!(due.len())),
        ("sequences", json!(runs(&sequences(due)))),
        ("root", json!(root(by_sequence.values().map(|due| due.leaf)))),
        ("log_size", json!(head.size())),
        ("log_root", json!(head.root())),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn time_of(due: Option<&Due>) -> Value {
    json!(due.map(|due| due.place.position.timestamp))
}

/// The events that a receipt names.
#[derive(Debug)]
pub(crate) struct Named {
    /// Their sequences, as inclusive runs in order.
    pub(crate) runs: Vec<(u64, u64)>,
    /// The root of their leaves.
    pub(crate) root: Hash,
    /// The times of the first and the last of them.
    pub(crate) times: (Timestamp, Timestamp),
}

impl Named {
    /// Reads the context of a receipt; `None` if [`record`] did not write it.
    pub(crate) fn read(context: &Map<String, Value>) -> Option<Self> {
        Some(Self {
            runs: shared::model::retention::parse_runs(text(context, "sequences")?)?,
            root: Hash::parse(text(context, "root")?).ok()?,
            times: (time(context, "first_timestamp")?, time(context, "last_timestamp")?),
        })
    }

    /// True if an event at this position may be among them.
    pub(crate) fn may_name(&self, position: &Position) -> bool {
        (self.times.0..=self.times.1).contains(&position.timestamp)
    }
}

fn time(context: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    Timestamp::parse(text(context, name)?).ok()
}

fn text<'a>(context: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    context.get(name).and_then(Value::as_str)
}
