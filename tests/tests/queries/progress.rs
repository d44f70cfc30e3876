//! How a long run goes, said now and then.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

const NOW_AND_THEN: Duration = Duration::from_secs(5);

/// The time since a run began, and when something was last said of it.
pub(crate) struct Progress {
    began: Instant,
    told: Cell<Instant>,
}

impl Progress {
    pub(crate) fn begin() -> Self {
        let now = Instant::now();
        Self { began: now, told: Cell::new(now) }
    }

    /// Says something, with the seconds it took so far.
    pub(crate) fn tell(&self, text: &str) {
        println!("{:4} s  {text}", self.began.elapsed().as_secs());
        self.told.set(Instant::now());
    }

    /// Says it if nothing was said for a while.
    pub(crate) fn tell_now_and_then(&self, text: impl FnOnce() -> String) {
        if self.told.get().elapsed() >= NOW_AND_THEN {
            self.tell(&text());
        }
    }
}
