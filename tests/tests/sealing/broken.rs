//! The drills find a violation in each protocol that is broken on purpose.

use crate::{
    crash::Drill,
    engine::Engine,
    interleavings::Grounds,
    log::Prepared,
    protocol::{Broken, Protocol},
    run,
};

/// The number of orders that are tried.
const SEEDS: u64 = 30;

#[test]
fn the_rebuilt_protocol_passes_the_drills() {
    assert_eq!(races(Broken::Nothing), None);
    assert_eq!(crashes(Broken::Nothing), None);
}

#[test]
fn candidates_must_be_read_again_when_a_race_is_lost() {
    check(races(Broken::CandidatesReadOnce), "is sealed twice");
}

#[test]
fn candidates_must_be_read_after_the_head() {
    check(races(Broken::CandidatesBeforeHead), "is sealed twice");
}

#[test]
fn a_root_must_not_be_shown_before_its_delta_is_decided() {
    check(races(Broken::ShownBeforeDecided), "does not continue what was shown");
}

#[test]
fn a_delta_that_is_found_must_be_finished() {
    check(races(Broken::FoundNotFinished), "is sealed twice");
    check(crashes(Broken::FoundNotFinished), "is sealed twice");
}

#[test]
fn a_delta_that_another_pass_wrote_must_be_used() {
    check(races(Broken::LostRaceIgnored), "is lost");
}

#[test]
fn the_head_must_not_be_moved_before_the_events_are_stamped() {
    check(races(Broken::HeadBeforeStamps), "is sealed twice");
    check(crashes(Broken::HeadBeforeStamps), "is sealed twice");
}

fn check(violation: Option<String>, expected: &str) {
    let violation = violation.expect("the drill finds no violation in a broken protocol");
    println!("{violation}");
    assert!(violation.contains(expected), "{violation}");
}

/// The first violation when sealers run at the same time.
fn races(broken: Broken) -> Option<String> {
    run(async {
        let (grounds, engine) = (Grounds::prepare().await, Engine::start().await);
        for seed in 0..SEEDS {
            let sealers = if seed % 2 == 0 { 2 } else { 3 };
            let drilled = grounds.interleave(&engine, Protocol::Rebuilt(broken), sealers, seed).await;
            if let Err(violation) = drilled {
                return Some(violation);
            }
        }
        None
    })
}

/// The first violation after a crash.
fn crashes(broken: Broken) -> Option<String> {
    let prepared = run(Prepared::with(0, 3));
    Drill::of(Protocol::Rebuilt(broken), &prepared).run_all().err()
}
