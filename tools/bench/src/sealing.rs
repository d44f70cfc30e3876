//! The cost of sealing an event, by the number of events in a pass, and the time until an event has its
//! sequence.

use std::time::{Duration, Instant};

use fastrand::Rng;
use local::{Options, System};
use sealer::{Sealed, seal};
use shared::{model::id::WorkspaceId, system};

use crate::{
    Result,
    fill::{fill, valid},
    report::{Report, Table},
};

/// The measured numbers of events in a pass.
const BATCHES: [usize; 5] = [1, 10, 50, 100, 1000];
/// Events that are sealed for each of them.
const EVENTS: usize = 2_048;
/// Events whose waiting time is measured.
const WAITS: usize = 50;

/// Seals events in passes of each size.
pub(crate) async fn run() -> Result<Report> {
    let mut report = Report::of("sealing");
    let mut table =
        Table::new(["events in a pass", "stamp, write units each", "log", "in all with recording"]);
    for batch in BATCHES {
        let system = System::start(Options::default()).await?;
        let workspace = WorkspaceId::parse("bench")?;
        let places = fill(system.store(), &workspace, EVENTS).await?;
        let (mut stamps, mut units) = (0, 0.0);
        for places in places.chunks(batch) {
            let Sealed { events, write_units, .. } =
                seal(system.store(), &workspace, places, system::now()).await?;
            stamps += events;
            units += write_units.table + write_units.indexes;
        }
        #[expect(clippy::cast_precision_loss, reason = "there are a few thousand")]
        let (each, log) = (units / stamps as f64, (units - stamps as f64) / stamps as f64);
        report.figure(format!("write_units.log.{batch}"), log);
        table.row([
            batch.to_string(),
            format!("{:.3}", each - log),
            format!("{log:.3}"),
            format!("{:.3}", 4.0 + each),
        ]);
        system.shutdown().await;
    }
    report.say(format!(
        "{EVENTS} events like Mode's example in a workspace, sealed in passes of so many. Recording one takes 1 write unit \
         of the table and 3 of its indexes."
    ));
    report.say(table);
    let waited = wait().await?;
    report.say(format!(
        "From the answer to a write until the event has its sequence, on the local system, one at a time ({WAITS} times): \
         median {} ms, longest {} ms, 20 ms of which it waits for others to come.",
        waited[WAITS / 2].as_millis(),
        waited[WAITS - 1].as_millis()
    ));
    Ok(report)
}

/// The times until some events have their sequence, the shortest first.
async fn wait() -> Result<Vec<Duration>> {
    let system = System::start(Options { seal: true, ..Options::default() }).await?;
    let workspace = WorkspaceId::parse("bench")?;
    let mut random = Rng::with_seed(2);
    let mut waited = Vec::new();
    for number in 0..WAITS {
        let event = valid(&workspace, number, &mut random)?;
        system.store().append(&event).await?;
        let began = Instant::now();
        system.sealed().await;
        waited.push(began.elapsed());
    }
    system.shutdown().await;
    waited.sort();
    Ok(waited)
}
