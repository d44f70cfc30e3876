//! Filters, pages, and cursors.

use std::{collections::BTreeSet, ops::AddAssign};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    model::{
        catalogue::{Action, Category},
        error::Error,
        event::{Event, Outcome},
        id::WorkspaceId,
        keys::Position,
        retention::{LASTING, Retained},
        timestamp::Timestamp,
    },
    query::criteria::Criteria,
    text::json::canonical,
};

/// The most events on a page.
pub const MAX_LIMIT: usize = 1000;
/// The number of events of a page, unless the reader sets `limit`.
pub const DEFAULT_LIMIT: usize = 100;

/// The action of the event that records a read.
pub const READ_ACTION: &str = "audit_log_accessed";

/// A filter on the events of a workspace, and their order. Members are combined with AND.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The earliest timestamp, inclusive.
    pub start: Option<Timestamp>,
    /// The latest timestamp, exclusive.
    pub end: Option<Timestamp>,
    /// Any of these actions; empty for all.
    pub actions: Vec<Action>,
    /// Any of these categories; empty for all.
    pub categories: Vec<&'static Category>,
    /// The id of the actor.
    pub actor: Option<String>,
    /// The type of the entity.
    pub entity_type: Option<String>,
    /// The id of the entity.
    pub entity_id: Option<String>,
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// The `correlation_id` in the context.
    pub correlation_id: Option<String>,
    /// Further conditions, for which there is no index.
    pub criteria: Criteria,
    /// Leave out the events that record reads of the log.
    pub exclude_reads: bool,
    /// The order by timestamp.
    pub order: Order,
}

/// The order of events by (timestamp, id).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Descending,
    /// The oldest first.
    Ascending,
}

/// A page of matching events.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The events in the order of the filter.
    pub events: Vec<Event>,
    /// The position after which the next page begins; `None` only at the end. A page may be short or even empty, and yet
    /// have a next one.
    pub next: Option<Position>,
    /// The cost of reading the page.
    pub read: ReadUnits,
}

/// The cost of a read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ReadUnits {
    /// DynamoDB's read units.
    pub units: f64,
    /// The number of index keys that were read.
    pub keys: usize,
    /// The number of whole events that were read.
    pub events: usize,
}

impl AddAssign for ReadUnits {
    fn add_assign(&mut self, other: Self) {
        self.units += other.units;
        self.keys += other.keys;
        self.events += other.events;
    }
}

impl Order {
    /// The names of both orders.
    pub const NAMES: [&str; 2] = ["desc", "asc"];

    /// Reads an order by its wire name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "desc" => Some(Self::Descending),
            "asc" => Some(Self::Ascending),
            _ => None,
        }
    }

    /// The wire name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Descending => "desc",
            Self::Ascending => "asc",
        }
    }
}

impl Filter {
    /// The part of this filter that can still match after expiry; `None` if nothing can. Records that
    /// never expire are found behind the period by a filter of their actions alone.
    pub fn retained_by(&self, retained: Retained) -> Option<Self> {
        let lasts = |action: &Action| LASTING.iter().any(|(name, _)| *name == action.name());
        let lasting = !self.actions.is_empty() && self.actions.iter().all(lasts);
        let start = if lasting { self.start } else { self.start.max(retained.from()) };
        let some = self.end.is_none_or(|end| start.is_none_or(|start| start < end));
        some.then(|| Self { start, ..self.clone() })
    }

    /// Whether the event matches all conditions except the time range.
    pub fn matches(&self, event: &Event) -> bool {
        let Self {
            start: _,
            end: _,
            actions,
            categories,
            actor,
            entity_type,
            entity_id,
            outcome,
            correlation_id,
            criteria,
            exclude_reads,
            order: _,
        } = self;
        let entity = event.entity.as_ref();
        fn is(wanted: &Option<String>, found: Option<&str>) -> bool {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        }
        (actions.is_empty() || actions.contains(&event.action))
            && (categories.is_empty() || categories.contains(&event.action.category()))
            && is(actor, event.actor.as_ref().map(|actor| actor.user_id.as_str()))
            && is(entity_type, entity.map(|entity| entity.entity_type.as_str()))
            && is(entity_id, entity.map(|entity| entity.entity_id.as_str()))
            && outcome.is_none_or(|outcome| outcome == event.outcome)
            && is(correlation_id, event.context.get("correlation_id").and_then(Value::as_str))
            && !(*exclude_reads && event.action.name() == READ_ACTION)
            && criteria.matches(event)
    }

