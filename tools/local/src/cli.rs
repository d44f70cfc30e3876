//! The command line.

use std::{future::Future, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    Archive, Error, Options, Storage, System, Tables,
    data_directory::DataDirectory,
    jwt::IdentityProvider,
    private_file,
    template::{TEMPLATE, Template},
    welcome,
};

const EXAMPLES: &str = "\
Examples:
  local                                  everything, with a demo workspace, on port 9000
  local --memory --port 0                the same, kept nowhere, on any free port
  local --no-demo --data /tmp/mine       empty, kept in a directory of your own
  local jwt --workspace globex           a JWT of an admin of another workspace
  local dynamodb                         only the tables on port 8000, with the samples of events/

From a checkout, `local` is `cargo run -p local --`. RUST_LOG=info shows what the functions log.";

/// Runs the whole of Audit Logs in one process, on this machine only.
///
/// API Gateway, EventBridge, SQS and DynamoDB are emulated; the functions are the real ones, and tables and
/// routes are those of template.yaml. Ctrl-C ends it; the next start finds its data.
#[derive(Debug, Parser)]
#[command(name = "local", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Args)]
struct Serve {
    /// Port of the API and the event bus; 0 takes any that is free
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// Port of the tables; 0 takes any that is free
    #[arg(long, default_value_t = 0)]
    dynamodb_port: u16,
    /// Directory for tables, keys and credentials.json
    #[arg(long, value_name = "DIR", default_value = ".data")]
    data: PathBuf,
    /// Keep nothing: all data ends with the process
    #[arg(long, conflicts_with = "data")]
    memory: bool,
    /// Start without the demo workspace, its token and its events
    #[arg(long)]
    no_demo: bool,
    /// Write the credentials to FILE once everything serves
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Keep the answers of the token authorizer this long; 0 asks it every time [default: the template's 60]
    #[arg(long, value_name = "SECONDS")]
    authorizer_ttl: Option<u64>,
    /// Archive to the bucket that ARCHIVE_BUCKET, ARCHIVE_SECONDS, AWS_ENDPOINT_URL_S3 and AWS's keys in the environment tell
    #[arg(long)]
    archive: bool,
    /// Let a token read no more often than N times in ten seconds, as the template does [default: no limit]
    #[arg(long, value_name = "N")]
    read_limit: Option<u32>,
    /// Let admins change a workspace no more often than N times in ten seconds, as the template does [default: no limit]
    #[arg(long, value_name = "N")]
    change_limit: Option<u32>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start only the tables, for cargo-lambda and `sam local invoke`
    Dynamodb {
        /// Port of the tables; 0 takes any that is free
        #[arg(long, default_value_t = 8000)]
        port: u16,
        /// Keep the tables in this directory; without it they end with the process
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Start without the tokens and events that the files in events/ stand on
        #[arg(long)]
        no_samples: bool,
        /// Write the URL of the tables to FILE once they are served
        #[arg(long, value_name = "FILE")]
        ready_file: Option<PathBuf>,
    },
    /// Print a JWT that a system with this data directory takes
    Jwt {
        /// The workspace its holder belongs to
        #[arg(long)]
        workspace: String,
        /// What its holder is there
        #[arg(long, value_enum, default_value_t = Role::Admin)]
        role: Role,
        /// The directory the system was started with
        #[arg(long, value_name = "DIR", default_value = ".data")]
        data: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Admin,
    Member,
}

impl Cli {
    /// Runs the command until `stopped`.
    ///
    /// # Errors
    /// The reason, and the next step.
    pub async fn run(self, stopped: impl Future<Output = ()>) -> Result<(), Error> {
        match self.command {
            None => self.serve.run(stopped).await,
            Some(Command::Dynamodb { port, data, no_samples, ready_file }) => {
                let storage = data.map_or(Storage::Memory, Storage::Directory);
                serve_tables(port, storage, no_samples, ready_file, stopped).await
            }
            Some(Command::Jwt { workspace, role, data }) => print_jwt(&workspace, role, data),
        }
    }
}

/// Ends at Ctrl-C, and where there is one, at SIGTERM.
pub async fn stop_signal() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

impl Serve {
    async fn run(self, stopped: impl Future<Output = ()>) -> Result<(), Error> {
        let Self {
            port,
            dynamodb_port,
            data,
            memory,
            no_demo,
            ready_file,
            authorizer_ttl,
            archive,
            read_limit,
            change_limit,
        } = self;
        let storage = if memory { Storage::Memory } else { Storage::Directory(data) };
        let options = Options {
            port,
            dynamodb_port,
            storage: storage.clone(),
            tables: None,
            demo: !no_demo,
            authorizer_ttl: authorizer_ttl.map(Duration::from_secs),
            read_limit,
            change_limit,
            seal: true,
            insecure_streams: true,
            archive: archive.then(Archive::from_env).transpose()?,
            schedule: true,
        };
        let system = System::start(options).await?;
        println!("{}", welcome::text(&system, &storage));
        if let Some(file) = ready_file {
            system.credentials().write(&file)?;
        }
        stopped.await;
        println!("\nStopping: running requests end, and what is on the bus is delivered.");
        system.shutdown().await;
        Ok(())
    }
}

async fn serve_tables(
    port: u16,
    storage: Storage,
    no_samples: bool,
    ready_file: Option<PathBuf>,
    stopped: impl Future<Output = ()>,
) -> Result<(), Error> {
    let tables = Tables::start(port, storage).await?;
    if !no_samples {
        tables.store_samples().await?;
    }
    println!("{}", welcome::tables(tables.endpoint()));
    if let Some(file) = ready_file {
        private_file::write(&file, tables.endpoint().as_bytes())?;
    }
    stopped.await;
    tables.shutdown().await;
    Ok(())
}

fn print_jwt(workspace: &str, role: Role, data: PathBuf) -> Result<(), Error> {
    private_file::create_directory(&data)?;
    let template = Template::parse(TEMPLATE)?;
    let key = DataDirectory::jwt_key(&data);
    let identity_provider = IdentityProvider::open(Some(&key), &template.api.jwt)?;
    let role = match role {
        Role::Admin => "admin",
        Role::Member => "member",
    };
    println!("{}", identity_provider.issue(workspace, role, jiff::Timestamp::now()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
