//! Errors of the command, for the person who runs it.
//!
//! Each error names the fault and the next step. None of them holds a secret. `docs/exit-codes.txt` has the exit codes.

use std::{fmt, io, path::Path, process::ExitCode};

use serde_json::{Value, json};

use crate::terminal;

/// Why a command ended early.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The reader of the output closed it, as in `auditlog query | head`. No error is shown.
    OutputClosed,
    /// The request cannot be done. Exit code 2, as for a misspelt option.
    Usage(Message),
    /// The API found a mistake in the request. Exit code 2; of `auditlog verify` 4, where the server is not trusted.
    Rejected(Message),
    /// The API does not take the credentials. Exit code 1; of `auditlog verify` 4.
    Denied(Message),
    /// It was tried and failed. Exit code 1; of `auditlog verify` 4, since nothing was found wrong.
    Failure(Message),
    /// It was verified, and is not what the log has. Exit code 1.
    Refuted(Message),
    /// It could not be verified, or not all of it. Exit code 4.
    Unchecked(Message),
    /// The log is not the one that was remembered. Exit code 3, so that an alarm can tell it from the rest.
    Alarm(Message),
}

/// The words of an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The fault, in a sentence.
    what: String,
    /// Each fault, where there are several.
    details: Vec<String>,
    /// The next step.
    next: String,
}

impl Error {
    /// The command cannot do what is asked for.
    pub(crate) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Usage(Message { what: what.into(), details: Vec::new(), next: next.into() })
    }

    /// The API found a mistake in the request.
    pub(crate) fn rejected(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Rejected(Message { what: what.into(), details: Vec::new(), next: next.into() })
    }

    /// The API does not take the credentials.
    pub(crate) fn denied(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Denied(Message { what: what.into(), details: Vec::new(), next: next.into() })
    }

    /// The command tried, and failed.
    pub(crate) fn failure(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Failure(Message { what: what.into(), details: Vec::new(), next: next.into() })
    }

    /// It is not what the log has.
    pub(crate) fn refuted(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Refuted(Message { what: what.into(), details: Vec::new(), next: next.into() })
    }

    /// It could not be verified, or not all of it.
    pub(crate) fn unchecked(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Unchecked(Message { what: what.into(), details: Vec::new(), next: next.into() })
    }

    /// The log is not the one that was remembered.
    pub(crate) fn alarm(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Alarm(Message { what: what.into(), details: Vec::new(), next: next.into() })
    }

    /// A file could not be read or written.
    pub(crate) fn file(path: &Path, source: impl fmt::Display) -> Self {
        Self::failure(
            format!("{}: {source}.", path.display()),
            "Check the path, its permissions and the free space.",
        )
    }

    /// A file that the command line names could not be opened. One that is not there is a mistake in the command line.
    pub(crate) fn named_file(path: &Path, source: io::Error) -> Self {
        let is_mistake = matches!(
            source.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
        );
        if is_mistake {
            Self::usage(format!("{}: {source}.", path.display()), "Check the path.")
        } else {
            Self::file(path, source)
        }
    }

    /// The fault, in a sentence.
    pub(crate) fn what(&self) -> &str {
        match self {
            Self::OutputClosed => "The output was closed.",
            Self::Usage(message)
            | Self::Rejected(message)
            | Self::Denied(message)
            | Self::Failure(message)
            | Self::Refuted(message)
            | Self::Unchecked(message)
            | Self::Alarm(message) => &message.what,
        }
    }

    /// The same error of a command that verifies: what kept it from its work refutes nothing.
    pub(crate) fn of_verifier(self) -> Self {
        match self {
            Self::Failure(message) | Self::Rejected(message) | Self::Denied(message) => {
                Self::Unchecked(message)
            }
            other => other,
        }
    }

    /// The answer of a command that verifies, and what it is about, for programs; `None` if there is no answer.
    pub(crate) fn answer(&self) -> Option<serde_json::Value> {
        let (answer, Message { what, details, next }) = match self {
            Self::OutputClosed | Self::Usage(_) => return None,
            Self::Refuted(message) | Self::Alarm(message) => ("refuted", message),
            Self::Failure(message)
            | Self::Rejected(message)
            | Self::Denied(message)
            | Self::Unchecked(message) => ("unchecked", message),
        };
        Some(serde_json::json!({ "answer": answer, "what": what, "details": details, "next": next }))
    }

    /// The same error with each fault.
    pub(crate) fn with_details(mut self, details: Vec<String>) -> Self {
        if let Some(message) = self.message() {
            message.details = details;
        }
        self
    }

    /// The same error of a command that goes on when it is run again. A mistake in the request has to be corrected first.
    pub(crate) fn and_resume(self, how: &str) -> Self {
        match self {
            Self::Usage(_) | Self::Rejected(_) => self,
            other => other.and_next(how),
        }
    }

    /// The same error with one more next step.
    pub(crate) fn and_next(mut self, more: &str) -> Self {
        if let Some(message) = self.message() {
            message.next = format!("{} {more}", message.next);
        }
        self
    }

    fn message(&mut self) -> Option<&mut Message> {
        match self {
            Self::OutputClosed => None,
            Self::Usage(message)
            | Self::Rejected(message)
            | Self::Denied(message)
            | Self::Failure(message)
            | Self::Refuted(message)
            | Self::Unchecked(message)
            | Self::Alarm(message) => Some(message),
        }
    }

    /// Writes the error to standard error, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let (message, code) = match self {
            Self::OutputClosed => return ExitCode::SUCCESS,
            Self::Usage(message) | Self::Rejected(message) => (message, 2),
            Self::Failure(message) | Self::Denied(message) | Self::Refuted(message) => (message, 1),
            Self::Alarm(message) => (message, 3),
            Self::Unchecked(message) => (message, 4),
        };
        if terminal::manners().json_errors {
            terminal::complain(&message.json(code).to_string());
        } else {
            terminal::complain(&message.to_string());
        }
        ExitCode::from(code)
    }
}

impl Message {
    /// The error for a program: one JSON object.
    fn json(&self, exit_code: u8) -> Value {
        let Self { what, details, next } = self;
        json!({"error": what, "details": details, "next": next, "exit_code": exit_code})
    }
}

impl From<io::Error> for Error {
    /// For errors of standard output; files have [`Error::file`].
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::failure(
                format!("The output cannot be written: {error}."),
                "Check where it is redirected to, and the free space there.",
            ),
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, details, next } = self;
        write!(f, "error: {what}")?;
        for detail in details {
            write!(f, "\n  {detail}")?;
        }
        write!(f, "\nnext: {next}")
    }
}
