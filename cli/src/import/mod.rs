//! `auditlog import`: events that were recorded elsewhere.
//!
//! Each row gets an id and a timestamp that follow from it, so the API recognizes a row that comes again. An import that
//! was interrupted can simply be repeated; the state beside the file only saves sending the rows again. Every refused row
//! is written to a file with the reason.

mod batch;
mod origin;
mod refused;
mod rows;
mod source;
mod state;

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use self::{
    batch::{Batch, Ready},
    origin::{Catalogue, Origin},
    refused::Refused,
    rows::{Row, Rows, RowsError},
    source::{Held, Source, TextError},
    state::{State, Tally},
};
use crate::{api::Api, credentials::Credentials, error::Error, flags::Flags, output::Output, terminal};

/// How often to retry after a temporary failure: it takes about a minute.
const RETRIES: u32 = 8;
const BAR: &str = "{spinner} {bar:30} {percent:>3}%  {msg}";
/// How many refused rows a dry run shows.
const MAX_SHOWN: u64 = 20;

/// Options of `auditlog import`.
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// JSON files, or CSV files with --from csv; plain or gzip; `-` is standard input
    ///
    /// JSON is one event a line, an array of events, or a page of an API with them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where the events come from
    #[arg(long, value_enum)]
    from: Origin,
    /// JSON file with an object from their names of actions to ours
    #[arg(long, value_name = "FILE")]
    actions: Option<PathBuf>,
    /// Where to write the refused rows of the one file [default: FILE.refused]
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// Begin anew, whatever FILE.import says was sent already
    #[arg(long)]
    restart: bool,
    /// Read and convert every row, show the rows that cannot be converted, and send nothing
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    /// Sends every event of every file, and says which were refused and why.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        if self.refused.is_some() && self.files.len() > 1 {
            return Err(Error::usage(
                "--refused takes the refused rows of one file.",
                "Leave it out: the refused rows of each FILE go to FILE.refused.",
            ));
        }
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        let catalogue = Catalogue::new(&api, self.actions.as_deref())?;
        let mut whole = Tally::default();
        let mut refused_files = Vec::new();
        for file in &self.files {
            let source = Source::new(file);
            let refused = self.refused.clone().unwrap_or_else(|| source.beside(".refused"));
            let task = Task { source: &source, refused: &refused, from: self.from, catalogue: &catalogue };
            let tally = if self.dry_run {
                task.try_out()?
            } else {
                task.run(&api, &credentials, self.restart).map_err(|error| {
                    error.and_resume(
                        "The same command goes on where this one ended; nothing is recorded twice.",
                    )
                })?
            };
            if tally.refused > 0 {
                refused_files.push(refused.display().to_string());
            }
            whole.add(tally);
        }
        self.finish(&whole, &refused_files)
    }

    /// Says what became of the rows.
    fn finish(&self, whole: &Tally, refused_files: &[String]) -> Result<(), Error> {
        let said = if self.dry_run {
            let convertible = HumanCount(whole.rows - whole.refused);
            format!("{convertible} rows can be sent, {} cannot.", HumanCount(whole.refused))
        } else {
            whole.to_string()
        };
        Output::new().text(&format!("{said}\n"))?;
        match (whole.refused, self.dry_run) {
            (0, _) => Ok(()),
            (_, true) => Err(Error::failure(said, "Mend these rows, or name their actions with --actions.")),
            (_, false) => Err(Error::failure(
                said,
                format!(
                    "Each refused row stands with its number and reason in {}: mend the rows there, and import that file.",
                    refused_files.join(", ")
                ),
            )),
        }
    }
}

/// The import of one source.
struct Task<'a> {
    source: &'a Source,
    refused: &'a Path,
    from: Origin,
    catalogue: &'a Catalogue,
}

