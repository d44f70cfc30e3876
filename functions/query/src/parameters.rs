//! The query parameters of the time view.
//!
//! A parameter that we do not know is refused: a filter that is ignored shows more than was asked
//! for.

use std::collections::BTreeMap;

use shared::{
    catalogue::{Action, Category, did_you_mean},
    error::{Error, FieldError},
    event::Outcome,
    page::{DEFAULT_LIMIT, Filter, MAX_LIMIT, Order},
    timestamp::Timestamp,
};

use crate::format::Format;

/// Every parameter there is.
pub const NAMES: [&str; 14] = [
    "start_timestamp",
    "end_timestamp",
    "action",
    "category",
    "actor",
    "entity_type",
    "entity_id",
    "outcome",
    "correlation_id",
    "ip",
    "order",
    "limit",
    "cursor",
    "format",
];
/// The parameters that may be repeated, or list several values with commas between them.
pub const LISTS: [&str; 2] = ["action", "category"];
/// The longest value that an identifier of an event can have, in bytes.
pub const MAX_VALUE_BYTES: usize = 16 * 1024;

/// What a reader asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) filter: Filter,
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
    /// How the answer is to be written, where the query says so.
    pub(crate) format: Option<Format>,
}

impl Parameters {
    /// Reads decoded parameters.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] with everything that is wrong with them.
    pub(crate) fn parse(pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let mut sent = Sent::gather(pairs);
        let start = sent.parsed("start_timestamp", "invalid_timestamp", parse_time);
        let end = sent.parsed("end_timestamp", "invalid_timestamp", parse_time);
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            sent.problem("end_timestamp", "out_of_range", "is before start_timestamp");
        }
        let filter = Filter {
            start,
            end,
            actions: sent.list("action", "unknown_action", |name| {
                Action::parse_lenient(name)
                    .ok_or_else(|| "is not the name of an action; GET /api/actions lists them".to_owned())
            }),
            categories: sent.list("category", "unknown_category", |name| {
                let near = || did_you_mean(name, Category::names());
                Category::parse(name)
                    .ok_or_else(|| format!("is not a category; GET /api/actions lists them{}", near()))
            }),
            actor: sent.text("actor"),
            entity_type: sent.text("entity_type"),
            entity_id: sent.text("entity_id"),
            outcome: sent.parsed("outcome", "unknown_value", |name| {
                Outcome::parse(name).ok_or_else(|| one_of(&Outcome::NAMES))
            }),
            correlation_id: sent.text("correlation_id"),
            ip: sent.text("ip"),
            order: sent.parsed("order", "unknown_value", parse_order).unwrap_or_default(),
        };
        let limit = sent.parsed("limit", "out_of_range", parse_limit).unwrap_or(DEFAULT_LIMIT);
        let format = sent.parsed("format", "unknown_value", |name| {
            Format::parse(name).ok_or_else(|| one_of(&Format::NAMES))
        });
        // Judged later, against the filters: whatever is wrong with a cursor is told in one way.
        let cursor = sent.parsed("cursor", "invalid", |text| Ok(text.to_owned()));
        if sent.problems.is_empty() {
            Ok(Self { filter, limit, cursor, format })
        } else {
            Err(Error::InvalidQuery(sent.problems))
        }
    }

    /// The filters that were set, by name, as the event about the read tells them.
    pub(crate) fn named(&self) -> BTreeMap<&'static str, String> {
        let Filter {
            start,
            end,
            actions,
            categories,
            actor,
            entity_type,
            entity_id,
            outcome,
            correlation_id,
            ip,
            order,
        } = &self.filter;
        let actions: Vec<_> = actions.iter().map(Action::name).collect();
        let categories: Vec<_> = categories.iter().map(|category| category.name).collect();
        let all = [
            ("start_timestamp", start.map(|time| time.to_string())),
            ("end_timestamp", end.map(|time| time.to_string())),
            ("action", (!actions.is_empty()).then(|| actions.join(","))),
            ("category", (!categories.is_empty()).then(|| categories.join(","))),
            ("actor", actor.clone()),
            ("entity_type", entity_type.clone()),
            ("entity_id", entity_id.clone()),
            ("outcome", outcome.map(|outcome| outcome.name().to_owned())),
            ("correlation_id", correlation_id.clone()),
            ("ip", ip.clone()),
            ("order", (*order != Order::default()).then(|| order.name().to_owned())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Where the next page is: the same query on `path`, from `cursor` on.
    pub(crate) fn link(&self, path: &str, cursor: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.named())
            .extend_pairs(self.format.map(|format| ("format", format.name())))
            .append_pair("limit", &self.limit.to_string())
            .append_pair("cursor", cursor)
            .finish();
        format!("{path}?{query}")
    }
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| format!("{error}; write + as %2B"))
}

fn parse_order(name: &str) -> Result<Order, String> {
    Order::parse(name).ok_or_else(|| one_of(&Order::NAMES))
}

fn parse_limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| format!("must be a whole number from 1 to {MAX_LIMIT}"))
}

