//! `auditlog settings`: shows and changes how long events are kept, for workspace admins.

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    api::{Api, Identity},
    error::Error,
    flags::Flags,
    output::Output,
    terminal::{self, safe_line},
    time,
};

const RETRIES: u32 = 3;
const UNLIMITED: &str = "unlimited";

/// What to do about settings.
#[derive(Debug, Subcommand)]
pub(crate) enum Settings {
    /// Show how long events are kept, and what has expired
    Get(Get),
    /// Change how long events are kept, or place or end a legal hold
    Set(Set),
}

/// Options of `auditlog settings get`.
#[derive(Args, Debug)]
pub(crate) struct Get {
    /// How to write them
    #[arg(long, short, value_enum, default_value_t = Plainness::Text)]
    output: Plainness,
}

/// Options of `auditlog settings set`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true).args(["retention_days", "hold", "release"]))]
pub(crate) struct Set {
    /// For how many days events are kept, 1 to 3650, or `unlimited`
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<String>,
    /// Place a legal hold, for this reason: nothing expires while it stands
    #[arg(long, value_name = "REASON", conflicts_with = "release")]
    hold: Option<String>,
    /// End the legal hold
    #[arg(long)]
    release: bool,
    /// From when on: a span such as 7d, a date, or RFC 3339 [default: as soon as can be]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Let events expire by it, for good
    #[arg(long)]
    confirm: bool,
    /// How to write what is set then
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

impl Settings {
    /// Does it.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        let admin = Identity::Admin(credentials.admin_jwt()?);
        let path = format!("/api/{}/settings", credentials.workspace()?);
        match self {
            Self::Get(Get { output }) => show(&api.get(&path, &[], admin)?.json()?, *output),
            Self::Set(set) => set.run(&api, &path, admin),
        }
    }
}

impl Set {
    fn run(&self, api: &Api, path: &str, admin: Identity<'_>) -> Result<(), Error> {
        let settings = api.patch(path, &self.wanted()?, admin)?.json()?;
        show(&settings, self.output)?;
        terminal::tell("What takes effect later is there from its instant on, for all readers at once.");
        Ok(())
    }

    fn wanted(&self) -> Result<Value, Error> {
        let Self { retention_days, hold, release, from, confirm, output: _ } = self;
        let mut wanted = json!({});
        match retention_days.as_deref() {
            None => {}
            Some(UNLIMITED) => wanted["retention_days"] = Value::Null,
            Some(days) => {
                let days: u32 = days.parse().map_err(|_| {
                    Error::usage("--retention-days is no number.", "Give days, such as 365, or unlimited.")
                })?;
                wanted["retention_days"] = json!(days);
            }
        }
        if let Some(reason) = hold {
            wanted["legal_hold"] = json!({ "reason": reason });
        }
        if *release {
            wanted["legal_hold"] = Value::Null;
        }
        if let Some(text) = from {
            let time = time::parse_future(text, Timestamp::now())
                .map_err(|forms| Error::usage("--from is not a time.", format!("Please {forms}.")))?;
            wanted["effective_from"] = json!(time::rfc3339(time));
        }
        if *confirm {
            wanted["confirm"] = json!(true);
        }
        Ok(wanted)
    }
}

fn show(settings: &Value, output: Plainness) -> Result<(), Error> {
    match output {
        Plainness::Json => Output::new().json(settings),
        Plainness::Text => Output::new().text(&lines(settings)),
    }
}

/// Settings for people.
fn lines(settings: &Value) -> String {
    fn days(value: &Value) -> String {
        value.as_u64().map_or(UNLIMITED.to_owned(), |days| format!("{days} days"))
    }
    fn time(value: &Value, otherwise: &str) -> String {
        value.as_str().unwrap_or(otherwise).to_owned()
    }
    let to_come = &settings["retention_to_come"];
    let hold = &settings["legal_hold"];
    let mut retention = days(&settings["retention_days"]);
    if to_come.is_object() {
        retention.push_str(&format!(
            "; {} from {} on",
            days(&to_come["retention_days"]),
            time(&to_come["from"], "")
        ));
    }
    let held = match hold["until"].as_str() {
        _ if hold.is_null() => "none".to_owned(),
        until => format!(
            "{}, placed by {}, from {} {}",
            time(&hold["reason"], ""),
            time(&hold["by"], ""),
            time(&hold["from"], ""),
            until.map_or("on".to_owned(), |until| format!("to {until}"))
        ),
    };
    let shards =
        settings["shards"].as_array().and_then(|shards| shards.last()?["count"].as_u64()).unwrap_or(1);
    let expired = settings["retained_from"].as_str();
    let lines = [
        ("retention", retention),
        ("expired", expired.map_or("nothing".to_owned(), |from| format!("all of before {from}"))),
        ("receipts to", time(&settings["receipted_to"], "nothing")),
        ("legal hold", held),
        ("shards", shards.to_string()),
    ];
    lines.map(|(name, text)| format!("{name:<11}  {}\n", safe_line(&text))).concat()
}
