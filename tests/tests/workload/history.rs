//! The answers that clients got, and the final content of the tables: everything that the checker knows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// An event as its senders and readers know it: its key, and its actor, by which two contents are told apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) timestamp: String,
    pub(crate) actor: String,
}

/// All answers that clients got, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// Events that were refused because another one has their key.
    pub(crate) conflicts: Vec<(String, Told)>,
    pub(crate) messages: Vec<Message>,
    pub(crate) pages: Vec<Page>,
    pub(crate) walks: Vec<Walk>,
    pub(crate) feeds: Vec<FeedPage>,
    pub(crate) answers: Vec<Reply>,
    /// Tokens that an admin created, and tokens that an admin revoked.
    pub(crate) created: Vec<(String, String)>,
    pub(crate) revoked: Vec<(String, String)>,
    /// The statuses of requests for another workspace.
    pub(crate) trespasses: Vec<u16>,
    clock: u64,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) says_when_to_retry: bool,
    pub(crate) text: String,
}

/// An event whose client was told that it is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) workspace: String,
    pub(crate) event: Told,
    /// True if the answer called it new, and not a duplicate.
    pub(crate) as_new: bool,
    pub(crate) at: u64,
}

/// A message that the bus accepted.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) number: u64,
    pub(crate) workspace: String,
    /// The id of its envelope.
    pub(crate) envelope: String,
    /// Its event; `None` if it is not an event.
    pub(crate) event: Option<Told>,
}

/// A page of the time view.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) workspace: String,
    pub(crate) token: String,
    pub(crate) events: Vec<Told>,
}

/// All pages of the time view, from first to last.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub(crate) workspace: String,
    pub(crate) began_at: u64,
    pub(crate) events: BTreeSet<Told>,
}

/// A page of the feed.
#[derive(Clone, Debug)]
pub(crate) struct FeedPage {
    pub(crate) workspace: String,
    pub(crate) token: String,
    pub(crate) after: i64,
    pub(crate) next_after: i64,
    pub(crate) events: Vec<(i64, Told)>,
    /// True if it shows anything but the token's own reads.
    pub(crate) leaves_record: bool,
}

/// The final content of the tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// By workspace.
    pub(crate) events: BTreeMap<String, Vec<Value>>,
    pub(crate) tokens: BTreeMap<String, Vec<Value>>,
    pub(crate) quarantine: Vec<Value>,
    /// The messages that left the queue because the function had handled them.
    pub(crate) removed: BTreeSet<u64>,
}

impl History {
    /// The next moment.
    pub(crate) fn now(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    pub(crate) fn acknowledge(&mut self, workspace: &str, event: Told, as_new: bool) {
        let at = self.now();
        self.acknowledged.push(Acknowledged { workspace: workspace.to_owned(), event, as_new, at });
    }
}

impl Told {
    /// An event in the form of the API.
    pub(crate) fn of(event: &Value) -> Self {
        Self {
            id: text(&event["id"]),
            timestamp: text(&event["timestamp"]),
            actor: text(&event["actor"]["user_id"]),
        }
    }

    /// An event in the form of the table.
    pub(crate) fn of_row(row: &Value) -> Self {
        let (timestamp, id) = row["timestamp"].as_str().unwrap().split_once('#').unwrap();
        let actor = row["actor_id"].as_str().unwrap().to_owned();
        Self { id: id.to_owned(), timestamp: timestamp.to_owned(), actor }
    }

    /// Its key in its workspace.
    pub(crate) fn key(&self) -> (&str, &str) {
        (&self.timestamp, &self.id)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
