//! The progress of an export, on a terminal.

use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::state::State;
use crate::{filters::Range, terminal};

/// How many steps the bar has.
const STEPS: u64 = 1000;
const BAR: &str = "{spinner} {bar:30} {percent:>3}% of the time  {msg}";
const SPINNER: &str = "{spinner} {msg}";

/// The progress bar of an export.
pub(super) struct Progress {
    bar: ProgressBar,
    range: Range,
    /// How many events there were when we began, and when that was.
    before: u64,
    began: Instant,
}

impl Progress {
    /// A bar for a range with a start. The number of events is unknown, so the bar shows how much
    /// of the time is done. Without a start, it only shows that it goes on.
    pub(super) fn begin(range: Range, events: u64) -> Self {
        let (bar, template) = match range.start {
            Some(_) => (ProgressBar::new(STEPS), BAR),
            None => (ProgressBar::new_spinner(), SPINNER),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        terminal::report_progress(&bar);
        Self { bar, range, before: events, began: Instant::now() }
    }

    /// Says something beside the bar.
    pub(super) fn speaker(&self) -> impl Fn(&str) + 'static {
        let bar = self.bar.clone();
        move |text| bar.suspend(|| terminal::say(text))
    }

    /// Shows how far it is.
    pub(super) fn advance(&self, state: &State) {
        if let Some(steps) = state.last.as_ref().and_then(|last| steps(self.range, last.at)) {
            self.bar.set_position(steps);
        }
        let per_second = (state.events - self.before) as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        self.bar.set_message(format!(
            "{} events, {}, {per_second:.0}/s",
            HumanCount(state.events),
            HumanBytes(state.bytes)
        ));
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// How many steps of the range lie before `time`.
fn steps(range: Range, time: Timestamp) -> Option<u64> {
    let (start, end) = (range.start?, range.end?);
    let whole = end.duration_since(start).as_secs_f64();
    let done = time.duration_since(start).as_secs_f64();
    let steps = (done / whole * STEPS as f64).clamp(0.0, STEPS as f64);
    // A range without any time has no part that is done.
    steps.is_finite().then_some(steps as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_shows_how_much_of_the_time_is_done() {
        fn at(text: &str) -> Timestamp {
            text.parse::<Timestamp>().unwrap()
        }
        let range = Range { start: Some(at("2025-01-01T00:00:00Z")), end: Some(at("2025-01-05T00:00:00Z")) };
        assert_eq!(steps(range, at("2025-01-02T00:00:00Z")), Some(250));
        assert_eq!(steps(range, at("2026-01-02T00:00:00Z")), Some(1000));
        assert_eq!(steps(Range { start: None, ..range }, at("2025-01-02T00:00:00Z")), None);
        assert_eq!(steps(Range { end: range.start, ..range }, at("2025-01-01T00:00:00Z")), None);
    }
}
