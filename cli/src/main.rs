//! The command `auditlog`: reads and exports the audit log of a workspace, and manages its tokens.

mod actions;
mod api;
mod cli;
mod config;
mod credentials;
mod endpoint;
mod error;
mod export;
mod filters;
mod flags;
mod login;
mod manual;
mod output;
mod page;
mod private_file;
mod query;
mod secret;
mod table;
mod terminal;
mod time;
mod tokens;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
