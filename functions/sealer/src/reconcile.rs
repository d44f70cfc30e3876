//! The search for events that no record of the stream named.
//!
//! Once a day the whole table is looked through, in as many rounds as that takes: each goes on where
//! the one before it ended, and stops in time before its own deadline.

use std::collections::BTreeMap;

use shared::{
    model::{error::Error, id::WorkspaceId, keys::Place, timestamp::Timestamp},
    store::{Search, Store},
    system,
};

use crate::{take_all, trigger::Hint};

/// A search begins when the last one began this long ago: a little less than a day, so that a daily
/// round is not put off to the next.
const EVERY_SECONDS: i64 = 23 * 3600;
/// How long before the deadline no further step is taken.
const MARGIN_MS: u64 = 20_000;

/// Goes on with the search, or begins one if it is time.
///
/// # Errors
/// [`Error::Unavailable`] if it did not come as far as it could; the next round goes on from there.
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
        // If we crash here, this step is taken again: what it sealed is sealed.
        store.write_search(&search).await?;
        if search.after.is_none() || !has_time(system::now(), deadline_ms) {
            return Ok(());
        }
    }
}

/// Whether it is time for another search after one that has ended.
fn is_due(began_at: Timestamp, now: Timestamp) -> bool {
    now >= began_at.plus_seconds(EVERY_SECONDS)
}

/// Whether another step ends before the deadline.
fn has_time(now: Timestamp, deadline_ms: u64) -> bool {
    u64::try_from(now.unix_ms()).is_ok_and(|now| now + MARGIN_MS < deadline_ms)
}

/// Seals what a step of the search found. A workspace whose events can be neither sealed nor left in the backlog keeps no other waiting:
/// an alarm tells of it, and the next search finds them again.
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
