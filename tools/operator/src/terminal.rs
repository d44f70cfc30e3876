//! Standard output and standard error. A closed pipe or a full disk ends no command with a panic.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

/// The exit code for a command line that cannot be followed; `docs/exit-codes.txt` has them all.
pub const WRONG_USAGE: u8 = 2;

/// Writes to standard output at once. A reader that closed it has enough.
///
/// # Errors
/// If it cannot be written for another reason, such as a full disk.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a line to standard error.
pub fn complain(text: &str) {
    // A failure to write to standard error cannot be reported elsewhere.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes an error, its causes and the next step to standard error.
pub fn report(error: &dyn Error, next: &str) {
    complain(&format!("error: {error}"));
    let mut source = error.source();
    while let Some(cause) = source {
        complain(&format!("  because: {cause}"));
        source = cause.source();
    }
    complain(&format!("next: {next}"));
}

/// Prints help or a mistake in the command line, and gives the exit code.
pub fn report_usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Err(failure) if !error.use_stderr() && failure.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("error: the output cannot be written: {failure}"));
            ExitCode::FAILURE
        }
        _ if error.use_stderr() => ExitCode::from(WRONG_USAGE),
        _ => ExitCode::SUCCESS,
    }
}
