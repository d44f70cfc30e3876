//! `auditlog verify receipt`: that a receipt is in the log, and for which events.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clap::Args;
use indicatif::HumanCount;

use super::{
    event::{Verified, VerifyEvent},
    not_proved, records,
    report::Report,
    store::Store,
};
use crate::{
    error::Error,
    flags::Flags,
    ledger::{self, Receipt, Settings, hash_of, verify_service_record},
};

const FORGED: &str = "Do not delete anything by it, and tell the operator of the API.";
const WRONG: &str =
    "Keep both: one of the two is not what the log had. Run `auditlog verify follow --recheck`.";

/// Options of `auditlog verify receipt`.
#[derive(Args, Debug)]
pub(crate) struct VerifyReceipt {
    #[command(flatten)]
    event: VerifyEvent,
    /// What `verify follow` remembers in this directory: the hashes of the events that have expired
    #[arg(long, value_name = "DIR", conflicts_with = "export")]
    state: Option<PathBuf>,
    /// An export from before they expired
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// An export with the records of changed settings, to hold the receipt against
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

impl VerifyReceipt {
    /// Verifies it, and says what that proves.
    pub(super) fn run(&self, flags: &Flags) -> Result<Report, Error> {
        let verified = self.event.verified(flags)?;
        let receipt = Receipt::of(verified.event(), verified.sequence)
            .map_err(|because| not_proved(&because, "Give the receipt, as `auditlog proof` writes it."))?;
        let compared = self.compare(&receipt, &verified)?;
        let allowed = self.allowed(&receipt, &verified)?;
        let events = format!("{}: sequences {}", HumanCount(receipt.count()), receipt.named());
        Ok(verified.report().with([
            ("signed", "by the service".to_owned()),
            ("expired", events),
            ("compared", compared),
            ("settings", allowed),
        ]))
    }

    /// Holds it against the records of changed settings in a file; what came of it.
    fn allowed(&self, receipt: &Receipt, verified: &Verified) -> Result<String, Error> {
        let Some(file) = &self.settings else {
            return Ok("not compared: --settings tells whether they allow it".to_owned());
        };
        let mut settings = Settings::default();
        records::read(file, |number, event| {
            if !Settings::is(&event) {
                return Ok(());
            }
            // The service's signature is enough: no proof says more of who changed the settings, and when.
            let noted = verify_service_record(&event, &verified.key)
                .and_then(|()| ledger::sequence(&event))
                .and_then(|sequence| settings.note(&event, sequence.unwrap_or(u64::MAX)));
            noted.map_err(|because| {
                not_proved(
                    &format!("event {number} of {}, a change of settings: {because}", file.display()),
                    FORGED,
                )
            })
        })?;
        receipt.is_allowed(verified.sequence, &settings).map_err(|because| {
            not_proved(&format!("the receipt at sequence {}: {because}", verified.sequence), FORGED)
        })?;
        Ok(format!("allow it, by {} records of {}", HumanCount(settings.count() as u64), file.display()))
    }

    /// Compares the receipt with the remembered log, or with a file of the events. Returns a description of the comparison.
    fn compare(&self, receipt: &Receipt, verified: &Verified) -> Result<String, Error> {
        if let Some(directory) = &self.state {
            let store = Store::at(directory);
            let log = store.log(&verified.key)?.ok_or_else(|| {
                Error::usage(
                    format!("{} remembers no log of this key.", directory.display()),
                    "Name the directory of `auditlog verify follow` for this log.",
                )
            })?;
            let hash = |sequence| log.tree.hashes().get(usize::try_from(sequence).ok()?).copied();
            receipt.is_for(hash).map_err(|because| not_proved(&because, WRONG))?;
            return Ok(format!("with the hashes in {}: it is for these", directory.display()));
        }
        let Some(file) = &self.export else {
            return Ok("with nothing: --state or --export tells whether it is for these".to_owned());
        };
        let wanted: BTreeSet<_> = receipt.sequences().collect();
        let mut hashes = BTreeMap::new();
        records::read(file, |_, event| {
            hashes.extend(hash_of(&event, |sequence| wanted.contains(&sequence)));
            Ok(())
        })?;
        let hash = |sequence| hashes.get(&sequence).copied();
        receipt.is_for(hash).map_err(|because| not_proved(&because, WRONG))?;
        Ok(format!("with the events of {}: it is for these", file.display()))
    }
}
