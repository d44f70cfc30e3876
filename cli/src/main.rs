//! The command `auditlog`: reads, exports and verifies the audit log of a workspace, and manages its
//! tokens, settings and streams.

mod actions;
mod api;
mod catalogue;
mod cli;
mod config;
mod credentials;
mod endpoint;
mod error;
mod events;
mod export;
mod filters;
mod flags;
mod import;
mod interrupt;
mod ledger;
mod login;
mod manual;
mod output;
mod page;
mod private_file;
mod proof;
mod query;
mod question;
mod record;
mod redact;
mod secret;
mod settings;
mod show;
mod streams;
mod table;
mod tail;
mod terminal;
mod time;
mod tokens;
mod usage;
mod verify;
mod whoami;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let done = match cli::Cli::try_parse() {
        Ok(cli) => cli.run(),
        Err(error) => return usage::report(&error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
