//! The command `auditlog-operator`: changes that only the operator of the tables may make.

use std::{error::Error, io, process::ExitCode};

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use operator::{
    manual::{self, Shell},
    terminal::{self, WRONG_USAGE, complain},
};
use serde_json::json;
use shared::{
    aws::config::Config,
    model::{
        self, id::WorkspaceId, principal::Admin, scope::Scope, service_event::Origin, shards::Shards,
        timestamp::Timestamp,
    },
    store::Store,
    system,
};
use tokens::{Issued, NewToken, issue};

/// Operates Audit Logs: shows and changes the shards of a workspace, and creates tokens without a JWT.
///
/// It speaks to the tables themselves, with the credentials and the region of the AWS CLI: a profile, an SSO session
/// (`aws sso login`), or the variables AWS_ACCESS_KEY_ID and so on. Set SETTINGS_TABLE, EVENTS_TABLE and TOKENS_TABLE to the
/// stack's outputs SettingsTable, EventsTable and TokensTable; for the local system set DYNAMODB_ENDPOINT alone.
#[derive(Parser)]
#[command(
    name = "auditlog-operator",
    version,
    after_help = concat!("\
Examples:
  auditlog-operator shards acme                          show the shards of acme
  auditlog-operator shards acme --set 4 --from 2026-12-01  spread acme over 4 shards from that day on
  auditlog-operator token create acme --name siem        create a token that may read acme
  auditlog-operator completions bash > ~/.local/share/bash-completion/completions/auditlog-operator
  auditlog-operator man | man -l -
  DYNAMODB_ENDPOINT=http://127.0.0.1:8000 auditlog-operator shards acme

", include_str!("../../../docs/exit-codes.txt"))
)]
struct Cli {
    /// The profile of the AWS CLI whose credentials and region are used
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// The AWS region of the stack
    #[arg(long, global = true, value_name = "REGION")]
    region: Option<String>,
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
    /// Create a workspace token without a JWT of an admin
    #[command(subcommand)]
    Token(TokenCommand),
    /// Write completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual page
    Man,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Create a token, print it once, and record it in the log of the workspace
    ///
    /// The first token of a stack is made with it, before an identity provider is set up. The log has
    /// api_token_workspace_created with the actor auditlog-operator. The credentials must allow Query and
    /// PartiQLInsert on the tokens and the events, and GetItem on the settings.
    Create(NewTokenArguments),
}

#[derive(Args)]
struct NewTokenArguments {
    /// The workspace
    workspace: String,
    /// A name by which the admins of the workspace recognize the token
    #[arg(long)]
    name: String,
    /// The scopes of the token
    #[arg(long, value_delimiter = ',', default_value = "audit_log:read", value_name = "SCOPE,…")]
    scopes: Vec<String>,
    /// The time until which it is valid, such as 2027-01-31T00:00:00Z; a year from now by default
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Your name, which the record shows
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// The actor of the operator's acts in a log.
const ACTOR: &str = "auditlog-operator";

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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return terminal::report_usage(&error),
    };
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => {
            terminal::report(&*error, "Correct it: auditlog-operator --help has examples and the variables.");
            ExitCode::from(WRONG_USAGE)
        }
        Err(Failure::Failed(error)) => {
            terminal::report(
                &*error,
                "Look whether it was done (shards, or the tokens of the workspace), then repeat the command.",
            );
            ExitCode::FAILURE
        }
        Err(Failure::Output(error)) => {
            complain(&format!("error: the output cannot be written: {error}"));
            complain("next: Check where it is redirected to, and the free space there.");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { profile, region, command } = cli;
    let aws = (profile.as_deref(), region.as_deref());
    let text = match command {
        Command::Shards { workspace, set, from } => {
            let shards = shards(&workspace, set.zip(from), aws).await?;
            listing(&workspace, &shards)
        }
        Command::Token(TokenCommand::Create(arguments)) => create_token(arguments, aws).await?,
        Command::Completions { shell } => manual::completions(Cli::command(), shell),
        Command::Man => manual::pages(Cli::command()).map_err(Failure::Output)?,
    };
    terminal::print(&text).map_err(Failure::Output)
}

/// The tables, with the credentials of a profile and a region, both of which the environment may name instead.
async fn store((profile, region): (Option<&str>, Option<&str>)) -> Result<Store, Failure> {
    Ok(Store::connect(&Config::of_a_tool(profile, region).await.map_err(usage)?))
}

fn workspace_id(name: &str) -> Result<WorkspaceId, Failure> {
    WorkspaceId::parse(name).map_err(|error| usage(format!("the workspace {error}")))
}

/// Creates a token. Returns what is printed: the token on a line of its own, then what it is.
async fn create_token(
    arguments: NewTokenArguments,
    aws: (Option<&str>, Option<&str>),
) -> Result<String, Failure> {
    let NewTokenArguments { workspace, name, scopes, expires_at, by } = arguments;
    let admin = Admin { workspace: workspace_id(&workspace)?, user_id: ACTOR.to_owned(), username: by };
    let mut body = json!({ "name": name, "scopes": scopes });
    if let Some(expires_at) = expires_at {
        body["expires_at"] = json!(expires_at);
    }
    let now = system::now();
    let wanted = NewToken::parse(body.to_string().as_bytes(), now).map_err(of_arguments)?;
    let origin = Origin::without_request(now, system::event_id(), system::salt());
    let store = store(aws).await?;
    let Issued { token, plain, .. } = issue(&store, &admin, wanted, origin).await.map_err(failed)?;
    complain(&format!(
        "{}: token {} may {} until {}; it is shown this once",
        token.workspace,
        token.id,
        Scope::join(&token.scopes),
        token.expires_at
    ));
    Ok(format!("{}\n", &*plain.bearer()))
}

/// The problems of a token that was asked for, each with the argument.
fn of_arguments(error: model::error::Error) -> Failure {
    let model::error::Error::InvalidBody(problems) = error else { return usage(error) };
    let problems = problems.iter().map(|problem| {
        let argument = problem.field.trim_start_matches('/').split('/').next().unwrap_or_default();
        format!("--{} {}", argument.replace('_', "-"), problem.detail)
    });
    usage(problems.collect::<Vec<_>>().join("; "))
}

/// The shards of a workspace, changed first if that is asked for.
async fn shards(
    workspace: &str,
    change: Option<(u8, String)>,
    aws: (Option<&str>, Option<&str>),
) -> Result<Shards, Failure> {
    let workspace = workspace_id(workspace)?;
    let change = change.map(|(count, day)| Ok((count, first_moment(&day)?))).transpose()?;
    let store = store(aws).await?;
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
