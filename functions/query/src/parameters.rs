//! The query parameters of the time view.
//!
//! An unknown parameter is refused: ignoring a misspelt filter would show more events than requested.

use std::collections::BTreeSet;

use shared::{
    intake::parameters::Sent,
    model::{
        catalogue::{Action, Category},
        error::Error,
        event::Outcome,
        timestamp::Timestamp,
    },
    query::{
        criteria::{AddressRange, Criteria, FoldedText, MAX_TEXT_CHARACTERS},
        page::{DEFAULT_LIMIT, Filter, MAX_LIMIT, Order},
    },
    stream::{MAX_MASKS, Mask},
    text::nearest::did_you_mean,
};

use crate::format::Format;

/// The parameters that say which events.
pub const FILTERS: [&str; 18] = [
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
    "not_action",
    "not_category",
    "not_actor",
    "on_behalf_of",
    "actor_name",
    "entity_name",
    "contains",
    "reads",
];
/// The parameters of the time view other than the filters.
pub const LIST_NAMES: [&str; 5] = ["order", "limit", "cursor", "format", "mask"];
/// The parameters that may be repeated, or list several values with commas between them.
pub const LISTS: [&str; 6] = ["action", "category", "not_action", "not_category", "not_actor", "mask"];
/// The values of the parameter that says whether records of reads are among the events.
pub const READS: [&str; 2] = ["include", "exclude"];

/// A parsed query of the time view.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) filter: Filter,
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
    /// The format, if the query names one.
    pub(crate) format: Option<Format>,
    /// The values that are left out of each event, as a stream with these masks leaves them out.
    pub(crate) mask: Vec<Mask>,
}

impl Parameters {
    /// Reads decoded parameters.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] with all their problems.
    pub(crate) fn parse(pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let names: Vec<_> = FILTERS.into_iter().chain(LIST_NAMES).collect();
        let mut sent = Sent::gather(pairs, &names, &LISTS);
        let filter = read_filter(&mut sent);
        let order = sent.parsed("order", "unknown_value", parse_order).unwrap_or_default();
        let limit = sent.parsed("limit", "out_of_range", parse_limit).unwrap_or(DEFAULT_LIMIT);
        let format = sent.parsed("format", "unknown_value", parse_format);
        // Checked later, against the filters, so that every problem of a cursor is reported in one place.
        let cursor = sent.parsed("cursor", "invalid", |text| Ok(text.to_owned()));
        let mask =
            sent.list("mask", "invalid_path", |path| Mask::parse(path).map_err(|error| error.to_string()));
        if mask.len() > MAX_MASKS {
            sent.problem("mask", "too_many", format!("may have at most {MAX_MASKS} paths"));
        }
        sent.finish(Self { filter: Filter { order, ..filter }, limit, cursor, format, mask })
    }

    /// Where the next page is: the same query on `path`, from `cursor` on.
    pub(crate) fn link(&self, path: &str, cursor: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(named(&self.filter))
            .extend_pairs(self.format.map(|format| ("format", format.name())))
            .extend_pairs(self.mask.iter().map(|mask| ("mask", mask.path())))
            .append_pair("limit", &self.limit.to_string())
            .append_pair("cursor", cursor)
            .finish();
        format!("{path}?{query}")
    }
}

/// The filters among the parameters, in the default order.
pub(crate) fn read_filter(sent: &mut Sent) -> Filter {
    let start = sent.parsed("start_timestamp", "invalid_timestamp", parse_time);
    let end = sent.parsed("end_timestamp", "invalid_timestamp", parse_time);
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        sent.problem("end_timestamp", "out_of_range", "is before start_timestamp");
    }
    Filter {
        start,
        end,
        actions: sent.list("action", "unknown_action", action),
        categories: sent.list("category", "unknown_category", category),
        actor: sent.text("actor"),
        entity_type: sent.text("entity_type"),
        entity_id: sent.text("entity_id"),
        outcome: sent.parsed("outcome", "unknown_value", |name| {
            Outcome::parse(name).ok_or_else(|| one_of(&Outcome::NAMES))
        }),
        correlation_id: sent.text("correlation_id"),
        criteria: Criteria {
            not_actions: sent.list("not_action", "unknown_action", action),
            not_categories: sent.list("not_category", "unknown_category", category),
            not_actors: not_actors(sent),
            on_behalf_of: sent.text("on_behalf_of"),
            actor_name: sent.parsed("actor_name", "invalid_text", folded),
            entity_name: sent.parsed("entity_name", "invalid_text", folded),
            contains: sent.parsed("contains", "invalid_text", folded),
            ip: sent.parsed("ip", "invalid_address", |text| {
                AddressRange::parse(text).map_err(|error| error.to_string())
            }),
        },
        exclude_reads: sent
            .parsed("reads", "unknown_value", |text| match text {
                "include" => Ok(false),
                "exclude" => Ok(true),
                _ => Err(one_of(&READS)),
            })
            .unwrap_or_default(),
        order: Order::default(),
    }
}

fn action(name: &str) -> Result<Action, String> {
    Action::parse_lenient(name)
        .ok_or_else(|| "is not the name of an action; GET /api/actions lists them".to_owned())
}

fn category(name: &str) -> Result<&'static Category, String> {
    Category::parse(name).ok_or_else(|| {
        let near = did_you_mean(name, Category::names());
        format!("is not a category; GET /api/actions lists them{near}")
    })
}

/// The actors that are left out. An id may have commas itself, so each value is one id, and each of its parts as well.
fn not_actors(sent: &mut Sent) -> Vec<String> {
    let whole = sent.texts("not_actor");
    let parts = whole.iter().flat_map(|value| value.split(',')).filter(|part| !part.is_empty());
    let ids: BTreeSet<_> = whole.iter().map(String::as_str).chain(parts).map(str::to_owned).collect();
    ids.into_iter().collect()
}

