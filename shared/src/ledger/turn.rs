//! A turn: the time for which one sealer has a workspace to itself.
//!
//! A turn saves work and decides nothing. A sealer writes it beside what it writes anyway, on its deltas and on the head, and the
//! last move of the head leaves it out. The order of the log is decided by the condition on the delta alone, so a clock that is
//! wrong, or a sealer that goes on after its turn, costs work and breaks nothing.

use crate::model::timestamp::Timestamp;

/// Which sealer has a workspace, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// An id that no other pass has.
    pub sealer: String,
    /// When it is over, unless the sealer takes it again.
    pub until: Timestamp,
}

impl Turn {
    /// How long a turn lasts after the write that takes it. A round of sealing takes a fraction of that.
    pub const SECONDS: i64 = 3;

    /// The turn that this sealer takes now.
    pub fn of(sealer: &str, now: Timestamp) -> Self {
        Self { sealer: sealer.to_owned(), until: now.plus_seconds(Self::SECONDS) }
    }

    /// Whether this sealer leaves the workspace to the one that has the turn.
    ///
    /// An end that is further away than a turn lasts was written by a clock that is ahead of ours: then nothing is known, and
    /// the turn does not count.
    pub fn excludes(&self, sealer: &str, now: Timestamp) -> bool {
        self.sealer != sealer && now < self.until && self.until <= now.plus_seconds(Self::SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_excludes_others_until_it_is_over_and_never_for_longer_than_it_lasts() {
        let now = Timestamp::parse("2026-11-28T03:00:00Z").unwrap();
        let turn = Turn::of("one", now);
        let check = |sealer: &str, seconds: i64, excluded: bool| {
            assert_eq!(turn.excludes(sealer, now.plus_seconds(seconds)), excluded, "{sealer} {seconds}");
        };
        check("one", 1, false);
        check("two", 0, true);
        check("two", 2, true);
        check("two", 3, false);
        check("two", 3600, false);
        // A clock that is behind by minutes waits for nobody.
        check("two", -1, false);
        check("two", -300, false);
    }
}
