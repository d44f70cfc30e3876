//! The command `auditlog-fsck`: checks that the tables of a workspace's log fit together.

use std::{
    error::Error,
    fs,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

use clap::{CommandFactory as _, Parser};
use indicatif::{ProgressBar, ProgressStyle};
use operator::{
    fsck::{self, Kept, Resume},
    manual::{self, Shell},
    terminal::{self, WRONG_USAGE, complain},
};
use shared::{
    aws::config::Config,
    ledger::{checkpoint::Checkpoint, note::Vkey},
    model::id::WorkspaceId,
    store::Store,
    system,
};

/// The exit code if there is no mismatch, but not everything could be checked.
const UNCHECKED: u8 = 4;
/// How often a run without a terminal says how far it is.
const REPORTED_EACH: Duration = Duration::from_secs(10);
const BAR: &str = "{spinner} {bar:30} {percent:>3}%  {msg}";

/// Computes a workspace's log again from the tables, and names the first mismatch.
///
/// Every entry's event must be there, have its sequence and the leaf that was sealed, whether parts of it were
/// erased or not. An event without an entry must not have a sequence. The roots of the tiles, the head and the signed checkpoint
/// must be those of the tree over the entries. Nothing is written to the tables, and a log in use may be checked.
///
/// The owner of the account can change everything together, and sign that. Only a checkpoint that was kept
/// elsewhere shows it: give it with --checkpoint, such as the file `checkpoint` in a directory of
/// `auditlog verify follow --state DIR`, which also finds the first sequence that differs.
///
/// It speaks to the tables themselves, with the credentials and the region of the AWS CLI: a profile, an SSO session
/// (`aws sso login`), or the variables AWS_ACCESS_KEY_ID and so on. Set LEDGER_TABLE, CHECKPOINTS_TABLE, EVENTS_TABLE and
/// SETTINGS_TABLE to the stack's outputs LedgerTable, CheckpointsTable, EventsTable and SettingsTable; for the local system
/// set DYNAMODB_ENDPOINT alone. The credentials must allow GetItem, BatchGetItem and Query, and for --all also Scan of the
/// ledger; no further calls are made.
#[derive(Parser)]
#[command(
    name = "auditlog-fsck",
    version,
    after_help = concat!("\
Examples:
  auditlog-fsck acme
  auditlog-fsck acme --checkpoint kept/checkpoint --key log.vkey
  auditlog-fsck acme --state fsck.state                  resume with the same command after a kill
  auditlog-fsck --all --json | jq -r 'select(.sound | not) | .first.detail'
  DYNAMODB_ENDPOINT=http://127.0.0.1:8000 auditlog-fsck acme

What it reads: each delta and root of the ledger once, and each event of the workspace twice, all of it
consistently. That is one read unit for each event up to 4 KB by its entry, and one for each 4 KB of them by
their partitions. It holds two bits for each event, and some events at a time.

A note is in order, such as a delta that is decided and not finished: a sealer was stopped there, and the
next one goes on. A warning is not wrong and should not last, such as events that were received 10 minutes
ago and are not sealed.

Receipts, redaction records and changes of settings are signed by the service, and only the log's key tells by
whose signature: without --key a log that has such records could not be checked.

It does not prove that the log is the one that was there before (give a checkpoint that was kept elsewhere), or
that what senders say is true.

", include_str!("../../../../docs/exit-codes.txt"))
)]
struct Cli {
    /// The workspaces; see --all
    #[arg(required_unless_present_any = ["all", "completions", "man"], conflicts_with = "all")]
    workspaces: Vec<String>,
    /// Every workspace that has a log
    #[arg(long)]
    all: bool,
    /// A checkpoint of the log from earlier; may be repeated
    #[arg(long = "checkpoint", value_name = "FILE", conflicts_with = "all")]
    checkpoints: Vec<String>,
    /// The verifier key of one of the logs, or a file with it: verifies the signatures of all, which have one key
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// Write a line of JSON for each workspace
    #[arg(long)]
    json: bool,
    /// Keep in this directory how far the check is, and go on from there if it was interrupted
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The profile of the AWS CLI whose credentials and region are used
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The AWS region of the stack
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Write completions for a shell, and end
    #[arg(long, value_name = "SHELL", exclusive = true)]
    completions: Option<Shell>,
    /// Write the manual page, and end
    #[arg(long, exclusive = true)]
    man: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return terminal::report_usage(&error),
    };
    match cli.run().await {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is::<shared::model::error::Error>() => {
            terminal::report(&*error, "Check the endpoint, the credentials and the names of the tables.");
            ExitCode::from(UNCHECKED)
        }
        Err(error) => {
            terminal::report(&*error, "Correct it: auditlog-fsck --help has examples and the variables.");
            ExitCode::from(WRONG_USAGE)
        }
    }
}

