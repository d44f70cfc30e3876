//! What to read of an audit log, a page at a time, and where the next page begins.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    catalogue::Action, error::Error, event::Event, id::WorkspaceId, json::canonical, keys::Position,
    timestamp::Timestamp,
};

/// The most events on a page.
pub const MAX_LIMIT: usize = 1000;
/// How many events a page has where the reader does not say.
pub const DEFAULT_LIMIT: usize = 100;

/// Which events of a workspace, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Not before this.
    pub start: Option<Timestamp>,
    /// Before this.
    pub end: Option<Timestamp>,
    /// Only these actions; all where there are none.
    pub actions: Vec<Action>,
    /// By timestamp, which way.
    pub order: Order,
}

/// Which way events are listed by (timestamp, id).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Descending,
    /// The oldest first.
    Ascending,
}

/// Some events that match, and where to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The events, in the order asked for.
    pub events: Vec<Event>,
    /// After which place the next page begins; `None` only where nothing follows. A page may be
    /// short, or even empty, and yet have a next.
    pub next: Option<Position>,
}

impl Order {
    /// The names of both orders.
    pub const NAMES: [&str; 2] = ["desc", "asc"];

    /// The wire name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Descending => "desc",
            Self::Ascending => "asc",
        }
    }
}

impl Filter {
    /// Whether the event is one of those asked for, its time aside.
    pub fn matches(&self, event: &Event) -> bool {
        self.actions.is_empty() || self.actions.contains(&event.action)
    }

    /// What tells this filter on this workspace from any other. The size and the format of a page
    /// are no part of it: a reader may change them on the way.
    fn digest(&self, workspace: &WorkspaceId) -> [u8; DIGEST_LENGTH] {
        let Self { start, end, actions, order } = self;
        let mut actions: Vec<_> = actions.iter().map(Action::name).collect();
        actions.sort_unstable();
        actions.dedup();
        let all = json!([workspace, start, end, actions, order.name()]);
        let hash = Sha256::digest(canonical(&all).as_bytes());
        std::array::from_fn(|index| hash[index])
    }

    /// Writes where to go on, for the reader to hand back.
    ///
    /// The cursor is opaque, and good for as long as the data. It holds a version, a digest of
    /// workspace and filters, and the position of the last event seen; never a key.
    pub fn cursor(&self, workspace: &WorkspaceId, position: &Position) -> String {
        let mut bytes = vec![CURSOR_VERSION];
        bytes.extend(self.digest(workspace));
        bytes.extend(position.sort_key().as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor that was written for the same workspace and filters.
    ///
    /// # Errors
    /// [`Error::InvalidCursor`] for anything else.
    pub fn resume(&self, workspace: &WorkspaceId, cursor: &str) -> Result<Position, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Error::InvalidCursor)?;
        let (version, rest) = bytes.split_first().ok_or(Error::InvalidCursor)?;
        let (digest, position) = rest.split_at_checked(DIGEST_LENGTH).ok_or(Error::InvalidCursor)?;
        if *version != CURSOR_VERSION || digest != self.digest(workspace) {
            return Err(Error::InvalidCursor);
        }
        let position = std::str::from_utf8(position)
            .ok()
            .and_then(Position::from_sort_key)
            .ok_or(Error::InvalidCursor)?;
        if self.in_range(position.timestamp) { Ok(position) } else { Err(Error::InvalidCursor) }
    }

    fn in_range(&self, time: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time < end)
    }
}

const CURSOR_VERSION: u8 = 1;
/// 128 bits: nobody comes upon another filter with the same digest.
const DIGEST_LENGTH: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::EventId;

    fn filter() -> Filter {
        Filter { start: None, end: None, actions: vec![], order: Order::Descending }
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
        fn a_damaged_cursor_is_refused(place in 0_usize..22, replacement in "[A-Za-z0-9_-]") {
            // The first 22 characters hold nothing but the version and the digest.
            let mut cursor = filter().cursor(&acme(), &position());
            let replaced = cursor[place..=place].to_owned();
            cursor.replace_range(place..=place, &replacement);
            let refused = filter().resume(&acme(), &cursor).is_err();
            prop_assert_eq!(refused, replaced != replacement);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = filter().resume(&acme(), &text);
        }
    }
}
