//! The command as it is run: a process, against an API of the test's own.

#![expect(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod answers;
mod api;
mod auditlog;
mod daily;
mod events;
mod export;
mod export_faults;
mod forged;
mod forgeries;
mod help;
mod hostile;
mod import;
mod ledger;
mod login;
mod query;
mod receipts;
mod routes;
mod settings;
mod situations;
mod slips;
mod streams;
mod tail;
mod tamper;
mod tokens;
mod verify_archive;
mod verify_event;
mod verify_export;
mod verify_follow;
