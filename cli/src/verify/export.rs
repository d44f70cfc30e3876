//! `auditlog verify export`: a whole file against the log, whose hashes are all that is kept of it.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use indicatif::HumanCount;
use serde_json::Value;

use super::{
    RETRIES, key,
    key::KeyOption,
    not_checked, not_proved, records,
    report::Report,
    service::ServiceRecords,
    store::{Remembered, Store},
    tiles,
};
use crate::{
    api::Ledger,
    catalogue::require_category,
    error::Error,
    flags::Flags,
    ledger::{self, Entry, Hash, Key, Tree, hash_of, is_service_record, verify_service_record},
    private_file,
    terminal::safe_line,
};

const NOT_SEALED: &str = "Export again with an --end some minutes back, let `auditlog verify follow` look after that, \
                          and verify the new file.";
/// Questions that a proved export leaves open.
const LEFT_OPEN: &str = "whether what senders say is true; what was never recorded";
const OTHER_FORM: &str = "Export the same events as ndjson, csv or json, and verify that file.";
const FORGED: &str = "Do not rely on this log, and tell the operator of the API: another than the service wrote to its tables, \
                      or the service is defective.";
const NO_RECORD: &str = "Export again, without --end: the record may be later than the file. If it is not there, tell the \
                         operator of the API.";
const TAMPERED: &str = "Do not rely on this file: export again, and compare the two.";

/// Options of `auditlog verify export`.
#[derive(Args, Debug)]
pub(crate) struct VerifyExport {
    /// The exported file: NDJSON, CSV or JSON
    file: PathBuf,
    /// What `verify follow` remembers in this directory, instead of what the server offers now
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Demand that no event is missing: up to the file's last sequence, or with `--complete=log` of the whole checkpoint
    #[arg(long, value_enum, value_name = "UP TO", num_args = 0..=1, require_equals = true, default_missing_value = "file")]
    complete: Option<Complete>,
    /// Leave out of the answer what the checkpoint does not cover: such events are counted, and not proved
    #[arg(long)]
    allow_uncovered: bool,
    /// A file with more receipts, for what has expired
    #[arg(long, value_name = "FILE", requires = "complete")]
    receipts: Option<PathBuf>,
    #[command(flatten)]
    key: KeyOption,
}

/// How far a complete file must go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Complete {
    /// Up to the last sequence in the file: the log may have grown since the export
    File,
    /// Up to the last entry of the checkpoint
    Log,
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
    /// Records that the service would have written, and did not.
    forged: Bad,
    /// The records by which gaps and redactions are judged.
    service: ServiceRecords,
    /// How many events are missing that have expired.
    expired: u64,
    /// The events of the file that have no sequence. Each was exported before it was sealed, or is forged.
    nameless: Vec<Nameless>,
    /// The sequence after the last one in the file that the checkpoint covers.
    end: u64,
}

