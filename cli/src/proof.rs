//! `auditlog proof`: an event with everything that it takes to prove it later, to anyone.

use std::path::PathBuf;

use clap::Args;

use crate::{api::Ledger, error::Error, flags::Flags, output::Output, private_file, show, terminal};

const RETRIES: u32 = 3;

/// Options of `auditlog proof`.
#[derive(Args, Debug)]
pub(crate) struct Proof {
    /// The `sequence` of the event
    sequence: u64,
    /// Write it to this file, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Proof {
    /// Reads the event with its proof, and writes both as they came.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let Self { sequence, out } = self;
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        let ledger = Ledger::new(&api, &credentials)?;
        let Some(entry) = ledger.entry(*sequence)? else {
            return Err(show::no_sequence(*sequence, ledger.workspace()));
        };
        let Some(out) = out else { return Output::new().data(&lines(&entry)) };
        private_file::replace(out, lines(&entry).as_bytes())?;
        let out = out.display();
        terminal::tell(&format!("{out}: check it any time with `auditlog verify event {out} --key KEY`."));
        Ok(())
    }
}

/// The text with a line end.
fn lines(text: &str) -> String {
    format!("{}\n", text.trim_end())
}
