//! Occasional progress messages of a long run.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

const NOW_AND_THEN: Duration = Duration::from_secs(5);

/// The start of a run, and the time of its last message.
pub(crate) struct Progress {
    began: Instant,
    told: Cell<Instant>,
}

impl Progress {
    pub(crate) fn begin() -> Self {
        let now = Instant::now();
        Self { began: now, told: Cell::new(now) }
    }

    /// Prints a message with the seconds since the start.
    pub(crate) fn tell(&self, text: &str) {
        println!("{:4} s  {text}", self.began.elapsed().as_secs());
        self.told.set(Instant::now());
    }

    /// Prints the message if the last one is some time ago.
    pub(crate) fn tell_now_and_then(&self, text: impl FnOnce() -> String) {
        if self.told.get().elapsed() >= NOW_AND_THEN {
            self.tell(&text());
        }
    }
}
