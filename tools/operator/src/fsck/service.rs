//! The service records of a log: whether the service wrote each, and what they explain.
//!
//! A receipt explains why an event is gone. It must be signed, be allowed by the settings that were recorded before it, be
//! for what the log has under its sequences, and name no event that another receipt names. A redaction record explains why a
//! part of an event is gone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    ledger::{
        hash::Hash,
        note::Vkey,
        service_record::{self, NotSigned},
        tree::Frontier,
    },
    model::{
        disclosure::Part,
        error::Error,
        event::Event,
        id::WorkspaceId,
        retention::{History, is_receipt, parse_runs},
        timestamp::Timestamp,
    },
    store::Store,
};

use super::report::{Findings, Kind, name_of};

/// How many entries are read at a time.
const CHUNK: u64 = 4096;
/// For how long an event must have expired before a receipt may name it.
const MARGIN_SECONDS: i64 = 3600;
/// A redaction by actor also erases the contexts of these records, if they ask for the actor.
const READ: &str = "audit_log_accessed";

/// Service records, and what may be explained by one.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct ServiceRecords {
    /// The sequences of the records, which are read again in the end.
    records: BTreeSet<u64>,
    /// The events of which parts are erased.
    erased: BTreeMap<u64, Erased>,
    /// Runs of events that are wrong in one way, unless receipts cover their sequences. An old log has long ones.
    open: Vec<(u64, u64, Kind)>,
    /// The runs of sequences that good receipts name, in their order.
    #[serde(skip)]
    runs: Vec<(u64, u64)>,
    /// The parts of events of which redaction records say that they were erased: by sequence, and by id.
    #[serde(skip)]
    named: (BTreeMap<u64, BTreeSet<String>>, BTreeMap<String, BTreeSet<String>>),
    /// How many records have a signature that could not be verified without the log's key.
    #[serde(skip)]
    unverified: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Erased {
    id: String,
    is_read: bool,
    parts: Vec<Part>,
}

impl ServiceRecords {
    /// Notes an event of the log if it is a service record, or parts of it are erased.
    pub(super) fn note(&mut self, sequence: u64, event: &Event) {
        if service_record::is_signed_action(event.action.name()) {
            self.records.insert(sequence);
        }
        let parts: Vec<_> = Part::ALL.into_iter().filter(|part| event.disclosure.is_erased(*part)).collect();
        if !parts.is_empty() {
            let is_read = event.action.name() == READ;
            self.erased.insert(sequence, Erased { id: event.id.to_string(), is_read, parts });
        }
    }

    /// Adds a mismatch that a receipt may explain.
    pub(super) fn may_explain(&mut self, sequence: u64, kind: Kind) {
        match self.open.last_mut() {
            Some((_, last, same)) if *last + 1 == sequence && *same == kind => *last = sequence,
            _ => self.open.push((sequence, sequence, kind)),
        }
    }