impl Cli {
    /// Checks the workspaces. Returns the exit code.
    async fn run(&self) -> Result<u8, Box<dyn Error>> {
        if let Some(shell) = self.completions {
            return Ok(tell(&manual::completions(Self::command(), shell)).unwrap_or(1));
        }
        if self.man {
            return Ok(tell(&manual::pages(Self::command())?).unwrap_or(1));
        }
        let named = self
            .workspaces
            .iter()
            .map(|name| WorkspaceId::parse(name).map_err(|error| format!("the workspace {name:?} {error}")));
        let mut workspaces: Vec<_> = named.collect::<Result<_, _>>()?;
        let key = self.key.as_deref().map(key).transpose()?;
        let checkpoints = self.checkpoints(&workspaces, key.as_ref())?;
        let store =
            Store::connect(&Config::of_a_tool(self.profile.as_deref(), self.region.as_deref()).await?);
        if self.all {
            workspaces = store.logs().await?.into_iter().collect();
        }
        if workspaces.is_empty() {
            complain("error: the ledger has nothing of any workspace");
            complain("next: Check the names of the tables.");
            return Ok(UNCHECKED);
        }
        let (mut is_refuted, mut is_sound, mut is_told) = (false, true, true);
        for workspace in workspaces {
            let bar = bar(&workspace);
            let key = key.as_ref().map(|key| key_of(key, &workspace)).transpose()?;
            let kept = Kept { checkpoints: checkpoints.clone(), key };
            let resume = match &self.state {
                None => None,
                Some(directory) => Some(
                    Resume::open(directory, &workspace)
                        .map_err(|error| format!("--state {}: {error}", directory.display()))?,
                ),
            };
            if let Some(checked) = resume.as_ref().map(Resume::checked).filter(|checked| *checked > 0) {
                complain(&format!("{workspace}: going on after {checked} events"));
            }
            let check = fsck::check_from(&store, &workspace, &kept, system::now(), &bar, resume.as_ref());
            let report = check.await?;
            let text = if self.json { format!("{}\n", report.to_json()) } else { report.to_string() };
            is_told &= tell(&text).is_some();
            is_refuted |= report.is_refuted();
            is_sound &= report.is_sound();
        }
        // A finding goes before a report that could not be written.
        Ok(match (is_refuted, is_sound && is_told) {
            (true, _) => 1,
            (false, true) => 0,
            (false, false) => UNCHECKED,
        })
    }

    /// The checkpoints on the command line, which must belong to the one workspace.
    fn checkpoints(
        &self,
        workspaces: &[WorkspaceId],
        key: Option<&Vkey>,
    ) -> Result<Vec<Checkpoint>, Box<dyn Error>> {
        if self.checkpoints.is_empty() {
            return Ok(Vec::new());
        }
        let [workspace] = workspaces else {
            return Err("--checkpoint is of one log: name one workspace".into());
        };
        let open = |file: &String| {
            let note = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
            let checkpoint: Checkpoint = match key {
                Some(key) => Checkpoint::open(&note, &key_of(key, workspace)?)
                    .map_err(|error| format!("{file}: {error}"))?,
                None => fsck::unverified(&note).ok_or_else(|| format!("{file} holds no checkpoint"))?,
            };
            if fsck::is_of(&checkpoint, workspace) {
                Ok(checkpoint)
            } else {
                Err(format!("{file} holds a checkpoint of the log {:?}", checkpoint.origin()))
            }
        };
        Ok(self.checkpoints.iter().map(open).collect::<Result<_, _>>()?)
    }
}

/// Writes a report. Returns the exit code of success; `None` after an error message if it could not be written.
fn tell(text: &str) -> Option<u8> {
    match terminal::print(text) {
        Ok(()) => Some(0),
        Err(error) => {
            complain(&format!("error: the output cannot be written: {error}"));
            complain("next: Check where it is redirected to, and the free space there.");
            None
        }
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

/// The key of a log under the name of a workspace's log: all logs of a deployment have one key pair.
fn key_of(key: &Vkey, workspace: &WorkspaceId) -> Result<Vkey, String> {
    let origin = key.name().rsplit_once('/').map(|(origin, _)| origin);
    let origin = origin.ok_or_else(|| format!("--key is of {:?}, which is no log", key.name()))?;
    key.named(&format!("{origin}/{workspace}")).map_err(|error| error.to_string())
}

/// A progress bar at a terminal, and a line each ten seconds elsewhere.
fn bar(workspace: &WorkspaceId) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        let bar = ProgressBar::hidden();
        let (seen, workspace) = (bar.clone(), workspace.clone());
        thread::spawn(move || {
            loop {
                thread::sleep(REPORTED_EACH);
                if seen.is_finished() {
                    return;
                }
                let (read, all) = (seen.position(), seen.length().unwrap_or_default());
                complain(&format!("{workspace}: {read} of {all} reads of events are done"));
            }
        });
        return bar;
    }
    let bar = ProgressBar::new(0).with_message(format!("of {workspace} checked"));
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar
}
