//! What clients saw, and what is in the tables at the end: all that the checker knows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// An event as whoever sends or reads it knows it: its key, and who did it, which tells one content from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) timestamp: String,
    pub(crate) actor: String,
}

/// Everything that clients were told, in the order in which they were.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// Events that were refused because another stands under their key.
    pub(crate) conflicts: Vec<(String, Told)>,
    pub(crate) messages: Vec<Message>,
    pub(crate) pages: Vec<Page>,
    pub(crate) walks: Vec<Walk>,
    pub(crate) feeds: Vec<FeedPage>,
    pub(crate) answers: Vec<Reply>,
    /// Tokens that somebody was given, and tokens that somebody was told are revoked.
    pub(crate) created: Vec<(String, String)>,
    pub(crate) revoked: Vec<(String, String)>,
    /// What was answered to those who asked for another workspace than their own.
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

/// An event that a client was told is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) workspace: String,
    pub(crate) event: Told,
    /// Whether it was told so as of a new one, and not of one that was there.
    pub(crate) as_new: bool,
    pub(crate) at: u64,
}

/// A message that the bus took.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) number: u64,
    pub(crate) workspace: String,
    /// The id of its envelope.
    pub(crate) envelope: String,
    /// Its event; `None` if there is none in it.
    pub(crate) event: Option<Told>,
}

/// A page of the time view that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) workspace: String,
    pub(crate) token: String,
    pub(crate) events: Vec<Told>,
}

/// The whole time view, page after page.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub(crate) workspace: String,
    pub(crate) began_at: u64,
    pub(crate) events: BTreeSet<Told>,
}

/// A page of the feed that was answered.
#[derive(Clone, Debug)]
pub(crate) struct FeedPage {
    pub(crate) workspace: String,
    pub(crate) token: String,
    pub(crate) after: i64,
    pub(crate) next_after: i64,
    pub(crate) events: Vec<(i64, Told)>,
    /// Whether it shows anything but the token's own reads.
    pub(crate) leaves_record: bool,
}

/// What is in the tables at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// By workspace.
    pub(crate) events: BTreeMap<String, Vec<Value>>,
    pub(crate) tokens: BTreeMap<String, Vec<Value>>,
    pub(crate) quarantine: Vec<Value>,
    /// The messages that left the queue because the function was done with them.
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
    /// An event, as the API reads and writes it.
    pub(crate) fn of(event: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&event["id"]),
            timestamp: text(&event["timestamp"]),
            actor: text(&event["actor"]["user_id"]),
        }
    }

    /// An event, as the table has it.
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
