//! `auditlog export`: any range into a file, however often it is interrupted.
//!
//! The range is settled when the export begins: oldest first, up to an end in the past. So
//! the reads themselves, each of which is an event, are not in the range, and an export that was
//! interrupted and resumed is byte for byte the one that was not.

mod format;
mod progress;
mod state;
mod target;

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use indicatif::{HumanBytes, HumanCount};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use self::{format::Format, progress::Progress, state::State, target::Target};
use crate::{
    api::{Api, Identity, Listing, MAX_PAGE, Wanted},
    credentials::Credentials,
    error::Error,
    filters::{Filters, Range, Reads},
    flags::Flags,
    question::Question,
    terminal, time,
};

/// How often to retry after a temporary failure: it takes about a minute.
const RETRIES: u32 = 8;

/// Options of `auditlog export`.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// The file to write; FILE.state beside it says how far it is
    file: PathBuf,
    /// How to write the events
    #[arg(long, short, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// Begin anew, whatever FILE and FILE.state hold
    #[arg(long)]
    overwrite: bool,
    // The last, since its heading holds for all that follow.
    #[command(flatten)]
    filters: Filters,
}

impl Export {
    /// Begins an export, or goes on with the one that was interrupted, until the file is complete.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        let asked = Question::new(&api, &credentials, &self.filters, Reads::Include, TimeZone::UTC)?;
        let unfinished = if self.overwrite { None } else { State::read(&Target::state_path(&self.file))? };
        let target = match unfinished {
            Some(state) => {
                state.require_same(&asked, self.format)?;
                terminal::tell(&format!("Going on after {} events.", HumanCount(state.events)));
                Target::resume(&self.file, state)?
            }
            None => {
                self.require_free()?;
                Target::begin(&self.file, State::new(settled(asked, &api)?, self.format))?
            }
        };
        write(target, api, &credentials, &self.file)
    }

    fn require_free(&self) -> Result<(), Error> {
        match std::fs::metadata(&self.file) {
            Ok(file) if file.is_file() && file.len() > 0 && !self.overwrite => Err(Error::usage(
                format!("{} exists, and is no export under way.", self.file.display()),
                "Choose another file, or discard this one with --overwrite.",
            )),
            _ => Ok(()),
        }
    }
}

/// The question with an end that is past by the clock of the server, whatever ours says.
fn settled(mut question: Question, api: &Api) -> Result<Question, Error> {
    let answer = api.get("/api/health", &[], Identity::Anyone)?;
    let answered = Instant::now();
    // The server tells its time in whole seconds, cut off; in a second it is certainly past the next.
    let now = answer.date().unwrap_or_else(Timestamp::now);
    let next = now.checked_add(SignedDuration::from_secs(1)).unwrap_or(now);
    let end = question.end.time.map_or(next, |end| end.min(next));
    Range { start: question.start.time, end: Some(end) }.check()?;
    // An end that is past already needs no waiting.
    let ahead = Duration::try_from(end.duration_since(now)).unwrap_or_default();
    thread::sleep(ahead.saturating_sub(answered.elapsed()));
    question.end.time = Some(end);
    Ok(question)
}

/// Reads page after page into the file, until nothing follows.
fn write(mut target: Target, api: Api, credentials: &Credentials, file: &Path) -> Result<(), Error> {
    let question = target.state.question.clone();
    let range = question.range();
    let mut parameters = question.parameters();
    parameters.insert("order".to_owned(), "asc".to_owned());
    let wanted = Wanted {
        workspace: &question.workspace,
        token: credentials.bearer()?,
        parameters: &parameters,
        encoding: target.state.format.encoding(),
    };
    let progress = Progress::begin(range, target.state.events);
    let api = api.saying(progress.speaker());
    let mut listing = Listing::new(&wanted, target.state.cursor.clone(), target.state.last.clone());
    loop {
        let page = listing.next(&api, MAX_PAGE).map_err(|error| {
            error.and_resume("The same command goes on where this one ended; --overwrite begins anew.")
        })?;
        let is_last = page.next.is_none();
        target.add(page)?;
        progress.advance(&target.state);
        if is_last {
            break;
        }
    }
    let State { events, bytes, .. } = target.finish()?;
    progress.end();
    let until = range.end.map(time::rfc3339).unwrap_or_default();
    terminal::tell(&format!(
        "{}: {} events before {until}, {}.",
        file.display(),
        HumanCount(events),
        HumanBytes(bytes)
    ));
    Ok(())
}
