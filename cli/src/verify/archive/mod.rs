//! `auditlog verify archive`: verifies a copy of the archive bucket, in itself and against the log.
//!
//! It makes three checks. Each manifest has the hash of the manifest before it and of every object of its run, so a missing
//! or changed run is detected. The lines have events as readers get them, so the leaf of each can be computed: a changed
//! event does not lead to the root that the log signed, even if all manifests were written again. The columns must have the
//! same events as the lines, so that queries find what was logged. The copy and the key are enough; no server is asked.

mod chain;
mod columns;
mod leftovers;
mod log;
mod manifest;
mod object;
mod problems;

use std::path::PathBuf;

use clap::Args;
use indicatif::HumanCount;

use self::{
    chain::{Chain, Folder, only_workspace},
    leftovers::leftovers,
    log::Proof,
    problems::Problems,
};
use super::{export::remembered, key::KeyOption, not_checked, not_proved, report::Report, store::Remembered};
use crate::{error::Error, ledger::Key};

const DAMAGED: &str = "Copy the archive again. If it is the same, bring the objects back from their earlier \
                       versions in the bucket, and find out who wrote them.";
const BEYOND: &str = "Verify it again when a later run has a checkpoint, or give --state. A checkpoint is signed each \
                      hour, and when a client asks for one, as `auditlog verify follow` does.";
const OTHER_BYTES: &str = "Verify it with the auditlog of the version that wrote it, or query the lines.";
/// Questions that a proved archive leaves open.
const LEFT_OPEN: &str = "later runs; other workspaces and streams; whether what senders say is true";
const BEHIND_GAPS: &str = "Give the hashes that `auditlog verify follow` remembers with --state, or check the \
                           manifests alone with --manifests-only.";

/// Options of `auditlog verify archive`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArchive {
    /// A copy of the archive bucket, or of one workspace's part of it
    directory: PathBuf,
    #[command(flatten)]
    key: KeyOption,
    /// What `verify follow` remembers in this directory: the key, and the hashes of all events
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The stream that wrote it, if several have
    #[arg(long, value_name = "STREAM")]
    stream: Option<String>,
    /// The sequence that it begins with, where the stream did not begin with the log, or older runs are gone
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    from: u64,
    /// Check manifests and objects alone; no event is proved
    #[arg(long)]
    manifests_only: bool,
}

/// The counts of an archive's verification.
#[derive(Debug, Default)]
struct Tally {
    runs: u64,
    objects: u64,
    /// Objects with columns whose bytes are not those that this version writes for their rows.
    unknown: u64,
    events: u64,
    expired: u64,
    filtered: u64,
    last: Option<u64>,
}

impl VerifyArchive {
    /// Verifies it, and says what that proves.
    pub(in crate::verify) fn run(&self) -> Result<Report, Error> {
        let log = self.log()?;
        let workspace = match &log {
            Some((key, _)) => key.workspace().to_owned(),
            None => only_workspace(&self.directory)?,
        };
        let folder = Folder::read(&self.directory, &workspace)?;
        let stream = folder.stream(self.stream.as_deref())?;
        let mut problems = Problems::default();
        let chain = Chain::of(&folder, &stream, self.from, &mut problems)?;
        let mut tally = Tally::default();
        let mut proof = log.as_ref().map(|(key, log)| Proof::new(key, log.as_ref(), self.from));
        for run in &chain.runs {
            tally.count(run);
            let events = object::events(&folder, run, &mut tally.objects, &mut tally.unknown, &mut problems)?;
            if let Some(proof) = &mut proof {
                proof.note_checkpoint(run, &mut problems);
                for event in events {
                    proof.note_event(&event, !run.mask.is_empty(), &mut problems);
                }
            }
        }
        let unfinished = leftovers(&folder, &chain, &mut problems)?;
        if let Some(proof) = &mut proof {
            proof.roots(&mut problems);
        }
        let directory = self.directory.display();
        if !problems.is_empty() {
            let because = format!("{directory} is not a whole archive of the log");
            return Err(not_proved(&because, DAMAGED).with_details(problems.into_details()));
        }
        let asked = proof.as_ref().filter(|_| !self.manifests_only);
        if let Some(behind) = asked.map(Proof::behind_gaps).filter(|behind| *behind > 0) {
            let because = format!(
                "{} events stand behind others that were filtered out or have expired, so no root can be worked \
                 out for them",
                HumanCount(behind)
            );
            return Err(not_checked(&because, BEHIND_GAPS));
        }
        let report = self.report(&tally, asked).unless(self.unchecked(&tally, asked));
        let report = report.with(log.as_ref().map(|(key, _)| ("key", key.to_string())));
        let report = match unfinished.as_slice() {
            [] => report,
            keys => report.with([("unfinished", format!(
                "{} objects of later runs, which have no manifest here: they were being written, or their manifests were \
                 removed. Copy the bucket again to see which: {}",
                keys.len(),
                keys.join(", ")
            ))]),
        };
        let others = folder.other_streams(&chain);
        Ok(if others.is_empty() {
            report
        } else {
            report.with([("not looked at", format!("the streams {others}"))])
        })
    }

