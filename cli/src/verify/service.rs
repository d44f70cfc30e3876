//! The service records of a file: receipts, redaction records and changes of settings, by which the rest is judged.
//!
//! Each of them has the signature of the service when it comes here. A receipt must also be for what the log has, be
//! allowed by the settings that were recorded before it, and name no event that another receipt names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::ledger::{Hash, Receipt, Settings};

const REDACTED: &str = "x_audit_log_redacted";
/// A redaction by actor also erases the contexts of reads that asked for the actor.
const READ: (&str, &str) = ("audit_log_accessed", "context");

/// The service records of a log, and the events that they explain.
#[derive(Debug, Default)]
pub(super) struct ServiceRecords {
    settings: Settings,
    /// Why a record is refuted, by its sequence.
    wrong: BTreeMap<u64, String>,
    receipts: BTreeMap<u64, Receipt>,
    redactions: Redactions,
}

/// Which parts of which events redaction records name, and which are erased.
#[derive(Debug, Default)]
struct Redactions {
    by_sequence: BTreeMap<u64, BTreeSet<String>>,
    by_id: BTreeMap<String, BTreeSet<String>>,
    erased: BTreeMap<u64, Erased>,
}

#[derive(Debug)]
struct Erased {
    id: String,
    is_read: bool,
    parts: Vec<&'static str>,
}

impl ServiceRecords {
    /// Takes an event that is in the log, with the parts of it that are withheld.
    pub(super) fn note(&mut self, event: &Value, sequence: u64, withheld: &[&'static str]) {
        if Settings::is(event)
            && let Err(because) = self.settings.note(event, sequence)
        {
            self.wrong.insert(sequence, because);
        }
        if Receipt::is(event) {
            match Receipt::of(event, sequence) {
                Ok(receipt) => drop(self.receipts.insert(sequence, receipt)),
                Err(because) => drop(self.wrong.insert(sequence, format!("the receipt: {because}"))),
            }
        }
        if event["action"] == REDACTED {
            self.redactions.note(&event["context"]);
        }
        if !withheld.is_empty() {
            let id = event["id"].as_str().unwrap_or_default().to_owned();
            let erased = Erased { id, is_read: event["action"] == READ.0, parts: withheld.to_vec() };
            self.redactions.erased.insert(sequence, erased);
        }
    }

    /// Takes a record that no checkpoint covers. It explains what is erased and allows receipts; as a receipt it explains
    /// no gap.
    pub(super) fn note_uncovered(&mut self, event: &Value) {
        if !Receipt::is(event) {
            self.note(event, u64::MAX, &[]);
        }
    }

    /// The sequences of events that have expired.
    ///
    /// # Errors
    /// Names the first record that is not what it must be.
    pub(super) fn expired(&self, hash: impl Fn(u64) -> Option<Hash>) -> Result<BTreeSet<u64>, String> {
        if let Some((sequence, because)) = self.wrong.first_key_value() {
            return Err(format!("the record at sequence {sequence}: {because}"));
        }
        let mut expired = BTreeSet::new();
        for (sequence, receipt) in &self.receipts {
            let wrong = |because: String| format!("the receipt at sequence {sequence}: {because}");
            receipt.is_for(&hash).map_err(wrong)?;
            receipt.is_allowed(*sequence, &self.settings).map_err(wrong)?;
            if let Some(again) = receipt.sequences().find(|named| !expired.insert(*named)) {
                return Err(wrong(format!("another receipt names sequence {again} as well")));
            }
        }
        Ok(expired)
    }

    /// The first event of which a part is erased that no redaction record names.
    pub(super) fn unexplained(&self) -> Option<String> {
        let Redactions { by_sequence, by_id, erased } = &self.redactions;
        erased.iter().find_map(|(sequence, Erased { id, is_read, parts })| {
            let named: Vec<_> = by_sequence.get(sequence).into_iter().chain(by_id.get(id)).collect();
            let is_named = |part: &&&'static str| {
                named.iter().any(|parts| parts.contains(**part) || (*is_read && **part == READ.1))
            };
            let part = parts.iter().find(|part| !is_named(part))?;
            Some(format!(
                "the {part} of sequence {sequence} is erased, and no redaction record in the file says so"
            ))
        })
    }
}

impl Redactions {
    fn note(&mut self, context: &Value) {
        let list = |name: &str| context[name].as_array().into_iter().flatten();
        let parts: Vec<_> = list("parts").filter_map(Value::as_str).map(str::to_owned).collect();
        for sequence in list("sequences").filter_map(Value::as_u64) {
            self.by_sequence.entry(sequence).or_default().extend(parts.iter().cloned());
        }
        for id in list("unsealed_ids").filter_map(Value::as_str) {
            self.by_id.entry(id.to_owned()).or_default().extend(parts.iter().cloned());
        }
    }
}
