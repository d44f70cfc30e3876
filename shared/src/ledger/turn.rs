//! A turn: the time during which one sealer works on a workspace alone.
//!
//! Turns only save work. A sealer writes its turn into its deltas and the head, which it writes anyway, and its last write of
//! the head ends the turn. The condition on the delta alone decides the order of the log. So a wrong clock, or a sealer that
//! continues after its turn, costs additional work but breaks no guarantee.

use crate::model::timestamp::Timestamp;

/// A sealer's turn in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The unique id of the sealing pass.
    pub sealer: String,
    /// The end of the turn, unless the sealer extends it.
    pub until: Timestamp,
}

impl Turn {
    /// How long a turn lasts after the write that takes or extends it. A round of sealing takes a fraction of this time.
    pub const SECONDS: i64 = 3;

    /// A turn of this sealer from now on.
    pub fn of(sealer: &str, now: Timestamp) -> Self {
        Self { sealer: sealer.to_owned(), until: now.plus_seconds(Self::SECONDS) }
    }

    /// A turn that has ended by every clock. In the head it says that its sealer left a backlog.
    pub fn ended(sealer: &str) -> Self {
        let until = Timestamp::from_unix_microseconds(0).expect("1970 is a time");
        Self { sealer: sealer.to_owned(), until }
    }

    /// Whether this turn makes `sealer` leave the workspace to its holder.
    ///
    /// A turn that ends later than [`Self::SECONDS`] from now was written by a clock that is ahead of ours. It is ignored.
    pub fn excludes(&self, sealer: &str, now: Timestamp) -> bool {
        self.sealer != sealer && now < self.until && self.until <= now.plus_seconds(Self::SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_excludes_other_sealers_until_its_end() {
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
        // A sealer whose clock is minutes behind ignores the turn.
        check("two", -1, false);
        check("two", -300, false);
        assert!(!Turn::ended("one").excludes("two", now));
    }
}
