//! The variants of sealing that are broken on purpose; the checker finds each.

use super::Sealing;

/// The step that is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Broken {
    Nothing,
    /// Events are stamped, and then their delta is written.
    StampsBeforeDecided,
    /// The delta is written without a condition, because the turn belongs to this sealer.
    TurnDecides,
    /// The delta is written without a condition, and the move of the head decides.
    HeadDecides,
    /// The events are read, and then the head.
    CandidatesBeforeHead,
    /// The events are read once, and proposed again after a lost race.
    CandidatesReadOnce,
    /// When a delta is found, the head is moved and its events are not stamped.
    FoundNotFinished,
    HeadBeforeStamps,
    /// A delta is treated as written although another pass wrote a different one.
    LostRaceIgnored,
    /// The next head is signed before it is written.
    SignedBeforeDecided,
    /// The backlog is deleted when it is read.
    ForgottenBeforeSealed,
    /// After it leaves places in the backlog, the pass ends without another look at the turn.
    LeftWithoutLook,
    /// The backlog is read before the turn is given up, and not after it.
    ReadBeforeGivenUp,
    /// A pass whose time is over does not leave its places in the backlog.
    StoppedWithoutLeaving,
}

#[test]
fn each_broken_variant_is_found() {
    check_found(Broken::StampsBeforeDecided, "each stamp is the log's");
    check_found(Broken::TurnDecides, "what was decided or signed stays");
    check_found(Broken::HeadDecides, "what was decided or signed stays");
    check_found(Broken::CandidatesBeforeHead, "each event has one sequence");
    check_found(Broken::CandidatesReadOnce, "each event has one sequence");
    check_found(Broken::FoundNotFinished, "each event below the head is stamped");
    check_found(Broken::HeadBeforeStamps, "each event below the head is stamped");
    check_found(Broken::LostRaceIgnored, "each stamp is the log's");
    check_found(Broken::SignedBeforeDecided, "no head is signed beyond what is committed");
    check_found(Broken::ForgottenBeforeSealed, "no event is left at the end");
    check_found(Broken::StoppedWithoutLeaving, "no event is left at the end");
    check_without_crashes(Broken::LeftWithoutLook);
    check_without_crashes(Broken::ReadBeforeGivenUp);
}

fn check_without_crashes(broken: Broken) {
    Sealing { broken, crashes: 0, clocks_are_right: true }.breaks("no event is left at the end");
}

fn check_found(broken: Broken, property: &'static str) {
    let model = Sealing { broken, crashes: 1, clocks_are_right: false };
    model.breaks(property);
}