    /// A digest of the workspace, the filter and a position. It does not cover the size and the format of a page, so a reader
    /// may change these between pages.
    fn digest(&self, workspace: &WorkspaceId, position: &str) -> [u8; DIGEST_LENGTH] {
        let Self {
            start,
            end,
            actions,
            categories,
            actor,
            entity_type,
            entity_id,
            outcome,
            correlation_id,
            criteria,
            exclude_reads,
            order,
        } = self;
        fn set(names: Vec<&str>) -> BTreeSet<String> {
            names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>()
        }
        let actions = set(actions.iter().map(Action::name).collect());
        let categories = set(categories.iter().map(|category| category.name).collect());
        let entity = (entity_type, entity_id);
        let (ip, mut more): (Vec<_>, Vec<_>) =
            criteria.parameters().into_iter().partition(|(name, _)| *name == "ip");
        if *exclude_reads {
            more.push(("reads", "exclude".to_owned()));
        }
        let ip = ip.first().map(|(_, ip)| ip);
        let mut all = vec![
            json!(position),
            json!(workspace),
            json!(start),
            json!(end),
            json!(actions),
            json!(categories),
            json!(actor),
            json!(entity),
            json!(outcome),
            json!(correlation_id),
            json!(ip),
            json!(order.name()),
        ];
        // Without these filters the digest is the same as in versions that did not have them.
        if !more.is_empty() {
            all.push(json!(more));
        }
        let hash = Sha256::digest(canonical(&all).as_bytes());
        std::array::from_fn(|index| hash[index])
    }

    /// The cursor for the page after `position`.
    ///
    /// A cursor is opaque to readers and does not expire. It contains a version, the digest of workspace, filter and
    /// position, and the position itself; never a key.
    pub fn cursor(&self, workspace: &WorkspaceId, position: &Position) -> String {
        let position = position.sort_key();
        let mut bytes = vec![CURSOR_VERSION];
        bytes.extend(self.digest(workspace, &position));
        bytes.extend(position.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor that was written for the same workspace and filter.
    ///
    /// # Errors
    /// [`Error::InvalidCursor`] for any other text.
    pub fn resume(&self, workspace: &WorkspaceId, cursor: &str) -> Result<Position, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Error::InvalidCursor)?;
        let (version, rest) = bytes.split_first().ok_or(Error::InvalidCursor)?;
        let (digest, position) = rest.split_at_checked(DIGEST_LENGTH).ok_or(Error::InvalidCursor)?;
        let position = std::str::from_utf8(position).map_err(|_| Error::InvalidCursor)?;
        if *version != CURSOR_VERSION || digest != self.digest(workspace, position) {
            return Err(Error::InvalidCursor);
        }
        let position = Position::from_sort_key(position).ok_or(Error::InvalidCursor)?;
        if self.in_range(position.timestamp) { Ok(position) } else { Err(Error::InvalidCursor) }
    }

    /// Whether a time is in the filter's range.
    pub fn in_range(&self, time: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time < end)
    }
}

