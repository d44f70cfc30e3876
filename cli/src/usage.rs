//! Help, and the mistakes in a command line, as clap words them.

use std::{ffi::OsStr, io, process::ExitCode};

use serde_json::json;

use crate::terminal;

/// The exit code for a command line that cannot be followed.
const WRONG_USAGE: u8 = 2;

/// Prints help or a mistake, and gives the exit code.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => crate::error::Error::from(error).report(),
        };
    }
    if wants_json(std::env::args_os().skip(1)) {
        terminal::complain(&json(&error.render().to_string()).to_string());
    } else {
        // A failure to write to standard error cannot be reported elsewhere.
        let _ = error.print();
    }
    ExitCode::from(WRONG_USAGE)
}

/// Whether the command line asks for errors in JSON. It could not be parsed, so its words are searched.
fn wants_json(arguments: impl Iterator<Item = impl AsRef<OsStr>>) -> bool {
    let mut before = false;
    for argument in arguments {
        let argument = argument.as_ref();
        if argument == "--error-format=json" || (before && argument == "json") {
            return true;
        }
        before = argument == "--error-format";
    }
    false
}

/// The mistake for a program, in the members of every other error.
fn json(text: &str) -> serde_json::Value {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let error = first.strip_prefix("error: ").unwrap_or(first);
    let details: Vec<_> = lines.filter(|line| !line.starts_with("For more information")).collect();
    json!({"error": error, "details": details, "next": "--help says what each option takes.", "exit_code": WRONG_USAGE})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_json_are_asked_for_in_either_form() {
        assert!(wants_json(["query", "--error-format=json", "--x"].iter()));
        assert!(wants_json(["query", "--error-format", "json"].iter()));
        assert!(!wants_json(["query", "--error-format", "text", "json"].iter()));
    }

    #[test]
    fn a_mistake_has_the_members_of_every_error() {
        let text = "error: unexpected argument '--ouput' found\n\n  tip: a similar argument exists: '--output'\n\n\
                    Usage: auditlog query\n\nFor more information, try '--help'.\n";
        let expected = json!({
            "error": "unexpected argument '--ouput' found",
            "details": ["tip: a similar argument exists: '--output'", "Usage: auditlog query"],
            "next": "--help says what each option takes.",
            "exit_code": 2,
        });
        assert_eq!(json(text), expected);
    }
}
