use proptest::prelude::*;

use super::*;
use crate::model::id::EventId;

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The time this many days after the first of January.
fn day(days: i64) -> Timestamp {
    time("2026-01-01T00:00:00Z").plus_seconds(days * 86_400)
}

fn hold() -> Option<Hold> {
    Some(Hold { reason: "a lawsuit".to_owned(), by: "u1".to_owned() })
}

/// Changes the period. The change is made a day before it takes effect.
fn keep(retention: &Retention, days: Option<u32>, from: Timestamp) -> Retention {
    retention.keep(days, from, from.plus_seconds(-86_400)).unwrap()
}

fn held(retention: &Retention, hold: Option<Hold>, from: Timestamp) -> Retention {
    retention.with_hold(hold, from, from.plus_seconds(-86_400)).unwrap()
}

#[test]
fn nothing_expires_until_a_period_is_set() {
    assert_eq!(Retention::default().retained_from(day(9999)), None);
    let thirty = keep(&Retention::default(), Some(30), day(100));
    assert_eq!(thirty.retained_from(day(100).plus_microseconds(-1)), None);
    assert_eq!(thirty.retained_from(day(100)), Some(day(70)));
    assert_eq!(thirty.retained_from(day(101)), Some(day(71)));
    assert_eq!((thirty.days(day(99)), thirty.days(day(100))), (None, Some(30)));
}

#[test]
fn a_longer_period_does_not_restore_expired_events() {
    let thirty = keep(&Retention::default(), Some(30), day(100));
    let sixty = keep(&thirty, Some(60), day(110));
    let check =
        |at: i64, expected: i64| assert_eq!(sixty.retained_from(day(at)), Some(day(expected)), "{at}");
    check(109, 79);
    check(110, 80);
    check(139, 80);
    check(140, 80);
    check(141, 81);
    let unlimited = keep(&sixty, None, day(150));
    assert_eq!(unlimited.retained_from(day(9999)), Some(day(90)));
}

#[test]
fn a_shorter_period_applies_from_its_instant() {
    let thirty = keep(&Retention::default(), Some(30), day(100));
    let seven = thirty.keep(Some(7), day(117), day(110)).unwrap();
    assert_eq!(seven.retained_from(day(116)), Some(day(86)));
    assert_eq!(seven.retained_from(day(117)), Some(day(110)));
    assert_eq!(seven.days_to_come(day(116)).map(|days| days.value), Some(Some(7)));
    // Before that instant it can be taken back.
    let thirty = seven.keep(Some(30), day(113), day(112)).unwrap();
    assert_eq!(thirty.retained_from(day(117)), Some(day(87)));
}

#[test]
fn nothing_expires_during_a_hold() {
    let thirty = keep(&Retention::default(), Some(30), day(100));
    let stopped = held(&thirty, hold(), day(110));
    assert_eq!(stopped.retained_from(day(109)), Some(day(79)));
    assert_eq!(stopped.retained_from(day(500)), Some(day(80)));
    assert_eq!(stopped.standing_hold(day(110)).map(|standing| standing.hold.by.as_str()), Some("u1"));
    // A period that is set during the hold applies after its end.
    let shorter = keep(&stopped, Some(7), day(200));
    assert_eq!(shorter.retained_from(day(500)), Some(day(80)));
    let free = held(&shorter, None, day(300));
    assert_eq!(free.retained_from(day(299)), Some(day(80)));
    assert_eq!(free.retained_from(day(300)), Some(day(293)));
}

#[test]
fn nothing_may_be_deleted_from_the_placing_of_a_hold_until_its_end() {
    let thirty = keep(&Retention::default(), Some(30), day(100));
    assert_eq!(thirty.expires_before(day(105), 3600), Some(day(75).plus_seconds(-3600)));
    let stopped = held(&thirty, hold(), day(110));
    assert_eq!(stopped.expires_before(day(109), 0), None);
    assert_eq!(stopped.expires_before(day(500), 0), None);
    let free = held(&stopped, None, day(300));
    assert_eq!(free.expires_before(day(299).plus_seconds(1), 0), None);
    assert_eq!(free.expires_before(day(300), 0), Some(day(270)));
    // A clock that is half an hour ahead deletes nothing while the hold is in effect.
    assert_eq!(free.expires_before(day(300).plus_seconds(1800), 3600), None);
    assert_eq!(free.expires_before(day(300).plus_seconds(3600), 3600), Some(day(270)));
}

