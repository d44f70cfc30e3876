//! The backlog: places of events that a sealer could not seal in its time.
//!
//! A schedule seals the backlog every minute, each workspace by itself. A sealer that ends a turn also seals
//! the backlog of its workspace, so the schedule finds something only after a crash, while a workspace is
//! throttled, or while its log is broken.

use futures::{StreamExt as _, stream};
use shared::{
    model::{error::Error, id::WorkspaceId, timestamp::Timestamp},
    store::Store,
    system,
};
use std::time::Duration;
use tokio::time::Instant;

use crate::{CONCURRENCY, Outcome, seal_in_time};

/// Rounds begin within this time of a run: the next run begins a minute after it.
const TIME: Duration = Duration::from_secs(50);
/// No round begins later than this before the deadline.
const MARGIN_MS: u64 = 10_000;
/// An alarm reports places that wait longer than this.
const LONG_SECONDS: i64 = 600;

/// Seals the backlog of all workspaces.
///
/// # Errors
/// [`Error::Unavailable`] if the backlog cannot be read. Events that cannot be sealed stay in it.
pub(crate) async fn take_up(store: &Store, deadline_ms: u64) -> Result<(), Error> {
    let now = system::now();
    let time = time(now, deadline_ms);
    let begins_until = Instant::now() + time;
    let backlog = store.backlog().await?;
    let taken: Vec<_> =
        backlog.iter().map(|(workspace, since)| take(store, workspace, *since, now, begins_until)).collect();
    stream::iter(taken).buffer_unordered(CONCURRENCY).collect::<Vec<()>>().await;
    Ok(())
}

async fn take(
    store: &Store,
    workspace: &WorkspaceId,
    since: Timestamp,
    now: Timestamp,
    begins_until: Instant,
) {
    let outcome = seal_in_time(store, workspace, &[], begins_until).await;
    if outcome != Outcome::Done && now > since.plus_seconds(LONG_SECONDS) {
        // An alarm of the template counts this line.
        tracing::error!(%workspace, %since, "events wait to be sealed");
    }
}

/// The time within which rounds may begin.
fn time(now: Timestamp, deadline_ms: u64) -> Duration {
    let now = u64::try_from(now.unix_ms()).unwrap_or_default();
    TIME.min(Duration::from_millis(deadline_ms.saturating_sub(now + MARGIN_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_before_its_deadline_and_before_the_next_one() {
        let now = Timestamp::from_unix_milliseconds(1_000_000).unwrap();
        check(now, 1_300_000, 50);
        check(now, 1_030_000, 20);
        check(now, 1_000_000, 0);
    }

    fn check(now: Timestamp, deadline_ms: u64, seconds: u64) {
        assert_eq!(time(now, deadline_ms).as_secs(), seconds)
    }
}
