//! `auditlog verify`: what the log of a workspace proves, and whether it is still the same log.
//!
//! A proof is as good as the key that it is checked with. A key that was given or remembered makes
//! the server answer for what it signed; one that the server itself has just told makes it agree with
//! itself, and no more. So every command says which it was.

mod event;
mod key;

use clap::Subcommand;

use self::event::VerifyEvent;
use crate::{error::Error, flags::Flags};

const RETRIES: u32 = 3;

/// What to verify.
#[derive(Debug, Subcommand)]
pub(crate) enum Verify {
    /// That an event is in the log, unchanged
    #[command(after_help = EVENT_EXAMPLES)]
    Event(VerifyEvent),
}

const EVENT_EXAMPLES: &str = "\
Examples:
  auditlog proof 81234 --out 81234.json
  auditlog verify event 81234.json --key log.vkey         offline, by whoever has the file and the key
  auditlog proof 81234 | auditlog verify event -
  auditlog verify event event.json event.tlog-proof --key \"audit.example.com/acme+5f2a31c7+AZ…\"

The key is the log's public one, from `curl …/ledger/key`, or DIR/key of `verify follow`. Without --key
the server is asked for it, if the connection is known: that is weaker, since it is the server that is
to be checked. With --key nothing is asked of anyone.

What is not proved is named: the category, which follows from the action, and members that are not of
the log. A part that was redacted is named too; that it was redacted is proved, what it was is gone.

Exit codes: 0 it is proved; 1 it is not, and the step that failed is named.";

impl Verify {
    /// Does it.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        match self {
            Self::Event(event) => event.run(flags),
        }
    }
}

/// That something is not proved, because of the clause that says why.
fn not_proved(because: &str, next: &str) -> Error {
    Error::failure(format!("Not proved: {}.", crate::terminal::safe_line(because)), next)
}
