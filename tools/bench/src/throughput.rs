//! The work of an instance in a second of CPU time, and its memory.

use std::time::Instant;

use fastrand::Rng;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::{aws::config::Config, model::id::WorkspaceId, store::Store};
use tests::runtime_api::Instance;

use crate::{
    Result,
    fill::{fill, valid},
    payloads::{self, Door, Payloads},
    programs::{Program, Programs},
    report::{Chart, Report, Table, number},
    stage::{Stage, invoke},
};

/// Events in an invocation.
const BATCHES: [usize; 4] = [1, 25, 100, 500];
/// Events for each measurement, at least.
const EVENTS: usize = 5_000;
/// Events that are exported and sealed.
const WORKSPACE: usize = 2_000;

/// The throughput of recording with the stub, ours and the peers'.
pub(crate) async fn run(programs: Programs, report: &mut Report) -> Result<()> {
    let peers = programs.peers()?;
    let stage = Stage::set(programs).await?;
    let mut table = Table::new(["program", "door", "batch", "events/s of CPU", "max RSS, MB"]);
    let mut bars = Vec::new();
    let ours = Door::BOTH.map(|door| (stage.programs.ours(door.function()), vec![door]));
    let peers = peers.map(|peer| (peer, Door::BOTH.to_vec()));
    let progress = crate::progress("recording", (2 + 6) * BATCHES.len())?;
    let mut least = f64::MAX;
    for (program, doors) in ours.into_iter().chain(peers) {
        for door in doors {
            for batch in BATCHES {
                let (each, rss) = events_per_second(&stage, &program, door, batch).await?;
                let name = program.name;
                report.figure(format!("events_per_cpu_second.{}.{name}.{batch}", door.name()), each);
                report.figure(format!("max_rss_mb.{}.{name}.{batch}", door.name()), rss);
                if program.name == door.function() && batch >= 25 {
                    least = least.min(each);
                }
                if batch == 100 {
                    bars.push((format!("{name} {}", door.name()), each));
                }
                table.row([
                    name.to_owned(),
                    door.name().to_owned(),
                    batch.to_string(),
                    number(each),
                    number(rss),
                ]);
                progress.inc(1);
            }
        }
    }
    progress.finish_and_clear();
    report.figure("events_per_cpu_second.least_in_batches", least);
    report.say(format!(
        "From the CPU time of the process, over TLS to the stub, {EVENTS} events and more for each row (a peer, and a \
         batch of one, a tenth of that); warm."
    ));
    report.say(table);
    report.charts.push(Chart { title: "events in batches of 100".to_owned(), unit: "events/s of CPU", bars });
    stage.strike().await;
    Ok(())
}

/// Events for each second of CPU time, and the peak of memory in MB.
async fn events_per_second(stage: &Stage, program: &Program, door: Door, batch: usize) -> Result<(f64, f64)> {
    let events = if program.name == door.function() && batch > 1 { EVENTS } else { EVENTS / 10 };
    let mut payloads = Payloads::new()?;
    let instance = stage.start(program, &stage.stub.https).await?;
    for _ in 0..3 {
        invoke(&instance, &payloads.of(door, batch)).await?;
    }
    let before = instance.cpu_time()?;
    let invocations = events.div_ceil(batch);
    for _ in 0..invocations {
        invoke(&instance, &payloads.of(door, batch)).await?;
    }
    let took = instance.cpu_time()? - before;
    Ok(((invocations * batch) as f64 / took.as_secs_f64(), megabytes(&instance)?))
}

/// The throughput of reading and sealing a workspace with the engine.
pub(crate) async fn run_engine(programs: Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::unlearned(programs).await?;
    let store = Store::connect(&Config::local(&stage.engine.url));
    let workspace = WorkspaceId::parse("acme")?;
    fill(&store, &workspace, WORKSPACE).await?;
    let recorded = appends_per_second(&store, &WorkspaceId::parse("beside")?).await?;
    report.figure("engine.appends_per_second", recorded);

    let sealer = stage.start(&stage.programs.ours("sealer"), &stage.engine).await?;
    let before = sealer.cpu_time()?;
    let sealing = invoke(&sealer, &payloads::file("sealer-reconcile")?).await?.took.as_secs_f64();
    let cpu = (sealer.cpu_time()? - before).as_secs_f64();
    let sealed = WORKSPACE as f64 / sealing;
    // Each event is an update of its own in addition to the log; and for the engine a put is not cheaper.
    report.figure("sealing.events_per_second", sealed);
    report.figure("sealing.events_per_cpu_second", WORKSPACE as f64 / cpu);
    report.say(format!(
        "The sealer, as it is shipped, seals {WORKSPACE} events of one workspace that the reconcile finds: {} events/s, \
         {} for each second of its own CPU; max RSS {} MB. The engine takes {} appends/s from 32 at a time (each event \
         sealed is an update of its own, which is the engine's own limit here).",
        number(sealed),
        number(WORKSPACE as f64 / cpu),
        number(megabytes(&sealer)?),
        number(recorded)
    ));

    let query = stage.start(&stage.programs.ours("query"), &stage.engine).await?;
    let mut table = Table::new(["export", "MB/s", "MB/s of CPU", "events/s", "max RSS, MB"]);
    for format in ["json", "ndjson", "csv", "ocsf"] {
        let page = payloads::list(&format!("limit=1000&format={format}"))?;
        invoke(&query, &page).await?;
        let (mut bytes, mut seconds) = (0, 0.0);
        let before = query.cpu_time()?;
        for _ in 0..10 {
            let answer = invoke(&query, &page).await?;
            bytes += answer.payload.len();
            seconds += answer.took.as_secs_f64();
        }
        let cpu = (query.cpu_time()? - before).as_secs_f64();
        let megabytes_read = bytes as f64 / 1e6;
        report.figure(format!("export.mb_per_second.{format}"), megabytes_read / seconds);
        report.figure(format!("export.mb_per_cpu_second.{format}"), megabytes_read / cpu);
        table.row([
            format.to_owned(),
            number(megabytes_read / seconds),
            number(megabytes_read / cpu),
            number(10_000.0 / seconds),
            number(megabytes(&query)?),
        ]);
    }
    report.figure("max_rss_mb.page_of_1000", megabytes(&query)?);
    report.say("Pages of 1,000 events from the engine, unfiltered, one after the other in one instance:");
    report.say(table);

    let put = stage.start(&stage.programs.ours("ingest-api"), &stage.engine).await?;
    let mut payloads = Payloads::new()?;
    // After the events that already fill the workspace.
    payloads.skip(1_000_000);
    invoke(&put, &payloads.of(Door::Http, 1)).await?;
    report.figure("max_rss_mb.put", megabytes(&put)?);
    report.say(format!("A put of one event: max RSS {} MB.", number(megabytes(&put)?)));
    stage.strike().await;
    Ok(())
}

/// The puts of one event that the engine executes in a second, 32 at a time: its own limit for writes of one
/// item.
async fn appends_per_second(store: &Store, workspace: &WorkspaceId) -> Result<f64> {
    let mut random = Rng::with_seed(1);
    let events: Vec<_> =
        (0..WORKSPACE).map(|number| valid(workspace, number, &mut random)).collect::<Result<_>>()?;
    let began = Instant::now();
    let appended = stream::iter(&events).map(|event| store.append(event)).buffer_unordered(32);
    appended.try_collect::<Vec<_>>().await?;
    Ok(WORKSPACE as f64 / began.elapsed().as_secs_f64())
}

fn megabytes(instance: &Instance) -> Result<f64> {
    Ok(instance.max_rss_bytes()? as f64 / 1e6)
}
