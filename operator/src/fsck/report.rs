//! What was found, and how it is told: to people in lines, to programs in JSON.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use shared::{ledger::hash::Hash, model::id::WorkspaceId};

/// In which way something does not fit. Where several are found at one sequence, the first of these is
/// told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No delta decides this sequence, but later ones do, or the head covers it.
    DeltaMissing,
    /// A delta is not one that we write.
    DeltaUnreadable,
    /// A delta begins within the one before it.
    DeltaOverlaps,
    /// The event is gone.
    EventMissing,
    /// What is kept in the place of the event is not one.
    EventUnreadable,
    /// The event is not what was sealed.
    EventChanged,
    /// The event bears no sequence.
    EventUnstamped,
    /// The event bears another sequence.
    EventOtherSequence,
    /// The event is marked to be deleted, and has not expired.
    EventMarked,
    /// The event is listed under what does not follow from it.
    EventAttributes,
    /// The event is kept in a partition that no query reads.
    EventMisplaced,
    /// An event bears a sequence that is not its own.
    SequenceForged,
    /// A receipt is not for what the log has under the sequences that it names.
    Receipt,
    /// The root of a tile is not that of the entries below it.
    TileRoot,
    /// The head is not where or what the log is.
    Head,
    /// The checkpoint that is kept as signed does not belong to the log.
    Signed,
    /// A checkpoint that somebody kept does not belong to the log.
    KeptCheckpoint,
}

impl Kind {
    /// Whether it is as it should be with an event that has expired.
    pub(super) fn may_be_expired(self) -> bool {
        matches!(self, Self::EventMissing | Self::EventMarked)
    }
}

/// Something that does not fit, and where: between two sequences, both included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// In which way.
    pub kind: Kind,
    /// The first sequence that it may be about.
    pub sequence: u64,
    /// The last one; the same, where it is exact.
    pub last_sequence: u64,
    /// What it is, for people.
    pub detail: String,
}

/// Of each kind how many there are, and the first.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Findings(BTreeMap<Kind, Found>);

#[derive(Clone, Debug, Serialize)]
struct Found {
    count: u64,
    first: Finding,
}

/// What a check came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whose log it is.
    pub workspace: WorkspaceId,
    /// How many entries it has.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// How many of them the head covers; `None` if it cannot be read.
    pub head: Option<u64>,
    /// How many of them the last signed checkpoint covers; `None` if there is none to be read.
    pub signed: Option<u64>,
    /// What does not fit.
    pub findings: Findings,
    /// What is worth knowing, and in order.
    pub notes: Vec<String>,
    /// What fits, and should not be so for long.
    pub warnings: Vec<String>,
    /// Why nothing could be checked, though nothing is wrong.
    pub unchecked: Option<String>,
}

impl Findings {
    /// Something at one sequence.
    pub(super) fn at(&mut self, kind: Kind, sequence: u64, detail: impl Into<String>) {
        self.within(kind, sequence, sequence, detail);
    }

    /// Something that is between two sequences, both included.
    pub(super) fn within(&mut self, kind: Kind, first: u64, last: u64, detail: impl Into<String>) {
        let finding =
            Finding { kind, sequence: first, last_sequence: last.max(first), detail: detail.into() };
        let found = self.0.entry(kind).or_insert_with(|| Found { count: 0, first: finding.clone() });
        found.count += 1;
        if finding.sequence < found.first.sequence {
            found.first = finding;
        }
    }

    /// The first thing that does not fit. What is wrong at a single sequence makes everything wrong that
    /// is worked out over it, so of two findings, one within the other, the inner one counts.
    pub fn first(&self) -> Option<&Finding> {
        let all = || self.0.values().map(|found| &found.first);
        let innermost = |one: &&Finding| !all().any(|other| one.contains(other));
        all().filter(innermost).min_by_key(|finding| (finding.sequence, finding.kind))
    }

    /// The first one of each kind, and how many there are of it, from the first sequence on.
    fn sorted(&self) -> Vec<&Found> {
        let mut sorted: Vec<_> = self.0.values().collect();
        sorted.sort_by_key(|Found { first, .. }| (first.sequence, first.last_sequence, first.kind));
        sorted
    }
}

