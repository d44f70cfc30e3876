//! The report of a check: lines for people, JSON for programs.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use shared::{
    ledger::hash::Hash,
    model::{id::WorkspaceId, keys::Place},
};

/// An event in a message.
pub(super) fn name_of(place: &Place) -> String {
    format!("the event {} of {}", place.position.id, place.position.timestamp)
}

/// The kind of a mismatch. If several are found at one sequence, the kind that is listed first is reported
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No delta decides this sequence, but later ones do, or the head covers it.
    DeltaMissing,
    /// A stored delta cannot be parsed.
    DeltaUnreadable,
    /// A delta begins within the one before it.
    DeltaOverlaps,
    EventMissing,
    /// The item of the event cannot be read as an event.
    EventUnreadable,
    /// The event does not have the leaf that was sealed.
    EventChanged,
    /// The event has no sequence.
    EventUnstamped,
    /// The event has another sequence than its entry.
    EventOtherSequence,
    /// The event is marked for deletion, and no receipt covers it.
    EventMarked,
    /// The event has attributes, such as index keys, that do not follow from its content.
    EventAttributes,
    /// The event is stored in a partition that no query reads.
    EventMisplaced,
    /// An event has a sequence that the log gives to another event, or to none.
    SequenceForged,
    /// The root in a receipt is not the root of the logged leaves that it names, or the settings did not allow it.
    Receipt,
    /// The service did not write a record of the service.
    ServiceRecord,
    /// A part of an event is erased, and no redaction record names it.
    Redaction,
    /// The root of a tile is not the root of the entries below it.
    TileRoot,
    /// The head does not match the deltas.
    Head,
    /// The signed checkpoint does not match the log.
    Signed,
    /// A checkpoint that the caller brought does not match the log.
    KeptCheckpoint,
}

impl Kind {
    /// True if an expired event is expected to look like this.
    pub(super) fn may_be_expired(self) -> bool {
        matches!(self, Self::EventMissing | Self::EventMarked)
    }

    /// The mismatch of an event that looks expired, in words after its name.
    pub(super) fn without_receipt(self) -> &'static str {
        match self {
            Self::EventMarked => "is marked for deletion, and no receipt explains it",
            _ => "is gone",
        }
    }
}

/// A mismatch, and its place: a range of sequences, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: Kind,
    /// The first sequence that may be affected.
    pub sequence: u64,
    /// The last sequence that may be affected; equal to `sequence` if the place is exact.
    pub last_sequence: u64,
    /// A description for people.
    pub detail: String,
}

/// For each kind, the number of findings and the one with the lowest sequence.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Findings(BTreeMap<Kind, Found>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Found {
    count: u64,
    first: Finding,
}

/// The result of a check.
#[derive(Clone, Debug)]
pub struct Report {
    /// The workspace of the log.
    pub workspace: WorkspaceId,
    /// The number of entries.
    pub size: u64,
    /// The root of the tree over all entries.
    pub root: Hash,
    /// The number of entries that the head covers; `None` if the head cannot be read.
    pub head: Option<u64>,
    /// The number of entries that the last signed checkpoint covers; `None` if there is none, or it cannot be
    /// read.
    pub signed: Option<u64>,
    /// The mismatches.
    pub findings: Findings,
    /// Remarks on a state that is normal.
    pub notes: Vec<String>,
    /// Remarks on a state that is no mismatch but should not last.
    pub warnings: Vec<String>,
    /// The reason why not everything was checked, although there is no mismatch.
    pub unchecked: Option<String>,
}

impl Findings {
    /// Adds a mismatch at one sequence.
    pub(super) fn at(&mut self, kind: Kind, sequence: u64, detail: impl Into<String>) {
        self.within(kind, sequence, sequence, detail);
    }

    /// Adds a mismatch somewhere between two sequences, both included.
    pub(super) fn within(&mut self, kind: Kind, first: u64, last: u64, detail: impl Into<String>) {
        let finding =
            Finding { kind, sequence: first, last_sequence: last.max(first), detail: detail.into() };
        self.add(finding, 1);
    }

    /// Adds a mismatch of each of these sequences, both ends included. `detail` is of the first.
    pub(super) fn of_each(&mut self, kind: Kind, first: u64, last: u64, detail: String) {
        self.add(Finding { kind, sequence: first, last_sequence: first, detail }, last - first + 1);
    }

    fn add(&mut self, finding: Finding, count: u64) {
        let found = self.0.entry(finding.kind).or_insert_with(|| Found { count: 0, first: finding.clone() });
        found.count += count;
        if finding.sequence < found.first.sequence {
            found.first = finding;
        }
    }

    /// The mismatch to report. A wrong event also makes the roots and heads wrong that are computed from it, so a
    /// finding that contains another one is left out.
    pub fn first(&self) -> Option<&Finding> {
        let all: Vec<_> = self.0.values().map(|found| &found.first).collect();
        let innermost = all.iter().filter(|one| !all.iter().any(|other| one.contains(other)));
        innermost.min_by_key(|finding| (finding.sequence, finding.kind)).copied()
    }

    /// The same without mismatches of deltas, which every run finds by itself.
    pub(super) fn without_deltas(mut self) -> Self {
        let of_deltas = [Kind::DeltaMissing, Kind::DeltaUnreadable, Kind::DeltaOverlaps];
        self.0.retain(|kind, _| !of_deltas.contains(kind));
        self
    }

    /// The kinds that were found, by their lowest sequence.
    fn sorted(&self) -> Vec<&Found> {
        let mut sorted: Vec<_> = self.0.values().collect();
        sorted.sort_by_key(|Found { first, .. }| (first.sequence, first.last_sequence, first.kind));
        sorted
    }
}

impl Finding {
    /// The place of the mismatch, for people.
    fn place(&self) -> String {
        let Self { kind: _, sequence, last_sequence, detail: _ } = self;
        if sequence == last_sequence {
            format!("sequence {sequence}")
        } else {
            format!("sequences {sequence} to {last_sequence}")
        }
    }

    /// True if this range is larger than the other one and includes all of it.
    fn contains(&self, other: &Self) -> bool {
        let (one, two) = (self.sequence..=self.last_sequence, other.sequence..=other.last_sequence);
        one != two && one.contains(two.start()) && one.contains(two.end())
    }
}

impl Report {
    /// True if everything matches.
    pub fn is_sound(&self) -> bool {
        self.findings.first().is_none() && self.unchecked.is_none()
    }

    /// True if a mismatch was found.
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

    /// The report as one line of JSON.
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
    fn the_reported_mismatch_is_the_lowest_that_contains_no_other() {
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
