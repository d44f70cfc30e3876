//! `auditlog verify event`: verifies one event with its proof and the log's key alone.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{RETRIES, key, key::KeyOption, not_checked, not_proved, report::Report};
use crate::{
    api::Ledger,
    catalogue::require_category,
    error::Error,
    flags::Flags,
    ledger::{
        self, Checkpoint, Entry, InclusionProof, Key, PARTS, is_checkpoint, is_service_record,
        verify_service_record,
    },
};

/// The members of what `auditlog proof` writes.
const BUNDLE: [&str; 3] = ["event", "leaf", "proof"];
/// The longest file that is read, in bytes: an event has at most 64 KiB, and its proof less.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Questions that a proved event leaves open.
const LEFT_OPEN: &str = "whether what its sender says is true; whether the log has more about it";
const NO_PROOF: &str = "Give what `auditlog proof` writes: save it again, if the file was cut on its way.";
const TAMPERED: &str =
    "Do not rely on this event: compare it with `auditlog proof`, and ask where it came from.";

/// Options of `auditlog verify event`.
#[derive(Args, Debug)]
pub(crate) struct VerifyEvent {
    /// What `auditlog proof` wrote, or the JSON of an event; `-` reads standard input
    file: PathBuf,
    /// The proof (C2SP tlog-proof), if FILE does not have it
    proof_file: Option<PathBuf>,
    #[command(flatten)]
    key: KeyOption,
}

/// An event that is in the log.
pub(super) struct Verified {
    case: Case,
    entry: Entry,
    /// Its place in the log.
    pub(super) sequence: u64,
    checkpoint: Checkpoint,
    /// By whose word.
    pub(super) key: Key,
}

/// The input of a verification.
struct Case {
    event: Value,
    /// The leaf, if the input has one. It is not trusted.
    leaf: Option<String>,
    proof: String,
}

impl VerifyEvent {
    /// Verifies the event, and reports what is proved.
    pub(super) fn run(&self, flags: &Flags) -> Result<Report, Error> {
        Ok(self.verified(flags)?.report())
    }

    /// Verifies it.
    ///
    /// # Errors
    /// If it is not proved, with the step that failed.
    pub(super) fn verified(&self, flags: &Flags) -> Result<Verified, Error> {
        let given = self.key.given()?;
        let case = self.case()?;
        let key = match given {
            Some(key) => key,
            None => ask_for_key(flags)?,
        };
        let (entry, sequence, checkpoint) = case.verify(&key)?;
        Ok(Verified { case, entry, sequence, checkpoint, key })
    }

    fn case(&self) -> Result<Case, Error> {
        let text = read(&self.file)?;
        if serde_json::from_str::<IgnoredAny>(&text).is_err() {
            let because = format!("{} is not one JSON text", self.file.display());
            return Err(not_checked(&because, NO_PROOF));
        }
        let mut whole = ledger::parse(&text).map_err(|error| {
            not_proved(
                &format!("{} is not read: {error}", self.file.display()),
                "Give the JSON of one event.",
            )
        })?;
        let proof = self.proof_file.as_deref().map(read).transpose()?;
        let (event, leaf, bundled) = match whole.get_mut("event").map(Value::take) {
            // What stands beside the event would be read as if it were of it.
            Some(_) if has_more_than(&whole, &BUNDLE) => {
                let because =
                    format!("{} has more than an event, its leaf and its proof", self.file.display());
                return Err(not_proved(&because, TAMPERED));
            }
            Some(event) => {
                if whole.get("proof").is_some_and(|proof| !proof.is_string()) {
                    let because = format!("the proof in {} is no text", self.file.display());
                    return Err(not_checked(&because, NO_PROOF));
                }
                (event, self.text_of(&whole, "leaf")?, self.text_of(&whole, "proof")?)
            }
            None => (whole, None, None),
        };
        if proof.is_some() && bundled.is_some() && proof != bundled {
            let because = format!("{} has another proof than the file beside it", self.file.display());
            return Err(not_proved(&because, TAMPERED));
        }
        let Some(proof) = proof.or(bundled) else {
            return Err(Error::usage(
                format!("{} has no proof.", self.file.display()),
                "Give the file with its proof as well, or what `auditlog proof` writes, which has both.",
            ));
        };
        Ok(Case { event, leaf, proof })
    }

