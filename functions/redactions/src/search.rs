//! Finds the events of an actor in bounded pieces: the answer to each request says where the next one
//! continues.
//!
//! Three searches follow each other. The index by actor has the actor's events, and the index by action has the
//! records of reads that filtered by the actor. Indexes follow the table within a moment. So the newest minutes
//! of the table are read last, and consistently: every event that was acknowledged before the first request,
//! with a time of its own day, is found.

use serde_json::Value;
use shared::{
    model::{
        catalogue::Action, disclosure::Part, error::Error, event::Event, id::WorkspaceId, keys::Position,
        timestamp::Timestamp,
    },
    query::{
        criteria::FoldedText,
        page::{Filter, Order, Page},
    },
    store::{Redaction, Room, Store},
    system,
    text::problem::FieldError,
};

use crate::{MAX_BYTES, bytes, redaction};

/// Events that one request looks at.
pub const MAX_LOOKED_AT: usize = 20_000;
/// A request reads nothing more later than this before its deadline.
const DEADLINE_MARGIN_MS: i64 = 8000;
/// The events of one read.
const ROOM: Room = Room { events: 1000, bytes: 2 * MAX_BYTES, measure: bytes };
/// Seconds of the table that are read for events that an index does not show yet.
const NEWEST_SECONDS: i64 = 300;

/// The filters whose values are texts that were searched for.
const TEXTS: [&str; 3] = ["contains", "actor_name", "entity_name"];

/// How far the erasure of an actor has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Search<'a> {
    workspace: &'a WorkspaceId,
    actor: &'a str,
    parts: &'a [Part],
    /// The time at which the first request began.
    begun: Timestamp,
    phase: Phase,
    after: Option<Position>,
}

/// The part that is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Acts,
    Reads,
    Newest,
}

/// The result of a piece of a search.
pub(crate) struct Found<'a> {
    /// Redactions for at most one transaction.
    pub(crate) redactions: Vec<Redaction>,
    /// The next piece; `None` at the end of the search.
    pub(crate) next: Option<Search<'a>>,
    /// The number of events that were looked at.
    pub(crate) looked_at: usize,
    /// The number of records of the actor's own acts as an admin, which were skipped.
    pub(crate) kept: usize,
}

/// The work that one request may still do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) deadline_ms: u64,
    pub(crate) looked_at: usize,
}

impl Budget {
    pub(crate) fn is_used_up(self) -> bool {
        let end = i64::try_from(self.deadline_ms).unwrap_or(i64::MAX) - DEADLINE_MARGIN_MS;
        self.looked_at >= MAX_LOOKED_AT || system::now().unix_ms() >= end
    }
}

impl<'a> Search<'a> {
    /// Begins a search, or continues it where the answer to an earlier request for the same actor says.
    ///
    /// # Errors
    /// If the cursor was not written by [`Self::cursor`] for this workspace and actor.
    pub(crate) fn resume(
        workspace: &'a WorkspaceId,
        actor: &'a str,
        parts: &'a [Part],
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let start = Self { workspace, actor, parts, begun: now, phase: Phase::Acts, after: None };
        let Some(cursor) = cursor else { return Ok(start) };
        start.continued(cursor).ok_or_else(|| {
            let detail =
                "must be the cursor of the answer before, for the same actor; leave it out to begin again";
            Error::InvalidBody(vec![FieldError::new("/cursor", "invalid_cursor", detail)])
        })
    }

    fn continued(self, cursor: &str) -> Option<Self> {
        let [phase, begun, position] = cursor.split('.').collect::<Vec<_>>().try_into().ok()?;
        let phase = match phase {
            "acts" => Phase::Acts,
            "reads" => Phase::Reads,
            "newest" => Phase::Newest,
            _ => return None,
        };
        let begun = Timestamp::from_unix_microseconds(begun.parse().ok()?)?;
        let after = self.by_actor().resume(self.workspace, position).ok()?;
        Some(Self { begun, phase, after: Some(after), ..self })
    }

    /// The cursor of the next request; `None` at the beginning of a search, where no request ends.
    pub(crate) fn cursor(&self) -> Option<String> {
        let phase = match self.phase {
            Phase::Acts => "acts",
            Phase::Reads => "reads",
            Phase::Newest => "newest",
        };
        let position = self.by_actor().cursor(self.workspace, self.after.as_ref()?);
        Some(format!("{phase}.{}.{position}", self.begun.unix_microseconds()))
    }

