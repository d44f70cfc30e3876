//! The command `auditlog-operator`: changes that only the operator of the tables may make.

use std::{error::Error, io, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};
use operator::{
    manual::{self, Shell},
    terminal::{self, WRONG_USAGE, complain},
};
use shared::{
    aws::config::Config,
    model::{id::WorkspaceId, shards::Shards, timestamp::Timestamp},
    store::Store,
    system,
};

/// Operates Audit Logs: shows and changes the shards of a workspace.
///
/// It speaks to the tables themselves. Set AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (and
/// AWS_SESSION_TOKEN), and SETTINGS_TABLE to the stack's output SettingsTable; for the local system set
/// DYNAMODB_ENDPOINT alone.
#[derive(Parser)]
#[command(
    name = "auditlog-operator",
    version,
    after_help = concat!("\
Examples:
  auditlog-operator shards acme                          show the shards of acme
  auditlog-operator shards acme --set 4 --from 2026-12-01  spread acme over 4 shards from that day on
  auditlog-operator completions bash > ~/.local/share/bash-completion/completions/auditlog-operator
  auditlog-operator man | man -l -
  DYNAMODB_ENDPOINT=http://127.0.0.1:8000 auditlog-operator shards acme

", include_str!("../../docs/exit-codes.txt"))
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show or set over how many partitions a workspace's events are spread.
    ///
    /// One shard takes about 1,000 write units a second, and an event takes 4. The number goes by the day of an
    /// event's own timestamp. It is set for a future day, and recorded events stay where they are.
    Shards {
        /// The workspace.
        workspace: String,
        /// The number of shards, from 1 to 16.
        #[arg(long, value_name = "COUNT", requires = "from")]
        set: Option<u8>,
        /// The first day (UTC) with that number, such as 2026-12-01.
        #[arg(long, value_name = "DAY", requires = "set")]
        from: Option<String>,
    },
    /// Write completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual page
    Man,
}

/// The reason why nothing was done.
enum Failure {
    /// The command line or the environment cannot be followed.
    Usage(Box<dyn Error>),
    /// It was tried, and failed.
    Failed(Box<dyn Error>),
    /// Standard output cannot be written.
    Output(io::Error),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return terminal::report_usage(&error),
    };
    match run(command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => {
            terminal::report(&*error, "Correct it: auditlog-operator --help has examples and the variables.");
            ExitCode::from(WRONG_USAGE)
        }
        Err(Failure::Failed(error)) => {
            terminal::report(&*error, "Look at the shards again, then repeat the command.");
            ExitCode::FAILURE
        }
        Err(Failure::Output(error)) => {
            complain(&format!("error: the output cannot be written: {error}"));
            complain("next: Check where it is redirected to, and the free space there.");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    let text = match command {
        Command::Shards { workspace, set, from } => {
            let shards = shards(&workspace, set.zip(from)).await?;
            listing(&workspace, &shards)
        }
        Command::Completions { shell } => manual::completions(Cli::command(), shell),
        Command::Man => manual::pages(Cli::command()).map_err(Failure::Output)?,
    };
    terminal::print(&text).map_err(Failure::Output)
}

/// The shards of a workspace, changed first if that is asked for.
async fn shards(workspace: &str, change: Option<(u8, String)>) -> Result<Shards, Failure> {
    let workspace = WorkspaceId::parse(workspace).map_err(|error| usage(format!("the workspace {error}")))?;
    let change = change.map(|(count, day)| Ok((count, first_moment(&day)?))).transpose()?;
    let store = Store::connect(&Config::from_env().map_err(usage)?);
    let old = store.settings_now(&workspace).await.map_err(failed)?.shards;
    let Some((count, from)) = change else { return Ok(old) };
    let new = old.change(count, from, system::now()).map_err(usage)?;
    if !store.set_shards(&workspace, &old, &new).await.map_err(failed)? {
        return Err(failed("another operator changed the shards of this workspace meanwhile"));
    }
    Ok(new)
}

fn first_moment(day: &str) -> Result<Timestamp, Failure> {
    Timestamp::parse(&format!("{day}T00:00:00Z"))
        .map_err(|_| usage("--from must be a day such as 2026-12-01"))
}

fn usage(error: impl Into<Box<dyn Error>>) -> Failure {
    Failure::Usage(error.into())
}

fn failed(error: impl Into<Box<dyn Error>>) -> Failure {
    Failure::Failed(error.into())
}

fn listing(workspace: &str, shards: &Shards) -> String {
    let mut listing = format!("{workspace}: 1 shard at first\n");
    for since in shards.changes() {
        listing.push_str(&format!("{workspace}: {} from {} on\n", since.count, since.from.day()));
    }
    listing
}
