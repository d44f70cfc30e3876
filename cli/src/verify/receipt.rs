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
    ledger::{Receipt, hash_of},
};

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
}

impl VerifyReceipt {
    /// Verifies it, and says what that proves.
    pub(super) fn run(&self, flags: &Flags) -> Result<Report, Error> {
        let verified = self.event.verified(flags)?;
        let receipt = Receipt::of(verified.event(), verified.sequence)
            .map_err(|because| not_proved(&because, "Give the receipt, as `auditlog proof` writes it."))?;
        let compared = self.compare(&receipt, &verified)?;
        let events = format!("{}: sequences {}", HumanCount(receipt.count()), receipt.named());
        Ok(verified.report().with([("expired", events), ("compared", compared)]))
    }

    /// Holds it against what somebody has of the events; what that was.
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
