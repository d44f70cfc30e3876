//! The query parameters of the time view.
//!
//! A parameter that we do not know is refused: a filter that is ignored shows more than was asked
//! for.

use std::collections::BTreeMap;

use shared::{
    catalogue::{Action, did_you_mean},
    error::{Error, FieldError},
    page::{DEFAULT_LIMIT, Filter, MAX_LIMIT, Order},
    timestamp::Timestamp,
};

const NAMES: [&str; 6] = ["start_timestamp", "end_timestamp", "action", "order", "limit", "cursor"];

/// What a reader asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) filter: Filter,
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
}

impl Parameters {
    /// Reads decoded parameters.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] with everything that is wrong with them.
    pub(crate) fn parse(parameters: Vec<(String, String)>) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut named = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in parameters {
            named.entry(name).or_default().push(value);
        }
        for name in named.keys().filter(|name| !NAMES.contains(&name.as_str())) {
            let near = did_you_mean(name, NAMES);
            problems.push(FieldError::new(
                name,
                "unknown_parameter",
                format!("is not a parameter of this route{near}"),
            ));
        }
        let actions = read_actions(named.remove("action").unwrap_or_default(), &mut problems);
        let mut once = |name: &'static str| {
            let mut values = named.remove(name).unwrap_or_default();
            if values.len() > 1 {
                problems.push(FieldError::new(name, "repeated", "may be given once"));
            }
            values.pop()
        };
        let [start, end, order, limit, cursor] =
            ["start_timestamp", "end_timestamp", "order", "limit", "cursor"].map(&mut once);
        let mut problem =
            |name: &str, code, detail: String| problems.push(FieldError::new(name, code, detail));
        let mut time = |name: &str, text: Option<String>| {
            let time = Timestamp::parse(&text?);
            time.map_err(|error| problem(name, "invalid_timestamp", format!("{error}; write + as %2B"))).ok()
        };
        let (start, end) = (time("start_timestamp", start), time("end_timestamp", end));
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            problem("end_timestamp", "out_of_range", "is before start_timestamp".to_owned());
        }
        let order = match order.as_deref() {
            None | Some("desc") => Order::Descending,
            Some("asc") => Order::Ascending,
            Some(_) => {
                problem("order", "unknown_value", format!("must be one of {}", Order::NAMES.join(", ")));
                Order::default()
            }
        };
        let limit = limit.map_or(Some(DEFAULT_LIMIT), |text| {
            text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
        });
        if limit.is_none() {
            problem("limit", "out_of_range", format!("must be a whole number from 1 to {MAX_LIMIT}"));
        }
        match limit {
            Some(limit) if problems.is_empty() => {
                Ok(Self { filter: Filter { start, end, actions, order }, limit, cursor })
            }
            _ => Err(Error::InvalidQuery(problems)),
        }
    }

    /// The filters that were set, by name, as the event about the read tells them.
    pub(crate) fn named(&self) -> BTreeMap<&'static str, String> {
        let Filter { start, end, actions, order } = &self.filter;
        let actions: Vec<_> = actions.iter().map(Action::name).collect();
        let all = [
            ("start_timestamp", start.map(|time| time.to_string())),
            ("end_timestamp", end.map(|time| time.to_string())),
            ("action", (!actions.is_empty()).then(|| actions.join(","))),
            ("order", (*order != Order::default()).then(|| order.name().to_owned())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Where the next page is: the same query on `path`, from `cursor` on.
    pub(crate) fn link(&self, path: &str, cursor: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.named())
            .append_pair("limit", &self.limit.to_string())
            .append_pair("cursor", cursor)
            .finish();
        format!("{path}?{query}")
    }
}

/// Repeated, or with commas between them. Any well-formed name will do: events from the bus may bear
/// names that are in no catalogue.
fn read_actions(values: Vec<String>, problems: &mut Vec<FieldError>) -> Vec<Action> {
    let mut actions = Vec::new();
    for name in values.iter().flat_map(|value| value.split(',')) {
        match Action::parse_lenient(name) {
            Some(action) => actions.push(action),
            None => problems.push(FieldError::new(
                "action",
                "unknown_action",
                "is not the name of an action; GET /api/actions lists them",
            )),
        }
    }
    actions
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
        let filter = Filter { start: None, end: None, actions: vec![], order: Order::Descending };
        assert_eq!(parse("").unwrap(), Parameters { filter, limit: 100, cursor: None });
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
