//! What fsck says of each drill, with what somebody kept of the log and without.

use operator::fsck::{Kind, Report};
use tests::tamper::{Drill, Prepared};

use crate::{check, events, with_all_that_was_kept};

/// What must be named first.
struct Named {
    kind: Kind,
    sequences: (u64, u64),
    detail: &'static str,
}

#[tokio::test]
async fn the_first_sequence_that_was_tampered_with_is_named() {
    let log = Prepared::with(events()).await;
    for drill in Drill::ALL {
        let copy = log.copy().await;
        let first = copy.tamper(drill, &log).await;
        let [without, with] = expected(drill, first, &log);
        let report = check(&copy, &Default::default()).await;
        is_named(drill, &report, without.as_ref());
        let report = check(&copy, &with_all_that_was_kept(&log)).await;
        is_named(drill, &report, with.as_ref());
        println!("{drill:?} ({first}): {report}");
    }
}

/// What is named without anything but the tables, and with the checkpoints from before; `None` where
/// everything fits.
fn expected(drill: Drill, first: u64, log: &Prepared) -> [Option<Named>; 2] {
    let exact = |kind, detail| Some(Named { kind, sequences: (first, first), detail });
    let both = |kind, detail| [exact(kind, detail), exact(kind, detail)];
    // Beyond the checkpoint at its half, by the one at its end.
    let since_half = |kind| Some(Named { kind, sequences: (log.half, log.size - 1), detail: "rewritten: " });
    match drill {
        Drill::Control | Drill::Redaction => [None, None],
        Drill::ChangedAttribute | Drill::ChangedSalt | Drill::ChangedIndexKey | Drill::SwappedContents => {
            both(Kind::EventChanged, " is not what was sealed")
        }
        Drill::DeletedEvent => both(Kind::EventMissing, " is gone"),
        Drill::SwappedSequences => both(Kind::EventOtherSequence, " bears the sequence "),
        Drill::InsertedEvent => both(Kind::SequenceForged, "#forged\" bears it, and the log gives it to e-"),
        Drill::InsertedEntry => {
            both(Kind::SequenceForged, "the log gives it to forged, and another event bears it as well")
        }
        Drill::Truncated => both(Kind::DeltaMissing, "no delta decides it, and the head covers "),
        Drill::HeadSetBack => both(Kind::Head, "the head covers "),
        Drill::ChangedTileRoot => {
            let tile = || {
                Some(Named { kind: Kind::TileRoot, sequences: (first, first + 255), detail: "is kept as" })
            };
            [tile(), tile()]
        }
        Drill::Rewritten => {
            let all = Named { kind: Kind::Signed, sequences: (0, log.size - 1), detail: "rewritten: " };
            [Some(all), since_half(Kind::Signed)]
        }
        // Sound by itself: only who kept something can tell.
        Drill::RewrittenAndSigned | Drill::CutAndRegrown => [None, since_half(Kind::KeptCheckpoint)],
        Drill::CutAndSigned => [None, exact(Kind::KeptCheckpoint, "cut: the checkpoint that was kept has ")],
    }
}

#[track_caller]
fn is_named(drill: Drill, report: &Report, expected: Option<&Named>) {
    let Some(Named { kind, sequences, detail }) = expected else {
        assert!(report.is_sound(), "{drill:?}: {report}");
        return;
    };
    let found = report.findings.first().unwrap_or_else(|| panic!("{drill:?}: {report}"));
    assert_eq!(
        (found.kind, (found.sequence, found.last_sequence)),
        (*kind, *sequences),
        "{drill:?}: {report}"
    );
    assert!(found.detail.contains(detail), "{drill:?}: {report}");
}