    /// The key, and the log where it is remembered; `None` if manifests alone are checked, for which no key is needed.
    fn log(&self) -> Result<Option<(Key, Option<Remembered>)>, Error> {
        let given = self.key.given()?;
        match (&self.state, given) {
            (Some(directory), given) => remembered(directory, given).map(|(key, log)| Some((key, Some(log)))),
            (None, Some(key)) => Ok(Some((key, None))),
            (None, None) if self.manifests_only => Ok(None),
            (None, None) => Err(Error::usage(
                "The key of the log is not given.",
                "Give it with --key, or what `auditlog verify follow` remembers with --state.",
            )),
        }
    }

    /// Why not every event is proved, if it is not.
    fn unchecked(&self, tally: &Tally, proof: Option<&Proof<'_>>) -> Option<Error> {
        let directory = self.directory.display();
        if tally.runs == 0 {
            return Some(not_checked(
                &format!("{directory} has no run"),
                "Look whether the whole archive was copied.",
            ));
        }
        if tally.unknown > 0 {
            let because = format!(
                "{} objects in {directory} have the columns of the lines in other bytes than this version writes, so \
                 their indexes, by which queries skip rows, are not proved",
                HumanCount(tally.unknown)
            );
            return Some(not_checked(&because, OTHER_BYTES));
        }
        let beyond = proof.filter(|proof| proof.beyond() > 0)?;
        Some(not_checked(&format!("{directory} has {}", beyond.outside()), BEYOND))
    }

    fn report(&self, tally: &Tally, proof: Option<&Proof<'_>>) -> Report {
        let Tally { runs, objects, unknown: _, events, expired, filtered, last } = tally;
        let covered = last.map_or("nothing".to_owned(), |last| {
            format!("every sequence from {} to {last} is in one of {} runs", self.from, HumanCount(*runs))
        });
        let not_asked = || "not asked for".to_owned();
        let proved = proof.map_or_else(
            || "not asked for: events may be others than were logged".to_owned(),
            |proof| {
                format!("{} are in the log of {}, unchanged", HumanCount(proof.proved()), proof.workspace())
            },
        );
        let uncovered = proof.map_or_else(not_asked, Proof::uncovered);
        Report::new([
            (
                "archived",
                format!(
                    "{} events in {} objects of {}, none changed or missing",
                    HumanCount(*events),
                    HumanCount(*objects),
                    self.directory.display()
                ),
            ),
            ("covered", covered),
            (
                "left out",
                format!("{} had expired, {} did not match", HumanCount(*expired), HumanCount(*filtered)),
            ),
            ("columns", "hold the same as lines, value by value".to_owned()),
            ("proved", proved),
            ("not covered", proof.map_or_else(not_asked, Proof::outside)),
            ("not proved", if uncovered.is_empty() { "nothing".to_owned() } else { uncovered }),
            ("checkpoint", proof.map_or_else(not_asked, Proof::checkpoint)),
            ("left open", LEFT_OPEN.to_owned()),
        ])
    }
}

impl Tally {
    fn count(&mut self, run: &manifest::Manifest) {
        self.runs += 1;
        self.events += run.events;
        self.expired += run.expired;
        self.filtered += run.filtered;
        self.last = Some(run.last);
    }
}
