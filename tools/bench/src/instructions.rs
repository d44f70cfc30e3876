//! The instructions that the functions execute, counted by valgrind's callgrind: nearly the same at every run.
//!
//! The instructions of an invocation are the difference between a run with more invocations and a run with
//! fewer, so that the start and the end do not count.

use std::{fs, time::Duration};

use tests::runtime_api::{Instance, Signal};

use crate::{
    Result,
    cold::first_of,
    payloads::{self, Door, Payloads},
    programs::{Program, Programs, on_path},
    report::{Chart, Report, Table, number},
    stage::{PATIENCE, Stage, invoke},
    stub::Endpoint,
};

/// The measured sizes of batches.
const BATCHES: [usize; 5] = [1, 10, 25, 100, 500];

pub(crate) async fn run(programs: Programs) -> Result<Report> {
    on_path("valgrind")
        .map_err(|_| "valgrind is not installed, and instructions cannot be counted without it")?;
    let stage = Stage::set(programs).await?;
    let counter = Counter { stage: &stage };
    let mut report = Report::of("instructions");
    let limits = [stage.programs.ours("hello"), stage.programs.ours("floor")];
    let programs: Vec<_> = limits.into_iter().chain(stage.programs.functions()).collect();
    let progress = crate::progress("counting", programs.len() + 2 * BATCHES.len())?;

    let mut table =
        Table::new(["program", "init", "init / hello", "init, connected", "both", "both / floor"]);
    let (mut hello, mut floor) = (0.0, 0.0);
    for program in &programs {
        let mut payloads = Payloads::new()?;
        let first = first_of(program, &mut payloads)?;
        let init = counter.count(&program.connecting_later(), &[]).await?;
        let connected = counter.count(program, &[]).await?;
        let both = counter.count(program, &[first]).await?;
        match program.name {
            "hello" => hello = init,
            "floor" => floor = both,
            name => {
                report.figure(format!("init.{name}"), init);
                report.figure(format!("init_connected.{name}"), connected);
                report.figure(format!("both.{name}"), both);
                report.figure(format!("init_over_hello.{name}"), init / hello);
                report.figure(format!("both_over_floor.{name}"), both / floor);
            }
        }
        table.row([
            program.name.to_owned(),
            number(init),
            ratio(init, hello),
            number(connected),
            number(both),
            ratio(both, floor),
        ]);
        progress.inc(1);
    }
    let most = report.figures.iter().filter(|(name, _)| name.starts_with("instructions.init_over_hello."));
    let most = most.map(|(_, value)| *value).fold(0.0, f64::max);
    report.figure("init_over_hello.most", most);
    report.say(
        "Over TLS to the stub. Init is up to the question for work with the connection left to the first request, as \
         the limit `hello`, a bare `lambda_runtime`, has none; then with the connection opened in it, which is how the \
         functions are shipped; then with the first answer too. `floor` puts an event with the standard library and \
         TLS alone.",
    );
    report.say(table);

    let mut table =
        Table::new(["events in an invocation", "over HTTP, for each event", "from the bus, for each event"]);
    let mut bars = Vec::new();
    let mut most_in_batches: f64 = 0.0;
    for batch in BATCHES {
        let mut cells = Vec::new();
        for door in Door::BOTH {
            let each = counter.warm(door, batch).await?;
            report.figure(format!("warm.{}.{batch}", door.name()), each);
            if batch >= 25 {
                most_in_batches = most_in_batches.max(each);
            }
            bars.push((format!("{} {batch}", door.name()), each));
            cells.push(number(each));
            progress.inc(1);
        }
        let [http, bus] = <[String; 2]>::try_from(cells).unwrap_or_default();
        table.row([batch.to_string(), http, bus]);
    }
    report.figure("warm.most_in_batches_of_25_and_more", most_in_batches);
    progress.finish_and_clear();
    report.say("Warm, over TLS to the stub, with validation:");
    report.say(table);
    report.charts.push(Chart {
        title: "instructions for each event, warm".to_owned(),
        unit: "instructions",
        bars,
    });
    stage.strike().await;
    Ok(report)
}

fn ratio(value: f64, limit: f64) -> String {
    if limit > 0.0 { number(value / limit) } else { String::new() }
}

struct Counter<'a> {
    stage: &'a Stage,
}

impl Counter<'_> {
    async fn count(&self, program: &Program, payloads: &[String]) -> Result<f64> {
        count(&self.stage.programs, &self.stage.stub.https, program, payloads).await
    }

    /// The instructions for each event in invocations of this size, after warming up.
    async fn warm(&self, door: Door, batch: usize) -> Result<f64> {
        let program = self.stage.programs.ours(door.function());
        let (few, many) = match batch {
            ..10 => (5, 35),
            10..100 => (3, 9),
            _ => (2, 4),
        };
        let mut payloads = Payloads::new()?;
        let payloads: Vec<_> = (0..many).map(|_| payloads.of(door, batch)).collect();
        let less = self.count(&program, &payloads[..few]).await?;
        let more = self.count(&program, &payloads).await?;
        #[expect(clippy::cast_precision_loss, reason = "there are some thousands at most")]
        Ok((more - less) / ((many - few) * batch) as f64)
    }
}

/// The instructions of `query` for an unfiltered page, warm, from the engine.
pub(crate) async fn counted_pages(programs: &Programs, engine: &Endpoint, size: usize) -> Result<f64> {
    const FEW: usize = 2;
    const MANY: usize = 8;
    let page = payloads::list(&format!("limit={size}&end_timestamp=2026-01-01T00:00:00Z"))?;
    let query = programs.ours("query");
    let less = count(programs, engine, &query, &vec![page.clone(); FEW]).await?;
    let more = count(programs, engine, &query, &vec![page; MANY]).await?;
    #[expect(clippy::cast_precision_loss, reason = "there are a few")]
    Ok((more - less) / (MANY - FEW) as f64)
}

/// The instructions from the start of a program until it has answered all of these payloads and waits for more.
async fn count(
    programs: &Programs,
    dynamodb: &Endpoint,
    program: &Program,
    payloads: &[String],
) -> Result<f64> {
    let work = programs.work();
    let counts = work.join(format!("callgrind.{}", program.name));
    drop(fs::remove_file(&counts));
    let command = program.counted(dynamodb, work, &counts)?;
    let instance = Instance::start(program.name, command, PATIENCE).await;
    let instance =
        instance.map_err(|failed| format!("{} did not start under valgrind: {failed:?}", program.name))?;
    for payload in payloads {
        invoke(&instance, payload).await?;
    }
    instance.idle().await.map_err(|failed| format!("{} did not ask for more: {failed:?}", program.name))?;
    // It has sent its request, and needs a moment until it waits.
    tokio::time::sleep(Duration::from_millis(50)).await;
    // When it is asked to end, it writes its counts.
    instance.signal(Signal::Terminate).await?;
    instance.ended().await;
    let counted = fs::read_to_string(&counts)?;
    let total =
        counted.lines().find_map(|line| line.strip_prefix("summary: ")).ok_or("no counts were written")?;
    Ok(total.trim().parse()?)
}