fn one_of(names: &[&str]) -> String {
    format!("must be one of {}", names.join(", "))
}

/// The parameters as they were sent, and what is wrong with them.
struct Sent {
    values: BTreeMap<String, Vec<String>>,
    problems: Vec<FieldError>,
}

impl Sent {
    /// Gathers parameters by name and refuses those that nobody reads, or that must not be repeated.
    fn gather(pairs: Vec<(String, String)>) -> Self {
        let mut sent = Self { values: BTreeMap::new(), problems: Vec::new() };
        for (name, value) in pairs {
            sent.values.entry(name).or_default().push(value);
        }
        for (name, values) in std::mem::take(&mut sent.values) {
            if !NAMES.contains(&name.as_str()) {
                let near = did_you_mean(&name, NAMES);
                sent.problem(&name, "unknown_parameter", format!("is not a parameter of this route{near}"));
            } else if values.len() > 1 && !LISTS.contains(&name.as_str()) {
                sent.problem(&name, "repeated", "may be given once");
            } else {
                sent.values.insert(name, values);
            }
        }
        sent
    }

    fn problem(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.problems.push(FieldError::new(name, code, detail));
    }

    /// A text to compare with. An empty one equals nothing that an event can hold.
    fn text(&mut self, name: &'static str) -> Option<String> {
        self.parsed(name, "empty", |text| match text.len() {
            0 => Err("may not be empty; leave the parameter out".to_owned()),
            1..=MAX_VALUE_BYTES => Ok(text.to_owned()),
            _ => Err(format!("may have at most {MAX_VALUE_BYTES} bytes")),
        })
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        code: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.values.remove(name)?.pop()?;
        parse(&text).map_err(|detail| self.problem(name, code, detail)).ok()
    }

    fn list<T>(
        &mut self,
        name: &'static str,
        code: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        for text in self.values.remove(name).unwrap_or_default().iter().flat_map(|text| text.split(',')) {
            match parse(text) {
                Ok(value) => list.push(value),
                Err(detail) => self.problem(name, code, detail),
            }
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Parameters, Error> {
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Parameters::parse(pairs)
    }

    fn refused(query: &str, expected: &[&str]) {
        let Err(Error::InvalidQuery(problems)) = parse(query) else { panic!("{query} is taken") };
        let found: Vec<_> =
            problems.iter().map(|problem| format!("{} {}", problem.field, problem.code)).collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn nothing_asks_for_the_newest_hundred() {
        let nothing = Parameters { filter: Filter::default(), limit: 100, cursor: None, format: None };
        assert_eq!(parse("").unwrap(), nothing);
    }

    #[test]
    fn actions_are_repeated_or_listed() {
        let names = |query: &str| -> Vec<String> {
            parse(query).unwrap().filter.actions.iter().map(Action::to_string).collect()
        };
        assert_eq!(
            names("action=group_created&action=x_own,renamed_thing"),
            ["group_created", "x_own", "renamed_thing"]
        );
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        refused("limit=0", &["limit out_of_range"]);
        refused("limit=1001", &["limit out_of_range"]);
        refused("limit=ten", &["limit out_of_range"]);
        refused("limit=", &["limit out_of_range"]);
        refused("order=newest", &["order unknown_value"]);
        refused("order=asc&order=asc", &["order repeated"]);
        refused("cursor=a&cursor=b", &["cursor repeated"]);
        refused("outcome=maybe", &["outcome unknown_value"]);
        refused("format=xml", &["format unknown_value"]);
        refused("category=users", &["category unknown_category"]);
        refused("actor=", &["actor empty"]);
        refused("action=", &["action unknown_action"]);
        refused("action=Group", &["action unknown_action"]);
        refused("start_timestamp=2025-01-01", &["start_timestamp invalid_timestamp"]);
        refused(
            "start_timestamp=2025-01-02T00:00:00Z&end_timestamp=2025-01-01T00:00:00Z",
            &["end_timestamp out_of_range"],
        );
        refused(
            "start=2025-01-01T00:00:00Z&workspace=globex&limit=x",
            &["start unknown_parameter", "workspace unknown_parameter", "limit out_of_range"],
        );
    }

    #[test]
    fn a_misspelt_parameter_is_met_with_the_right_one() {
        let Err(Error::InvalidQuery(problems)) = parse("start_timestmap=x") else { panic!("taken") };
        assert!(problems[0].detail.contains("did you mean start_timestamp"), "{}", problems[0].detail);
    }

    #[test]
    fn the_link_asks_the_same_again() {
        let query =
            "start_timestamp=2025-01-01T01:00:00%2B01:00&action=group_created,x_own&order=asc&limit=7";
        let first = parse(query).unwrap();
        let link = first.link("/api/acme/audit_logs", "a-b_c");
        let second = parse(link.strip_prefix("/api/acme/audit_logs?").unwrap()).unwrap();
        assert_eq!(second, Parameters { cursor: Some("a-b_c".to_owned()), ..first });
    }
}