impl Task<'_> {
    /// Sends the events of the source, from the row on that an earlier run left.
    fn run(&self, api: &Api, credentials: &Credentials, restart: bool) -> Result<Tally, Error> {
        let workspace = credentials.workspace()?;
        let (mut rows, mut state, path, bar) = match self.source {
            Source::StandardInput => {
                let rows = self.rows(source::text(std::io::stdin()))?;
                (rows, State::new(String::new(), self.from, workspace), None, spinner())
            }
            Source::File(file) => {
                let held = Held::open(file)?;
                let path = self.source.beside(".import");
                let state = self.begin(&held, workspace, &path, restart)?;
                let bar = progress(held.bytes);
                let rows = self.rows(held.text(&bar))?;
                (rows, state, Some(path), bar)
            }
        };
        let mut refused = Refused::open(self.refused, state.refused_bytes)?;
        let mut batch = Batch::new(api, credentials);
        let done = state.tally.rows;
        let mut number = 0;
        while let Some(row) = rows.next().map_err(|error| self.unreadable(error, number))? {
            number += 1;
            if number <= done {
                continue;
            }
            let ready = match self.event(&row) {
                Ok(event) => Ready::new(number, row.unwrap_or_default(), event),
                Err(reason) => {
                    refused.add(number, row.as_ref().ok(), &json!(reason))?;
                    state.tally.refused += 1;
                    continue;
                }
            };
            if !batch.has_room_for(&ready) {
                batch.send(&mut state.tally, &mut refused)?;
                // If we crash here, the rows of the batch are sent again, and recognized.
                state.save(number - 1, &mut refused, path.as_deref())?;
                bar.set_message(state.tally.to_string());
            }
            batch.push(ready);
        }
        batch.send(&mut state.tally, &mut refused)?;
        refused.finish()?;
        // If we crash here, the next run finds no row left to send.
        state.save(number, &mut refused, path.as_deref())?;
        if let Some(path) = path {
            std::fs::remove_file(&path).map_err(|error| Error::file(&path, error))?;
        }
        bar.finish_and_clear();
        Ok(state.tally)
    }

    /// The state to go on from.
    fn begin(&self, held: &Held, workspace: &str, path: &Path, restart: bool) -> Result<State, Error> {
        let begun = if restart { None } else { State::read(path)? };
        match begun {
            Some(state) => {
                state.require_same(&held.digest, self.from, workspace, path)?;
                terminal::tell(&format!("Going on after {} rows.", HumanCount(state.tally.rows)));
                Ok(state)
            }
            None => Ok(State::new(held.digest.clone(), self.from, workspace)),
        }
    }

    /// Reads and converts every row without sending it.
    fn try_out(&self) -> Result<Tally, Error> {
        let mut rows = match self.source {
            Source::StandardInput => self.rows(source::text(std::io::stdin()))?,
            Source::File(file) => self.rows(Held::open(file)?.text(&ProgressBar::hidden()))?,
        };
        let mut tally = Tally::default();
        while let Some(row) = rows.next().map_err(|error| self.unreadable(error, tally.rows))? {
            tally.rows += 1;
            if let Err(reason) = self.event(&row) {
                tally.refused += 1;
                if tally.refused <= MAX_SHOWN {
                    terminal::say(&format!("{}, row {}: {reason}", self.source.name(), tally.rows));
                }
            }
        }
        Ok(tally)
    }

    fn event(&self, row: &Row) -> Result<Value, String> {
        self.from.event(row.as_ref().map_err(Clone::clone)?, self.catalogue)
    }

    fn rows(&self, text: Result<Box<dyn std::io::BufRead>, TextError>) -> Result<Rows, Error> {
        let name = self.source.name();
        let text = text.map_err(|error| match error {
            TextError::Io(error) => Error::file(Path::new(&name), error),
            TextError::Encoding(encoding) => Error::usage(
                format!("{name} is {encoding}, and must be UTF-8."),
                format!("Convert it, as with `iconv -f {encoding} -t UTF-8`."),
            ),
        })?;
        let rows = if self.from == Origin::Csv { Rows::csv(text) } else { Rows::json(text) };
        rows.map_err(|error| self.unreadable(error, 0))
    }

    fn unreadable(&self, error: RowsError, rows: u64) -> Error {
        let name = self.source.name();
        match error {
            RowsError::Io(error) => Error::file(Path::new(&name), error),
            RowsError::Format(reason) => {
                let what = format!("{name}: {reason}, after {} rows.", HumanCount(rows));
                let next = "Give events as JSON: one a line, or an array, or an object with one; or our CSV with \
                            --from csv.";
                if rows == 0 { Error::usage(what, next) } else { Error::failure(what, next) }
            }
        }
    }
}

fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    terminal::report_progress(&bar);
    bar
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    terminal::report_progress(&bar);
    bar
}
