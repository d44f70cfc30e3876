//! `auditlog verify export`: a whole file against the log, whose hashes are all that is kept of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::Args;
use indicatif::HumanCount;
use serde_json::Value;

use super::{
    RETRIES, key,
    key::KeyOption,
    not_checked, not_proved, records,
    report::Report,
    store::{Remembered, Store},
    tiles,
};
use crate::{
    api::Ledger,
    error::Error,
    flags::Flags,
    ledger::{self, Entry, Key, Receipt, Tree, hash_of},
    private_file,
    terminal::safe_line,
};

const NOT_SEALED: &str = "Export again with an --end some minutes back, let `auditlog verify follow` look after that, \
                          and verify the new file.";
/// Questions that a proved export leaves open.
const LEFT_OPEN: &str = "whether what senders say is true; what was never recorded";
const TAMPERED: &str = "Do not rely on this file: export again, and compare the two.";

/// Options of `auditlog verify export`.
#[derive(Args, Debug)]
pub(crate) struct VerifyExport {
    /// The exported file: NDJSON, CSV or JSON
    file: PathBuf,
    /// What `verify follow` remembers in this directory, instead of what the server offers now
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Demand that every event of the log is in the file
    #[arg(long)]
    complete: bool,
    /// Leave out of the answer what the checkpoint does not cover: such events are counted, and not proved
    #[arg(long)]
    allow_uncovered: bool,
    /// A file with more receipts, for what has expired
    #[arg(long, value_name = "FILE", requires = "complete")]
    receipts: Option<PathBuf>,
    #[command(flatten)]
    key: KeyOption,
}

/// How the events of a file stand to the log.
#[derive(Default)]
struct Tally {
    events: u64,
    covered: u64,
    unsealed: u64,
    beyond: u64,
    redacted: u64,
    altered: Bad,
    repeated: Bad,
    uncovered: BTreeSet<String>,
    /// Receipts that are in the log, or what is wrong with one.
    receipts: BTreeMap<u64, Result<Receipt, String>>,
    /// How many events are missing that have expired.
    expired: u64,
}

/// Events that are wrong in one way: how many, and about the one with the first sequence.
#[derive(Default)]
struct Bad {
    count: u64,
    first: Option<(u64, String)>,
}

impl VerifyExport {
    /// Verifies each event of the file, and says what that proves.
    pub(super) fn run(&self, flags: &Flags) -> Result<Report, Error> {
        let state = private_file::with_suffix(&self.file, ".state");
        if state.exists() {
            return Err(Error::usage(
                format!(
                    "{} is an export that is not complete: {} is there.",
                    self.file.display(),
                    state.display()
                ),
                "Run the same `auditlog export` again, which completes it, and verify the file then.",
            ));
        }
        let given = self.key.given()?;
        let (key, log) = match &self.state {
            Some(directory) => remembered(directory, given)?,
            None => offered(flags, given)?,
        };
        let mut seen = vec![false; log.tree.hashes().len()];
        let mut tally = Tally::default();
        records::read(&self.file, |number, event| {
            tally
                .count(number, &event, &log, &mut seen, &key)
                .map_err(|because| not_proved(&because, TAMPERED))
        })?;
        let missing = if self.complete { self.missing(&mut tally, &log, &mut seen)? } else { Bad::default() };
        self.judge(&tally, &missing)?;
        Ok(self.report(&tally, &log, &key).unless(self.unchecked(&tally)))
    }

    /// Why not everything in the file is proved, if it is not.
    fn unchecked(&self, tally: &Tally) -> Option<Error> {
        let file = self.file.display();
        if tally.events == 0 {
            return Some(not_checked(
                &format!("{file} has no event"),
                "Look whether the export wrote what you expect.",
            ));
        }
        let is_open = tally.unsealed + tally.beyond > 0;
        (is_open && (tally.covered == 0 || !self.allow_uncovered))
            .then(|| not_checked(&format!("{file} has {}", tally.outside()), NOT_SEALED))
    }

