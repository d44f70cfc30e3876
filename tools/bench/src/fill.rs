//! Workspaces full of the bench's events.

use fastrand::Rng;
use shared::{
    model::{event::Event, id::WorkspaceId, keys::Place},
    store::Store,
};

use crate::{Result, events::event};

/// Events that are recorded at once.
const AT_ONCE: usize = 200;

/// Records events, and returns their places.
pub(crate) async fn fill(store: &Store, workspace: &WorkspaceId, count: usize) -> Result<Vec<Place>> {
    fill_from(store, workspace, 0, count).await
}

/// The same, from this number.
pub(crate) async fn fill_from(
    store: &Store,
    workspace: &WorkspaceId,
    first: usize,
    count: usize,
) -> Result<Vec<Place>> {
    let mut random = Rng::with_seed(1 + first as u64);
    let progress = crate::progress("recording", count)?;
    let mut places = Vec::with_capacity(count);
    for begin in (first..first + count).step_by(AT_ONCE) {
        let numbers = begin..(begin + AT_ONCE).min(first + count);
        let events =
            numbers.map(|number| valid(workspace, number, &mut random)).collect::<Result<Vec<_>>>()?;
        let appended = store.append_all(&events.iter().collect::<Vec<_>>()).await;
        appended.results.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
        for event in &events {
            places.push(store.place_of(event).await?);
        }
        progress.inc(events.len() as u64);
    }
    progress.finish_and_clear();
    Ok(places)
}

/// A valid event of the bench.
pub(crate) fn valid(workspace: &WorkspaceId, number: usize, random: &mut Rng) -> Result<Event> {
    let event = event(workspace, number, random);
    event.map_err(|problems| format!("an event of the bench is not valid: {problems:?}").into())
}
