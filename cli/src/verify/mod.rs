//! `auditlog verify`: what the log of a workspace proves, and whether it is still the same log.
//!
//! A proof is as good as the key that it is checked with. A key that was given or remembered makes
//! the server answer for what it signed. A key that the server itself has just told proves only that the server
//! agrees with itself. So every command says which of the two it was.
//!
//! There are three answers. *Proved*: everything that a reader of the file gets is what the log has. *Refuted*:
//! something is not, or the file is not one that its writer could have written. *Could not be checked*: nothing was
//! found wrong, and not everything was proved. Absence is never proved: an empty file gets the third answer.

mod archive;
mod event;
mod export;
mod follow;
mod key;
mod receipt;
mod records;
mod report;
mod service;
mod store;
mod tiles;
mod watch;

use clap::{Args, Subcommand};

use self::{
    archive::VerifyArchive, event::VerifyEvent, export::VerifyExport, follow::VerifyFollow,
    receipt::VerifyReceipt, report::Shape,
};
use crate::{error::Error, flags::Flags};

const RETRIES: u32 = 3;

/// Options of every command that verifies.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// How the answer is written to standard output
    #[arg(long, value_enum, value_name = "SHAPE", global = true, default_value = "text")]
    output: Shape,
    #[command(subcommand)]
    what: What,
}

/// What to verify.
#[derive(Debug, Subcommand)]
enum What {
    /// That an event is in the log, unchanged
    #[command(after_help = EVENT_EXAMPLES)]
    Event(VerifyEvent),
    /// That all events of an exported file are in the log, unchanged
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(VerifyExport),
    /// That a copy of the archive is whole, and its events in the log, unchanged
    #[command(after_help = ARCHIVE_EXAMPLES)]
    Archive(VerifyArchive),
    /// That a receipt for expired events is in the log, and for which events
    #[command(after_help = RECEIPT_EXAMPLES)]
    Receipt(VerifyReceipt),
    /// That the log only grows; remembers it, and tells when it is another one
    #[command(after_help = FOLLOW_EXAMPLES)]
    Follow(VerifyFollow),
}

const EVENT_EXAMPLES: &str = "\
Examples:
  auditlog proof 81234 --out 81234.json
  auditlog verify event 81234.json --key log.vkey         offline: the file and the key are enough
  auditlog proof 81234 | auditlog verify event -
  auditlog verify event event.json event.tlog-proof --key \"audit.example.com/acme+5f2a31c7+AZ…\"

The key is the log's public one, from `curl …/ledger/key`, or DIR/key of `verify follow`. Without --key
the server is asked for it, if the connection is known: that is weaker, since it is the server that is
to be checked. With --key nothing is asked of anyone.

The category is not in the log. It follows from the action: another one is refuted, and that of an action which this version
does not know is named as not proved. A part that was redacted is named too; that it was redacted is proved, what it was is
gone. A proof that is not in its form, or a file that is cut, refutes nothing: exit code 4.

Exit codes: 0 proved; 1 refuted, and the first thing that is wrong is named; 4 not everything could be
checked, such as events that are not sealed yet, an empty file, or a server that does not answer.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  auditlog verify export 2025.csv --key log.vkey                 against what the log has signed by now
  auditlog verify export all.ndjson --state acme.log --complete  offline, by what `verify follow` remembers

Each event's leaf is worked out from the file, and compared with the hash that the log has at its
`sequence`; all these hashes must add up to the root that the log signed. The file is read once, and
32 bytes are kept for each event of the log.

An event without a sequence was not sealed yet when it was exported. If it is sealed by now, its leaf is in the log, and it
is proved. Other events without a sequence, and events after the checkpoint, cannot be proved, and the exit code is 4:
verify the file against a newer checkpoint; or say --allow-uncovered, and do not rely on those events. An event that is
there twice is refused, and so is a file that `auditlog export` would not have written: an unknown column or member, text
before the first event, a formula without its guard.

Without --complete an event that is missing is not noticed: a filter may well have left it out. With it, every sequence up
to the last one in the file must be there, and the answer names the entries of the log after it; --complete=log demands
those too. An event may be missing that has expired: a receipt must say so, in the file or in that of --receipts, where
`auditlog export receipts.ndjson --action x_audit_log_expired` puts all of them.