    /// A member of a bundle that is a text, if it is there.
    fn text_of(&self, bundle: &Value, name: &str) -> Result<Option<String>, Error> {
        match bundle.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => {
                let because = format!("the {name} in {} is no text", self.file.display());
                Err(not_proved(&because, TAMPERED))
            }
        }
    }
}

impl Verified {
    /// The event.
    pub(super) fn event(&self) -> &Value {
        &self.case.event
    }

    /// The report for people.
    pub(super) fn report(&self) -> Report {
        report(&self.entry, self.sequence, &self.checkpoint, &self.key)
    }
}

impl Case {
    /// Goes from the event to the signature, step by step. A proof that is not in its form refutes nothing.
    fn verify(&self, key: &Key) -> Result<(Entry, u64, Checkpoint), Error> {
        let proof = InclusionProof::parse(&self.proof).map_err(|because| not_checked(&because, NO_PROOF))?;
        if !is_checkpoint(&proof.checkpoint) {
            return Err(not_checked("the checkpoint in the proof is not in its form", NO_PROOF));
        }
        self.lead(&proof, key).map_err(|because| not_proved(&because, TAMPERED))
    }

    fn lead(&self, proof: &InclusionProof, key: &Key) -> Result<(Entry, u64, Checkpoint), String> {
        let checkpoint = key.open(&proof.checkpoint)?;
        let entry =
            Entry::of(&self.event).map_err(|error| format!("the event cannot be one of the log: {error}"))?;
        if entry.workspace() != key.workspace() {
            let (of, log) = (entry.workspace(), key.workspace());
            return Err(format!("the event is of the workspace {of}, and the log that of {log}"));
        }
        if let Some(leaf) = &self.leaf {
            entry.require_leaf(leaf).map_err(|error| format!("the event is not what was logged: {error}"))?;
        }
        match entry.sequence {
            Some(sequence) if sequence != proof.sequence => {
                return Err(format!(
                    "the event has the sequence {sequence}, and the proof {}",
                    proof.sequence
                ));
            }
            _ => proof.verify(entry.hash(), &checkpoint)?,
        }
        // The leaf does not have the category, which follows from the action.
        if self.event.get("category").is_some() {
            require_category(&self.event)?;
        }
        if is_service_record(&self.event) {
            verify_service_record(&self.event, key).map_err(|because| {
                format!("the service did not write the event, which is one of its records: {because}")
            })?;
        }
        Ok((entry, proof.sequence, checkpoint))
    }
}

fn has_more_than(value: &Value, names: &[&str]) -> bool {
    value.as_object().is_some_and(|members| members.keys().any(|name| !names.contains(&name.as_str())))
}

fn ask_for_key(flags: &Flags) -> Result<Key, Error> {
    let next = "Without a key nothing can be proved: give it with --key.";
    let credentials = flags.gather().map_err(|error| error.and_next(next))?;
    let api = flags.api(&credentials, RETRIES).map_err(|error| error.and_next(next))?;
    let ledger = Ledger::new(&api, &credentials).map_err(|error| error.and_next(next))?;
    key::ask(&api, &ledger)
}

/// The report for people.
fn report(entry: &Entry, sequence: u64, checkpoint: &Checkpoint, key: &Key) -> Report {
    let shown: Vec<_> = PARTS.into_iter().filter(|part| !entry.withheld.contains(part)).collect();
    fn list(names: &[&str]) -> String {
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }
    let uncovered: Vec<_> = entry.uncovered.iter().map(String::as_str).collect();
    Report::new([
        (
            "verified",
            format!("{} is entry {sequence} of the log of {}, unchanged", entry.id(), entry.workspace()),
        ),
        ("action", entry.text("action").to_owned()),
        ("timestamp", entry.text("timestamp").to_owned()),
        ("received_at", entry.text("received_at").to_owned()),
        ("outcome", entry.text("outcome").to_owned()),
        ("parts", list(&shown)),
        ("redacted", list(&entry.withheld)),
        ("not proved", list(&uncovered)),
        ("log", format!("{} entries, root {}", checkpoint.size, checkpoint.root)),
        ("key", key.to_string()),
        ("left open", LEFT_OPEN.to_owned()),
    ])
}

fn read(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().take(MAX_BYTES + 1).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
    };
    read.map_err(|error| Error::named_file(path, error))?;
    if text.len() as u64 > MAX_BYTES {
        let because =
            format!("{} has more than {MAX_BYTES} bytes, and no event with its proof has", path.display());
        return Err(not_proved(&because, TAMPERED));
    }
    Ok(text)
}