    /// Reads until there is enough to erase for a transaction, or one read is done.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub(crate) async fn read(&self, store: &Store) -> Result<Found<'a>, Error> {
        let Page { events, next, .. } =
            store.page(self.workspace, &self.filter(), self.after.as_ref(), ROOM, system::now()).await?;
        let (mut redactions, mut size, mut looked_at, mut kept) = (Vec::new(), 0, 0, 0);
        let mut before = self.after.clone();
        for event in events {
            let position = event.position();
            kept += usize::from(self.phase == Phase::Acts && event.action.is_accountability());
            if let Some(parts) = self.parts_of(&event) {
                let place = store.place_of(&event).await?;
                if let Some(redaction) = redaction(place, event, &parts) {
                    let bytes = bytes(&redaction.before);
                    if redactions.len() == Redaction::MAX_EVENTS || (size + bytes > MAX_BYTES && size > 0) {
                        return Ok(Found { redactions, next: Some(self.after(before)), looked_at, kept });
                    }
                    size += bytes;
                    redactions.push(redaction);
                }
            }
            looked_at += 1;
            before = Some(position);
        }
        let next = match next {
            Some(next) => Some(self.after(Some(next))),
            None => self.phase.next().map(|phase| Self { phase, ..self.after(None) }),
        };
        Ok(Found { redactions, next, looked_at, kept })
    }

    /// True if the next read begins another search.
    pub(crate) fn is_at_a_start(&self) -> bool {
        self.after.is_none()
    }

    fn after(&self, after: Option<Position>) -> Self {
        Self { after, ..self.clone() }
    }

    fn by_actor(&self) -> Filter {
        Filter { actor: Some(self.actor.to_owned()), ..Filter::default() }
    }

    fn filter(&self) -> Filter {
        let filter = Filter { order: Order::Ascending, ..Filter::default() };
        match self.phase {
            Phase::Acts => Filter { order: Order::Ascending, ..self.by_actor() },
            Phase::Reads => {
                Filter { actions: Action::parse("audit_log_accessed").into_iter().collect(), ..filter }
            }
            Phase::Newest => Filter { start: Some(self.begun.plus_seconds(-NEWEST_SECONDS)), ..filter },
        }
    }

    /// The parts of an event to erase; `None` if it has nothing of the actor.
    fn parts_of(&self, event: &Event) -> Option<Vec<Part>> {
        // Otherwise the record of this request would need a redaction with a record of its own, and so on.
        if event.action.is_accountability()
            || (self.phase == Phase::Newest && self.begun <= event.received_at)
        {
            return None;
        }
        let mut parts = Vec::new();
        if event.actor.as_ref().is_some_and(|actor| actor.user_id == self.actor) {
            parts.extend_from_slice(self.parts);
        }
        if event.action.name() == "audit_log_accessed"
            && event.context.get("filters").is_some_and(|filters| mentions(filters, self.actor))
        {
            parts.push(Part::Context);
        }
        parts.sort_unstable();
        parts.dedup();
        (!parts.is_empty()).then_some(parts)
    }
}

impl Phase {
    fn next(self) -> Option<Self> {
        match self {
            Self::Acts => Some(Self::Reads),
            Self::Reads => Some(Self::Newest),
            Self::Newest => None,
        }
    }
}

/// Whether an actor's id stands in the filters of a read: as a whole value, or as a word of a text that was searched for.
fn mentions(filters: &Value, actor: &str) -> bool {
    match filters {
        Value::String(value) => value == actor,
        Value::Array(values) => values.iter().any(|value| mentions(value, actor)),
        Value::Object(members) => members.iter().any(|(name, value)| match value {
            Value::String(text) if TEXTS.contains(&name.as_str()) => {
                FoldedText::from(actor.to_owned()).is_word_of(text)
            }
            value => mentions(value, actor),
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_actor_is_found_in_the_filters_of_a_read() {
        check(json!({"actor": "u-17"}), true);
        check(json!({"actor": "u-170"}), false);
        check(json!({"not_actor": "u-17"}), true);
        check(json!({"not_actor": ["u-1", "u-17"]}), true);
        check(json!({"on_behalf_of": "u-17"}), true);
        check(json!({"contains": "the invoice of U-17, again"}), true);
        check(json!({"contains": "u-17"}), true);
        check(json!({"contains": "u-170"}), false);
        check(json!({"actor_name": "u-17 (left)"}), true);
        check(json!({"entity_name": "report by u-17"}), true);
        check(json!({"correlation_id": "a u-17"}), false);
        check(json!({}), false);
    }

    fn check(filters: Value, expected: bool) {
        assert_eq!(mentions(&filters, "u-17"), expected, "{filters}");
    }
}
