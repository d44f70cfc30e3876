//! The search for events without a record in the stream.
//!
//! Once a day the whole table is searched, in as many rounds as necessary: each continues where the one before
//! it ended, and stops before its own deadline.

use std::collections::BTreeMap;

use shared::{
    model::{error::Error, id::WorkspaceId, keys::Place, timestamp::Timestamp},
    store::{Search, Store},
    system,
};

use crate::{take_all, trigger::Hint};

/// A search begins this long after the last one began: a little less than a day, so that a daily round is not
/// postponed to the next one.
const EVERY_SECONDS: i64 = 23 * 3600;
/// No step begins later than this before the deadline.
const MARGIN_MS: u64 = 20_000;

/// Continues the search, or begins one if it is due.
///
/// # Errors
/// [`Error::Unavailable`] if the round was interrupted; the next round continues from there.
pub(crate) async fn go_on(store: &Store, deadline_ms: u64) -> Result<(), Error> {
    let now = system::now();
    let mut search = match store.search().await? {
        Some(Search { began_at, after: None }) if !is_due(began_at, now) => return Ok(()),
        Some(unfinished @ Search { after: Some(_), .. }) => unfinished,
        _ => Search { began_at: now, after: None },
    };
    loop {
        let found = store.find_unsealed(search.after.as_ref()).await?;
        seal_all(store, found.unsealed).await;
        search.after = found.after;
        // If we crash here, this step is repeated: its events are sealed already.
        store.write_search(&search).await?;
        if search.after.is_none() || !has_time(system::now(), deadline_ms) {
            return Ok(());
        }
    }
}

/// True if another search is due after one that has ended.
fn is_due(began_at: Timestamp, now: Timestamp) -> bool {
    now >= began_at.plus_seconds(EVERY_SECONDS)
}

/// True if another step can end before the deadline.
fn has_time(now: Timestamp, deadline_ms: u64) -> bool {
    u64::try_from(now.unix_ms()).is_ok_and(|now| now + MARGIN_MS < deadline_ms)
}

/// Seals the events that a step of the search found. If they can be neither sealed nor left in the backlog,
/// other workspaces do not wait: an alarm reports it, and the next search finds them again.
async fn seal_all(store: &Store, unsealed: Vec<(WorkspaceId, Place)>) {
    let mut by_workspace: BTreeMap<WorkspaceId, Vec<Place>> = BTreeMap::new();
    for (workspace, place) in unsealed {
        by_workspace.entry(workspace).or_default().push(place);
    }
    let hints = by_workspace.into_iter().map(|(workspace, places)| Hint {
        workspace,
        places,
        first_record: String::new(),
    });
    take_all(store, &hints.collect::<Vec<_>>()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_due_an_hour_before_the_day_is_over() {
        let began_at = Timestamp::parse("2026-11-28T03:00:00Z").unwrap();
        assert!(!is_due(began_at, Timestamp::parse("2026-11-29T01:59:59.999Z").unwrap()));
        assert!(is_due(began_at, Timestamp::parse("2026-11-29T02:00:00Z").unwrap()));
    }

    #[test]
    fn a_step_begins_twenty_seconds_before_the_deadline_at_the_latest() {
        let now = Timestamp::from_unix_milliseconds(1_000_000).unwrap();
        assert!(!has_time(now, 1_020_000));
        assert!(has_time(now, 1_020_001));
    }
}
