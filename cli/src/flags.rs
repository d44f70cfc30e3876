//! The options of every command: where credentials come from, and how much is said.

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    path::PathBuf,
};

use clap::{Args, ValueEnum};

use crate::{
    api::Api,
    config::{self, Config, DEFAULT_PROFILE},
    credentials::{Credentials, missing},
    endpoint::{Endpoint, Wire},
    error::Error,
    interrupt::with_hidden_input,
    secret::{Secret, Token},
    terminal::Manners,
};

/// Options of every command that say where the API is, and who is asking.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection (else from the environment, else from the profile)")]
pub(crate) struct Flags {
    /// URL of the API, up to but without /api [env: AUDITLOG_ENDPOINT]
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    /// Name of the workspace [env: AUDITLOG_WORKSPACE]
    #[arg(long, global = true, value_name = "NAME")]
    workspace: Option<String>,
    /// Workspace token, alw_… or TOKEN:SECRET; `-` reads it from standard input [env: AUDITLOG_TOKEN]
    ///
    /// Any user of the machine can see the arguments of a process. Prefer `-`, the environment or
    /// `auditlog login`.
    #[arg(long, global = true, value_name = "TOKEN")]
    token: Option<String>,
    /// JWT of a workspace admin, for `tokens`, `settings` and `streams`; `-` reads it from standard input [env: AUDITLOG_ADMIN_JWT]
    ///
    /// Any user of the machine can see the arguments of a process. Prefer `-` or the environment.
    #[arg(long, global = true, value_name = "JWT")]
    admin_jwt: Option<String>,
    /// JSON file with endpoint, workspace, bearer and admin_jwt
    #[arg(long, global = true, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Profile of the config file [env: AUDITLOG_PROFILE] [default: default]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// How often to retry after a temporary failure [default: 3; export and import: 8; while following: no limit]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) retries: Option<u32>,
    /// Send tokens over http:// to other machines as well
    #[arg(long, global = true)]
    allow_http: bool,
    /// Print errors only
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    quiet: bool,
    /// Print each request with its status and time; never a token, never a body
    #[arg(long, short, global = true, help_heading = "Messages")]
    verbose: bool,
    /// How to print an error on standard error
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Messages"
    )]
    error_format: ErrorFormat,
}

/// The form of an error on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ErrorFormat {
    /// Lines for people: the error, its details and the next step
    #[default]
    Text,
    /// One JSON object: error, details, next, exit_code
    Json,
}

impl Flags {
    /// How much the command says.
    pub(crate) fn manners(&self) -> Manners {
        Manners {
            quiet: self.quiet,
            verbose: self.verbose,
            json_errors: self.error_format == ErrorFormat::Json,
        }
    }

    /// The credentials of the flags, then of the environment, then of the profile. A profile that is named by
    /// `--profile` goes before the environment, as an explicit choice. A token or JWT of the profile goes only to the
    /// endpoint that it was kept for.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub(crate) fn gather(&self) -> Result<Credentials, Error> {
        let named = self.profile.clone().or_else(|| variable("AUDITLOG_PROFILE"));
        // Without a config file, and without a place for one, flags and environment are enough.
        let config = match (config::path(variable), &named) {
            (Ok(path), _) => Config::read(&path)?,
            (Err(_), None) => Config::default(),
            (Err(error), Some(_)) => return Err(error),
        };
        let profile = config.profile(named.as_deref().unwrap_or(DEFAULT_PROFILE)).cloned();
        if let (None, Some(name)) = (&profile, &named) {
            let known: Vec<_> = config.names().collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Error::usage(
                format!("There is no profile {name:?}; there are: {known}."),
                "Name one of them, or make it with `auditlog login --profile`.",
            ));
        }
        let profile = profile.unwrap_or_default();
        let (flags, environment) = (self.given()?, self.environment()?);
        if self.profile.is_some() {
            return flags.or_kept(profile).map(|known| known.or(environment));
        }
        flags.or(environment).or_kept(profile)
    }

    /// The credentials of the flags and the environment.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub(crate) fn explicit(&self) -> Result<Credentials, Error> {
        Ok(self.given()?.or(self.environment()?))
    }

    /// The credentials of the flags.
    fn given(&self) -> Result<Credentials, Error> {
        let flags = Credentials {
            endpoint: self.endpoint.clone(),
            workspace: self.workspace.clone(),
            bearer: self.token.as_deref().map(from_flag).transpose()?.as_deref().map(token).transpose()?,
            admin_jwt: self.admin_jwt.as_deref().map(from_flag).transpose()?.map(Secret::new),
        };
        let file = self.credentials.as_deref().map(Credentials::read).transpose()?.unwrap_or_default();
        Ok(flags.or(file))
    }

    fn environment(&self) -> Result<Credentials, Error> {
        Ok(Credentials {
            endpoint: variable("AUDITLOG_ENDPOINT"),
            workspace: variable("AUDITLOG_WORKSPACE"),
            bearer: variable("AUDITLOG_TOKEN").as_deref().map(token).transpose()?,
            admin_jwt: variable("AUDITLOG_ADMIN_JWT").map(Secret::new),
        })
    }

    /// The API that the credentials are for.
    ///
    /// # Errors
    /// If its endpoint is missing or not valid.
    pub(crate) fn api(&self, credentials: &Credentials, default_retries: u32) -> Result<Api, Error> {
        let text = credentials
            .endpoint
            .as_deref()
            .ok_or_else(|| missing("endpoint", "--endpoint", "AUDITLOG_ENDPOINT"))?;
        let wire = if self.allow_http { Wire::Plain } else { Wire::Encrypted };
        Api::new(Endpoint::parse(text, wire)?, self.retries.unwrap_or(default_retries))
    }

    /// The name of the profile.
    pub(crate) fn profile_name(&self) -> String {
        self.profile
            .clone()
            .or_else(|| variable("AUDITLOG_PROFILE"))
            .unwrap_or_else(|| DEFAULT_PROFILE.to_owned())
    }
}

/// A variable of the environment, if it is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The value of a flag for a secret: itself, or the next line of standard input for `-`.
fn from_flag(value: &str) -> Result<String, Error> {
    if value == "-" { secret_line() } else { Ok(value.to_owned()) }
}

/// The next line of standard input, which is a secret: a terminal does not show it.
///
/// # Errors
/// If there is none.
pub(crate) fn secret_line() -> Result<String, Error> {
    let mut line = String::new();
    let read = if io::stdin().is_terminal() {
        with_hidden_input(|| console::Term::stderr().read_secure_line()).map(|typed| line = typed)
    } else {
        io::stdin().lock().read_line(&mut line).map(|_| ())
    };
    read.map_err(|error| {
        Error::failure(
            format!("Standard input cannot be read: {error}."),
            "Give the secret there, on a line.",
        )
    })?;
    match line.trim() {
        "" => Err(Error::usage("Standard input holds no secret.", "Give it there on a line of its own.")),
        secret => Ok(secret.to_owned()),
    }
}

fn token(text: &str) -> Result<Secret, Error> {
    match Token::parse(text) {
        Ok(Token::Whole(bearer)) => Ok(bearer),
        Ok(Token::Public(_)) => Err(Error::usage(
            "This is only the public part of a workspace token.",
            "Give the whole of it, alw_…, or TOKEN:SECRET.",
        )),
        Err(what) => Err(Error::usage(what, "Copy it as it was shown when it was created.")),
    }
}
