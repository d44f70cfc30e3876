//! After any change of the tables past our code, fsck names the first changed sequence.
//!
//! The log has `EVENTS` (600) events; the full run is
//! `EVENTS=5000 cargo test -p tests --test tamper -- --nocapture`.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod api;
mod fsck;
mod misfits;

use indicatif::ProgressBar;
use operator::fsck::{Kept, Report};
use shared::{
    ledger::{checkpoint::Checkpoint, note::Vkey},
    model::id::WorkspaceId,
    system,
};
use tests::tamper::{Copy, Prepared};

/// The number of events in the log.
fn events() -> usize {
    std::env::var("EVENTS").map_or(600, |text| text.parse().unwrap())
}

fn acme() -> WorkspaceId {
    WorkspaceId::parse("acme").unwrap()
}

async fn check(copy: &Copy, kept: &Kept) -> Report {
    let (store, bar) = (copy.app.store(), ProgressBar::hidden());
    operator::fsck::check(&store, &acme(), kept, system::now(), &bar).await.unwrap()
}

/// The earlier checkpoints, and the key.
fn with_all_that_was_kept(log: &Prepared) -> Kept {
    let key = Vkey::parse(&log.key).unwrap();
    let checkpoints = log.checkpoints.iter().map(|note| Checkpoint::open(note, &key).unwrap()).collect();
    Kept { checkpoints, key: Some(key) }
}
