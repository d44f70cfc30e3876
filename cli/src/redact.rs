//! `auditlog redact`: erases parts of recorded events. Without `--yes` it counts the events and erases nothing.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use indicatif::HumanCount;
use serde_json::{Value, json};

use crate::{
    api::{Api, Encoding, Identity, Ledger, Listing, MAX_PAGE, Wanted},
    credentials::Credentials,
    error::Error,
    filters::Parameters,
    flags::Flags,
    output::Output,
    page, show,
    terminal::safe_line,
};

const RETRIES: u32 = 3;
/// The most events that the API takes by their sequences in one request.
const MAX_SEQUENCES: usize = 99;

/// Options of `auditlog redact`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["actor", "sequence"]))]
pub(crate) struct Redact {
    /// All events of the actor with this user id
    #[arg(long, value_name = "USER_ID")]
    actor: Option<String>,
    /// The events with these sequences, such as 17,20-25
    #[arg(long, value_name = "SEQUENCES", value_parser = sequences, visible_alias = "sequences")]
    sequence: Option<BTreeSet<u64>>,
    /// The parts to erase [default: of an actor: actor; of sequences: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    parts: Vec<Part>,
    /// The reason, which the log keeps
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Erase them, for good
    #[arg(long)]
    yes: bool,
    /// How to write the result
    #[arg(long, short, value_enum, default_value_t = Plainness::Text)]
    output: Plainness,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Plainness {
    /// A line for people
    Text,
    /// One JSON object
    Json,
}

/// A part of an event.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    Actor,
    Entity,
    Context,
    Changes,
    Description,
}

impl Redact {
    /// Counts the events, or erases their parts.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Error> {
        let credentials = flags.gather()?;
        let api = flags.api(&credentials, RETRIES)?;
        if self.yes { self.erase(&api, &credentials) } else { self.count(&api, &credentials) }
    }

    fn parts(&self) -> Vec<String> {
        let names: Vec<Part> = match (&self.actor, self.parts.as_slice()) {
            (Some(_), []) => vec![Part::Actor],
            (None, []) => Part::value_variants().to_vec(),
            (_, parts) => parts.to_vec(),
        };
        names.iter().filter_map(|part| Some(part.to_possible_value()?.get_name().to_owned())).collect()
    }

    /// The dry run: a token is enough, and nothing is erased.
    fn count(&self, api: &Api, credentials: &Credentials) -> Result<(), Error> {
        let (found, which) = match (&self.actor, &self.sequence) {
            (Some(actor), _) => {
                (count_actor(api, credentials, actor)?, format!("of the actor {}", safe_line(actor)))
            }
            (None, sequences) => {
                let sequences = sequences.clone().unwrap_or_default();
                let ledger = Ledger::new(api, credentials)?;
                for sequence in &sequences {
                    if ledger.entry(*sequence)?.is_none() {
                        return Err(show::no_sequence(*sequence, ledger.workspace()));
                    }
                }
                (sequences.len() as u64, "with these sequences".to_owned())
            }
        };
        let parts = self.parts();
        match self.output {
            Plainness::Json => Output::new().json(&json!({"events": found, "parts": parts, "redacted": 0})),
            Plainness::Text => Output::new().text(&format!(
                "{} events {which} in {}; {} would be erased. Nothing was erased: --yes does it.\n",
                HumanCount(found),
                credentials.workspace()?,
                parts.join(", ")
            )),
        }
    }

    fn erase(&self, api: &Api, credentials: &Credentials) -> Result<(), Error> {
        let path = format!("/api/{}/redactions", credentials.workspace()?);
        let admin = Identity::Admin(credentials.admin_jwt()?);
        let mut body = match (&self.actor, &self.sequence) {
            (Some(actor), _) => json!({"actor": actor}),
            (None, sequences) => json!({"sequences": sequences}),
        };
        body["parts"] = json!(self.parts());
        if let Some(reason) = &self.reason {
            body["reason"] = json!(reason);
        }
        let (mut redacted, mut kept) = (0, 0);
        loop {
            let answer = api.post(&path, &body, admin)?.json()?;
            redacted += answer["redacted"].as_u64().unwrap_or_default();
            kept += answer["kept"].as_u64().unwrap_or_default();
            match &answer["cursor"] {
                // If we crash here, the same command goes on: erased parts are not erased twice.
                Value::String(cursor) if body["cursor"] != json!(cursor) => body["cursor"] = json!(cursor),
                _ => break,
            }
        }
        match self.output {
            Plainness::Json => Output::new().json(&json!({"redacted": redacted, "kept": kept})),
            Plainness::Text => {
                let kept = match kept {
                    0 => String::new(),
                    kept => format!(
                        " {} records of the actor's own acts as an admin stay whole.",
                        HumanCount(kept)
                    ),
                };
                Output::new().text(&format!("Erased parts of {} events.{kept}\n", HumanCount(redacted)))
            }
        }
    }
}

fn count_actor(api: &Api, credentials: &Credentials, actor: &str) -> Result<u64, Error> {
    let parameters = Parameters::from([("actor".to_owned(), actor.to_owned())]);
    let wanted = Wanted {
        workspace: credentials.workspace()?,
        token: credentials.bearer()?,
        parameters: &parameters,
        encoding: Encoding::Ndjson,
    };
    let mut listing = Listing::new(&wanted, None, None);
    let mut found = 0;
    loop {
        let page = listing.next(api, MAX_PAGE)?;
        for line in page.body.lines() {
            // An event of which the actor is erased already has no user id.
            found += u64::from(page::event(line)?["actor"]["user_id"] == actor);
        }
        if page.next.is_none() {
            return Ok(found);
        }
    }
}

/// Reads sequences and ranges of them.
fn sequences(text: &str) -> Result<BTreeSet<u64>, String> {
    let mut all = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        fn number(text: &str) -> Result<u64, String> {
            text.trim().parse::<u64>().map_err(|_| format!("{text:?} is no sequence: write 17,20-25"))
        }
        let (first, last) = (number(first)?, number(last)?);
        if last < first {
            return Err(format!("the range {part} ends before it begins"));
        }
        if last - first >= MAX_SEQUENCES as u64 || all.len() + (last - first) as usize >= MAX_SEQUENCES {
            return Err(format!(
                "there are more than {MAX_SEQUENCES} events: run the command for each {MAX_SEQUENCES}"
            ));
        }
        all.extend(first..=last);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_listed_or_in_ranges() {
        assert_eq!(sequences("17, 20-22,20"), Ok([17, 20, 21, 22].into()));
        assert_eq!(sequences("0-98").map(|all| all.len()), Ok(99));
        for wrong in ["", "a", "3-1", "0-99", "1,2,x", "-4", "0-98,200", "0-18446744073709551615"] {
            assert!(sequences(wrong).is_err(), "{wrong}");
        }
    }
}
