//! `auditlog import`: events that were recorded elsewhere, as often as it is interrupted.
//!
//! Each row gets an id and a timestamp that follow from it, so that the API knows it when it comes again. So an
//! import that was interrupted may simply be repeated; the state beside the file only spares what was sent
//! already. What is refused is written to a file with the reason, and nothing is passed over in silence.

mod origin;
mod refused;
mod rows;
mod state;

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use self::{
    origin::{Catalogue, Origin},
    refused::Refused,
    state::{State, Tally},
};
use crate::{
    api::{Api, Identity},
    credentials::Credentials,
    error::Error,
    flags::Flags,
    private_file, terminal,
};

/// How often to try again what failed in passing: nobody waits, and it takes about a minute.
const RETRIES: u32 = 8;
/// What the API takes at a time.
const MAX_EVENTS: usize = 500;
/// Somewhat less than the API takes, for the brackets around.
const MAX_BYTES: usize = 1_000_000;
const BAR: &str = "{spinner} {bar:30} {percent:>3}%  {msg}";

/// Options of `auditlog import`.
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// JSON files: one event a line, an array of events, or a page of an API with them
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where the events come from
    #[arg(long, value_enum)]
    from: Origin,
    /// JSON file with an object from their names of actions to ours
    #[arg(long, value_name = "FILE")]
    actions: Option<PathBuf>,
    /// Where to write the rows that are refused [default: FILE.refused]
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// Begin anew, whatever FILE.import says was sent already
    #[arg(long)]
    restart: bool,
}

impl Import {
    /// Sends every event of every file, or says which were refused and why.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        let catalogue = Catalogue::new(&api, self.actions.as_deref())?;
        let mut whole = Tally::default();
        for file in &self.files {
            let refused = self.refused.clone().unwrap_or_else(|| private_file::with_suffix(file, ".refused"));
            let task = Task { file, refused: &refused, from: self.from, restart: self.restart };
            whole.add(task.run(&api, &credentials, &catalogue).map_err(|error| {
                error.and_next("The same command goes on where this one ended; nothing is recorded twice.")
            })?);
        }
        let Tally { recorded, duplicates, refused, .. } = whole;
        let said = format!(
            "{} recorded, {} known already, {} refused.",
            HumanCount(recorded),
            HumanCount(duplicates),
            HumanCount(refused)
        );
        terminal::tell(&said);
        if refused > 0 {
            return Err(Error::failure(
                said,
                "Each refused row stands in the file .refused with its reason: mend it there, and import it as well.",
            ));
        }
        Ok(())
    }
}

/// The import of one file.
struct Task<'a> {
    file: &'a Path,
    refused: &'a Path,
    from: Origin,
    restart: bool,
}

/// An event to send, and what it was made of.
struct Ready<'a> {
    number: u64,
    row: &'a Value,
    event: Value,
}

impl Task<'_> {
    fn run(&self, api: &Api, credentials: &Credentials, catalogue: &Catalogue) -> Result<Tally, Error> {
        let workspace = credentials.workspace()?;
        let text = std::fs::read_to_string(self.file).map_err(|error| Error::file(self.file, error))?;
        let rows = rows::of(&text).map_err(|error| {
            Error::usage(
                format!("{}: {error}.", self.file.display()),
                "Give events as JSON: one a line, or an array, or an object with one.",
            )
        })?;
        let path = private_file::with_suffix(self.file, ".import");
        let begun = if self.restart { None } else { State::read(&path)? };
        let mut state = match begun {
            Some(state) => {
                state.require_same(&text, self.from, workspace, &path)?;
                terminal::tell(&format!("Going on after {} rows.", HumanCount(state.tally.rows)));
                state
            }
            None => State::new(&text, self.from, workspace),
        };
        let mut refused = Refused::open(self.refused, state.refused_bytes)?;
        let bar = progress(rows.len() as u64, state.tally.rows);
        let done = usize::try_from(state.tally.rows).unwrap_or(usize::MAX);
        let mut batch = Vec::new();
        let mut bytes = 0;
        for (number, row) in (1..).zip(&rows).skip(done) {
            let event = match row {
                Ok(row) => self.from.event(row, catalogue).map(|event| Ready { number, row, event }),
                Err(problem) => Err(problem.clone()),
            };
            let ready = match event {
                Ok(ready) => ready,
                Err(reason) => {
                    refused.add(number, row.as_ref().ok(), &json!(reason))?;
                    state.tally.refused += 1;
                    continue;
                }
            };
            let size = ready.event.to_string().len();
            if batch.len() == MAX_EVENTS || (bytes + size > MAX_BYTES && !batch.is_empty()) {
                send(api, credentials, &batch, &mut state.tally, &mut refused)?;
                state.save(number - 1, &mut refused, &path)?;
                show(&bar, &state.tally);
                batch.clear();
                bytes = 0;
            }
            bytes += size + 1;
            batch.push(ready);
        }
        if !batch.is_empty() {
            send(api, credentials, &batch, &mut state.tally, &mut refused)?;
        }
        refused.finish()?;
        // If we crash here, the next run finds nothing left to send.
        state.save(rows.len() as u64, &mut refused, &path)?;
        std::fs::remove_file(&path).map_err(|error| Error::file(&path, error))?;
        bar.finish_and_clear();
        Ok(state.tally)
    }
}

/// Sends a batch, which the API may have had before.
fn send(
    api: &Api,
    credentials: &Credentials,
    batch: &[Ready<'_>],
    tally: &mut Tally,
    refused: &mut Refused,
) -> Result<(), Error> {
    let events: Vec<_> = batch.iter().map(|ready| &ready.event).collect();
    let path = format!("/api/{}/audit_logs", credentials.workspace()?);
    let answer =
        api.post_again(&path, &json!({"events": events}), Identity::Token(credentials.bearer()?))?.json()?;
    let results = answer["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    if results.len() != batch.len() {
        return Err(Error::failure(
            format!("The API told what became of {} events, of {}.", results.len(), batch.len()),
            "Check the endpoint: it must lead to an Audit Logs API.",
        ));
    }
    for (ready, result) in batch.iter().zip(results) {
        match result["status"].as_str() {
            Some("recorded") => tally.recorded += 1,
            Some("duplicate") => tally.duplicates += 1,
            _ => {
                refused.add(ready.number, Some(ready.row), &result["problem"])?;
                tally.refused += 1;
            }
        }
    }
    Ok(())
}

fn progress(rows: u64, done: u64) -> ProgressBar {
    let bar = ProgressBar::new(rows);
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar.set_position(done);
    bar
}

fn show(bar: &ProgressBar, tally: &Tally) {
    let Tally { rows, recorded, duplicates, refused } = tally;
    bar.set_position(*rows);
    bar.set_message(format!(
        "{} recorded, {} known already, {} refused",
        HumanCount(*recorded),
        HumanCount(*duplicates),
        HumanCount(*refused)
    ));
}
