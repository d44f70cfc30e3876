//! `auditlog streams`: where the log is sent on to, for workspace admins.

mod mask;
mod set;
mod shown;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use self::{
    mask::MaskStream,
    set::{Create, RotateSecret, Update},
};
use crate::{
    api::{Api, Identity},
    credentials::Credentials,
    error::Error,
    flags::Flags,
    output::{Output, Shape},
    terminal::{self, safe_line},
};

const RETRIES: u32 = 3;

/// What to do about streams.
#[derive(Debug, Subcommand)]
pub(crate) enum Streams {
    /// List all streams, with how each goes
    List(List),
    /// Show a stream: what is set of it, how far it has come, how it goes
    Show(Named),
    /// Create a stream; the secret of a webhook is shown this once
    Create(Create),
    /// Change what is set of a stream
    Update(Update),
    /// Set the mask of a stream, or see with --preview what a mask leaves out of recorded events
    Mask(MaskStream),
    /// Have a test sent; `show` says how it went
    Test(Named),
    /// Let a stream stand still; nothing is lost
    Pause(PauseStream),
    /// Let a stream go on where it stands
    Resume(Named),
    /// Let a stream go on from a sequence
    Replay(Replay),
    /// Delete a stream and its secret
    Delete(Deleted),
    /// Replace the secret of a stream
    RotateSecret(RotateSecret),
}

/// Options of `auditlog streams list`.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// How to write them
    #[arg(long, short, value_enum, default_value_t = Shape::Table)]
    output: Shape,
}

/// A stream, and how to write it.
#[derive(Args, Debug)]
pub(crate) struct Named {
    #[command(flatten)]
    stream: Stream,
    /// How to write the stream
    #[arg(long, short, value_enum, default_value_t = Plainness::Text)]
    output: Plainness,
}

/// Options of `auditlog streams delete`.
#[derive(Args, Debug)]
pub(crate) struct Deleted {
    #[command(flatten)]
    stream: Stream,
}

/// Options of `auditlog streams pause`.
#[derive(Args, Debug)]
pub(crate) struct PauseStream {
    #[command(flatten)]
    named: Named,
    /// Why, in words that may stand in the log
    #[arg(long)]
    reason: Option<String>,
}

/// Options of `auditlog streams replay`.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    #[command(flatten)]
    named: Named,
    /// The sequence to go on from; 0 is the first of all
    #[arg(long, value_name = "SEQUENCE")]
    from: u64,
}

/// A stream, by its id.
#[derive(Args, Debug)]
struct Stream {
    /// Its id, as `auditlog streams list` shows it
    #[arg(value_name = "STREAM", value_parser = stream_id)]
    id: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Plainness {
    /// Lines for people
    Text,
    /// One JSON object
    Json,
}

/// The streams of a workspace, as an admin reaches them.
struct Reached<'a> {
    api: Api,
    credentials: &'a Credentials,
    path: String,
}

impl Streams {
    /// Does it.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let credentials = flags.gather()?;
        let reached = Reached {
            api: flags.api(&credentials, RETRIES)?,
            credentials: &credentials,
            path: format!("/api/{}/streams", credentials.workspace()?),
        };
        match self {
            Self::List(List { output }) => shown::list(&reached.get("")?, *output),
            Self::Show(named) => named.show(&reached.get(&named.stream.id)?),
            Self::Create(create) => create.run(&reached),
            Self::Update(update) => update.run(&reached),
            Self::Mask(mask) => mask.run(&reached),
            Self::Test(named) => {
                named.show(&reached.post(&format!("{}/test", named.stream.id), &json!({}))?)?;
                terminal::tell(
                    "The test is sent within a minute or two: `auditlog streams show` says how it went.",
                );
                Ok(())
            }
            Self::Pause(PauseStream { named, reason }) => {
                let body = reason.as_ref().map_or(json!({}), |reason| json!({ "reason": reason }));
                named.show(&reached.post(&format!("{}/pause", named.stream.id), &body)?)
            }
            Self::Resume(named) => {
                named.show(&reached.post(&format!("{}/resume", named.stream.id), &json!({}))?)
            }
            Self::Replay(Replay { named, from }) => {
                named.show(&reached.post(&format!("{}/replay", named.stream.id), &json!({ "from": from }))?)
            }
            Self::Delete(Deleted { stream }) => {
                reached.api.delete(&reached.at(&stream.id), reached.admin()?)?;
                terminal::tell(&format!("Deleted {}.", stream.id));
                Ok(())
            }
            Self::RotateSecret(rotate) => rotate.run(&reached),
        }
    }
}

impl Named {
    fn show(&self, stream: &Value) -> Result<(), Error> {
        show(stream, self.output)
    }
}

impl Reached<'_> {
    fn admin(&self) -> Result<Identity<'_>, Error> {
        Ok(Identity::Admin(self.credentials.admin_jwt()?))
    }

    fn at(&self, rest: &str) -> String {
        if rest.is_empty() { self.path.clone() } else { format!("{}/{rest}", self.path) }
    }

    fn get(&self, rest: &str) -> Result<Value, Error> {
        self.api.get(&self.at(rest), &[], self.admin()?)?.json()
    }

    fn post(&self, rest: &str, body: &Value) -> Result<Value, Error> {
        self.api.post(&self.at(rest), body, self.admin()?)?.json()
    }
}

fn show(stream: &Value, output: Plainness) -> Result<(), Error> {
    match output {
        Plainness::Json => Output::new().json(stream),
        Plainness::Text => Output::new().data(&shown::lines(stream)),
    }
}

/// Shows a stream whose answer may have a new secret, of which this is the only time.
fn show_with_secret(stream: &Value, output: Plainness) -> Result<(), Error> {
    let has_secret = stream["secret"].is_string();
    show(stream, output).map_err(|error| {
        let id = safe_line(stream["stream"].as_str().unwrap_or_default());
        if !has_secret {
            return error;
        }
        Error::failure(
            format!("The stream {id} has a new secret, which could not be shown."),
            format!("Make another with `auditlog streams rotate-secret {id}`."),
        )
    })?;
    if has_secret {
        terminal::say("This is the only time that the secret is shown: put it where secrets are kept, now.");
    }
    Ok(())
}

/// The id of a stream: whatever else was pasted goes into no URL and no message.
fn stream_id(text: &str) -> Result<String, &'static str> {
    match text.strip_prefix("str_") {
        Some(rest) if rest.len() == 12 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Ok(text.to_owned())
        }
        _ => Err("a stream has an id such as str_9fK2ZsW7xLdQ"),
    }
}