const CURSOR_VERSION: u8 = 1;
/// With 128 bits two filters never have the same digest in practice.
const DIGEST_LENGTH: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        catalogue::CATEGORIES,
        disclosure::{Disclosure, Salt},
        event::{Actor, ActorType, Entity},
        id::EventId,
        retention::receipt_action,
    };
    use crate::query::criteria::{AddressRange, FoldedText};

    fn filter() -> Filter {
        Filter::default()
    }

    fn acme() -> WorkspaceId {
        WorkspaceId::parse("acme").unwrap()
    }

    fn position() -> Position {
        Position {
            timestamp: Timestamp::parse("2025-02-18T10:47:37Z").unwrap(),
            id: EventId::parse("e-1").unwrap(),
        }
    }

    fn actions(names: &[&str]) -> Vec<Action> {
        names.iter().map(|name| Action::parse(name).unwrap()).collect()
    }

    fn with(criteria: Criteria) -> Filter {
        Filter { criteria, ..filter() }
    }

    fn ip(text: &str) -> Option<AddressRange> {
        AddressRange::parse(text).ok()
    }

    fn folded(text: &str) -> Option<FoldedText> {
        Some(text.to_owned().into())
    }

    fn event() -> Event {
        let actor = Actor { ip: Some("203.0.113.7".to_owned()), ..Actor::new(ActorType::User, "u1") };
        let entity =
            Entity { entity_type: "group".to_owned(), entity_id: "g1".to_owned(), entity_name: None };
        Event {
            workspace: acme(),
            id: position().id,
            action: Action::parse("group_created").unwrap(),
            timestamp: position().timestamp,
            received_at: position().timestamp,
            outcome: Outcome::Success,
            description: None,
            actor: Some(actor),
            entity: Some(entity),
            context: serde_json::Map::from_iter([("correlation_id".to_owned(), "r1".into())]),
            changes: Vec::new(),
            disclosure: Disclosure::Whole(Salt::from_bytes([7; 16])),
            sequence: None,
        }
    }

    #[test]
    fn each_condition_of_a_filter_matches_its_own_value_only() {
        fn text(text: &str) -> Option<String> {
            Some(text.to_owned())
        }
        fn check(filter: Filter, expected: bool) {
            assert_eq!(filter.matches(&event()), expected, "{filter:?}");
        }
        check(filter(), true);
        check(Filter { actions: actions(&["group_deleted", "group_created"]), ..filter() }, true);
        check(Filter { actions: actions(&["group_deleted"]), ..filter() }, false);
        for (category, expected) in [("user_groups", true), ("export_data", false)] {
            let categories = CATEGORIES.iter().filter(|row| row.name == category).collect();
            check(Filter { categories, ..filter() }, expected);
        }
        for (found, expected) in [(true, true), (false, false)] {
            let or_other = |own: &str| text(if found { own } else { "other" });
            check(Filter { actor: or_other("u1"), ..filter() }, expected);
            check(Filter { entity_type: or_other("group"), ..filter() }, expected);
            check(Filter { entity_id: or_other("g1"), ..filter() }, expected);
            check(Filter { correlation_id: or_other("r1"), ..filter() }, expected);
        }
        check(with(Criteria { ip: ip("203.0.113.0/24"), ..Criteria::default() }), true);
        check(with(Criteria { ip: ip("203.0.112.0/24"), ..Criteria::default() }), false);
        check(Filter { exclude_reads: true, ..filter() }, true);
        check(Filter { outcome: Some(Outcome::Success), ..filter() }, true);
        check(Filter { outcome: Some(Outcome::Failure), ..filter() }, false);
        // Several conditions together, then with one that does not match.
        let address = with(Criteria { ip: ip("203.0.113.7"), ..Criteria::default() });
        let all = Filter { actor: text("u1"), entity_id: text("g1"), ..address };
        check(all.clone(), true);
        check(Filter { entity_type: text("report"), ..all }, false);
    }

    #[test]
    fn a_range_includes_its_start_and_excludes_its_end() {
        fn check(text: &str, expected: [bool; 4]) {
            let [start, end, time] = ["2025-02-18T10:00:00Z", "2025-02-18T11:00:00Z", text]
                .map(|text| Timestamp::parse(text).ok());
            let found = [(None, None), (start, None), (None, end), (start, end)]
                .map(|(start, end)| Filter { start, end, ..filter() }.in_range(time.unwrap()));
            assert_eq!(found, expected, "{text}");
        }
        check("2025-02-18T09:59:59.999999Z", [true, false, true, false]);
        check("2025-02-18T10:00:00Z", [true, true, true, true]);
        check("2025-02-18T10:59:59.999999Z", [true, true, true, true]);
        check("2025-02-18T11:00:00Z", [true, true, false, false]);
    }

    #[test]
    fn the_costs_of_two_reads_are_added() {
        let mut read = ReadUnits { units: 0.5, keys: 2, events: 3 };
        read += ReadUnits { units: 1.5, keys: 3, events: 4 };
        assert_eq!((read.units, read.keys, read.events), (2.0, 5, 7));
    }

    #[test]
    fn an_order_is_parsed_by_its_name() {
        for (name, order) in Order::NAMES.into_iter().zip([Order::Descending, Order::Ascending]) {
            assert_eq!((Order::parse(name), order.name()), (Some(order), name));
        }
        assert_eq!(Order::parse("DESC"), None);
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let cursor = filter().cursor(&acme(), &position());
        assert_eq!(filter().resume(&acme(), &cursor).unwrap(), position());
    }

    #[test]
    fn a_cursor_of_another_workspace_or_filter_is_refused() {
        let cursor = filter().cursor(&acme(), &position());
        let refused = |filter: Filter, workspace: &str| {
            assert!(
                filter.resume(&WorkspaceId::parse(workspace).unwrap(), &cursor).is_err(),
                "{filter:?} in {workspace}"
            );
        };
        let time = Timestamp::parse("2025-01-01T00:00:00Z").unwrap();
        refused(filter(), "globex");
        refused(Filter { order: Order::Ascending, ..filter() }, "acme");
        refused(Filter { start: Some(time), ..filter() }, "acme");
        refused(Filter { end: Some(time), ..filter() }, "acme");
        refused(Filter { actions: actions(&["group_created"]), ..filter() }, "acme");
        refused(Filter { categories: vec![&crate::model::catalogue::USER_GROUPS], ..filter() }, "acme");
        refused(Filter { outcome: Some(Outcome::Failure), ..filter() }, "acme");
        fn text() -> Option<String> {
            Some("a".to_owned())
        }
        let texts = [
            Filter { actor: text(), ..filter() },
            Filter { entity_type: text(), ..filter() },
            Filter { entity_id: text(), ..filter() },
            Filter { correlation_id: text(), ..filter() },
            with(Criteria { ip: ip("203.0.113.7"), ..Criteria::default() }),
            with(Criteria { not_actors: vec!["a".to_owned()], ..Criteria::default() }),
            with(Criteria { not_actors: vec!["a".to_owned(), "b".to_owned()], ..Criteria::default() }),
            with(Criteria { not_actions: actions(&["group_created"]), ..Criteria::default() }),
            with(Criteria {
                not_categories: vec![&crate::model::catalogue::USER_GROUPS],
                ..Criteria::default()
            }),
            with(Criteria { on_behalf_of: text(), ..Criteria::default() }),
            with(Criteria { actor_name: folded("a"), ..Criteria::default() }),
            with(Criteria { entity_name: folded("a"), ..Criteria::default() }),
            with(Criteria { contains: folded("a"), ..Criteria::default() }),
            Filter { exclude_reads: true, ..filter() },
        ];
        for (index, one) in texts.iter().enumerate() {
            refused(one.clone(), "acme");
            let cursor = one.cursor(&acme(), &position());
            for (other, two) in texts.iter().enumerate() {
                assert_eq!(two.resume(&acme(), &cursor).is_ok(), index == other, "{one:?} and {two:?}");
            }
        }
    }

    #[test]
    fn a_cursor_cannot_lead_out_of_its_range() {
        let range = Filter { end: Some(position().timestamp), ..filter() };
        assert!(range.resume(&acme(), &range.cursor(&acme(), &position())).is_err());
    }

    #[test]
    fn the_order_in_which_actions_are_named_does_not_matter() {
        let one = Filter { actions: actions(&["group_created", "group_deleted"]), ..filter() };
        let two =
            Filter { actions: actions(&["group_deleted", "group_created", "group_deleted"]), ..filter() };
        assert!(two.resume(&acme(), &one.cursor(&acme(), &position())).is_ok());
    }

    proptest! {
        #[test]
        fn a_damaged_cursor_is_refused(place in 0_usize..200, replacement in "[A-Za-z0-9_-]") {
            let cursor = filter().cursor(&acme(), &position());
            let place = place % cursor.len();
            let mut damaged = cursor.clone();
            damaged.replace_range(place..=place, &replacement);
            prop_assert_eq!(filter().resume(&acme(), &damaged).is_ok(), damaged == cursor);
            prop_assert!(filter().resume(&acme(), &cursor[..place]).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = filter().resume(&acme(), &text);
        }
    }

    fn day(days: i64) -> Timestamp {
        Timestamp::parse("2026-01-01T00:00:00Z").unwrap().plus_seconds(days * 86_400)
    }

    #[test]
    fn a_filter_leaves_out_expired_time_unless_it_asks_for_receipts() {
        let retained = Retained::since(day(70));
        let check = |start: Option<i64>, end: Option<i64>, expected: Option<i64>| {
            let filter = Filter { start: start.map(day), end: end.map(day), ..Filter::default() };
            let narrowed = filter.retained_by(retained);
            assert_eq!(narrowed.and_then(|filter| filter.start), expected.map(day), "{start:?} {end:?}");
        };
        check(None, None, Some(70));
        check(Some(60), Some(80), Some(70));
        check(Some(75), Some(80), Some(75));
        check(Some(60), Some(70), None);
        let receipts = Filter { actions: vec![receipt_action()], ..Filter::default() };
        assert_eq!(receipts.retained_by(retained), Some(receipts.clone()));
        let more = Filter { actions: vec![receipt_action(), Action::parse("x_own").unwrap()], ..receipts };
        assert_eq!(more.retained_by(retained).and_then(|filter| filter.start), Some(day(70)));
    }
}
