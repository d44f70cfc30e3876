//! The command `auditlog-operator`: what only the operator of the tables may do.

use std::{error::Error, process::ExitCode};

use clap::{Parser, Subcommand};
use shared::{
    aws::config::Config,
    model::{id::WorkspaceId, shards::Shards, timestamp::Timestamp},
    store::Store,
    system,
};

/// Operates Audit Logs: changes how a workspace is kept.
///
/// It speaks to the tables themselves. Set AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (and
/// AWS_SESSION_TOKEN), and SETTINGS_TABLE to the stack's output SettingsTable; for the local system set
/// DYNAMODB_ENDPOINT alone.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Examples:
  auditlog-operator shards acme                          show the shards of acme
  auditlog-operator shards acme --set 4 --from 2026-12-01  spread acme over 4 shards from that day on
  DYNAMODB_ENDPOINT=http://127.0.0.1:8000 auditlog-operator shards acme"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show or set over how many partitions a workspace's events are spread.
    ///
    /// One shard takes about 1,000 write units a second, 4 of them an event. The number goes by the day
    /// of an event's own timestamp, so it is set for a day to come, and what is recorded stays where it
    /// is.
    Shards {
        /// The workspace.
        workspace: String,
        /// How many shards, from 1 to 16.
        #[arg(long, value_name = "COUNT", requires = "from")]
        set: Option<u8>,
        /// The first day (UTC) with as many, such as 2026-12-01.
        #[arg(long, value_name = "DAY", requires = "set")]
        from: Option<String>,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Command::Shards { workspace, set, from } = Cli::parse().command;
    match shards(&workspace, set.zip(from)).await {
        Ok(shards) => {
            print!("{}", listing(&workspace, &shards));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// The shards of a workspace, changed first where that is asked for.
async fn shards(workspace: &str, change: Option<(u8, String)>) -> Result<Shards, Box<dyn Error>> {
    let workspace = WorkspaceId::parse(workspace).map_err(|error| format!("the workspace {error}"))?;
    let store = Store::connect(&Config::from_env()?);
    let old = store.settings_now(&workspace).await?.shards;
    let Some((count, day)) = change else { return Ok(old) };
    let from = Timestamp::parse(&format!("{day}T00:00:00Z"))
        .map_err(|_| "--from must be a day such as 2026-12-01")?;
    let new = old.change(count, from, system::now())?;
    if !store.set_shards(&workspace, &old, &new).await? {
        return Err(
            "somebody else changed the shards of this workspace just now; look at them and try again".into(),
        );
    }
    Ok(new)
}

fn listing(workspace: &str, shards: &Shards) -> String {
    let mut listing = format!("{workspace}: 1 shard at first\n");
    for since in shards.changes() {
        listing.push_str(&format!("{workspace}: {} from {} on\n", since.count, since.from.day()));
    }
    listing
}