#[test]
fn a_change_is_compared_over_the_whole_future() {
    fn check(case: &str, old: &Retention, new: &Retention, now: i64, sooner: bool) {
        let found = new.expires_sooner_than(old, day(now));
        assert_eq!(found.is_some(), sooner, "{case}: {found:?}");
        if let Some((at, expired)) = found {
            assert_eq!(new.retained_from(at), Some(expired), "{case}");
            assert!(old.retained_from(at) < Some(expired), "{case}");
        }
    }
    let none = Retention::default();
    let thirty = keep(&none, Some(30), day(100));
    check("a first period", &none, &thirty, 99, true);
    check("a shorter period", &thirty, &keep(&thirty, Some(29), day(110)), 109, true);
    check("a longer period", &thirty, &keep(&thirty, Some(31), day(110)), 109, false);
    check("no period", &thirty, &keep(&thirty, None, day(110)), 109, false);
    check("the same", &thirty, &thirty, 109, false);
    let longer = keep(&thirty, Some(3650), day(120));
    check(
        "a longer period to come is taken back",
        &longer,
        &longer.keep(Some(30), day(112), day(110)).unwrap(),
        110,
        true,
    );
    check(
        "a longer period comes later",
        &longer,
        &longer.keep(Some(3650), day(130), day(110)).unwrap(),
        110,
        true,
    );
    check(
        "a longer period comes sooner",
        &longer,
        &longer.keep(Some(3650), day(115), day(110)).unwrap(),
        110,
        false,
    );
    let stopped = held(&thirty, hold(), day(110));
    check("a hold", &thirty, &stopped, 109, false);
    check("the end of a hold", &stopped, &held(&stopped, None, day(130)), 129, true);
    let ends = held(&stopped, None, day(130));
    check(
        "a shorter period under a hold that ends",
        &ends,
        &ends.keep(Some(1), day(121), day(120)).unwrap(),
        120,
        true,
    );
    check(
        "a shorter period under a hold",
        &stopped,
        &stopped.keep(Some(1), day(121), day(120)).unwrap(),
        120,
        false,
    );
    check(
        "a hold is placed again before it ends",
        &ends,
        &ends.with_hold(hold(), day(122), day(120)).unwrap(),
        120,
        false,
    );
    let placed = thirty.with_hold(hold(), day(140), day(120)).unwrap();
    check(
        "a hold to come is ended",
        &placed,
        &placed.with_hold(None, day(121), day(120)).unwrap(),
        120,
        true,
    );
    check(
        "a hold to come is put off",
        &placed,
        &placed.with_hold(hold(), day(150), day(120)).unwrap(),
        120,
        true,
    );
    check(
        "a hold to come is brought forward",
        &placed,
        &placed.with_hold(hold(), day(125), day(120)).unwrap(),
        120,
        false,
    );
}

#[test]
fn a_change_takes_effect_only_after_all_instances_have_read_it() {
    let now = day(100);
    fn check(days: Option<u32>, from: Timestamp, expected: Option<InvalidChange>) {
        assert_eq!(Retention::default().keep(days, from, day(100)).err(), expected, "{days:?} {from}");
    }
    check(Some(1), now.plus_seconds(NOTICE_SECONDS), None);
    check(Some(3650), day(100 + MAX_NOTICE_DAYS), None);
    check(None, day(101), None);
    check(Some(0), day(101), Some(InvalidChange::Days));
    check(Some(3651), day(101), Some(InvalidChange::Days));
    check(Some(1), now.plus_seconds(NOTICE_SECONDS - 1), Some(InvalidChange::TooSoon));
    check(Some(1), day(101 + MAX_NOTICE_DAYS), Some(InvalidChange::TooLate));

    let from = now.plus_seconds(NOTICE_SECONDS);
    let soon = Retention::default().keep(Some(1), from, now).unwrap();
    assert_eq!(soon.keep(Some(2), day(101), now.plus_seconds(1)), Err(InvalidChange::Imminent(from)));
    assert!(soon.keep(Some(2), day(101), from).is_ok());
    // A hold does not wait for a change of the period.
    assert!(soon.with_hold(hold(), day(101), now.plus_seconds(1)).is_ok());
}

#[test]
fn events_are_kept_from_the_instant_on_and_receipts_permanently() {
    let retained = Retained(Some(day(70)));
    fn at(timestamp: Timestamp, id: &str) -> Position {
        Position { timestamp, id: EventId::parse(id).unwrap() }
    }
    assert!(retained.may_keep(&at(day(70), "e-1")));
    assert!(!retained.may_keep(&at(day(70).plus_microseconds(-1), "e-1")));
    assert!(retained.may_keep(&at(day(1), "expired.1")));
    assert!(Retained::default().may_keep(&at(day(1), "e-1")));
}

#[test]
fn runs_are_written_and_read() {
    fn check(sequences: &[u64], text: &str) {
        assert_eq!(runs(sequences), text);
        let read = parse_runs(text).unwrap().into_iter().flat_map(|(first, last)| first..=last);
        assert_eq!(read.collect::<Vec<_>>(), sequences);
    }
    check(&[7], "7");
    check(&[0, 1], "0-1");
    check(&[0, 1, 2, 4, 6, 7], "0-2,4,6-7");
    for wrong in ["", "a", "1-", "2-1", "1-1", "0,1", "3,2", "01", "+1", "0-2,2", "1,,3"] {
        assert_eq!(parse_runs(wrong), None, "{wrong}");
    }
}

/// A change by an admin.
#[derive(Clone, Debug)]
enum Deed {
    Keep(Option<u32>, i64),
    Hold(bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (proptest::option::of(1..40_u32), 120..500_000_i64)
            .prop_map(|(days, notice)| Deed::Keep(days, notice)),
        any::<bool>().prop_map(Deed::Hold),
    ]
}

proptest! {
    #[test]
    fn retained_from_never_goes_back_and_stale_settings_agree_with_new_ones(
        deeds in proptest::collection::vec((deed(), 1..400_000_i64), 1..12),
    ) {
        let (mut retention, mut now, mut last) = (Retention::default(), day(0), None);
        for (deed, seconds) in deeds {
            let until = now.plus_seconds(seconds);
            while now < until {
                prop_assert!(retention.retained_from(now) >= last, "{retention:?} at {now}");
                last = retention.retained_from(now);
                now = now.plus_seconds(7919);
            }
            let changed = match deed {
                Deed::Keep(days, notice) => retention.keep(days, now.plus_seconds(notice), now),
                Deed::Hold(on) => retention.with_hold(hold().filter(|_| on), now.plus_seconds(120), now),
            };
            let Ok(changed) = changed else { continue };
            // An instance that reads the change a minute late has computed the same times meanwhile.
            for late in 0..=SETTINGS_AGE_SECONDS {
                let at = now.plus_seconds(late);
                prop_assert_eq!(changed.retained_from(at), retention.retained_from(at));
            }
            retention = changed;
        }
    }
}
