//! `auditlog login`: asks for credentials, checks them, and keeps them.

use std::io::{self, IsTerminal as _};

use console::Term;

use crate::{
    api::{Api, Identity},
    config::{self, Config},
    credentials::Credentials,
    error::Error,
    flags::{Flags, variable},
    interrupt::with_hidden_input,
    secret::{Secret, Token},
    terminal,
};

/// How often to retry after a temporary failure: a person waits.
const RETRIES: u32 = 1;
/// How often a person is asked for a token that has the wrong form.
const ATTEMPTS: usize = 3;

/// Asks for the settings that flags and environment lack, checks all of them, and writes the config file.
pub(crate) fn run(flags: &Flags) -> Result<(), Error> {
    let path = config::path(variable)?;
    let config = Config::read(&path)?;
    let profile = flags.profile_name();
    let known = config.profile(&profile).cloned().unwrap_or_default();
    let explicit = flags.explicit()?;
    let is_terminal = io::stdin().is_terminal();
    let mut attempts = if is_terminal { ATTEMPTS } else { 1 };
    let mut credentials = loop {
        let mut credentials = explicit.clone();
        if is_terminal {
            credentials = ask(credentials, &known)?;
        }
        let api = flags.api(&credentials, RETRIES)?;
        credentials.endpoint = Some(api.endpoint().to_string());
        attempts -= 1;
        match check(&api, &credentials) {
            // A person at a terminal may type a secret again, unless a flag or a variable has it.
            Err(error @ Error::Denied(_)) if attempts > 0 && credentials != explicit => {
                terminal::say(error.what());
            }
            checked => break checked.map(|()| credentials)?,
        }
    };
    // A new JWT does not replace the saved token of the same workspace, nor the reverse.
    if credentials.endpoint == known.endpoint && credentials.workspace == known.workspace {
        credentials = credentials.or(known);
    }
    config.save(&path, &profile, credentials)?;
    terminal::say(&format!("Saved as profile {profile:?} in {}, readable by you alone.", path.display()));
    Ok(())
}

/// Makes sure that the API takes the credentials.
fn check(api: &Api, credentials: &Credentials) -> Result<(), Error> {
    let workspace = credentials.workspace()?;
    if credentials.admin_jwt.is_none() {
        credentials.bearer()?;
    }
    api.get("/api/health", &[], Identity::Anyone)?.json()?;
    terminal::tell(&format!("{} answers.", api.endpoint()));
    if let Some(bearer) = &credentials.bearer {
        let path = format!("/api/{workspace}/audit_logs");
        if api.may(&path, &[("limit", "1")], Identity::Token(bearer))? {
            terminal::tell(&format!(
                "The token reads the workspace {workspace}, whose audit log now says so."
            ));
        } else {
            terminal::say("The token does not read the audit log: use it to record events.");
        }
    }
    if let Some(admin_jwt) = &credentials.admin_jwt {
        api.get(&format!("/api/{workspace}/tokens"), &[], Identity::Admin(admin_jwt))?;
        terminal::tell(&format!("The JWT is one of an admin of {workspace}."));
    }
    Ok(())
}

/// Asks the person at the terminal for what is missing, and offers what was kept before.
fn ask(given: Credentials, known: &Credentials) -> Result<Credentials, Error> {
    let Credentials { endpoint, workspace, bearer, admin_jwt } = given;
    let nothing_given = bearer.is_none() && admin_jwt.is_none();
    Ok(Credentials {
        endpoint: endpoint
            .map_or_else(|| ask_text("Endpoint", known.endpoint.as_deref()), |it| Ok(Some(it)))?,
        workspace: workspace
            .map_or_else(|| ask_text("Workspace", known.workspace.as_deref()), |it| Ok(Some(it)))?,
        bearer: match bearer {
            None if nothing_given => ask_token()?,
            bearer => bearer,
        },
        admin_jwt: match admin_jwt {
            None if nothing_given => {
                ask_secret("Admin's JWT, only to manage tokens (not shown; Enter for none)")?.map(Secret::new)
            }
            admin_jwt => admin_jwt,
        },
    })
}

/// Asks for a workspace token until it has the form of one, at most [`ATTEMPTS`] times.
fn ask_token() -> Result<Option<Secret>, Error> {
    let mut wrong = "";
    for _ in 0..ATTEMPTS {
        let label = "Workspace token, alw_… or its public part (not shown; Enter for none)";
        let Some(text) = ask_secret(label)? else { return Ok(None) };
        let parsed = match Token::parse(&text) {
            Ok(Token::Public(public)) => {
                let secret = ask_secret("Its secret (not shown)")?.unwrap_or_default();
                Token::parse(&format!("{public}:{secret}"))
            }
            parsed => parsed,
        };
        match parsed {
            Ok(Token::Whole(bearer)) => return Ok(Some(bearer)),
            Ok(Token::Public(_)) => wrong = "The secret of the workspace token is missing.",
            Err(what) => wrong = what,
        }
        terminal::say(wrong);
    }
    Err(Error::usage(wrong, "Copy it as it was shown when it was created."))
}

fn ask_text(label: &str, known: Option<&str>) -> Result<Option<String>, Error> {
    let offer = known.map(|known| format!(" [{known}]")).unwrap_or_default();
    let typed = prompt(&format!("{label}{offer}: "), Term::read_line)?;
    Ok(typed.or_else(|| known.map(str::to_owned)))
}

fn ask_secret(label: &str) -> Result<Option<String>, Error> {
    with_hidden_input(|| prompt(&format!("{label}: "), Term::read_secure_line))
}

fn prompt(label: &str, read: impl Fn(&Term) -> io::Result<String>) -> Result<Option<String>, Error> {
    let terminal = Term::stderr();
    let typed = terminal.write_str(label).and_then(|()| read(&terminal)).map_err(|error| {
        Error::failure(
            format!("The terminal cannot be read: {error}."),
            "Give --endpoint, --workspace and --token - instead.",
        )
    })?;
    Ok(Some(typed.trim().to_owned()).filter(|typed| !typed.is_empty()))
}
