//! The command `auditlog`: reads, exports and verifies the audit log of a workspace, and manages its
//! tokens, settings and streams.

mod actions;
mod api;
mod catalogue;
mod cell;
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

use std::{ffi::OsString, process::ExitCode};

use clap::Parser as _;

/// An argument, where `--action!=x` stands for `--not-action=x`.
fn with_not(argument: OsString) -> OsString {
    match argument.to_str().and_then(|text| text.strip_prefix("--")?.split_once("!=")) {
        Some((name, value)) if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') => {
            format!("--not-{name}={value}").into()
        }
        _ => argument,
    }
}

fn main() -> ExitCode {
    let done = match cli::Cli::try_parse_from(std::env::args_os().map(with_not)) {
        Ok(cli) => cli.run(),
        Err(error) => return usage::report(&error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
