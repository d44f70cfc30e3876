//! Rate limits: reads of a token, long reads at a time, and changes by the admins of a workspace.
//!
//! The reads of a token and the changes of a workspace are limited in each window of ten seconds. Windows begin at whole
//! tens of seconds, so the clock alone determines the current window, and a count is one number for each window.
//!
//! A long read holds three slots: one of its token, one of its workspace, and one that all workspaces share. So neither a
//! token nor a workspace can use up the executions that other readers need.

use crate::model::timestamp::Timestamp;

pub const WINDOW_SECONDS: i64 = 10;

/// The kinds of long reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongRead {
    /// A read that waits for the next event.
    Wait,
    /// A read that looks through many events for the few that match.
    Search,
}

/// The most slots of one owner. Each slot is an attribute of one item, and IAM names the attributes.
pub const SLOTS: usize = 10;

impl LongRead {
    /// The name of the slots in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Search => "search",
        }
    }

    /// How many reads of this kind one token may have at a time.
    pub fn of_a_token(self) -> usize {
        match self {
            Self::Wait => 4,
            Self::Search => 2,
        }
    }

    /// How many reads of this kind one workspace may have at a time.
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

/// The kinds of changes by admins. Each kind has its own count, so that a script which changes streams all the time does
/// not keep an admin from revoking a token or placing a legal hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A token is revoked.
    Revocation,
    /// A legal hold is placed or lifted.
    LegalHold,
    /// Any other change.
    Other,
}

impl ChangeKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::LegalHold => "legal_hold",
            Self::Other => "other",
        }
    }
}

/// The state of a limit in the current window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many reads or changes a window allows.
    pub limit: u32,
    /// How many are left in the current window.
    pub left: u32,
    /// The seconds until the next window; at least 1.
    pub resets_in_seconds: i64,
}

impl Rate {
    /// The state at `now` after `count` reads or changes in the window.
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
    fn windows_of_ten_seconds_begin_at_whole_tens() {
        fn check(time: &str, expected: i64) {
            let now = Timestamp::parse(time).unwrap();
            assert_eq!(Rate::after(1, 40, now).resets_in_seconds, expected, "{time}");
        }
        check("2025-02-18T10:00:00Z", 10);
        check("2025-02-18T10:00:00.999999Z", 10);
        check("2025-02-18T10:00:09.999999Z", 1);
        check("2025-02-18T10:00:10Z", 10);
        fn at(time: &str) -> i64 {
            window(Timestamp::parse(time).unwrap())
        }
        assert_eq!(at("2025-02-18T10:00:09.999999Z"), at("2025-02-18T10:00:00Z"));
        assert_eq!(at("2025-02-18T10:00:10Z"), at("2025-02-18T10:00:00Z") + 1);
    }

    #[test]
    fn the_rest_of_a_window_is_never_negative() {
        let now = Timestamp::parse("2025-02-18T10:00:00Z").unwrap();
        assert_eq!([1, 40, 41].map(|count| Rate::after(count, 40, now).left), [39, 0, 0]);
    }
}