    /// The number of events that receipts cover.
    pub(super) fn receipted(&self) -> u64 {
        self.runs.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// How many records have a signature that could not be verified.
    pub(super) fn unverified(&self) -> u64 {
        self.unverified
    }

    /// Judges each record, and by them what may be explained, in a log of `size` entries.
    pub(super) async fn settle(
        &mut self,
        store: &Store,
        workspace: &WorkspaceId,
        key: Option<&Vkey>,
        size: u64,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let mut history = History::default();
        let mut receipts = Vec::new();
        for sequence in std::mem::take(&mut self.records) {
            let entry = store.entries(workspace, sequence..sequence + 1).await?.into_iter().next();
            let Some((_, entry)) = entry else { continue };
            let kept = store.kept(workspace, &[entry.place]).await?.into_iter().next().flatten();
            // An event that is gone or changed meanwhile was found, or will be by the next check.
            let Some(record) = kept.and_then(|kept| kept.event.ok()) else { continue };
            if let Err(why) = self.verify(&record, key) {
                let what = format!("the service did not write the {} {}: {why}", record.action, record.id);
                findings.at(Kind::ServiceRecord, sequence, what);
            } else if is_receipt(&record) {
                receipts.push((sequence, record));
            } else if !History::is_record(&record) {
                self.note_redaction(&record);
            } else if history.note(&record, sequence).is_none() {
                findings.at(
                    Kind::ServiceRecord,
                    sequence,
                    "the record of changed settings is not in its form",
                );
            }
        }
        for (sequence, receipt) in receipts {
            match self.named_by(store, workspace, sequence, &receipt, &history, size).await? {
                Ok(runs) => self.runs.extend(runs),
                Err(why) => findings.at(Kind::Receipt, sequence, format!("the receipt {why}")),
            }
        }
        self.runs.sort_unstable();
        for (first, last, kind) in std::mem::take(&mut self.open) {
            for (first, last) in self.uncovered(first, last) {
                let entry = store.entries(workspace, first..first + 1).await?.into_iter().next();
                let name = entry.map_or("the event".to_owned(), |(_, entry)| name_of(&entry.place));
                findings.of_each(kind, first, last, format!("{name} {}", kind.without_receipt()));
            }
        }
        Ok(())
    }

    /// The parts of a run of sequences that no good receipt names.
    fn uncovered(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut parts = Vec::new();
        let mut next = first;
        let before = self.runs.partition_point(|(_, covered)| *covered < first);
        for (begin, end) in self.runs[before..].iter().take_while(|(begin, _)| *begin <= last) {
            if next < *begin {
                parts.push((next, begin - 1));
            }
            next = end + 1;
        }
        if next <= last {
            parts.push((next, last));
        }
        parts
    }

    /// The events of which a part is erased that no redaction record names.
    pub(super) fn unexplained(&self) -> impl Iterator<Item = (u64, String)> {
        self.erased.iter().filter_map(|(sequence, Erased { id, is_read, parts })| {
            let named = [self.named.0.get(sequence), self.named.1.get(id)];
            // The context of a record of a read is erased with a redaction of its actor, whatever parts that names.
            let part = parts.iter().find(|part| {
                let of_read = *is_read && **part == Part::Context;
                !named.iter().flatten().any(|parts| of_read || parts.contains(part.name()))
            })?;
            Some((*sequence, format!("its {} is erased, and no redaction record says so", part.name())))
        })
    }

    fn verify(&mut self, record: &Event, key: Option<&Vkey>) -> Result<(), NotSigned> {
        match key {
            Some(key) => service_record::verify(record, key),
            None if record.context.contains_key(service_record::SIGNATURE) => {
                self.unverified += 1;
                Ok(())
            }
            None => Err(NotSigned::Missing),
        }
    }

    fn note_redaction(&mut self, record: &Event) {
        let parts: Vec<_> = list(record, "parts").filter_map(Value::as_str).map(str::to_owned).collect();
        for sequence in list(record, "sequences").filter_map(Value::as_u64) {
            self.named.0.entry(sequence).or_default().extend(parts.iter().cloned());
        }
        for id in list(record, "unsealed_ids").filter_map(Value::as_str) {
            self.named.1.entry(id.to_owned()).or_default().extend(parts.iter().cloned());
        }
    }

    /// The runs of sequences that a receipt names; or why it is not good.
    async fn named_by(
        &self,
        store: &Store,
        workspace: &WorkspaceId,
        sequence: u64,
        receipt: &Event,
        history: &History,
        size: u64,
    ) -> Result<Result<Vec<(u64, u64)>, String>, Error> {
        let runs = text(receipt, "sequences").and_then(parse_runs);
        let Some(runs) = runs.filter(|runs| runs.iter().all(|(_, last)| *last < sequence.min(size))) else {
            return Ok(Err("does not name sequences before it".to_owned()));
        };
        let count: u64 = runs.iter().map(|(first, last)| last - first + 1).sum();
        if receipt.context.get("count").and_then(Value::as_u64) != Some(count) {
            return Ok(Err("counts other events than it names".to_owned()));
        }
        let overlaps =
            |(first, last): &(u64, u64)| self.runs.iter().any(|run| run.0 <= *last && *first <= run.1);
        if runs.iter().any(overlaps) {
            return Ok(Err("names events that another receipt names as well".to_owned()));
        }
        let root = text(receipt, "root").and_then(|root| Hash::parse(root).ok());
        if root != Some(root_of(store, workspace, &runs).await?) {
            return Ok(Err("for what has expired is not for what the log has there".to_owned()));
        }
        let Some(last) = text(receipt, "last_timestamp").and_then(|time| Timestamp::parse(time).ok()) else {
            return Ok(Err("does not say up to which time it goes".to_owned()));
        };
        Ok(match history.expires_before(sequence, receipt.timestamp, MARGIN_SECONDS) {
            Some(before) if last < before => Ok(runs),
            Some(before) => Err(format!(
                "names events up to {last}, and by the settings in the log only those before {before} had expired"
            )),
            None => Err("names events, and by the settings in the log none had expired".to_owned()),
        })
    }
}

/// The root of the leaves that the log has in these runs.
async fn root_of(store: &Store, workspace: &WorkspaceId, runs: &[(u64, u64)]) -> Result<Hash, Error> {
    let mut tree = Frontier::default();
    for (first, last) in runs {
        let mut start = *first;
        while start <= *last {
            let end = (start + CHUNK).min(last + 1);
            for (_, entry) in store.entries(workspace, start..end).await? {
                tree.push(entry.leaf);
            }
            start = end;
        }
    }
    Ok(tree.root())
}

/// A list in the context of a record; empty if there is none of that name.
fn list<'a>(record: &'a Event, name: &str) -> impl Iterator<Item = &'a Value> {
    record.context.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// A text in the context of a record.
fn text<'a>(record: &'a Event, name: &str) -> Option<&'a str> {
    record.context.get(name).and_then(Value::as_str)
}
