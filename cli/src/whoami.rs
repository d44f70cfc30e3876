//! `auditlog whoami` and `auditlog logout`: the credentials that commands use, and their end.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    api::{Api, Identity},
    config::{self, Config},
    credentials::Credentials,
    error::Error,
    flags::{Flags, variable},
    output::Output,
    secret::Secret,
    terminal::{self, safe_line},
    time,
};

const RETRIES: u32 = 1;

/// Options of `auditlog whoami`.
#[derive(Args, Debug)]
pub(crate) struct Whoami {
    /// How to write it
    #[arg(long, short, value_enum, default_value_t = Plainness::Text)]
    output: Plainness,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Plainness {
    /// Lines for people
    Text,
    /// One JSON object
    Json,
}

/// Options of `auditlog logout`.
#[derive(Args, Debug)]
pub(crate) struct Logout {
    /// Forget every profile
    #[arg(long, conflicts_with = "profile")]
    all: bool,
}

impl Whoami {
    /// Asks the API what the credentials may do, and writes it. No event is read.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        let workspace = credentials.workspace()?;
        if credentials.bearer.is_none() && credentials.admin_jwt.is_none() {
            credentials.bearer()?;
        }
        let token =
            credentials.bearer.as_ref().map(|bearer| about_token(&api, workspace, bearer)).transpose()?;
        let admin =
            credentials.admin_jwt.as_ref().map(|jwt| about_admin(&api, workspace, jwt)).transpose()?;
        let known = json!({
            "endpoint": api.endpoint().to_string(),
            "workspace": workspace,
            "profile": flags.profile_name(),
            "token": token,
            "admin": admin,
        });
        match self.output {
            Plainness::Json => Output::new().json(&known),
            Plainness::Text => Output::new().data(&lines(&known)),
        }
    }
}

/// The public part of a token, and what the API lets it do.
fn about_token(api: &Api, workspace: &str, bearer: &Secret) -> Result<Value, Error> {
    let public_part = bearer.expose().split('_').nth(1).unwrap_or_default();
    let may_read = api.may(&format!("/api/{workspace}/ledger/key"), &[], Identity::Token(bearer))?;
    Ok(json!({"token": public_part, "reads": may_read}))
}

/// The subject of a JWT, when it expires, and whether the API takes it.
fn about_admin(api: &Api, workspace: &str, jwt: &Secret) -> Result<Value, Error> {
    api.get(&format!("/api/{workspace}/tokens"), &[], Identity::Admin(jwt))?;
    let claims = jwt.expose().split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default();
    let expires_at = claims["exp"].as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
    Ok(json!({"subject": claims["sub"], "expires_at": expires_at.map(time::rfc3339)}))
}

fn lines(known: &Value) -> String {
    fn text(value: &Value) -> String {
        safe_line(value.as_str().unwrap_or("unknown"))
    }
    let mut lines = String::new();
    for name in ["endpoint", "workspace", "profile"] {
        lines.push_str(&format!("{name:<9}  {}\n", text(&known[name])));
    }
    let token = &known["token"];
    let reads =
        if token["reads"] == true { "reads the log" } else { "does not read the log: it may record events" };
    let token =
        if token.is_null() { "none".to_owned() } else { format!("{}, {reads}", text(&token["token"])) };
    lines.push_str(&format!("token      {token}\n"));
    let admin = &known["admin"];
    let admin = if admin.is_null() {
        "none".to_owned()
    } else {
        format!("{}, until {}", text(&admin["subject"]), text(&admin["expires_at"]))
    };
    lines.push_str(&format!("admin JWT  {admin}\n"));
    lines
}

impl Logout {
    /// Removes the profile, or all, from the config file.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let path = config::path(variable)?;
        let config = Config::read(&path)?;
        let name = flags.profile_name();
        let gone: Vec<(String, Credentials)> = if self.all {
            config.names().filter_map(|name| Some((name.to_owned(), config.profile(name)?.clone()))).collect()
        } else {
            config.profile(&name).map(|profile| (name.clone(), profile.clone())).into_iter().collect()
        };
        if gone.is_empty() {
            let known: Vec<_> = config.names().collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Error::usage(
                format!("Nothing is saved as profile {name:?}; there are: {known}."),
                "Name a profile with --profile, or give --all. Variables of the environment are yours to unset.",
            ));
        }
        config.remove(&path, gone.iter().map(|(name, _)| name.as_str()))?;
        for (name, credentials) in gone {
            terminal::say(&format!("Removed the profile {name:?} from {}.", path.display()));
            if let Some(public_part) =
                credentials.bearer.as_ref().and_then(|bearer| bearer.expose().split('_').nth(1))
            {
                terminal::say(&format!(
                    "Its token still works elsewhere: an admin ends it with `auditlog tokens revoke {public_part}`."
                ));
            }
        }
        Ok(())
    }
}
