//! How often a token may read: so many times in each window of ten seconds.
//!
//! Windows are the same for everybody: they begin at whole tens of seconds. So a token's window is known from
//! the clock alone, and its count is one number that is forgotten with it.

use crate::timestamp::Timestamp;

/// How long a window lasts.
pub const WINDOW_SECONDS: i64 = 10;

/// How a token stands in the window that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many reads a window has.
    pub limit: u32,
    /// How many are left.
    pub left: u32,
    /// How long the window still lasts; at least 1.
    pub resets_in_seconds: i64,
}

impl Rate {
    /// How a token stands whose read at `now` was the `count`th of its window.
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
