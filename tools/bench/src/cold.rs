//! The time of an instance to start and to answer for the first time, compared with others and the limit.

use std::{fs, time::Duration};

use tests::runtime_api::Instance;

use crate::{
    Result,
    payloads::Door,
    payloads::{self, Payloads},
    programs::{Program, Programs},
    report::{Chart, Report, Table, number, percentiles},
    stage::{Stage, invoke},
};

/// The share of a CPU that Lambda gives a function of 128 MB, and its slices (ms).
const SHARE: f64 = 128.0 / 1769.0;
const SLICE_MS: f64 = 20.0;

pub(crate) async fn run(programs: Programs, starts: usize) -> Result<Report> {
    let peers = programs.peers()?;
    let stage = Stage::set(programs).await?;
    let mut contestants: Vec<_> = stage.programs.functions().collect();
    contestants.extend([stage.programs.ours("hello"), stage.programs.ours("floor")]);
    contestants.extend(peers);

    let mut payloads = Payloads::new()?;
    let mut taken: Vec<Vec<Start>> = vec![Vec::new(); contestants.len()];
    let progress = crate::progress("starting", starts * contestants.len())?;
    // Interleaved, so that other work on the machine affects all programs alike.
    for round in 0..=starts {
        for (program, taken) in contestants.iter().zip(&mut taken) {
            let start = start(&stage, program, &mut payloads).await?;
            // The first round reads the programs from the disk.
            if round > 0 {
                taken.push(start);
                progress.inc(1);
            }
        }
    }
    progress.finish_and_clear();
    let opened = stage.programs.ours("ingest-api");
    let unopened = opened.connecting_later();
    let (mut share, mut unopened_share) = (Vec::new(), Vec::new());
    if let Some(slices) = Slices::new() {
        for _ in 0..starts {
            share.push(slices.first(&stage, &opened, &mut payloads).await?);
            unopened_share.push(slices.first(&stage, &unopened, &mut payloads).await?);
        }
    }
    stage.strike().await;

    let mut report = Report::of("cold");
    let mut table = Table::new(["program", "init, ms", "first answer, ms", "both, ms", "CPU of both, ms"]);
    let mut bars = Vec::new();
    for (program, taken) in contestants.iter().zip(&taken) {
        let name = program.name;
        let both = median(taken, |start| start.init + start.first);
        let cells = [
            ("init_ms", median(taken, |start| start.init)),
            ("first_ms", median(taken, |start| start.first)),
            ("both_ms", both),
            ("cpu_ms", median(taken, |start| start.cpu)),
        ];
        for (figure, value) in cells {
            report.figure(format!("{figure}.{name}"), value);
        }
        let [init, first, both, cpu] = cells.map(|(_, value)| number(value));
        table.row([name.to_owned(), init, first, both, cpu]);
        bars.push((name.to_owned(), cells[2].1));
    }
    let ours = report.figures["cold.both_ms.ingest-api"];
    for (peer, figure) in [("sdk-defaults", "sdk_defaults"), ("python-boto3", "python"), ("node-sdk", "node")]
    {
        let ratio = report.figures[&format!("cold.both_ms.{peer}")] / ours;
        report.figure(format!("times_faster_than.{figure}"), ratio);
    }
    report.say(format!(
        "Medians of {starts} starts each, interleaved, over TLS to the stub. Init is from the start of the process until \
         it asks for work; the first answer is from then on. Each does one event or its own sample."
    ));
    report.say(table);
    let [sdk, python, node] = ["sdk_defaults", "python", "node"]
        .map(|peer| number(report.figures[&format!("cold.times_faster_than.{peer}")]));
    report.say(format!(
        "`ingest-api` against others, init and first answer: {sdk} times as fast as the SDK's defaults, {python} as \
         Python with boto3, {node} as Node with the SDK."
    ));
    if share.is_empty() {
        report.say("The share of a CPU that 128 MB buy was not simulated: the CPU controller of cgroups cannot be used here.");
    } else {
        let (first, _) = percentiles(share);
        let (unopened_first, _) = percentiles(unopened_share);
        report.figure("first_at_128mb_ms", first);
        report.figure("first_at_128mb_connecting_later_ms", unopened_first);
        report.say(format!(
            "The first event of `ingest-api` at {SHARE:.4} of a CPU, in slices of {SLICE_MS} ms (cgroups; init ran at a \
             whole one, as Lambda's does): {} ms, and {} ms where the connection was not opened in init; medians of \
             {starts}.",
            number(first),
            number(unopened_first)
        ));
    }
    report.charts.push(Chart { title: "init and first answer".to_owned(), unit: "ms", bars });
    Ok(report)
}

fn median(taken: &[Start], of: fn(&Start) -> Duration) -> f64 {
    percentiles(taken.iter().map(|start| of(start).as_secs_f64() * 1e3).collect()).0
}

#[derive(Clone, Debug)]
struct Start {
    init: Duration,
    first: Duration,
    cpu: Duration,
}

async fn start(stage: &Stage, program: &Program, payloads: &mut Payloads) -> Result<Start> {
    let instance = stage.start(program, &stage.stub.https).await?;
    let first = invoke(&instance, &first_of(program, payloads)?).await?;
    let start = Start { init: instance.init(), first: first.took, cpu: instance.cpu_time()? };
    instance.kill().await?;
    Ok(start)
}

/// The first request of a program: one event if it records events, otherwise its sample.
pub(crate) fn first_of(program: &Program, payloads: &mut Payloads) -> Result<String> {
    match program.name {
        "ingest-bus" => Ok(payloads.of(Door::Bus, 1)),
        "ingest-api" | "floor" | "hello" | "sdk-defaults" | "python-boto3" | "node-sdk" => {
            Ok(payloads.of(Door::Http, 1))
        }
        function => payloads::sample(function),
    }
}

/// A group of processes with the share of a CPU that 128 MB buy.
struct Slices;

impl Slices {
    const GROUP: &str = "/sys/fs/cgroup/cpu/audit-logs-bench";

    /// None if the CPU controller cannot be used.
    fn new() -> Option<Self> {
        fs::create_dir_all(Self::GROUP).ok()?;
        // In microseconds.
        fs::write(format!("{}/cpu.cfs_period_us", Self::GROUP), format!("{:.0}", SLICE_MS * 1e3)).ok()?;
        fs::write(format!("{}/cpu.cfs_quota_us", Self::GROUP), format!("{:.0}", SLICE_MS * 1e3 * SHARE))
            .ok()?;
        Some(Self)
    }

    /// The time of the first event, in ms.
    async fn first(&self, stage: &Stage, program: &Program, payloads: &mut Payloads) -> Result<f64> {
        let instance: Instance = stage.start(program, &stage.stub.https).await?;
        fs::write(format!("{}/cgroup.procs", Self::GROUP), instance.pid().to_string())?;
        let took = invoke(&instance, &first_of(program, payloads)?).await?.took;
        instance.kill().await?;
        Ok(took.as_secs_f64() * 1e3)
    }
}

impl Drop for Slices {
    fn drop(&mut self) {
        drop(fs::remove_dir(Self::GROUP));
    }
}