impl Finding {
    /// Where it is, for people.
    fn place(&self) -> String {
        let Self { kind: _, sequence, last_sequence, detail: _ } = self;
        if sequence == last_sequence {
            format!("sequence {sequence}")
        } else {
            format!("sequences {sequence} to {last_sequence}")
        }
    }

    /// Whether it is about more than the other, and about all of that.
    fn contains(&self, other: &Self) -> bool {
        let (one, two) = (self.sequence..=self.last_sequence, other.sequence..=other.last_sequence);
        one != two && one.contains(two.start()) && one.contains(two.end())
    }
}

impl Report {
    /// Whether everything fits.
    pub fn is_sound(&self) -> bool {
        self.findings.first().is_none() && self.unchecked.is_none()
    }

    /// Whether something was found that does not fit.
    pub fn is_refuted(&self) -> bool {
        self.findings.first().is_some()
    }

    fn answer(&self) -> &'static str {
        match (self.is_refuted(), &self.unchecked) {
            (true, _) => "refuted",
            (false, Some(_)) => "unchecked",
            (false, None) => "proved",
        }
    }

    /// The whole of it in one line of JSON.
    pub fn to_json(&self) -> String {
        let Self { workspace, size, root, head, signed, findings, notes, warnings, unchecked } = self;
        serde_json::json!({
            "workspace": workspace,
            "sound": self.is_sound(),
            "first": findings.first(),
            "size": size,
            "root": root,
            "head": head,
            "signed": signed,
            "findings": findings,
            "notes": notes,
            "warnings": warnings,
            "unchecked": unchecked,
            "answer": self.answer(),
        })
        .to_string()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.detail)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workspace, size, root, head: _, signed, findings, notes, warnings, unchecked } = self;
        let signed = signed.map_or("none signed".to_owned(), |signed| format!("the first {signed} signed"));
        writeln!(f, "{workspace}: {size} entries, {signed}, root {root}")?;
        for note in notes {
            writeln!(f, "{workspace}: note: {note}")?;
        }
        for warning in warnings {
            writeln!(f, "{workspace}: warning: {warning}")?;
        }
        for Found { count, first } in findings.sorted() {
            let more = if *count == 1 { String::new() } else { format!(" ({} more like it)", count - 1) };
            writeln!(f, "{workspace}: found: {first}{more}")?;
        }
        match (findings.first(), unchecked) {
            (None, None) => writeln!(f, "{workspace}: sound"),
            (None, Some(why)) => writeln!(f, "{workspace}: COULD NOT BE CHECKED; {why}"),
            (Some(first), _) => {
                writeln!(f, "{workspace}: NOT SOUND; what comes first is at {}", first.place())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(findings: &[(Kind, u64, u64)]) -> Option<u64> {
        let mut all = Findings::default();
        findings.iter().for_each(|(kind, first, last)| all.within(*kind, *first, *last, ""));
        all.first().map(|finding| finding.sequence)
    }

    #[test]
    fn the_first_is_the_lowest_of_those_that_explain_the_others() {
        assert_eq!(first(&[]), None);
        assert_eq!(first(&[(Kind::EventChanged, 9, 9), (Kind::EventMissing, 7, 7)]), Some(7));
        assert_eq!(first(&[(Kind::EventChanged, 9, 9), (Kind::EventChanged, 7, 7)]), Some(7));
        let worked_out = [(Kind::Head, 0, 299), (Kind::TileRoot, 256, 511), (Kind::EventChanged, 270, 270)];
        assert_eq!(first(&worked_out), Some(270));
        assert_eq!(first(&worked_out[..2]), Some(0), "neither is within the other");
        assert_eq!(first(&[(Kind::TileRoot, 0, 255), (Kind::EventChanged, 270, 270)]), Some(0));
        assert_eq!(first(&[(Kind::Signed, 0, 99), (Kind::KeptCheckpoint, 0, 99)]), Some(0));
    }
}
