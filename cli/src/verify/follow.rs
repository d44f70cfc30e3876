//! `auditlog verify follow`: looks at a log again and again, for as long as it is the same.

use std::{path::PathBuf, thread};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{RETRIES, key, key::KeyOption, report::Shape, store::Store, watch::Watch};
use crate::{
    api::{Api, Ledger},
    credentials::Credentials,
    error::Error,
    flags::Flags,
    interrupt::Steps,
    ledger::Key,
    output::Output,
    time,
};

/// Options of `auditlog verify follow`.
#[derive(Args, Debug)]
pub(crate) struct VerifyFollow {
    /// The directory that remembers the log; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// How long to wait between two looks, such as 60s or 5m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = interval)]
    interval: SignedDuration,
    /// Look once, and end
    #[arg(long)]
    once: bool,
    /// Fetch all that is remembered again, and compare
    #[arg(long)]
    recheck: bool,
    #[command(flatten)]
    key: KeyOption,
}

impl VerifyFollow {
    /// Looks at the log until it is another one.
    pub(super) fn run(&self, flags: &Flags, shape: Shape) -> Result<(), Error> {
        let ended = self.look(flags, shape);
        if let (Shape::Json, Err(error)) = (shape, &ended)
            && let Some(answer) = error.answer()
        {
            // The answer goes before a failure to write it: a closed pipe must not silence an alarm.
            let _ = Output::new().ndjson(&[answer]);
        }
        ended
    }

    fn look(&self, flags: &Flags, shape: Shape) -> Result<(), Error> {
        let given = self.key.given()?;
        let credentials = flags.gather()?;
        let mut api = flags.api(&credentials, RETRIES)?;
        let impatient = flags.api(&credentials, RETRIES)?;
        if !self.once && flags.retries.is_none() {
            api = api.until_answered();
        }
        let (store, _lock) = Store::hold(&self.state)?;
        let key = self.trusted(given, &store, &api, &credentials)?;
        let remembered = store.log(&key)?;
        let mut watch = Watch {
            ledger: Ledger::new(&api, &credentials)?,
            impatient: Ledger::new(&impatient, &credentials)?,
            store,
            key,
            remembered,
            recheck: self.recheck,
        };
        let steps = if self.once { None } else { Some(Steps::begin()?) };
        let mut output = Output::new();
        loop {
            let grown = watch.look(steps.as_ref())?;
            let now = time::rfc3339(Timestamp::now());
            match (shape, grown) {
                (Shape::Text, Some(line)) => output.text(&format!("{now}  {line}\n"))?,
                (Shape::Text, None) if self.once => output.text("The log has not changed since.\n")?,
                (Shape::Text, None) => {}
                (Shape::Json, grown) => {
                    output.ndjson(&[json!({"answer": "proved", "at": now, "grown": grown})])?;
                }
            }
            if self.once {
                return Ok(());
            }
            thread::sleep(self.interval.unsigned_abs());
        }
    }

    /// The key to verify with: the remembered one, the given one, or for want of both what the server
    /// tells.
    fn trusted(
        &self,
        given: Option<Key>,
        store: &Store,
        api: &Api,
        credentials: &Credentials,
    ) -> Result<Key, Error> {
        let key = match (store.key()?, given) {
            (Some(remembered), Some(given)) if remembered != given => {
                return Err(Error::usage(
                    format!("{} remembers another key than --key gives.", self.state.display()),
                    "Leave --key out, or follow the log of the other key in a directory of its own.",
                ));
            }
            (Some(key), _) | (None, Some(key)) => key,
            (None, None) => return key::ask(api, &Ledger::new(api, credentials)?),
        };
        key::require_workspace(&key, credentials.workspace()?)?;
        Ok(key)
    }
}

fn interval(text: &str) -> Result<SignedDuration, String> {
    let interval: SignedDuration = text.parse().map_err(|_| "write it as 60s, 5m or 1h".to_owned())?;
    if interval.is_positive() { Ok(interval) } else { Err("it must be longer than nothing".to_owned()) }
}
