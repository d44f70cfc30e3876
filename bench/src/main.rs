//! The command `bench`: what Audit Logs costs, counted by the engine's consumed capacity.

mod events;
mod reads;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Counts what Audit Logs takes of DynamoDB, on the embedded engine.
///
/// The figures are counts, not times: they are the same on every machine and at every run.
#[derive(Parser)]
#[command(version, after_help = "Example:\n  cargo run -p bench -- reads --events 20000")]
struct Cli {
    /// What to count.
    suite: Suite,
    /// How many events the workspace holds.
    #[arg(long, default_value_t = 20_000)]
    events: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Suite {
    /// Read units and items for a page of each filter.
    Reads,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { suite: Suite::Reads, events } = Cli::parse();
    match reads::run(events).await {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