    /// What is missing and has not expired. What has is as if it were seen.
    fn missing(&self, tally: &mut Tally, log: &Remembered, seen: &mut [bool]) -> Result<Bad, Error> {
        if let Some(file) = &self.receipts {
            records::read(file, |_, event| {
                tally.note(&event, log);
                Ok(())
            })?;
        }
        let hash = |sequence| log.tree.hashes().get(usize::try_from(sequence).ok()?).copied();
        for (sequence, receipt) in &tally.receipts {
            let receipt = receipt.as_ref().map_err(Clone::clone);
            let good = receipt.and_then(|receipt| receipt.is_for(hash).map(|()| receipt));
            let good = good.map_err(|because| {
                not_proved(&format!("the receipt at sequence {sequence}: {because}"), TAMPERED)
            })?;
            for expired in good.sequences() {
                let place = usize::try_from(expired).unwrap_or(usize::MAX);
                tally.expired +=
                    seen.get_mut(place).map_or(0, |seen| u64::from(!std::mem::replace(seen, true)));
            }
        }
        let missing = seen.iter().enumerate().filter(|(_, seen)| !**seen);
        Ok(Bad::of(missing.map(|(sequence, _)| sequence as u64)))
    }

    fn judge(&self, tally: &Tally, missing: &Bad) -> Result<(), Error> {
        let mut details = Vec::new();
        for (bad, what) in [
            (&tally.altered, "are not what was logged"),
            (&tally.repeated, "stand there again"),
            (missing, "are missing"),
        ] {
            if let Some((sequence, about)) = &bad.first {
                details
                    .push(format!("{} {what}; the first: sequence {sequence}{about}", HumanCount(bad.count)));
            }
        }
        let file = self.file.display();
        if !details.is_empty() {
            let because = format!("{file} is not what the log has");
            return Err(not_proved(&because, TAMPERED).with_details(details));
        }
        Ok(())
    }

    fn report(&self, tally: &Tally, log: &Remembered, key: &Key) -> Report {
        let size = log.checkpoint.size;
        let complete = match (self.complete, size) {
            (false, _) => "not asked for: events may be missing".to_owned(),
            (true, 0) => "yes: the log has no events".to_owned(),
            (true, size) if tally.expired == 0 => {
                format!("yes: every sequence from 0 to {} is there", size - 1)
            }
            (true, size) => format!(
                "yes: every sequence from 0 to {} is there, but for {} that have expired, as receipts say",
                size - 1,
                HumanCount(tally.expired)
            ),
        };
        let file = self.file.display();
        let redacted = match tally.redacted {
            0 => "nothing".to_owned(),
            1 => "parts of 1 event".to_owned(),
            count => format!("parts of {} events", HumanCount(count)),
        };
        let uncovered: Vec<_> = tally.uncovered.iter().map(String::as_str).collect();
        Report::new([
            (
                "verified",
                format!(
                    "{} events of {file} are in the log of {}, unchanged",
                    HumanCount(tally.covered),
                    key.workspace()
                ),
            ),
            ("complete", complete),
            ("not covered", tally.outside()),
            ("redacted", redacted),
            ("not proved", if uncovered.is_empty() { "nothing".to_owned() } else { uncovered.join(", ") }),
            ("log", format!("{size} entries, root {}", log.checkpoint.root)),
            ("key", key.to_string()),
            ("left open", LEFT_OPEN.to_owned()),
        ])
    }
}

impl Tally {
    /// Compares an event with the log.
    ///
    /// # Errors
    /// If it is nothing that could be compared.
    fn count(
        &mut self,
        number: u64,
        event: &Value,
        log: &Remembered,
        seen: &mut [bool],
        key: &Key,
    ) -> Result<(), String> {
        let name = || safe_line(event["id"].as_str().unwrap_or("without id"));
        if event.get("workspace_username").is_none() {
            return Err(format!(
                "event {number} is not in our own form, but perhaps in OCSF: export as ndjson, csv or json"
            ));
        }
        let workspace = event["workspace_username"].as_str().unwrap_or_default();
        if workspace != key.workspace() {
            return Err(format!(
                "event {number} is of the workspace {workspace}, and the log that of {}",
                key.workspace()
            ));
        }
        self.events += 1;
        let sequence = ledger::sequence(event)
            .map_err(|because| format!("event {number} cannot be one of the log: {because}"))?;
        let Some(sequence) = sequence else {
            self.unsealed += 1;
            return Ok(());
        };
        let place = usize::try_from(sequence).unwrap_or(usize::MAX);
        let (Some(logged), Some(seen)) = (log.tree.hashes().get(place), seen.get_mut(place)) else {
            self.beyond += 1;
            return Ok(());
        };
        if std::mem::replace(seen, true) {
            self.repeated.add(sequence, || format!(", with the event {} (number {number})", name()));
            return Ok(());
        }
        match Entry::of(event) {
            Ok(entry) if entry.hash() == *logged => {
                if Receipt::is(event) {
                    self.receipts.insert(sequence, Receipt::of(event, sequence));
                }
                self.covered += 1;
                self.redacted += u64::from(!entry.withheld.is_empty());
                self.uncovered.extend(entry.uncovered);
            }
            Ok(_) => self.altered.add(sequence, || format!(", the event {} (number {number})", name())),
            Err(because) => {
                self.altered.add(sequence, || format!(", the event {} (number {number}): {because}", name()));
            }
        }
        Ok(())
    }