fn folded(text: &str) -> Result<FoldedText, String> {
    match text.chars().count() {
        0 => Err("may not be empty; leave the parameter out".to_owned()),
        1..=MAX_TEXT_CHARACTERS => Ok(FoldedText::from(text.to_owned())),
        _ => Err(format!("may have at most {MAX_TEXT_CHARACTERS} characters")),
    }
}

/// The filters that are set, as query parameters.
pub(crate) fn named(filter: &Filter) -> Vec<(&'static str, String)> {
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
        criteria,
        exclude_reads,
        order,
    } = filter;
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
        ("reads", exclude_reads.then(|| "exclude".to_owned())),
        ("order", (*order != Order::default()).then(|| order.name().to_owned())),
    ];
    let all = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
    all.chain(criteria.parameters()).collect()
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| format!("{error}; write + as %2B"))
}

fn parse_order(name: &str) -> Result<Order, String> {
    Order::parse(name).ok_or_else(|| one_of(&Order::NAMES))
}

pub(crate) fn parse_limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| format!("must be a whole number from 1 to {MAX_LIMIT}"))
}

pub(crate) fn parse_format(name: &str) -> Result<Format, String> {
    Format::parse(name).ok_or_else(|| one_of(&Format::NAMES))
}

fn one_of(names: &[&str]) -> String {
    format!("must be one of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

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
    fn an_empty_query_asks_for_the_newest_hundred() {
        let nothing =
            Parameters { filter: Filter::default(), limit: 100, cursor: None, format: None, mask: vec![] };
        assert_eq!(parse("").unwrap(), nothing);
    }

    #[test]
    fn actions_are_repeated_or_listed() {
        assert_eq!(
            names("action=group_created&action=x_own,renamed_thing"),
            ["group_created", "x_own", "renamed_thing"]
        );
    }

    fn names(query: &str) -> Vec<String> {
        parse(query).unwrap().filter.actions.iter().map(Action::to_string).collect()
    }

    #[test]
    fn all_problems_of_a_query_are_reported_at_once() {
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
        refused("action=group%0Acreated", &["action unknown_action"]);
        refused("not_action=", &["not_action unknown_action"]);
        refused("not_category=groups", &["not_category unknown_category"]);
        refused("not_actor=", &["not_actor empty"]);
        refused("contains=", &["contains invalid_text"]);
        refused(&format!("contains={}", "a".repeat(1001)), &["contains invalid_text"]);
        refused("actor_name=&entity_name=", &["actor_name invalid_text", "entity_name invalid_text"]);
        refused("ip=300.1.1.1", &["ip invalid_address"]);
        refused("ip=203.0.113.0/33", &["ip invalid_address"]);
        refused("reads=no", &["reads unknown_value"]);
        refused("reads=", &["reads unknown_value"]);
        refused("mask=/id,/actor/ip", &["mask invalid_path"]);
        refused("mask=", &["mask invalid_path"]);
        refused(&"mask=/context/a&".repeat(51), &["mask too_many"]);
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
    fn an_actor_to_leave_out_may_have_a_comma_in_its_id() {
        check_actors_left_out("not_actor=u1&not_actor=u2", &["u1", "u2"]);
        check_actors_left_out("not_actor=u1,u2", &["u1", "u1,u2", "u2"]);
        check_actors_left_out("not_actor=cn%3Da,dc%3Db", &["cn=a", "cn=a,dc=b", "dc=b"]);
    }

    fn check_actors_left_out(query: &str, expected: &[&str]) {
        assert_eq!(parse(query).unwrap().filter.criteria.not_actors, expected, "{query}");
    }

    proptest! {
        #[test]
        fn no_query_panics_and_each_refusal_names_its_parameter(
            names in vec(select(FILTERS.into_iter().chain(LIST_NAMES).chain(["", "workspace"]).collect::<Vec<_>>()), 0..6),
            values in vec("\\PC{0,12}|[0-9TZ:.+-]{0,30}|[a-z_,]{0,20}", 6),
        ) {
            let pairs: Vec<_> = names.iter().map(|name| (*name).to_owned()).zip(values).collect();
            match Parameters::parse(pairs) {
                Ok(parsed) => {
                    // The link to the next page repeats everything that was understood.
                    let link = parsed.link("", "c");
                    let again = parse(link.trim_start_matches('?')).unwrap();
                    prop_assert_eq!(again, Parameters { cursor: Some("c".to_owned()), ..parsed });
                }
                Err(Error::InvalidQuery(problems)) => {
                    prop_assert!(!problems.is_empty());
                    for problem in problems {
                        prop_assert!(problem.field.is_empty() || names.contains(&problem.field.as_str()));
                        prop_assert!(!problem.code.is_empty() && !problem.detail.is_empty());
                    }
                }
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }

    #[test]
    fn a_misspelt_parameter_is_answered_with_the_right_one() {
        let Err(Error::InvalidQuery(problems)) = parse("start_timestmap=x") else { panic!("taken") };
        assert!(problems[0].detail.contains("did you mean start_timestamp"), "{}", problems[0].detail);
    }

    #[test]
    fn the_link_repeats_the_query() {
        let query = "start_timestamp=2025-01-01T01:00:00%2B01:00&action=group_created,x_own&order=asc&limit=7&mask=/actor/ip,/context/**/email";
        let first = parse(query).unwrap();
        let link = first.link("/api/acme/audit_logs", "a-b_c");
        let second = parse(link.strip_prefix("/api/acme/audit_logs?").unwrap()).unwrap();
        assert_eq!(second, Parameters { cursor: Some("a-b_c".to_owned()), ..first });
    }
}
