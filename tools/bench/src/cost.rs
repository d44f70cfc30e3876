//! The consumed capacity of DynamoDB, and its price in dollars. The engine counts it, so it is exact.

use local::{Options, System};
use sealer::{Sealed, seal};
use shared::{model::id::WorkspaceId, store::WriteUnits, system};

use crate::{
    Result, events,
    fill::fill,
    payloads::{self, Door, Payloads},
    prices::{self, Line, Prices, Taken},
    programs::Programs,
    report::{Chart, Report, Table, number},
    stage::{Stage, invoke},
};

/// Sizes of events in bytes.
const SIZES: [(&str, usize); 6] =
    [("0.5", 512), ("1", 1024), ("2", 2048), ("4", 4096), ("16", 16_384), ("64", 64_000)];
/// Events that are sealed for each row, and the sizes of passes.
const SEALED: usize = 500;
const PASSES: [usize; 4] = [1, 10, 50, 100];

/// The capacity that the store's own calls consume.
pub(crate) async fn run() -> Result<Report> {
    let mut report = Report::of("cost");
    let system = System::start(Options::default()).await?;
    let workspace = WorkspaceId::parse("bench")?;

    let mut table =
        Table::new(["event, KiB of JSON", "table", "indexes", "stamp and log at 50 in a pass", "in all"]);
    let example = events::documented(&workspace).map_err(|problems| format!("{problems:?}"))?;
    let appended = system.store().append(&example).await?.write_units;
    let stamps = sealing(&mut report, &system, &workspace).await?;
    report.figure("write_units.table", appended.table);
    report.figure("write_units.recorded", appended.table + appended.indexes);
    report.figure("write_units.all_in", appended.table + appended.indexes + stamps);
    table.row(row("Mode's example", appended, stamps));
    for (number, (name, bytes)) in SIZES.into_iter().enumerate() {
        let other = WorkspaceId::parse(&format!("size{number}"))?;
        let mut places = Vec::new();
        let mut units = WriteUnits::default();
        for number in 0..50 {
            let event =
                events::event_of_size(&other, number, bytes).map_err(|problems| format!("{problems:?}"))?;
            units = system.store().append(&event).await?.write_units;
            places.push(system.store().place_of(&event).await?);
        }
        let sealed = seal(system.store(), &other, &places, system::now()).await?;
        let each = (sealed.write_units.table + sealed.write_units.indexes) / sealed.events as f64;
        report.figure(format!("write_units.of_kib.{name}"), units.table + units.indexes + each);
        table.row(row(name, units, each));
    }
    report.say("Write units of an event:");
    report.say(table);
    system.shutdown().await;
    Ok(report)
}

fn row(name: &str, WriteUnits { table, indexes }: WriteUnits, sealing: f64) -> [String; 5] {
    [name.to_owned(), number(table), number(indexes), number(sealing), number(table + indexes + sealing)]
}

/// The write units of sealing for each event, at 50 in a pass; all sizes of passes go into the report.
async fn sealing(report: &mut Report, system: &System, workspace: &WorkspaceId) -> Result<f64> {
    let mut table = Table::new(["events in a pass", "stamp and log, for each event"]);
    let mut at_50 = 0.0;
    for pass in PASSES {
        let other = WorkspaceId::parse(&format!("{workspace}-{pass}"))?;
        let places = fill(system.store(), &other, SEALED).await?;
        let (mut events, mut units) = (0, 0.0);
        for places in places.chunks(pass) {
            let sealed: Sealed = seal(system.store(), &other, places, system::now()).await?;
            events += sealed.events;
            units += sealed.write_units.table + sealed.write_units.indexes;
        }
        let each = units / events as f64;
        report.figure(format!("write_units.sealing.{pass}"), each);
        table.row([pass.to_string(), format!("{each:.3}")]);
        if pass == 50 {
            at_50 = each;
        }
    }
    report.say(format!("Sealing {SEALED} events of a workspace:"));
    report.say(table);
    Ok(at_50)
}

/// The capacity that the functions' calls consume, counted on the way to the engine, with its price.
pub(crate) async fn run_functions(programs: Programs, report: &mut Report, memory_mb: f64) -> Result<()> {
    let stage = Stage::unlearned(programs).await?;
    let mut table = Table::new(["invocation", "round trips", "read units", "write units"]);
    let mut payloads = Payloads::new()?;
    let invocations = [
        ("authorizer", "authorizer", payloads::sample("authorizer")?),
        ("ingest-api, one event", "ingest-api", payloads.of(Door::Http, 1)),
        ("ingest-bus, batch of 10", "ingest-bus", payloads.of(Door::Bus, 10)),
        ("query, page of the samples", "query", payloads::sample("query")?),
        ("tokens, list", "tokens", payloads::sample("tokens")?),
        ("ledger, checkpoint", "ledger", payloads::sample("ledger")?),
    ];
    let sealer = stage.start(&stage.programs.ours("sealer"), &stage.engine).await?;
    invoke(&sealer, &payloads::file("sealer-stream")?).await?;
    for (what, function, payload) in invocations {
        let instance = stage.start(&stage.programs.ours(function), &stage.stub.http).await?;
        // The first invocation also reads the settings that an instance caches for a minute.
        let first = match function {
            "ingest-api" => payloads.of(Door::Http, 1),
            "ingest-bus" => payloads.of(Door::Bus, 10),
            _ => payload.clone(),
        };
        invoke(&instance, &first).await?;
        stage.stub.take_tally();
        invoke(&instance, &payload).await?;
        let tally = stage.stub.take_tally();
        report.figures.insert(format!("calls.round_trips.{function}"), tally.round_trips() as f64);
        report.figures.insert(format!("calls.read_units.{function}"), tally.read_units);
        table.row([
            what.to_owned(),
            tally.round_trips().to_string(),
            number(tally.read_units),
            number(tally.write_units),
        ]);
    }
    report.say(
        "Warm invocations of the functions as they are shipped (API Gateway keeps the authorizer's answer for a minute, \
         and does not ask again meanwhile):",
    );
    report.say(table);

    let cpu_ms = cpu_of_batch(&stage).await?;
    stage.strike().await;
    price(report, cpu_ms, memory_mb);
    Ok(())
}

