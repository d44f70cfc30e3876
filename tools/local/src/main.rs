//! The command `local`.

use std::process::ExitCode;

use clap::Parser as _;
use local::cli::Cli;
use tracing_subscriber::{EnvFilter, fmt};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // The engine warns of every failed condition, and failed conditions are how we recognise duplicates.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,dynoxide=error"));
    fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match cli.run(local::cli::stop_signal()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
