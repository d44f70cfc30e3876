//! The settings of a stream, from the options of the command line to the body of the API.

use std::{fs, path::PathBuf};

use clap::{ArgGroup, Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::{Plainness, Reached, Stream, show_with_secret};
use crate::{
    error::Error,
    flags::{secret_line, variable},
};

/// The variable of the environment that a destination's secret may be in.
const SECRET: &str = "AUDITLOG_STREAM_SECRET";

/// Options of `auditlog streams create`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("where").required(true).args(["webhook", "splunk", "datadog", "s3", "event_bus"])))]
pub(crate) struct Create {
    /// The name of the stream
    #[arg(long)]
    name: String,
    #[command(flatten)]
    destination: Destination,
    #[command(flatten)]
    events: Events,
    #[command(flatten)]
    secret: GivenSecret,
    /// The sequence to begin with; 0 is the first of all [default: with what comes]
    #[arg(long, value_name = "SEQUENCE")]
    from: Option<u64>,
    /// How to write it
    #[arg(long, short, value_enum, default_value_t = Plainness::Text)]
    output: Plainness,
}

/// Options of `auditlog streams update`.
#[derive(Args, Debug)]
pub(crate) struct Update {
    #[command(flatten)]
    stream: Stream,
    /// The new name of the stream
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    destination: Destination,
    #[command(flatten)]
    events: Events,
    /// Send all events from now on
    #[arg(long, conflicts_with_all = ["action", "category", "actor", "entity_type", "outcome"])]
    no_filter: bool,
    /// Leave nothing out from now on
    #[arg(long, conflicts_with = "mask")]
    no_mask: bool,
    /// How to write it
    #[arg(long, short, value_enum, default_value_t = Plainness::Text)]
    output: Plainness,
}

/// Options of `auditlog streams rotate-secret`.
#[derive(Args, Debug)]
pub(crate) struct RotateSecret {
    #[command(flatten)]
    stream: Stream,
    #[command(flatten)]
    secret: GivenSecret,
    /// How to write the stream
    #[arg(long, short, value_enum, default_value_t = Plainness::Text)]
    output: Plainness,
}

/// Where a stream goes to. What one destination takes conflicts with the others, since clap requires nothing of an
/// argument that conflicts with one that is there.
#[derive(Args, Debug)]
#[command(next_help_heading = "Destination")]
struct Destination {
    /// A webhook at this URL
    #[arg(long, value_name = "URL", group = "destination")]
    webhook: Option<String>,
    /// The HTTP Event Collector of Splunk at this URL
    #[arg(long, value_name = "URL", group = "destination")]
    splunk: Option<String>,
    /// Its index there, where it is not the token's own
    #[arg(long, requires = "splunk", conflicts_with_all = ["webhook", "datadog", "s3", "event_bus"])]
    index: Option<String>,
    /// Its source there
    #[arg(long, requires = "splunk", conflicts_with_all = ["webhook", "datadog", "s3", "event_bus"])]
    source: Option<String>,
    /// The type of its source there
    #[arg(long, requires = "splunk", conflicts_with_all = ["webhook", "datadog", "s3", "event_bus"])]
    sourcetype: Option<String>,
    /// Datadog Logs, at this site
    #[arg(long, value_name = "SITE", group = "destination")]
    datadog: Option<String>,
    /// Its service, where it is not the default
    #[arg(long, requires = "datadog", conflicts_with_all = ["webhook", "splunk", "s3", "event_bus"])]
    service: Option<String>,
    /// A tag that each event gets there, such as env:production; repeat it for more
    #[arg(long, requires = "datadog", conflicts_with_all = ["webhook", "splunk", "s3", "event_bus"])]
    tag: Vec<String>,
    /// The archive bucket of the deployment
    #[arg(long, group = "destination")]
    s3: bool,
    /// An event bus of EventBridge, by its ARN
    #[arg(long, value_name = "ARN", group = "destination")]
    event_bus: Option<String>,
}

/// Which events are sent, and as what.
#[derive(Args, Debug)]
#[command(next_help_heading = "Events")]
struct Events {
    /// As what they are sent
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Only these actions; repeat it, or put commas between
    #[arg(long, value_delimiter = ',')]
    action: Vec<String>,
    /// Only these categories
    #[arg(long, value_delimiter = ',')]
    category: Vec<String>,
    /// Only what these users did, by their ids in the product; repeat it for more
    #[arg(long)]
    actor: Vec<String>,
    /// Only what was done to entities of these types
    #[arg(long, value_delimiter = ',')]
    entity_type: Vec<String>,
    /// Only with this outcome
    #[arg(long, value_enum)]
    outcome: Option<Outcome>,
    /// Leave this out, such as /actor/ip or /context/*; repeat it, or put commas between
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    mask: Vec<String>,
}

/// The option with the secret that a destination issued.
#[derive(Args, Debug)]
struct GivenSecret {
    /// File with the token of Splunk or the API key of Datadog; `-` is standard input [env: AUDITLOG_STREAM_SECRET]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// As the API answers them
    Native,
    /// In the Open Cybersecurity Schema Framework
    Ocsf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outcome {
    /// Events that succeeded
    Success,
    /// Events that were refused or failed
    Failure,
}

impl Create {
    pub(super) fn run(&self, reached: &Reached<'_>) -> Result<(), Error> {
        let Self { name, destination, events, secret, from, output } = self;
        let mut wanted = json!({ "name": name });
        wanted["destination"] = json!(destination.json());
        events.set(&mut wanted);
        if destination.splunk.is_some() || destination.datadog.is_some() {
            wanted["secret"] = json!(secret.read()?.ok_or_else(GivenSecret::missing)?);
        }
        if let Some(from) = from {
            wanted["from"] = json!(from);
        }
        show_with_secret(&reached.post("", &wanted)?, *output)
    }
}

impl Update {
    pub(super) fn run(&self, reached: &Reached<'_>) -> Result<(), Error> {
        let Self { stream, name, destination, events, no_filter, no_mask, output } = self;
        let mut wanted = json!({});
        if let Some(name) = name {
            wanted["name"] = json!(name);
        }
        if let Some(destination) = destination.json() {
            wanted["destination"] = destination;
        }
        events.set(&mut wanted);
        for (cleared, name) in [(no_filter, "filter"), (no_mask, "mask")] {
            if *cleared {
                wanted[name] = Value::Null;
            }
        }
        if wanted == json!({}) {
            return Err(Error::usage(
                "Nothing is to be another.",
                "Say what is to change, such as --name or --mask.",
            ));
        }
        let answer = reached.api.patch(&reached.at(&stream.id), &wanted, reached.admin()?)?.json()?;
        show_with_secret(&answer, *output)
    }
}

impl RotateSecret {
    pub(super) fn run(&self, reached: &Reached<'_>) -> Result<(), Error> {
        let Self { stream, secret, output } = self;
        let kind = reached.get(&stream.id)?;
        let wanted = match kind["destination"]["type"].as_str() {
            Some("webhook") => json!({"rotate_secret": true}),
            Some("splunk" | "datadog") => json!({"secret": secret.read()?.ok_or_else(GivenSecret::missing)?}),
            _ => {
                return Err(Error::usage(
                    "This stream has no secret.",
                    "AWS lets the service in to S3 and EventBridge; there is nothing to replace.",
                ));
            }
        };
        // Not patiently: a second time would make another secret.
        let answer = reached.api.patch_once(&reached.at(&stream.id), &wanted, reached.admin()?)?.json()?;
        show_with_secret(&answer, *output)
    }
}

impl Destination {
    /// As the API takes it; `None` if none is named.
    fn json(&self) -> Option<Value> {
        let Self { webhook, splunk, index, source, sourcetype, datadog, service, tag, s3, event_bus } = self;
        let mut members = Map::new();
        let mut set = |name: &str, value: Option<&String>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), json!(value));
            }
        };
        let kind = if webhook.is_some() {
            set("url", webhook.as_ref());
            "webhook"
        } else if splunk.is_some() {
            set("url", splunk.as_ref());
            set("index", index.as_ref());
            set("source", source.as_ref());
            set("sourcetype", sourcetype.as_ref());
            "splunk"
        } else if datadog.is_some() {
            set("site", datadog.as_ref());
            set("service", service.as_ref());
            "datadog"
        } else if *s3 {
            "s3"
        } else if event_bus.is_some() {
            set("event_bus", event_bus.as_ref());
            "eventbridge"
        } else {
            return None;
        };
        if !tag.is_empty() {
            members.insert("tags".to_owned(), json!(tag));
        }
        members.insert("type".to_owned(), json!(kind));
        Some(Value::Object(members))
    }
}