    /// Keeps a receipt that is in the log. One that is not is no receipt.
    fn note(&mut self, event: &Value, log: &Remembered) {
        let logged = |sequence| log.tree.hashes().get(usize::try_from(sequence).ok()?).copied();
        if let Some((sequence, hash)) = hash_of(event, |_| Receipt::is(event))
            && logged(sequence) == Some(hash)
        {
            self.receipts.insert(sequence, Receipt::of(event, sequence));
        }
    }

    /// Which events the checkpoint says nothing about.
    fn outside(&self) -> String {
        let (unsealed, beyond) = (HumanCount(self.unsealed), HumanCount(self.beyond));
        match (self.unsealed, self.beyond) {
            (0, 0) => "nothing".to_owned(),
            (_, 0) => format!("{unsealed} events that were not sealed yet"),
            (0, _) => format!("{beyond} events after the checkpoint"),
            _ => format!("{unsealed} events that were not sealed yet, and {beyond} after the checkpoint"),
        }
    }
}

impl Bad {
    fn of(sequences: impl Iterator<Item = u64>) -> Self {
        sequences.fold(Self::default(), |mut bad, sequence| {
            bad.add(sequence, String::new);
            bad
        })
    }

    fn add(&mut self, sequence: u64, about: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.as_ref().is_none_or(|(first, _)| sequence < *first) {
            self.first = Some((sequence, about()));
        }
    }
}

/// The log as `verify follow` remembers it.
///
/// # Errors
/// If it remembers none, or one of another key than the one given.
pub(super) fn remembered(directory: &Path, given: Option<Key>) -> Result<(Key, Remembered), Error> {
    let store = Store::at(directory);
    let nothing = || {
        Error::usage(
            format!("{} remembers no log.", directory.display()),
            "Let `auditlog verify follow --once --state DIR` fetch it, or leave --state out.",
        )
    };
    let kept = store.key()?.ok_or_else(nothing)?;
    let key = match given {
        Some(given) if given != kept => {
            return Err(Error::usage(
                format!("{} remembers the log of another key than --key gives.", directory.display()),
                "Leave --key out, or name the directory for this key.",
            ));
        }
        _ => kept,
    };
    let log = store.log(&key)?.ok_or_else(nothing)?;
    Ok((key, log))
}

/// The log as the server offers it now.
fn offered(flags: &Flags, given: Option<Key>) -> Result<(Key, Remembered), Error> {
    let credentials = flags.gather()?;
    let api = flags.api(&credentials, RETRIES)?;
    let ledger = Ledger::new(&api, &credentials)?;
    let key = match given {
        Some(key) => {
            key::require_workspace(&key, ledger.workspace())?;
            key
        }
        None => key::ask(&api, &ledger)?,
    };
    let operator = "Tell the operator of the API; nothing can be proved with this.";
    let checkpoint = key.open(&ledger.checkpoint()?).map_err(|because| not_proved(&because, operator))?;
    let mut tree = Tree::default();
    tree.extend(&tiles::fetch_from(&ledger, 0, checkpoint.size)?);
    if tree.root() != checkpoint.root {
        let because = "the entries that are offered do not add up to the root that was signed";
        return Err(not_proved(because, operator));
    }
    Ok((key, Remembered { checkpoint, tree }))
}
