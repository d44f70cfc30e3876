//! `auditlog tail`: the feed on standard output, and what comes after it.
//!
//! The order of writes makes it at-least-once: first a page is written out, then the state that
//! counts it. Within a process nothing is lost or repeated, whatever the network does: a page is
//! written only once it is here whole, and the next is asked for after the last that was written.

mod state;

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::json;

use self::state::State;
use crate::{
    api::{Encoding, FeedPage, MAX_PAGE, Wanted},
    error::Error,
    events::{Events, TableOptions},
    filters::{Filters, Reads},
    flags::Flags,
    interrupt::Steps,
    output::{Output, Shape},
    page,
    question::Question,
    terminal,
};

const RETRIES: u32 = 3;
/// The longest that the API waits for an event.
const WAIT_SECONDS: u32 = 20;
/// The API is asked at most this often for new events.
const PAUSE: Duration = Duration::from_secs(1);

/// Options of `auditlog tail`.
#[derive(Args, Debug)]
pub(crate) struct Tail {
    /// Begin after this sequence, the last that was seen
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<u64>,
    /// Keep the last sequence that was written in this file, and go on after it the next time
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Do not end, but wait for what comes
    #[arg(long, short)]
    follow: bool,
    /// How many to show at most
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// How to write them
    #[arg(long, short, value_enum, default_value_t = Shape::Table)]
    output: Shape,
    #[command(flatten)]
    table: TableOptions,
    // The last, since its heading holds for all that follow.
    #[command(flatten)]
    filters: Filters,
}

impl Tail {
    /// Reads page after page and writes each at once.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        if self.follow && self.output == Shape::Json {
            return Err(Error::usage(
                "One JSON text has an end, and --follow has none.",
                "Use --output ndjson, with one JSON text a line.",
            ));
        }
        let mut events = Events::new(self.output, &self.table, Output::new())?;
        let credentials = flags.gather()?;
        let mut api = flags.api(&credentials, RETRIES)?;
        if self.follow && flags.retries.is_none() {
            api = api.until_answered();
        }
        let mut state =
            self.begin(Question::new(&api, &credentials, &self.filters, Reads::Exclude, self.table.zone())?)?;
        let parameters = state.question.parameters();
        let wanted = Wanted {
            workspace: credentials.workspace()?,
            token: credentials.bearer()?,
            parameters: &parameters,
            encoding: Events::encoding(self.output),
        };
        let steps = self.follow.then(Steps::begin).transpose()?;
        let wait_seconds = if self.follow { WAIT_SECONDS } else { 0 };

        let mut left = self.limit.unwrap_or(u64::MAX);
        loop {
            let asked_at = Instant::now();
            let limit = usize::try_from(left).unwrap_or(MAX_PAGE);
            let page = api.feed(&wanted, state.after, limit, wait_seconds)?;
            require_order(&page, state.after, wanted.encoding)?;
            let mut step = || self.take(&page, &mut events, &mut state);
            let written = match &steps {
                Some(steps) => steps.step(step)?,
                None => step()?,
            };
            left = left.saturating_sub(written);
            if left == 0 || !(page.has_more || self.follow) {
                return self.end(events, &state, page.has_more);
            }
            if written == 0 && !page.has_more {
                thread::sleep(PAUSE.saturating_sub(asked_at.elapsed()));
            }
        }
    }

    /// Where to begin: the state, if there is one, knows best.
    fn begin(&self, question: Question) -> Result<State, Error> {
        let kept = self.state.as_deref().map(|path| State::read(path, &question)).transpose()?.flatten();
        Ok(kept.unwrap_or_else(|| State::new(question, self.after)))
    }

    /// Writes a page out, and then that it is.
    fn take(&self, page: &FeedPage, events: &mut Events, state: &mut State) -> Result<u64, Error> {
        let written = events.write(&page.body)?;
        // If we crash here, the page is written again the next time.
        let is_further = state.after != page.next_after;
        state.after = page.next_after;
        match &self.state {
            Some(path) if is_further => state.write(path)?,
            _ => {}
        }
        Ok(written)
    }

    fn end(&self, events: Events, state: &State, has_more: bool) -> Result<(), Error> {
        let next_after = state.after.map_or(json!(-1), |after| json!(after));
        events.finish(&[("has_more", json!(has_more)), ("next_after", next_after)])?;
        match (has_more, &self.state, state.after) {
            (true, Some(_), _) => terminal::tell("There are more: the same command goes on with them."),
            (true, None, Some(after)) => terminal::say(&format!("There are more: --after {after} goes on.")),
            _ => {}
        }
        Ok(())
    }
}

/// That the page has only what comes after the last one, in order: who counts relies on it.
fn require_order(page: &FeedPage, after: Option<u64>, encoding: Encoding) -> Result<(), Error> {
    let sequences = page::sequences(&page.body, encoding)?;
    let is_rising = sequences.is_sorted_by(|one, next| one < next);
    let begins = sequences.first().is_none_or(|first| Some(*first) > after);
    let ends = sequences.last().is_none_or(|last| Some(*last) <= page.next_after);
    if is_rising && begins && ends {
        return Ok(());
    }
    let after = after.map_or_else(|| "the beginning".to_owned(), |after| format!("sequence {after}"));
    Err(Error::failure(
        format!("The API answered events that do not follow in order on {after}; none of them was written."),
        "Tell the operator of the API; nothing can be done here.",
    ))
}
