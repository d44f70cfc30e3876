//! Which events are asked for: the filters of the API, as options.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use jiff::{Timestamp, Zoned};

use crate::{error::Error, time};

/// The filters that were set, by the names of the API.
pub(crate) type Parameters = BTreeMap<String, String>;

/// Options that choose events. All that are set must hold.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Filters (all that are given must hold)")]
pub(crate) struct Filters {
    /// Not before this: RFC 3339, a date, or a span such as 2h, -7d or "7 days ago"
    #[arg(long, visible_alias = "since", value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) start: Option<String>,
    /// Before this, in the same forms; a date means its first moment
    #[arg(long, visible_alias = "until", value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) end: Option<String>,
    /// One of these actions; `auditlog actions` lists them
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    action: Vec<String>,
    /// None of these actions; also written --action!=ACTION
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    not_action: Vec<String>,
    /// In one of these categories
    #[arg(long, value_name = "CATEGORY", value_delimiter = ',')]
    category: Vec<String>,
    /// In none of these categories
    #[arg(long, value_name = "CATEGORY", value_delimiter = ',')]
    not_category: Vec<String>,
    /// By the actor with this user id
    #[arg(long, value_name = "USER_ID")]
    actor: Option<String>,
    /// By none of the actors with these user ids
    #[arg(long, value_name = "USER_ID")]
    not_actor: Vec<String>,
    /// By an actor whose name begins with this, whatever the case
    #[arg(long, value_name = "NAME")]
    actor_name: Option<String>,
    /// On behalf of the user with this id
    #[arg(long, value_name = "USER_ID")]
    on_behalf_of: Option<String>,
    /// Done to an entity of this type, such as workspace_connection
    #[arg(long, value_name = "TYPE")]
    entity_type: Option<String>,
    /// Done to the entity with this id
    #[arg(long, value_name = "ID")]
    entity_id: Option<String>,
    /// Done to an entity whose name begins with this, whatever the case
    #[arg(long, value_name = "NAME")]
    entity_name: Option<String>,
    /// With this in a name, the description, or a value of the context or of a change, whatever the case
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
    /// How it ended
    #[arg(long, value_enum)]
    outcome: Option<Outcome>,
    /// With this correlation_id in its context
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// From this address, or from a range such as 203.0.113.0/24
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<String>,
    /// Whether the records of reads of the log are among the events; `query` and `tail` leave them out by default
    #[arg(long, value_enum)]
    reads: Option<Reads>,
}

/// Whether the records of reads are among the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reads {
    /// They are
    Include,
    /// They are left out
    Exclude,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outcome {
    /// It was done
    Success,
    /// It was tried and refused, or failed
    Failure,
}

/// The range of time asked for; half-open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    /// Not before this.
    pub(crate) start: Option<Timestamp>,
    /// Before this.
    pub(crate) end: Option<Timestamp>,
}

impl Filters {
    /// The range of time. A time without an offset is of the zone of `now`.
    ///
    /// # Errors
    /// If a time cannot be read, or the range ends before it begins.
    pub(crate) fn range(&self, now: &Zoned) -> Result<Range, Error> {
        let [start, end] = [("start", &self.start), ("end", &self.end)].map(|(option, text)| {
            let Some(text) = text else { return Ok(None) };
            time::parse_past(text, now).map(Some).map_err(|forms| {
                Error::usage(format!("--{option} is not a time."), format!("Please {forms}."))
            })
        });
        let range = Range { start: start?, end: end? };
        range.check()?;
        Ok(range)
    }

