//! A question to the log of a workspace. It is settled when a command begins, so that a command that is resumed asks the same.

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    api::Api,
    credentials::Credentials,
    error::Error,
    filters::{Filters, Parameters, Range, Reads},
};

/// Which events of which workspace are wanted.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    pub(crate) endpoint: String,
    pub(crate) workspace: String,
    /// The filters, without the range.
    pub(crate) filters: Parameters,
    pub(crate) start: Bound,
    pub(crate) end: Bound,
}

/// One end of the range: as it was typed, and the time that this was then.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bound {
    pub(crate) typed: Option<String>,
    pub(crate) time: Option<Timestamp>,
}

impl Question {
    /// The question of a command line, with or without records of reads where it does not say. Times without an offset are of
    /// the zone.
    ///
    /// # Errors
    /// If no workspace is named, or a filter cannot be read.
    pub(crate) fn new(
        api: &Api,
        credentials: &Credentials,
        filters: &Filters,
        reads: Reads,
        zone: TimeZone,
    ) -> Result<Self, Error> {
        let Range { start, end } = filters.range(&Timestamp::now().to_zoned(zone))?;
        Ok(Self {
            endpoint: api.endpoint().to_string(),
            workspace: credentials.workspace()?.to_owned(),
            filters: filters.but_range(reads),
            start: Bound { typed: filters.start.clone(), time: start },
            end: Bound { typed: filters.end.clone(), time: end },
        })
    }

    /// The range of time.
    pub(crate) fn range(&self) -> Range {
        Range { start: self.start.time, end: self.end.time }
    }

    /// The parameters that ask for it.
    pub(crate) fn parameters(&self) -> Parameters {
        let mut parameters = self.filters.clone();
        parameters.extend(self.range().parameters());
        parameters
    }

    /// By what another question is not the same, in the words of the command line. What is typed
    /// again means what it meant the first time.
    pub(crate) fn differences(&self, asked: &Self) -> Vec<&'static str> {
        let Self { endpoint, workspace, filters, start, end } = self;
        let all = [
            ("--endpoint", *endpoint != asked.endpoint),
            ("--workspace", *workspace != asked.workspace),
            ("the filters", *filters != asked.filters),
            ("--start", !start.is_same(&asked.start)),
            ("--end", !end.is_same(&asked.end)),
        ];
        all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

impl Bound {
    /// Whether the same was typed, or the same time was meant. `-7d` typed again later means what it
    /// meant then.
    fn is_same(&self, asked: &Self) -> bool {
        self.typed == asked.typed || (asked.typed.is_some() && self.time == asked.time)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn bound(typed: Option<&str>, time: Option<&str>) -> Bound {
        Bound { typed: typed.map(str::to_owned), time: time.map(|time| time.parse().unwrap()) }
    }

    /// One that has everything.
    pub(crate) fn question() -> Question {
        Question {
            endpoint: "https://a.example".to_owned(),
            workspace: "acme".to_owned(),
            filters: Parameters::from([("actor".to_owned(), "u1".to_owned())]),
            start: bound(Some("-7d"), Some("2025-01-01T00:00:00Z")),
            end: bound(None, Some("2025-01-08T00:00:00Z")),
        }
    }

    #[test]
    fn the_same_question_goes_on() {
        fn same(asked: Question) {
            assert_eq!(question().differences(&asked), [""; 0]);
        }
        same(question());
        same(Question { end: bound(None, None), ..question() });
        same(Question { start: bound(Some("-7d"), Some("2025-01-02T00:00:00Z")), ..question() });
        same(Question { start: bound(Some("2025-01-01"), Some("2025-01-01T00:00:00Z")), ..question() });
    }

    #[test]
    fn another_question_differs_by_name() {
        fn check(asked: Question, name: &str) {
            assert_eq!(question().differences(&asked), [name]);
        }
        check(Question { endpoint: "https://b.example".to_owned(), ..question() }, "--endpoint");
        check(Question { workspace: "globex".to_owned(), ..question() }, "--workspace");
        check(Question { filters: Parameters::new(), ..question() }, "the filters");
        check(Question { start: bound(None, None), ..question() }, "--start");
        check(Question { end: bound(Some("now"), Some("2025-01-09T00:00:00Z")), ..question() }, "--end");
    }
}