Exit codes: 0 proved; 1 refuted, and the first thing that is wrong is named; 4 not everything could be
checked, such as events that are not sealed yet, an empty file, or a server that does not answer.";

const ARCHIVE_EXAMPLES: &str = "\
Examples:
  aws s3 sync s3://BUCKET archive --exclude '*' --include '*/workspace=acme/*'
  auditlog verify archive archive --key log.vkey                 offline, by the checkpoints in the archive
  auditlog verify archive archive --state acme.log               offline, by what `verify follow` remembers

Each manifest must have the hash of the one before it, and go on with the sequence after its last; each
object must have the hash and the events that its manifest says; columns must hold what lines do; and no
file may be there that no manifest names. Each event's leaf is worked out from its line. All leaves from
sequence 0 on must add up to the roots of the checkpoints in the manifests, which the key must have signed;
with --state each leaf must be the one that is remembered.

Without --state nothing is proved of an event behind one that was filtered out or had expired: a root is
over all events. What came after the last checkpoint is counted, and not proved. Nothing vouches for the
last manifest but its events: that there are no later runs cannot be seen from a copy.

Exit codes: 0 proved; 1 refuted, and the first thing that is wrong is named; 4 not everything could be
checked, such as events that are not sealed yet, an empty file, or a server that does not answer.";

const RECEIPT_EXAMPLES: &str = "\
Examples:
  auditlog query --action x_audit_log_expired             the receipts, with their sequences
  auditlog proof 90001 --out receipt.json
  auditlog verify receipt receipt.json --key log.vkey --state acme.log        offline, by the hashes
  auditlog verify receipt receipt.json --key log.vkey --export before.ndjson  offline, by an old export

A receipt is an event of the log: it names the sequences of the events that have expired, and the root of
their leaves. It is verified as any event is, and then held against the hashes that `verify follow`
remembers, or against an export that still has the events: only these add up to its root.

Exit codes: 0 proved; 1 refuted, and the first thing that is wrong is named; 4 not everything could be
checked, such as events that are not sealed yet, an empty file, or a server that does not answer.";

const FOLLOW_EXAMPLES: &str = "\
Examples:
  auditlog verify follow --state acme.log --key log.vkey         until Ctrl-C, a look every minute
  auditlog verify follow --state acme.log --once                 one look, from cron
  auditlog verify follow --state acme.log --once --recheck       and compare all that is remembered again

Run it on a machine that the operator of the API does not control: only a reader that kept an earlier
checkpoint can detect that a log was rewritten. DIR holds the key, the last checkpoint and the hash of
each entry, and no event. At each look the new checkpoint must be signed by that key, and must begin with
all remembered entries, by their hashes and by the API's own proof. Then it is remembered.

If it is not the same log, DIR/evidence/TIME/ has both checkpoints and the tiles that differ, and the
first sequence that differs is named. What is remembered stays as it was. A first look that is interrupted goes
on where it ended. If the checkpoint in DIR is gone and the hashes are there, nothing is compared: exit code 4.

Exit codes: 0 it is the same log; 1 what is offered contradicts its own signature; 3 it is another log than
the one in DIR, or was cut; 4 it could not be checked, such as by a server that does not answer.";

impl Verify {
    /// Does it.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let answer = match &self.what {
            What::Event(event) => event.run(flags),
            What::Export(export) => export.run(flags),
            What::Archive(archive) => archive.run(),
            What::Receipt(receipt) => receipt.run(flags),
            What::Follow(follow) => return follow.run(flags, self.output).map_err(Error::of_verifier),
        };
        report::tell(answer, self.output)
    }
}

/// That something is refuted, because of the clause that says why.
fn not_proved(because: &str, next: &str) -> Error {
    Error::refuted(format!("Not proved: {}.", crate::terminal::safe_line(because)), next)
}

/// That something could not be checked, because of the clause that says why.
fn not_checked(because: &str, next: &str) -> Error {
    Error::unchecked(format!("Could not be checked: {}.", crate::terminal::safe_line(because)), next)
}
