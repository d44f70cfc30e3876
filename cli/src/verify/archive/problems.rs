//! The problems of an archive.

use indicatif::HumanCount;

use crate::terminal::safe_line;

/// How many problems are listed one by one.
const TOLD: usize = 20;

/// The problems that were found. Only the first are listed.
#[derive(Debug, Default)]
pub(super) struct Problems {
    told: Vec<String>,
    more: u64,
}

impl Problems {
    /// Notes one.
    pub(super) fn add(&mut self, problem: impl AsRef<str>) {
        if self.told.len() < TOLD {
            self.told.push(safe_line(problem.as_ref()));
        } else {
            self.more += 1;
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// The problems, for people.
    pub(super) fn into_details(mut self) -> Vec<String> {
        if self.more > 0 {
            self.told.push(format!("and {} more", HumanCount(self.more)));
        }
        self.told
    }
}
