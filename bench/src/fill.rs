//! Workspaces full of the bench's events.

use fastrand::Rng;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::{event::Event, id::WorkspaceId, keys::Place, store::Store};

use crate::{Result, events::event};

/// Records as many events, and says where they are.
pub(crate) async fn fill(store: &Store, workspace: &WorkspaceId, count: usize) -> Result<Vec<Place>> {
    fill_from(store, workspace, 0, count).await
}

/// The same, from this number on.
pub(crate) async fn fill_from(
    store: &Store,
    workspace: &WorkspaceId,
    first: usize,
    count: usize,
) -> Result<Vec<Place>> {
    let mut random = Rng::with_seed(1 + first as u64);
    let progress = crate::progress("recording", count)?;
    let appended = stream::iter((first..first + count).map(|number| valid(workspace, number, &mut random)))
        .map(|event| async move {
            let event = event?;
            store.append(&event).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(event)
        })
        .buffered(32)
        .inspect_ok(|_| progress.inc(1))
        .try_collect::<Vec<_>>()
        .await?;
    progress.finish_and_clear();
    let mut places = Vec::new();
    for event in &appended {
        places.push(store.place_of(event).await?);
    }
    Ok(places)
}

/// An event of the bench, which breaks no rule.
pub(crate) fn valid(workspace: &WorkspaceId, number: usize, random: &mut Rng) -> Result<Event> {
    let event = event(workspace, number, random);
    event.map_err(|problems| format!("an event of the bench is not valid: {problems:?}").into())
}
