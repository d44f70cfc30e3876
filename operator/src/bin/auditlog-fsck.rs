//! The command `auditlog-fsck`: whether what the tables hold of a workspace's log fits together.

use std::{error::Error, fs, io::IsTerminal as _, path::Path, process::ExitCode};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use operator::fsck::{self, Kept};
use shared::{
    aws::config::Config,
    ledger::{checkpoint::Checkpoint, note::Vkey},
    model::id::WorkspaceId,
    store::Store,
    system,
};

/// The exit code if nothing was found wrong, and not everything could be checked.
const UNCHECKED: u8 = 4;
const BAR: &str = "{spinner} {bar:30} {percent:>3}%  {msg}";

/// Works out a workspace's log again from the tables, and names the first thing that does not fit.
///
/// Every entry's event must be there, bear its sequence and have the leaf that was sealed, whether parts of
/// it were erased or not; no other event may bear a sequence; and the roots of the tiles, the head and the
/// signed checkpoint must be those of the tree over the entries. Nothing is written, and a log in use may be
/// checked.
///
/// Whoever owns the account can change everything together, and sign that. Only a checkpoint that was kept
/// elsewhere tells then: give it with --checkpoint, such as the file `checkpoint` in a directory of
/// `auditlog verify follow --state DIR`, which also finds the very sequence where two logs part.
///
/// It speaks to the tables themselves. Set AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (and
/// AWS_SESSION_TOKEN), and LEDGER_TABLE, CHECKPOINTS_TABLE, EVENTS_TABLE and SETTINGS_TABLE to the stack's outputs
/// LedgerTable, CheckpointsTable, EventsTable and SettingsTable; for the local system set DYNAMODB_ENDPOINT alone. The credentials must allow GetItem, BatchGetItem and
/// Query, and for --all also Scan of the ledger; nothing else is called.
#[derive(Parser)]
#[command(
    name = "auditlog-fsck",
    version,
    after_help = "\
Examples:
  auditlog-fsck acme
  auditlog-fsck acme --checkpoint kept/checkpoint --key log.vkey
  auditlog-fsck --all --json | jq -r 'select(.sound | not) | .first.detail'
  DYNAMODB_ENDPOINT=http://127.0.0.1:8000 auditlog-fsck acme

What it reads: each delta and root of the ledger once, and each event of the workspace twice, all of it
consistently. That is one read unit for each event up to 4 KB by its entry, and one for each 4 KB of them by
their partitions. It holds two bits for each event, and some events at a time.

A note is in order, such as a delta that is decided and not finished: a sealer was stopped there, and the
next one goes on. A warning is not wrong and should not last, such as events that were received 10 minutes
ago and are not sealed.

It does not prove that the log is the one that was there before (give a checkpoint that was kept elsewhere), that
what senders say is true, or who wrote a receipt.

Exit codes, of all workspaces together:
  0  sound
  1  something does not fit; the first sequence that it concerns is named
  2  asked for in a way that cannot be done
  4  could not be checked: the tables did not answer, or there is nothing of a workspace"
)]
struct Cli {
    /// The workspaces; see --all
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    workspaces: Vec<String>,
    /// Every workspace that the ledger holds anything of
    #[arg(long)]
    all: bool,
    /// A checkpoint of the log that somebody kept; may be given again
    #[arg(long = "checkpoint", value_name = "FILE", conflicts_with = "all")]
    checkpoints: Vec<String>,
    /// The log's verifier key, or a file with it: verifies signatures
    #[arg(long, value_name = "KEY|FILE", conflicts_with = "all")]
    key: Option<String>,
    /// Write a line of JSON for each workspace
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::from(if error.is::<shared::model::error::Error>() { UNCHECKED } else { 2 })
        }
    }
}

impl Cli {
    /// Checks the workspaces, and gives the exit code.
    async fn run(&self) -> Result<u8, Box<dyn Error>> {
        let named = self
            .workspaces
            .iter()
            .map(|name| WorkspaceId::parse(name).map_err(|error| format!("the workspace {name:?} {error}")));
        let mut workspaces: Vec<_> = named.collect::<Result<_, _>>()?;
        let kept = self.kept(&workspaces)?;
        let store = Store::connect(&Config::from_env()?);
        if self.all {
            workspaces = store.logs().await?.into_iter().collect();
        }
        if workspaces.is_empty() {
            eprintln!("error: the ledger holds nothing of any workspace; look at the names of the tables");
            return Ok(UNCHECKED);
        }
        let (mut is_refuted, mut is_sound) = (false, true);
        for workspace in workspaces {
            let bar = bar(&workspace);
            let report = fsck::check(&store, &workspace, &kept, system::now(), &bar).await?;
            if self.json {
                println!("{}", report.to_json());
            } else {
                print!("{report}");
            }
            is_refuted |= report.is_refuted();
            is_sound &= report.is_sound();
        }
        Ok(match (is_refuted, is_sound) {
            (true, _) => 1,
            (false, true) => 0,
            (false, false) => UNCHECKED,
        })
    }

    /// What was given along, which must be of the one workspace that is asked for.
    fn kept(&self, workspaces: &[WorkspaceId]) -> Result<Kept, Box<dyn Error>> {
        if self.key.is_none() && self.checkpoints.is_empty() {
            return Ok(Kept::default());
        }
        let [workspace] = workspaces else {
            return Err("--key and --checkpoint are of one log: name one workspace".into());
        };
        let key = self.key.as_deref().map(key).transpose()?;
        let open = |file: &String| {
            let note = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
            let checkpoint: Checkpoint = match &key {
                Some(key) => Checkpoint::open(&note, key).map_err(|error| format!("{file}: {error}"))?,
                None => fsck::unverified(&note).ok_or_else(|| format!("{file} holds no checkpoint"))?,
            };
            if fsck::is_of(&checkpoint, workspace) {
                Ok(checkpoint)
            } else {
                Err(format!("{file} holds a checkpoint of the log {:?}", checkpoint.origin()))
            }
        };
        let checkpoints = self.checkpoints.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Kept { checkpoints, key })
    }
}

fn key(given: &str) -> Result<Vkey, String> {
    let text = if Path::new(given).exists() {
        fs::read_to_string(given).map_err(|error| format!("{given}: {error}"))?
    } else {
        given.to_owned()
    };
    Vkey::parse(text.trim_end()).map_err(|error| format!("--key is neither a file nor a key, which {error}"))
}

/// How far it is, for a person at a terminal; nothing where nobody is.
fn bar(workspace: &WorkspaceId) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0).with_message(format!("of {workspace} checked"));
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar
}
