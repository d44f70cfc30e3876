//! The mismatch that fsck reports for each drill, with earlier checkpoints and without.

use operator::fsck::{Kept, Kind, Report};
use tests::tamper::{Drill, Prepared};

use crate::{check, events, with_all_that_was_kept};

/// The mismatch that must be reported first.
struct Named {
    kind: Kind,
    sequences: (u64, u64),
    detail: &'static str,
}

impl Named {
    fn new(kind: Kind, sequences: (u64, u64), detail: &'static str) -> Option<Self> {
        Some(Self { kind, sequences, detail })
    }
}

#[tokio::test]
async fn the_first_sequence_that_was_tampered_with_is_named() {
    let log = Prepared::with(events()).await;
    for drill in Drill::ALL {
        let copy = log.copy().await;
        let first = copy.tamper(drill, &log).await;
        let [without, with] = expected(drill, first, &log);
        let mut tables_alone = Kept::default();
        if drill == Drill::Redaction {
            // The record explains what is erased once it is in the log, and the log's key tells who wrote it.
            copy.raw().seal().await;
            tables_alone.key = with_all_that_was_kept(&log).key;
        }
        let report = check(&copy, &tables_alone).await;
        is_named(drill, &report, without.as_ref());
        let report = check(&copy, &with_all_that_was_kept(&log)).await;
        is_named(drill, &report, with.as_ref());
        println!("{drill:?} ({first}): {report}");
    }
}

/// The reports without earlier checkpoints and with them; `None` where everything matches.
fn expected(drill: Drill, first: u64, log: &Prepared) -> [Option<Named>; 2] {
    // The checkpoint at half of the log still matches, and the one at its end does not.
    let since_half = (log.half, log.size - 1);
    match drill {
        Drill::Control | Drill::Redaction => [None, None],
        Drill::ChangedAttribute | Drill::ChangedSalt | Drill::ChangedIndexKey | Drill::SwappedContents => {
            both(first, Kind::EventChanged, " is not what was sealed")
        }
        Drill::DeletedEvent => both(first, Kind::EventMissing, " is gone"),
        Drill::SwappedSequences => both(first, Kind::EventOtherSequence, " has the sequence "),
        Drill::InsertedEvent => {
            both(first, Kind::SequenceForged, "#forged\" has it, and the log gives it to e-")
        }
        Drill::InsertedEntry => {
            both(first, Kind::SequenceForged, "the log gives it to forged, and another event has it as well")
        }
        Drill::Truncated => both(first, Kind::DeltaMissing, "no delta decides it, and the head covers "),
        Drill::HeadSetBack => both(first, Kind::Head, "the head covers "),
        Drill::ChangedTileRoot => {
            let tile = (first, first + 255);
            [Named::new(Kind::TileRoot, tile, "is kept as"), Named::new(Kind::TileRoot, tile, "is kept as")]
        }
        Drill::Rewritten => {
            let all = (0, log.size - 1);
            [
                Named::new(Kind::Signed, all, "rewritten: "),
                Named::new(Kind::Signed, since_half, "rewritten: "),
            ]
        }
        // The tables match each other: only an earlier checkpoint shows the change.
        Drill::RewrittenAndSigned | Drill::CutAndRegrown => {
            [None, Named::new(Kind::KeptCheckpoint, since_half, "rewritten: ")]
        }
        Drill::CutAndSigned => {
            [None, Named::new(Kind::KeptCheckpoint, (first, first), "cut: the checkpoint that was kept has ")]
        }
    }
}

fn both(sequence: u64, kind: Kind, detail: &'static str) -> [Option<Named>; 2] {
    [Named::new(kind, (sequence, sequence), detail), Named::new(kind, (sequence, sequence), detail)]
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
