//! A receipt: the event that lists expired events of a log.
//!
//! It contains their sequences, and the root of a tree over their leaves (RFC 6962) in the order of the sequences. So with
//! the leaves, or the hashes of the log, it can be verified that the receipt is for exactly these events.

use jiff::Timestamp;
use serde_json::Value;
use tlog_tiles::Hash;

use super::{Entry, Settings, Tree};

const ACTION: &str = "x_audit_log_expired";

/// The content of a receipt.
#[derive(Debug)]
pub(crate) struct Receipt {
    /// The runs of sequences, each with its first and last sequence, in order.
    runs: Vec<(u64, u64)>,
    root: Hash,
    /// When it was recorded.
    recorded_at: Timestamp,
    /// The time of the last event that it names.
    last: Timestamp,
}

impl Receipt {
    /// Whether an event is a receipt, valid or not.
    pub(crate) fn is(event: &Value) -> bool {
        event["action"] == ACTION
    }

    /// The receipt that an event is, at its place in the log.
    ///
    /// # Errors
    /// If it is none, or is not in its form.
    pub(crate) fn of(event: &Value, sequence: u64) -> Result<Self, String> {
        if !Self::is(event) {
            return Err(format!("the event is no receipt: its action is not {ACTION}"));
        }
        let wrong = |what: &str| format!("the receipt is not in its form: {what}");
        let context = &event["context"];
        let runs = context["sequences"].as_str().and_then(runs).ok_or_else(|| wrong("its sequences"))?;
        if runs.iter().any(|(_, last)| *last >= sequence) {
            return Err(wrong("it names what came after it"));
        }
        let root = context["root"].as_str().and_then(|root| Hash::parse_hash(root).ok());
        let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let receipt = Self {
            runs,
            root: root.ok_or_else(|| wrong("its root"))?,
            recorded_at: time(&event["timestamp"]).ok_or_else(|| wrong("its timestamp"))?,
            last: time(&context["last_timestamp"]).ok_or_else(|| wrong("its last_timestamp"))?,
        };
        match context["count"].as_u64() {
            Some(count) if count == receipt.count() => Ok(receipt),
            _ => Err(wrong("its count is not that of its sequences")),
        }
    }

    /// Checks that the settings recorded before it allow it.
    ///
    /// # Errors
    /// If they do not.
    pub(crate) fn is_allowed(&self, sequence: u64, settings: &Settings) -> Result<(), String> {
        settings.allow(sequence, self.recorded_at, self.last)
    }

    /// How many events have expired.
    pub(crate) fn count(&self) -> u64 {
        self.runs.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Which ones.
    pub(crate) fn sequences(&self) -> impl Iterator<Item = u64> {
        self.runs.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// The runs as text, such as `0-511,514`.
    pub(crate) fn named(&self) -> String {
        fn run((first, last): &(u64, u64)) -> String {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        }
        self.runs.iter().map(run).collect::<Vec<_>>().join(",")
    }

    /// Verifies that the receipt is for these events, by the hash of each.
    ///
    /// # Errors
    /// If one is not known, or they are not those.
    pub(crate) fn is_for(&self, hash: impl Fn(u64) -> Option<Hash>) -> Result<(), String> {
        let of = |sequence| hash(sequence).ok_or_else(|| format!("sequence {sequence} is not there"));
        let mut tree = Tree::default();
        for sequence in self.sequences() {
            tree.extend(&[of(sequence)?]);
        }
        if tree.root() == self.root {
            Ok(())
        } else {
            Err("what stands under its sequences does not add up to its root".to_owned())
        }
    }
}

/// The hash of an event, if its sequence is among those wanted.
pub(crate) fn hash_of(event: &Value, wanted: impl Fn(u64) -> bool) -> Option<(u64, Hash)> {
    let entry = Entry::of(event).ok()?;
    let sequence = entry.sequence.filter(|sequence| wanted(*sequence))?;
    Some((sequence, entry.hash()))
}

/// Reads runs such as `0-511,514`, each after the one before it.
fn runs(text: &str) -> Option<Vec<(u64, u64)>> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for run in text.split(',') {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || runs.last().is_some_and(|(_, before)| *before >= first) {
            return None;
        }
        runs.push((first, last));
    }
    Some(runs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tlog_tiles::{node_hash, record_hash};

    use super::*;

    fn hash(sequence: u64) -> Option<Hash> {
        (sequence < 9).then(|| record_hash(&sequence.to_be_bytes()))
    }

    fn receipt(sequences: &str, count: u64) -> Result<Receipt, String> {
        let [one, two, five] = [1, 2, 5].map(|sequence| hash(sequence).unwrap());
        let root = node_hash(node_hash(one, two), five).to_string();
        let last = "2025-01-01T00:00:00Z";
        let context = json!({"sequences": sequences, "root": root, "count": count, "last_timestamp": last});
        let receipt = json!({"action": ACTION, "timestamp": "2025-03-01T00:00:00Z", "context": context});
        Receipt::of(&receipt, 9)
    }

    #[test]
    fn it_is_for_what_adds_up_to_its_root() {
        let good = receipt("1-2,5", 3).unwrap();
        assert_eq!((good.count(), good.named().as_str()), (3, "1-2,5"));
        assert_eq!(good.is_for(hash), Ok(()));
        assert!(receipt("1-3", 3).unwrap().is_for(hash).is_err());
        assert!(good.is_for(|sequence| hash(sequence + 1)).is_err());
        assert!(good.is_for(|_| None).unwrap_err().contains("sequence 1 is not there"));
    }

    #[test]
    fn a_malformed_receipt_is_refused() {
        for (sequences, count) in [("", 0), ("2-1", 2), ("1,1", 2), ("1-9", 9), ("a", 1), ("1-2,5", 4)] {
            assert!(receipt(sequences, count).is_err(), "{sequences}");
        }
        assert!(Receipt::of(&json!({"action": "group_created"}), 9).is_err());
    }
}