    /// All filters but the range. `reads` says whether records of reads are among the events where the options do not:
    /// by naming their action or category, they ask for them.
    pub(crate) fn but_range(&self, reads: Reads) -> Parameters {
        let Self {
            start: _,
            end: _,
            action,
            not_action,
            category,
            not_category,
            actor,
            not_actor,
            actor_name,
            on_behalf_of,
            entity_type,
            entity_id,
            entity_name,
            contains,
            outcome,
            correlation_id,
            ip,
            reads: asked,
        } = self;
        let by_name = action.iter().any(|name| name == "audit_log_accessed")
            || category.iter().any(|name| name == "audit_logs_access");
        let reads = asked.unwrap_or(if by_name { Reads::Include } else { reads });
        fn list(values: &[String]) -> Option<String> {
            (!values.is_empty()).then(|| values.join(","))
        }
        let outcome = outcome.map(|outcome| match outcome {
            Outcome::Success => "success".to_owned(),
            Outcome::Failure => "failure".to_owned(),
        });
        let all = [
            ("action", list(action)),
            ("category", list(category)),
            ("actor", actor.clone()),
            ("entity_type", entity_type.clone()),
            ("entity_id", entity_id.clone()),
            ("outcome", outcome),
            ("correlation_id", correlation_id.clone()),
            ("ip", ip.clone()),
            ("not_action", list(not_action)),
            ("not_category", list(not_category)),
            ("not_actor", list(not_actor)),
            ("actor_name", actor_name.clone()),
            ("on_behalf_of", on_behalf_of.clone()),
            ("entity_name", entity_name.clone()),
            ("contains", contains.clone()),
            // Without it the API gives all.
            ("reads", (reads == Reads::Exclude).then(|| "exclude".to_owned())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

impl Filters {
    /// Whether any filter is set.
    pub(crate) fn is_set(&self) -> bool {
        self.start.is_some() || self.end.is_some() || !self.but_range(Reads::Include).is_empty()
    }
}

impl Range {
    /// The parameters that ask for the range.
    pub(crate) fn parameters(&self) -> Parameters {
        let Self { start, end } = self;
        let both = [("start_timestamp", start), ("end_timestamp", end)];
        both.into_iter().filter_map(|(name, time)| Some((name.to_owned(), time::rfc3339((*time)?)))).collect()
    }

    /// That the range does not end before it begins.
    ///
    /// # Errors
    /// If it does.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match (self.start, self.end) {
            (Some(start), Some(end)) if end < start => Err(Error::usage(
                format!("The range ends at {end}, before it begins at {start}."),
                "Exchange --start and --end, or correct them.",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        filters: Filters,
    }

    fn filters(options: &[&str]) -> Filters {
        Command::try_parse_from([&["x"], options].concat()).unwrap().filters
    }

    fn now() -> Zoned {
        "2025-03-10T00:00:00Z".parse::<jiff::Timestamp>().unwrap().to_zoned(jiff::tz::TimeZone::UTC)
    }

    #[test]
    fn each_option_is_the_parameter_of_the_api() {
        let filters = filters(&[
            "--since",
            "-7d",
            "--until=2025-03-09",
            "--action=a,b",
            "--action=c",
            "--category=user_groups",
            "--actor=u1",
            "--entity-type=report",
            "--entity-id=r1",
            "--outcome=failure",
            "--correlation-id=c1",
            "--ip=::1",
            "--not-action=d,e",
            "--not-category=custom",
            "--not-actor=u2",
            "--not-actor=u3",
            "--actor-name=Ann",
            "--on-behalf-of=u4",
            "--entity-name=Star",
            "--contains=space",
        ]);
        let mut found = filters.but_range(Reads::Exclude);
        found.extend(filters.range(&now()).unwrap().parameters());
        let expected = [
            ("action", "a,b,c"),
            ("actor", "u1"),
            ("actor_name", "Ann"),
            ("category", "user_groups"),
            ("contains", "space"),
            ("correlation_id", "c1"),
            ("end_timestamp", "2025-03-09T00:00:00.000000Z"),
            ("entity_id", "r1"),
            ("entity_name", "Star"),
            ("entity_type", "report"),
            ("ip", "::1"),
            ("not_action", "d,e"),
            ("not_actor", "u2,u3"),
            ("not_category", "custom"),
            ("on_behalf_of", "u4"),
            ("outcome", "failure"),
            ("reads", "exclude"),
            ("start_timestamp", "2025-03-03T00:00:00.000000Z"),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        assert!(matches!(filters(&["--start=now", "--end=-1d"]).range(&now()), Err(Error::Usage(_))));
        assert!(filters(&["--start=-1d", "--end=-1d"]).range(&now()).is_ok());
    }
}