/// An event without a sequence.
struct Nameless {
    hash: Hash,
    is_redacted: bool,
    uncovered: Vec<String>,
    about: String,
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
            if is_ocsf(&event) {
                return Err(not_checked(
                    &format!("{} is in OCSF, which has no leaves", self.file.display()),
                    OTHER_FORM,
                ));
            }
            tally
                .count(number, &event, &log, &mut seen, &key)
                .map_err(|because| not_proved(&because, TAMPERED))
        })?;
        tally.find_nameless(&log, &mut seen);
        // A forged receipt explains nothing, so it is named before what is missing.
        self.judge(&tally, &Bad::default())?;
        let missing = if self.complete.is_some() {
            self.missing(&mut tally, &log, &mut seen, &key)?
        } else {
            Bad::default()
        };
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
        if let Some(because) = tally.service.unexplained().filter(|_| self.complete.is_some()) {
            return Some(not_checked(&format!("{file}: {because}"), NO_RECORD));
        }
        let is_open = tally.unsealed + tally.beyond > 0;
        (is_open && (tally.covered == 0 || !self.allow_uncovered))
            .then(|| not_checked(&format!("{file} has {}", tally.outside()), NOT_SEALED))
    }

    /// The missing events that have not expired. Expired ones with a receipt count as seen.
    fn missing(
        &self,
        tally: &mut Tally,
        log: &Remembered,
        seen: &mut [bool],
        key: &Key,
    ) -> Result<Bad, Error> {
        if let Some(file) = &self.receipts {
            records::read(file, |_, event| {
                tally.note_more(&event, log, key).map_err(|because| not_proved(&because, FORGED))
            })?;
        }
        let hash = |sequence| log.tree.hashes().get(usize::try_from(sequence).ok()?).copied();
        for expired in tally.service.expired(hash).map_err(|because| not_proved(&because, FORGED))? {
            let place = usize::try_from(expired).unwrap_or(usize::MAX);
            tally.expired += seen.get_mut(place).map_or(0, |seen| u64::from(!std::mem::replace(seen, true)));
        }
        let end = self.end(tally, log);
        let missing = seen.iter().enumerate().take(end).filter(|(_, seen)| !**seen);
        Ok(Bad::of(missing.map(|(sequence, _)| sequence as u64)))
    }

    /// The sequence after the last one that must be in the file.
    fn end(&self, tally: &Tally, log: &Remembered) -> usize {
        match self.complete {
            Some(Complete::Log) => log.tree.hashes().len(),
            Some(Complete::File) | None => usize::try_from(tally.end).unwrap_or(usize::MAX),
        }
    }

    fn judge(&self, tally: &Tally, missing: &Bad) -> Result<(), Error> {
        let mut details = Vec::new();
        for (bad, what) in [
            (&tally.altered, "are not what was logged"),
            (&tally.forged, "are records that the service did not write"),
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
        let end = self.end(tally, log) as u64;
        let complete = match (self.complete, end) {
            (None, _) => "not asked for: events may be missing".to_owned(),
            (Some(_), 0) if size == 0 => "yes: the log has no events".to_owned(),
            (Some(_), 0) => "no event of the log is there".to_owned(),
            (Some(_), end) => {
                let expired = match tally.expired {
                    0 => String::new(),
                    expired => {
                        format!(
                            ", except for {} that have expired according to receipts",
                            HumanCount(expired)
                        )
                    }
                };
                let later = match size - end {
                    0 => String::new(),
                    later => format!(
                        "; not in the file: {} entries after them, from sequence {end} on",
                        HumanCount(later)
                    ),
                };
                format!("yes: every sequence from 0 to {} is there{expired}{later}", end - 1)
            }
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
        if event.get("workspace_username").is_none() {
            return Err(format!(
                "event {number} has no member workspace_username, and each event of the log has"
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
            let entry =
                Entry::of(event).map_err(|because| format!("event {number} ({}): {because}", name(event)))?;
            require_category(event)
                .map_err(|because| format!("event {number} ({}): {because}", name(event)))?;
            // More than the log has cannot all be in it.
            if self.nameless.len() < log.tree.hashes().len() {
                self.nameless.push(Nameless {
                    hash: entry.hash(),
                    is_redacted: !entry.withheld.is_empty(),
                    uncovered: entry.uncovered,
                    about: format!(", with the event {} (number {number})", name(event)),
                });
            } else {
                self.unsealed += 1;
            }
            return self.note_uncovered(number, event, key);
        };
        let place = usize::try_from(sequence).unwrap_or(usize::MAX);
        let (Some(logged), Some(seen)) = (log.tree.hashes().get(place), seen.get_mut(place)) else {
            self.beyond += 1;
            return self.note_uncovered(number, event, key);
        };
        self.end = self.end.max(sequence + 1);
        if std::mem::replace(seen, true) {
            self.repeated.add(sequence, || format!(", with the event {} (number {number})", name(event)));
            return Ok(());
        }
        match Entry::of(event) {
            Ok(entry) if entry.hash() == *logged => {
                if let Err(because) = require_category(event) {
                    self.altered.add(sequence, || {
                        format!(", the event {} (number {number}): {because}", name(event))
                    });
                    return Ok(());
                }
                if let Err(because) = self.note(event, sequence, &entry.withheld, key) {
                    let action = event["action"].as_str().unwrap_or_default();
                    self.forged.add(sequence, || {
                        format!(", the {action} {} (number {number}): {because}", name(event))
                    });
                }
                self.covered += 1;
                self.redacted += u64::from(!entry.withheld.is_empty());
                self.uncovered.extend(entry.uncovered);
            }
            Ok(_) => self.altered.add(sequence, || format!(", the event {} (number {number})", name(event))),
            Err(because) => {
                self.altered
                    .add(sequence, || format!(", the event {} (number {number}): {because}", name(event)));
            }
        }
        Ok(())
    }

    /// Looks for the events without a sequence in the log, by their leaves. An event that is sealed by now is as proved
    /// as any other; only its sequence is not in the file. Of the rest nothing is known.
    fn find_nameless(&mut self, log: &Remembered, seen: &mut [bool]) {
        let nameless = std::mem::take(&mut self.nameless);
        if nameless.is_empty() {
            return;
        }
        let places: HashMap<_, _> =
            log.tree.hashes().iter().enumerate().map(|(place, hash)| (hash.0, place)).collect();
        for Nameless { hash, is_redacted, uncovered, about } in nameless {
            let Some(place) = places.get(&hash.0) else {
                self.unsealed += 1;
                continue;
            };
            let sequence = *place as u64;
            self.end = self.end.max(sequence + 1);
            if std::mem::replace(&mut seen[*place], true) {
                self.repeated.add(sequence, || about);
                continue;
            }
            self.covered += 1;
            self.redacted += u64::from(is_redacted);
            self.uncovered.extend(uncovered);
            self.uncovered
                .insert("sequence, of events that were not sealed when they were exported".to_owned());
        }
    }

    /// Keeps a service record that the checkpoint does not cover. Its signature says who wrote it, and parts may be erased
    /// that only it explains.
    ///
    /// # Errors
    /// If it is a record of the service, and the service did not write it.
    fn note_uncovered(&mut self, number: u64, event: &Value, key: &Key) -> Result<(), String> {
        if !is_service_record(event) {
            return Ok(());
        }
        let (action, id) = (&event["action"], &event["id"]);
        verify_service_record(event, key).map_err(|because| {
            format!("event {number}, {action} {id}, is a record that the service did not write: {because}")
        })?;
        self.service.note_uncovered(event);
        Ok(())
    }

    /// Keeps what the log says of other events by an event of it.
    ///
    /// # Errors
    /// If it is a record of the service, and the service did not write it.
    fn note(
        &mut self,
        event: &Value,
        sequence: u64,
        withheld: &[&'static str],
        key: &Key,
    ) -> Result<(), String> {
        if is_service_record(event) {
            verify_service_record(event, key)?;
        }
        self.service.note(event, sequence, withheld);
        Ok(())
    }

    /// Keeps a service record of a file of their own, if it is in the log. One that is not is none.
    fn note_more(&mut self, event: &Value, log: &Remembered, key: &Key) -> Result<(), String> {
        let logged = |sequence| log.tree.hashes().get(usize::try_from(sequence).ok()?).copied();
        match hash_of(event, |_| is_service_record(event)) {
            Some((sequence, hash)) if logged(sequence) == Some(hash) => {
                let noted = self.note(event, sequence, &[], key);
                noted.map_err(|because| format!("the record at sequence {sequence}: {because}"))
            }
            _ => Ok(()),
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

/// Whether an event is in the form of OCSF, which has a class and no workspace.
fn is_ocsf(event: &Value) -> bool {
    event.get("workspace_username").is_none()
        && event.get("metadata").is_some()
        && (event.get("class_uid").is_some() || event.get("time").is_some())
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

/// The id of an event in a message.
fn name(event: &Value) -> String {
    safe_line(event["id"].as_str().unwrap_or("without id"))
}