/// The CPU time of `ingest-bus` for each event in batches of 10, in ms.
async fn cpu_of_batch(stage: &Stage) -> Result<f64> {
    let mut payloads = Payloads::new()?;
    let instance = stage.start(&stage.programs.ours("ingest-bus"), &stage.stub.http).await?;
    // Numbers that the other instance did not use, because its events are recorded.
    payloads.skip(10_000);
    for _ in 0..20 {
        invoke(&instance, &payloads.of(Door::Bus, 10)).await?;
    }
    let before = instance.cpu_time()?;
    for _ in 0..50 {
        invoke(&instance, &payloads.of(Door::Bus, 10)).await?;
    }
    Ok((instance.cpu_time()? - before).as_secs_f64() * 1e3 / 500.0)
}

fn price(report: &mut Report, cpu_ms: f64, memory_mb: f64) {
    let Prices { write_unit, read_unit, .. } = prices::US_EAST_1;
    let units = report.figures["cost.write_units.all_in"];
    let recorded = report.figures["cost.write_units.recorded"];
    let taken = Taken { write_units: units, cpu_ms, memory_mb };
    let (bus, http) = (prices::bus(taken, 10.0), prices::http(taken, 100.0));
    let mut table =
        Table::new(["dollars for a million events", "bus, batches of 10", "HTTP, batches of 100"]);
    for (bus, http) in bus.iter().zip(&http) {
        table.row([bus.what.to_owned(), format!("{:.3}", bus.dollars), format!("{:.3}", http.dollars)]);
    }
    table.row(["**in all**".to_owned(), format!("**{:.3}**", sum(&bus)), format!("**{:.3}**", sum(&http))]);
    let own =
        |lines: &[Line]| lines.iter().filter(|line| !line.delivery).map(|line| line.dollars).sum::<f64>();
    let rows = [
        "without what AWS takes to deliver them".to_owned(),
        format!("{:.3}", own(&bus)),
        format!("{:.3}", own(&http)),
    ];
    table.row(rows);
    table.row([
        "each month that they are kept (estimate)".to_owned(),
        format!("{:.3}", prices::A_MONTH),
        format!("{:.3}", prices::A_MONTH),
    ]);
    report.figure("dollars_per_million.bus_all_in", sum(&bus));
    report.figure("dollars_per_million.bus_without_delivery", own(&bus));
    report.figure("dollars_per_million.http_all_in", sum(&http));
    report.say(format!(
        "{}. CPU time is measured here ({cpu_ms:.3} ms for each event, which AWS would bill as the time of an invocation \
         with its waiting in it); units are counted; all else is arithmetic.",
        prices::SOURCE
    ));
    report.say(table);

    let mut table = Table::new(["alternative", "write units", "DynamoDB, dollars for a million"]);
    let log = report.figures["cost.write_units.sealing.50"] - 1.0;
    let alternatives = [
        ("this: conditional put, three indexes of keys, stamp, log", units),
        ("no indexes: filters scan", 1.0 + 1.0 + log),
        ("indexes with whole events: the stamp is written to each", recorded + 4.0 + log),
        ("a fourth index, for `correlation_id`", units + 1.0),
        ("a transaction with an item for each id, to deduplicate", 2.0 * recorded + 2.0 + 1.0 + log),
        ("sealed one at a time", recorded + report.figures["cost.write_units.sealing.1"]),
        ("not sealed at all", recorded),
    ];
    let mut bars = Vec::new();
    for (what, units) in alternatives {
        table.row([what.to_owned(), number(units), million(write_unit, units)]);
        bars.push((what.split(':').next().unwrap_or(what).to_owned(), units * write_unit));
    }
    report.say("Other ways to keep the same events, by the same units (arithmetic from the counts above):");
    report.say(table);
    report.say(format!(
        "WorkOS lists $99 a month for a million events stored. Reading 1,000 events by `actor` takes some 514 read units: \
         ${:.6}.",
        514.0 * read_unit / 1e6
    ));
    report.charts.push(Chart { title: "DynamoDB for a million events".to_owned(), unit: "dollars", bars });
}

fn million(write_unit: f64, units: f64) -> String {
    format!("{:.3}", units * write_unit)
}

fn sum(lines: &[Line]) -> f64 {
    lines.iter().map(|line| line.dollars).sum::<f64>()
}
