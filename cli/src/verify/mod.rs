//! `auditlog verify`: what the log of a workspace proves, and whether it is still the same log.
//!
//! A proof is as good as the key that it is checked with. A key that was given or remembered makes
//! the server answer for what it signed; one that the server itself has just told makes it agree with
//! itself, and no more. So every command says which it was.

mod archive;
mod event;
mod export;
mod follow;
mod key;
mod receipt;
mod records;
mod store;
mod tiles;
mod watch;

use clap::Subcommand;

use self::{
    archive::VerifyArchive, event::VerifyEvent, export::VerifyExport, follow::VerifyFollow,
    receipt::VerifyReceipt,
};
use crate::{error::Error, flags::Flags};

const RETRIES: u32 = 3;

/// What to verify.
#[derive(Debug, Subcommand)]
pub(crate) enum Verify {
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
  auditlog verify event 81234.json --key log.vkey         offline, by whoever has the file and the key
  auditlog proof 81234 | auditlog verify event -
  auditlog verify event event.json event.tlog-proof --key \"audit.example.com/acme+5f2a31c7+AZ…\"

The key is the log's public one, from `curl …/ledger/key`, or DIR/key of `verify follow`. Without --key
the server is asked for it, if the connection is known: that is weaker, since it is the server that is
to be checked. With --key nothing is asked of anyone.

What is not proved is named: the category, which follows from the action, and members that are not of
the log. A part that was redacted is named too; that it was redacted is proved, what it was is gone.

Exit codes: 0 it is proved; 1 it is not, and the step that failed is named.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  auditlog verify export 2025.csv --key log.vkey                 against what the log has signed by now
  auditlog verify export all.ndjson --state acme.log --complete  offline, by what `verify follow` remembers

Each event's leaf is worked out from the file, and compared with the hash that the log has at its
`sequence`; all these hashes must add up to the root that the log signed. The file is read once, and
32 bytes are kept for each event of the log.

Events without a sequence were not sealed yet when they were exported, and events after the checkpoint
came later: both are counted, and are not proved. An event that stands twice is an error. Without
--complete an event that is missing is not noticed: a filter may well have left it out. With it, an event
may be missing that has expired: a receipt must say so, in the file or in that of --receipts, where
`auditlog export receipts.ndjson --action x_audit_log_expired` puts all of them.

Exit codes: 0 it is proved; 1 it is not, and the first sequence that is wrong is named.";

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

Exit codes: 0 it is proved; 1 it is not, and what is wrong is named.";

const RECEIPT_EXAMPLES: &str = "\
Examples:
  auditlog query --action x_audit_log_expired             the receipts, with their sequences
  auditlog proof 90001 --out receipt.json
  auditlog verify receipt receipt.json --key log.vkey --state acme.log        offline, by the hashes
  auditlog verify receipt receipt.json --key log.vkey --export before.ndjson  offline, by an old export

A receipt is an event of the log: it names the sequences of the events that have expired, and the root of
their leaves. It is verified as any event is, and then held against the hashes that `verify follow`
remembers, or against an export that still has the events: only these add up to its root.

Exit codes: 0 it is proved; 1 it is not, and the step that failed is named.";

const FOLLOW_EXAMPLES: &str = "\
Examples:
  auditlog verify follow --state acme.log --key log.vkey         until Ctrl-C, a look every minute
  auditlog verify follow --state acme.log --once                 one look, from cron
  auditlog verify follow --state acme.log --once --recheck       and compare all that is remembered again

Run it on a machine that the operator of the API does not control: whoever kept an earlier checkpoint
sees a log that was rewritten, and nobody else does. DIR holds the key, the last checkpoint and the hash
of each entry, and no event. At each look the new checkpoint must be signed by that key, have all that
is remembered as its beginning, by the hashes and by the API's own proof, and is then remembered.

If it is not the same log, DIR/evidence/TIME/ has both checkpoints and the tiles that differ, and the
first sequence that differs is named. What is remembered stays as it was.

Exit codes: 0 it is the same log; 1 it could not be verified; 3 it is another log, or was cut.";

impl Verify {
    /// Does it.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        match self {
            Self::Event(event) => event.run(flags),
            Self::Export(export) => export.run(flags),
            Self::Archive(archive) => archive.run(),
            Self::Receipt(receipt) => receipt.run(flags),
            Self::Follow(follow) => follow.run(flags),
        }
    }
}

/// That something is not proved, because of the clause that says why.
fn not_proved(because: &str, next: &str) -> Error {
    Error::failure(format!("Not proved: {}.", crate::terminal::safe_line(because)), next)
}
