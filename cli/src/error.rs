//! What keeps a command from doing what it was asked, for the person who asked.
//!
//! Each error says what is the matter and what to do next. None of them holds a secret.

use std::{fmt, io, path::Path, process::ExitCode};

use crate::terminal;

/// Why a command ended early.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// Nobody reads our output any more, as in `auditlog query | head`: no reason to complain.
    OutputClosed,
    /// It was asked for in a way that cannot be done. Exit code 2, as for a misspelt option.
    Usage(Message),
    /// It was tried and failed. Exit code 1.
    Failure(Message),
    /// The log is not the one that was remembered. Exit code 3, so that an alarm can tell it from the rest.
    Alarm(Message),
}

/// What is told about an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// What is the matter, in a sentence.
    what: String,
    /// Each single thing that is wrong, where there are several.
    details: Vec<String>,
    /// What to do next.
    next: String,
}

impl Error {
    /// The command cannot do what is asked for.
    pub(crate) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Usage(Message { what: what.into(), details: Vec::new(), next: next.into() })
    }

    /// The command tried, and failed.
    pub(crate) fn failure(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Failure(Message { what: what.into(), details: Vec::new(), next: next.into() })
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

    /// What is the matter, in a sentence.
    pub(crate) fn what(&self) -> &str {
        match self {
            Self::OutputClosed => "Nobody reads the output any more.",
            Self::Usage(message) | Self::Failure(message) | Self::Alarm(message) => &message.what,
        }
    }

    /// The same error with each single thing that is wrong.
    pub(crate) fn with_details(mut self, details: Vec<String>) -> Self {
        if let Self::Usage(message) | Self::Failure(message) | Self::Alarm(message) = &mut self {
            message.details = details;
        }
        self
    }

    /// The same error with more to do about it.
    pub(crate) fn and_next(mut self, more: &str) -> Self {
        if let Self::Usage(message) | Self::Failure(message) | Self::Alarm(message) = &mut self {
            message.next = format!("{} {more}", message.next);
        }
        self
    }

    /// Tells it on standard error, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let (message, code) = match self {
            Self::OutputClosed => return ExitCode::SUCCESS,
            Self::Usage(message) => (message, 2),
            Self::Failure(message) => (message, 1),
            Self::Alarm(message) => (message, 3),
        };
        terminal::say(&message.to_string());
        ExitCode::from(code)
    }
}

impl From<io::Error> for Error {
    /// Of writing to standard output: files have [`Error::file`].
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
