//! The errors that keep the system from starting, with the next step for each.

use std::{
    io,
    path::{Path, PathBuf},
};

use shared::aws::config::InvalidConfig;

use crate::template::TemplateError;

/// The reason why the system does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another program has the port.
    #[error(
        "port {0} is already in use. Stop the program that has it, or choose another port with {1} \
         (0 takes any that is free)."
    )]
    PortInUse(u16, &'static str),
    /// The port cannot be opened for another reason.
    #[error("port {0} cannot be opened: {1}. Choose another with {2} (0 takes any that is free).")]
    Port(u16, io::Error, &'static str),
    /// Another process has the data directory.
    #[error(
        "{0} is in use by another `local`. Stop it, or choose another directory with --data, or --memory."
    )]
    InUse(PathBuf),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, String),
    /// The environment does not name the archive.
    #[error("--archive: {0}")]
    Archive(#[from] InvalidConfig),
    /// The template cannot be understood.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The bus's rule cannot be understood.
    #[error("template.yaml, {0}")]
    Pattern(String),
    /// A path of the template cannot be routed.
    #[error("template.yaml has a route that clashes: {0}")]
    Route(String),
    /// The template names a function that is not part of this program.
    #[error(
        "template.yaml names the function {0}, which `local` does not hold; add it to tools/local/src/functions.rs."
    )]
    UnknownFunction(String),
    /// The tables in the data directory belong to another template.
    #[error(
        "the tables in the data directory were made by another template.yaml ({0} differs or is missing). Delete the directory to begin \
         anew, or choose another with --data."
    )]
    OtherTemplate(String),
    /// The embedded engine fails.
    #[error("the embedded DynamoDB engine: {0}")]
    Engine(String),
    /// No key could be made.
    #[error("the key of the identity provider could not be made: {0}")]
    Key(String),
    /// The log's key could not vouch for the service key.
    #[error("the key of the service's own records could not be made known: {0}")]
    ServiceKey(String),
    /// The demo's events did not arrive.
    #[error("the demo could not be set up: {0}")]
    Demo(String),
    /// The samples could not be stored.
    #[error("the samples could not be stored: {0}")]
    Samples(#[source] shared::model::error::Error),
}

impl Error {
    pub(crate) fn file(path: &Path, error: impl ToString) -> Self {
        Self::File(path.to_owned(), error.to_string())
    }
}