impl Events {
    fn set(&self, wanted: &mut Value) {
        let Self { format, action, category, actor, entity_type, outcome, mask } = self;
        let mut filter = Map::new();
        let lists =
            [("actions", action), ("categories", category), ("actors", actor), ("entity_types", entity_type)];
        for (name, values) in lists {
            if !values.is_empty() {
                filter.insert(name.to_owned(), json!(values));
            }
        }
        if let Some(outcome) = outcome {
            let name = match outcome {
                Outcome::Success => "success",
                Outcome::Failure => "failure",
            };
            filter.insert("outcome".to_owned(), json!(name));
        }
        if !filter.is_empty() {
            wanted["filter"] = Value::Object(filter);
        }
        if !mask.is_empty() {
            wanted["mask"] = json!(mask);
        }
        match format {
            None => {}
            Some(Format::Native) => wanted["format"] = json!("native"),
            Some(Format::Ocsf) => wanted["format"] = json!("ocsf"),
        }
    }
}

impl GivenSecret {
    /// The secret from the file or the environment. It is never an argument, because every user of the machine can see those.
    fn read(&self) -> Result<Option<String>, Error> {
        match &self.secret_file {
            None => Ok(variable(SECRET)),
            Some(path) if path.as_os_str() == "-" => secret_line().map(Some),
            Some(path) => match fs::read_to_string(path) {
                Ok(text) => Ok(Some(text.trim().to_owned())),
                Err(error) => Err(Error::usage(
                    format!("{} cannot be read: {error}.", path.display()),
                    "Give a file that contains only the secret.",
                )),
            },
        }
    }

    fn missing() -> Error {
        Error::usage(
            "The secret that the destination issued is missing.",
            format!("Give it by --secret-file, by `--secret-file -` on standard input, or in {SECRET}."),
        )
    }
}
