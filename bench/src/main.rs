//! The command `bench`: what Audit Logs costs, counted by the engine's consumed capacity.

mod events;
mod reads;
mod sealing;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Counts what Audit Logs takes of DynamoDB, on the embedded engine.
///
/// Units and items are counts, the same on every machine and at every run. Times, where there are any, are not.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  cargo run -p bench -- reads --events 20000\n  cargo run -p bench -- sealing"
)]
struct Cli {
    /// What to count.
    suite: Suite,
    /// How many events the workspace holds that is read.
    #[arg(long, default_value_t = 20_000)]
    events: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Suite {
    /// Read units and items for a page of each filter.
    Reads,
    /// Write units of sealing, by how many events a pass seals; and how long an event waits.
    Sealing,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { suite, events } = Cli::parse();
    let table = match suite {
        Suite::Reads => reads::run(events).await,
        Suite::Sealing => sealing::run().await,
    };
    match table {
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
