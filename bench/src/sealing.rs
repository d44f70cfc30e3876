//! What sealing takes of each event, by how many are sealed in one pass, and how long an event waits
//! for its sequence.

use std::{
    error::Error,
    fmt::Write as _,
    time::{Duration, Instant},
};

use fastrand::Rng;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use local::{Options, System};
use sealer::{Sealed, seal};
use shared::{ambient, id::WorkspaceId, keys::Place, store::Store};

use crate::events::event;

/// How many events a pass seals, of those that are counted.
const BATCHES: [usize; 5] = [1, 10, 50, 100, 1000];
/// How many events are sealed in all for each of them.
const EVENTS: usize = 2_048;
/// How many events are waited for.
const WAITS: usize = 50;

/// Seals as many events in passes of each size; the figures as a Markdown table.
pub(crate) async fn run() -> Result<String, Box<dyn Error>> {
    let mut table = format!(
        "{EVENTS} events like Mode's example in a workspace, sealed in passes of so many. Recording one takes 1 write \
         unit of the table and 3 of its indexes.\n\n\
         | events in a pass | write units for each event: stamp | log | in all with recording |\n|---|---|---|---|\n"
    );
    let style = ProgressStyle::with_template("sealing {bar:40} {pos}/{len} ({per_sec}, {eta} left)")?;
    let progress = ProgressBar::new((BATCHES.len() * EVENTS) as u64).with_style(style);
    for batch in BATCHES {
        let system = System::start(Options::default()).await?;
        let workspace = WorkspaceId::parse("bench")?;
        let places = fill(system.store(), &workspace, EVENTS).await?;
        let (mut stamps, mut units) = (0, 0.0);
        for places in places.chunks(batch) {
            let Sealed { events, write_units, .. } =
                seal(system.store(), &workspace, places, ambient::now()).await?;
            stamps += events;
            units += write_units.table + write_units.indexes;
            progress.inc(events);
        }
        #[expect(clippy::cast_precision_loss, reason = "there are a few thousand")]
        let (each, log) = (units / stamps as f64, (units - stamps as f64) / stamps as f64);
        writeln!(table, "| {batch} | {:.3} | {log:.3} | {:.3} |", each - log, 4.0 + each)?;
        system.shutdown().await;
    }
    progress.finish_and_clear();
    let waited = wait().await?;
    writeln!(
        table,
        "\nFrom the answer to a write until the event has its sequence, on the local system, one at a time \
         ({WAITS} times): median {} ms, longest {} ms, 20 ms of which it waits for others to come.",
        waited[WAITS / 2].as_millis(),
        waited[WAITS - 1].as_millis()
    )?;
    Ok(table)
}

/// How long each of some events waits for its sequence, the shortest first.
async fn wait() -> Result<Vec<Duration>, Box<dyn Error>> {
    let system = System::start(Options { seal: true, ..Options::default() }).await?;
    let workspace = WorkspaceId::parse("bench")?;
    let mut random = Rng::with_seed(2);
    let mut waited = Vec::new();
    for number in 0..WAITS {
        let event = valid_event(&workspace, number, &mut random)?;
        system.store().append(&event).await?;
        let began = Instant::now();
        system.sealed().await;
        waited.push(began.elapsed());
    }
    system.shutdown().await;
    waited.sort();
    Ok(waited)
}

async fn fill(store: &Store, workspace: &WorkspaceId, count: usize) -> Result<Vec<Place>, Box<dyn Error>> {
    let mut random = Rng::with_seed(1);
    let events: Vec<_> =
        (0..count).map(|number| valid_event(workspace, number, &mut random)).collect::<Result<_, _>>()?;
    stream::iter(&events)
        .map(|event| store.append(event))
        .buffer_unordered(32)
        .try_collect::<Vec<_>>()
        .await?;
    let mut places = Vec::new();
    for event in &events {
        places.push(store.place_of(event).await?);
    }
    Ok(places)
}

fn valid_event(
    workspace: &WorkspaceId,
    number: usize,
    random: &mut Rng,
) -> Result<shared::event::Event, String> {
    event(workspace, number, random)
        .map_err(|problems| format!("an event of the bench is not valid: {problems:?}"))
}
