//! The command `bench`: the cost and the speed of Audit Logs, compared with others and with the limits.

mod cold;
mod cost;
mod events;
mod fill;
mod gate;
mod instructions;
mod payloads;
mod prices;
mod programs;
mod reads;
mod report;
mod scale;
mod sealing;
mod size;
mod stage;
mod stub;
mod targets;
mod throughput;
mod warm;

use std::{collections::BTreeMap, fs, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use self::{programs::Programs, report::Report};

/// Every error ends the command with a message.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The memory of a function in the template, in MB.
const MEMORY_MB: f64 = 512.0;

/// Measures what Audit Logs costs and how fast it is.
///
/// Units, items, sizes and instructions are counts, the same at every run or nearly so. Times are of this machine and
/// this hour: only their ratios, from one run, say something.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  cargo run --release -p bench\n  cargo run --release -p bench -- cold --starts 30\n  \
                  cargo run -p bench -- gate\n  cargo run -p bench -- gate --programs target/release"
)]
struct Cli {
    /// What to measure.
    #[arg(default_value = "all")]
    suite: Suite,
    /// Where the functions' programs are, with `hello` and `floor`. Without it they are built in release.
    #[arg(long, value_name = "DIRECTORY")]
    programs: Option<PathBuf>,
    /// How often each program is started for its medians.
    #[arg(long, default_value_t = 15)]
    starts: usize,
    /// How many events the workspace holds whose pages are read.
    #[arg(long, default_value_t = 12_000)]
    events: usize,
    /// How far `scale` goes: a million events take minutes, and some gigabytes of memory.
    #[arg(long, default_value_t = 1_000_000)]
    most: usize,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Suite {
    /// Every one of them, and the table of targets.
    All,
    /// Bytes of programs and zips.
    Size,
    /// Write units, read units and round trips; dollars for a million events.
    Cost,
    /// Read units and items for a page of each filter.
    Reads,
    /// Write units of sealing, by how many events a pass seals; and how long an event waits.
    Sealing,
    /// From the start of a process to its first answer, against others.
    Cold,
    /// The time of a warm invocation, against the peers and the engine.
    Warm,
    /// Instructions of starting, and for each event. Needs valgrind.
    Instructions,
    /// Events for each second of CPU, export, sealing, memory.
    Throughput,
    /// How a page's cost grows. Counts instructions where valgrind is installed.
    Scale,
    /// Whether the exact figures are within their limits: units; and with --programs, sizes and instructions.
    Gate,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<()> {
    let Cli { suite, programs, starts, events, most } = cli;
    if suite == Suite::Gate {
        print!("{}", gate(programs, events).await?);
        return Ok(());
    }
    let results = programs::target().join("bench/results");
    let suites = match suite {
        Suite::All => &Suite::value_variants()[1..Suite::value_variants().len() - 1],
        _ => &[suite],
    };
    let mut figures = BTreeMap::new();
    for suite in suites {
        let report = measure(*suite, &programs, starts, events, most).await?;
        println!("## {}\n\n{}", report.suite, report.text);
        report.keep(&results)?;
        figures.extend(report.figures);
    }
    if suite == Suite::All {
        let table = targets::table(&figures);
        println!("## Targets\n\n{table}");
        fs::write(results.join("targets.md"), format!("# targets\n\n{table}\n"))?;
    }
    Ok(())
}

async fn measure(
    suite: Suite,
    directory: &Option<PathBuf>,
    starts: usize,
    events: usize,
    most: usize,
) -> Result<Report> {
    match suite {
        Suite::All | Suite::Gate => Err("this is not one suite".into()),
        Suite::Size => size::run(&find_programs(directory)?),
        Suite::Cost => {
            let mut report = cost::run().await?;
            cost::run_functions(find_programs(directory)?, &mut report, MEMORY_MB).await?;
            Ok(report)
        }
        Suite::Reads => reads::run(events).await,
        Suite::Sealing => sealing::run().await,
        Suite::Cold => cold::run(find_programs(directory)?, starts).await,
        Suite::Warm => warm::run(find_programs(directory)?).await,
        Suite::Instructions => instructions::run(find_programs(directory)?).await,
        Suite::Throughput => {
            let programs = find_programs(directory)?;
            let mut report = Report::of("throughput");
            throughput::run_engine(programs.clone(), &mut report).await?;
            throughput::run(programs, &mut report).await?;
            Ok(report)
        }
        Suite::Scale => scale::run(find_programs(directory)?, most).await,
    }
}

fn find_programs(directory: &Option<PathBuf>) -> Result<Programs> {
    Programs::find(directory.clone())
}

/// Checks the exact figures: the store's always, and the programs' if they are given.
async fn gate(programs: Option<PathBuf>, events: usize) -> Result<String> {
    let mut reports = vec![cost::run().await?, reads::run(events).await?];
    let mut suites = vec!["cost", "reads"];
    if let Some(directory) = programs {
        let programs = Programs::find(Some(directory))?;
        reports.push(size::run(&programs)?);
        cost::run_functions(programs.clone(), &mut reports[0], MEMORY_MB).await?;
        reports.push(instructions::run(programs).await?);
        suites.extend(["calls", "size", "instructions"]);
    } else {
        eprintln!("sizes and instructions are not checked: that takes --programs DIRECTORY");
    }
    let figures = reports.into_iter().flat_map(|report| report.figures).collect();
    gate::check(&figures, &suites)
}

/// A progress bar on a terminal, and otherwise none.
fn progress(what: &'static str, steps: usize) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} ({eta} left)")?;
    Ok(ProgressBar::new(steps as u64).with_style(style).with_message(what))
}
