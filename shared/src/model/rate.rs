//! How often a token may read, how many reads may last long at a time, and how often admins may change a workspace.
//!
//! A token may read, and a workspace may be changed, so many times in each window of ten seconds. All windows begin at whole
//! tens of seconds. So the current window is known from the clock alone, and a count is one number that is forgotten with it.
//!
//! A read that lasts long holds a slot of its token, of its workspace and of all readers together. So neither a token
//! nor a workspace can take the executions that other readers need.

use crate::model::timestamp::Timestamp;

/// How long a window lasts.
pub const WINDOW_SECONDS: i64 = 10;

/// A read that lasts long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongRead {
    /// It waits for the next event.
    Wait,
    /// It looks through many events for the few that match.
    Search,
}

/// The most slots of one owner: each is an attribute of one item, and IAM names the attributes.
pub const SLOTS: usize = 10;

impl LongRead {
    /// The name of its slots in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Search => "search",
        }
    }

    /// How many of one token may last at a time.
    pub fn of_a_token(self) -> usize {
        match self {
            Self::Wait => 4,
            Self::Search => 2,
        }
    }

    /// How many of one workspace may last at a time.
    pub fn of_a_workspace(self) -> usize {
        match self {
            Self::Wait => SLOTS,
            Self::Search => 4,
        }
    }

    /// How many groups of [`SLOTS`] all workspaces share. Waits and searches together take fewer executions than the
    /// template reserves for a function that reads.
    pub fn groups(self) -> usize {
        match self {
            Self::Wait => 5,
            Self::Search => 3,
        }
    }
}

/// What the admins of a workspace change. Each kind has a count of its own, so that a script which changes streams all the
/// time keeps no admin of its workspace from revoking a token or placing a legal hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Tokens are revoked.
    Revocation,
    /// A legal hold is placed or lifted.
    LegalHold,
    /// Anything else.
    Other,
}

impl ChangeKind {
    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::LegalHold => "legal_hold",
            Self::Other => "other",
        }
    }
}

/// How a token, or a workspace, stands in the current window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many a window has.
    pub limit: u32,
    /// How many are left.
    pub left: u32,
    /// How long the window still lasts; at least 1.
    pub resets_in_seconds: i64,
}

impl Rate {
    /// The state after the `count`th of a window, at `now`.
    pub fn after(count: u32, limit: u32, now: Timestamp) -> Self {
        let resets_in_seconds = WINDOW_SECONDS - now.unix_seconds().rem_euclid(WINDOW_SECONDS);
        Self { limit, left: limit.saturating_sub(count), resets_in_seconds }
    }
}

/// The number of the window that a time is in.
pub fn window(now: Timestamp) -> i64 {
    now.unix_seconds().div_euclid(WINDOW_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_lasts_ten_seconds_and_says_how_much_is_left_of_it() {
        let check = |time: &str, expected: i64| {
            let now = Timestamp::parse(time).unwrap();
            assert_eq!(Rate::after(1, 40, now).resets_in_seconds, expected, "{time}");
        };
        check("2025-02-18T10:00:00Z", 10);
        check("2025-02-18T10:00:00.999999Z", 10);
        check("2025-02-18T10:00:09.999999Z", 1);
        check("2025-02-18T10:00:10Z", 10);
        let at = |time: &str| window(Timestamp::parse(time).unwrap());
        assert_eq!(at("2025-02-18T10:00:09.999999Z"), at("2025-02-18T10:00:00Z"));
        assert_eq!(at("2025-02-18T10:00:10Z"), at("2025-02-18T10:00:00Z") + 1);
    }

    #[test]
    fn what_is_left_is_never_less_than_nothing() {
        let now = Timestamp::parse("2025-02-18T10:00:00Z").unwrap();
        let left = |count| Rate::after(count, 40, now).left;
        assert_eq!([left(1), left(40), left(41)], [39, 0, 0]);
    }
}
