//! Where the key of a log comes from, and how far it can be trusted therefore.

use std::path::Path;

use clap::Args;

use crate::{
    api::{Api, Ledger},
    error::Error,
    ledger::Key,
    terminal::{self, safe_line},
};

/// The option for the key of the log.
#[derive(Args, Debug)]
pub(crate) struct KeyOption {
    /// The log's verifier key, or a file with it; without it the server is trusted to tell it
    #[arg(long = "key", value_name = "KEY|FILE")]
    given: Option<String>,
}

impl KeyOption {
    /// The key that was given; `None` if none was.
    ///
    /// # Errors
    /// If it is no key, nor a file with one.
    pub(super) fn given(&self) -> Result<Option<Key>, Error> {
        let Some(given) = &self.given else { return Ok(None) };
        match Key::parse(given) {
            Ok(key) => Ok(Some(key)),
            Err(_) if Path::new(given).exists() => read(Path::new(given)).map(Some),
            Err(error) => Err(Error::usage(
                format!("--key is neither a verifier key ({error}) nor a file."),
                "Give <name>/<workspace>+<8 hex digits>+<base64>, in quotes, or a file that holds it.",
            )),
        }
    }
}

/// Reads a file that holds a key.
///
/// # Errors
/// If it cannot be read, or holds none.
pub(super) fn read(path: &Path) -> Result<Key, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::named_file(path, error))?;
    Key::parse(&text).map_err(|error| {
        Error::usage(
            format!("{} holds no verifier key: {error}.", path.display()),
            "It must be one line, <name>/<workspace>+<8 hex digits>+<base64>.",
        )
    })
}

/// Asks the server for the key of its log, and says what that is worth.
///
/// # Errors
/// If it does not tell one of this workspace.
pub(super) fn ask(api: &Api, ledger: &Ledger<'_>) -> Result<Key, Error> {
    let told = ledger.key()?;
    let key = Key::parse(&told).map_err(|error| {
        Error::failure(
            format!("{} told no verifier key: {error}.", api.endpoint()),
            "Give the key with --key, and tell the operator of the API.",
        )
    })?;
    require_workspace(&key, ledger.workspace())?;
    terminal::say(&format!(
        "warning: trusting the key that {} itself has just told. Keep it where the server cannot change it, \
         and give it from now on: --key \"{}\"",
        api.endpoint(),
        safe_line(&key.to_string())
    ));
    Ok(key)
}

/// That the key is the one of the log of this workspace.
///
/// # Errors
/// If it is another's.
pub(super) fn require_workspace(key: &Key, workspace: &str) -> Result<(), Error> {
    if key.workspace() == workspace {
        return Ok(());
    }
    Err(Error::usage(
        format!("The key is of the log {:?}, which is not that of the workspace {workspace}.", key.name()),
        "Give the key of this workspace, or its name with --workspace.",
    ))
}
