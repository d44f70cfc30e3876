//! `auditlog tokens`: creates, lists and revokes workspace tokens, for workspace admins.

use clap::{Args, Subcommand, ValueEnum};
use console::Style;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    api::{Api, Identity},
    error::Error,
    flags::Flags,
    output::{Output, Shape},
    secret::is_public_part,
    table::{Column, Layout},
    terminal::{self, safe_line},
    time,
};

const RETRIES: u32 = 3;
const MEMBERS: [&str; 8] =
    ["token", "name", "scopes", "created_by", "created_at", "expires_at", "revoked_at", "last_used_on"];
const COLUMNS: [Column; 6] =
    [("TOKEN", 12), ("NAME", 8), ("SCOPES", 8), ("STATUS", 7), ("EXPIRES", 10), ("LAST USED", 10)];
const STATUS: usize = 3;

/// What to do about tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// Create a workspace token, and show it this once
    Create(Create),
    /// List all workspace tokens, without their secrets
    List(List),
    /// Revoke a workspace token; it stops working within a minute
    Revoke(Revoke),
}

/// Options of `auditlog tokens create`.
#[derive(Args, Debug)]
pub(crate) struct Create {
    /// The name of the token
    #[arg(long)]
    name: String,
    /// The permission; repeat it for both
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Scope::Read])]
    scope: Vec<Scope>,
    /// Until when it is good: a span such as 90d, a date, or RFC 3339 [default: a year]
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// How to write it
    #[arg(long, short, value_enum, default_value_t = Plainness::Text)]
    output: Plainness,
}

/// Options of `auditlog tokens list`.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// How to write them
    #[arg(long, short, value_enum, default_value_t = Shape::Table)]
    output: Shape,
}

/// Options of `auditlog tokens revoke`.
#[derive(Args, Debug)]
pub(crate) struct Revoke {
    /// Its public part, the 12 characters that `auditlog tokens list` shows
    #[arg(value_name = "TOKEN")]
    public_part: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scope {
    /// Read the audit log
    Read,
    /// Record events
    Write,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Plainness {
    /// Lines for people
    Text,
    /// One JSON object
    Json,
}

impl Tokens {
    /// Does it.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        let admin = Identity::Admin(credentials.admin_jwt()?);
        let path = format!("/api/{}/tokens", credentials.workspace()?);
        match self {
            Self::Create(create) => create.run(&api, &path, admin),
            Self::List(list) => list.run(&api, &path, admin),
            Self::Revoke(revoke) => revoke.run(&api, &path, admin),
        }
    }
}

impl Create {
    fn run(&self, api: &Api, path: &str, admin: Identity<'_>) -> Result<(), Error> {
        let Self { name, scope, expires, output } = self;
        let scopes: Vec<_> = scope.iter().map(|scope| scope.name()).collect();
        let mut wanted = json!({"name": name, "scopes": scopes});
        if let Some(text) = expires {
            let time = time::parse_future(text, Timestamp::now())
                .map_err(|forms| Error::usage("--expires is not a time.", format!("Please {forms}.")))?;
            wanted["expires_at"] = json!(time::rfc3339(time));
        }
        let answer = api.post(path, &wanted, admin)?;
        let created = answer.json()?;
        let shown = match output {
            Plainness::Json => Output::new().json(&created),
            Plainness::Text => Output::new().data(&lines(&created)),
        };
        shown.map_err(|_| {
            let token = safe_line(&text(&created, "token"));
            Error::failure(
                format!("The token {token} was created, but could not be shown."),
                format!("Revoke it with `auditlog tokens revoke {token}`, and create another."),
            )
        })?;
        terminal::say("This is the only time that it is shown: put it where secrets are kept, now.");
        Ok(())
    }
}

impl List {
    fn run(&self, api: &Api, path: &str, admin: Identity<'_>) -> Result<(), Error> {
        let answer = api.get(path, &[], admin)?.json()?;
        let tokens = answer["tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut output = Output::new();
        match self.output {
            Shape::Json => output.json(&answer),
            Shape::Ndjson => output.ndjson(tokens),
            Shape::Csv => {
                let records: Vec<_> =
                    tokens.iter().map(|token| MEMBERS.map(|name| text(token, name)).to_vec()).collect();
                output.csv(&MEMBERS, &records)
            }
            Shape::Table => {
                let now = Timestamp::now();
                let rows: Vec<_> = tokens.iter().map(|token| row(token, now)).collect();
                let layout = Layout::of(&COLUMNS, &rows, output.width());
                output.text(&layout.heading())?;
                rows.iter().try_for_each(|row| {
                    let style = if row[STATUS] == "live" { Style::new() } else { Style::new().dim() };
                    output.text(&layout.line(row, &style))
                })
            }
        }
    }
}

impl Revoke {
    fn run(&self, api: &Api, path: &str, admin: Identity<'_>) -> Result<(), Error> {
        // A user may paste the whole token. Its secret must not appear in a URL or a message.
        if !is_public_part(&self.public_part) {
            return Err(Error::usage(
                "This is not the public part of a workspace token.",
                "Give the 12 characters that `auditlog tokens list` shows.",
            ));
        }
        api.delete(&format!("{path}/{}", self.public_part), admin)?;
        terminal::tell(&format!("Revoked {}. It stops working within a minute.", self.public_part));
        Ok(())
    }
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "audit_log:read",
            Self::Write => "audit_log:write",
        }
    }
}

/// A new token for people.
fn lines(created: &Value) -> String {
    let names = ["name", "token", "secret", "bearer", "scopes", "expires_at"];
    names.iter().map(|name| format!("{name:<11} {}\n", safe_line(&text(created, name)))).collect()
}

fn row(token: &Value, now: Timestamp) -> [String; 6] {
    let expires_at = text(token, "expires_at");
    let expired = expires_at.parse::<Timestamp>().is_ok_and(|time| time <= now);
    let status = match (token["revoked_at"].is_null(), expired) {
        (false, _) => "revoked",
        (true, true) => "expired",
        (true, false) => "live",
    };
    let day = expires_at.get(..10).unwrap_or_default().to_owned();
    let (public_part, name, scopes) = (text(token, "token"), text(token, "name"), text(token, "scopes"));
    [public_part, name, scopes, status.to_owned(), day, text(token, "last_used_on")]
}

/// A member as text; a list with spaces between.
fn text(object: &Value, name: &str) -> String {
    match &object[name] {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}
