//! The time view, page by page. Each page is checked against the one before it.

use std::collections::HashSet;

use jiff::Timestamp;
use reqwest::{Url, header::LINK};

use super::{Answer, Api, Identity};
use crate::{
    error::Error,
    filters::Parameters,
    page::{self, Place},
    secret::Secret,
};

/// The most events on a page.
pub(crate) const MAX_PAGE: usize = 1000;
/// The most pages without an event, one after another. The API looks through 10,000 events for such a page.
const MAX_EMPTY_PAGES: u32 = 10_000;

/// A question to the time view or the feed: the workspace, the filters and the format.
pub(crate) struct Wanted<'a> {
    pub(crate) workspace: &'a str,
    pub(crate) token: &'a Secret,
    /// All parameters but `format`, `limit`, and those that say where to go on.
    pub(crate) parameters: &'a Parameters,
    pub(crate) encoding: Encoding,
}

/// A format of the API whose body is events alone: the cursor is in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// One event a line.
    Ndjson,
    /// RFC 4180, with a header line on each page.
    Csv,
    /// One event of the Open Cybersecurity Schema Framework a line.
    Ocsf,
}

impl Encoding {
    /// The name in the parameter `format`.
    fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Ocsf => "ocsf",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
            Self::Ocsf => "application/vnd.ocsf+x-ndjson",
        }
    }
}

/// One page, as it was sent.
pub(crate) struct Page {
    pub(crate) body: String,
    /// The place of each of its events, in order.
    pub(crate) places: Vec<Place>,
    /// Where to go on; `None` only where nothing follows.
    pub(crate) next: Option<String>,
}

/// The pages of one question, in order. A page that repeats an event, breaks the order, leaves the range, or leads to a
/// page that was read before is an error: an export never has a line twice, and it ends.
pub(crate) struct Listing<'a> {
    wanted: &'a Wanted<'a>,
    cursor: Option<String>,
    last: Option<Place>,
    cursors: HashSet<String>,
    empty_pages: u32,
}

impl Wanted<'_> {
    /// The parameters that do not change from page to page.
    pub(super) fn query<'a>(&'a self, limit: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut query = vec![("format", self.encoding.name()), ("limit", limit)];
        query.extend(self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        query
    }

    /// The content type that a page must have.
    pub(super) fn content_type(&self) -> &'static str {
        self.encoding.content_type()
    }

    fn is_ascending(&self) -> bool {
        self.parameters.get("order").is_some_and(|order| order == "asc")
    }

    fn time(&self, parameter: &str) -> Option<Timestamp> {
        self.parameters.get(parameter)?.parse().ok()
    }
}

impl<'a> Listing<'a> {
    /// The pages from a cursor on, or from the beginning. `last` is the last event that was read before the cursor.
    pub(crate) fn new(wanted: &'a Wanted<'a>, cursor: Option<String>, last: Option<Place>) -> Self {
        Self { wanted, cursor, last, cursors: HashSet::new(), empty_pages: 0 }
    }

    /// Reads the next page of at most `limit` events.
    ///
    /// # Errors
    /// If it cannot be read, is not what was asked for, or does not follow on the pages before.
    pub(crate) fn next(&mut self, api: &Api, limit: usize) -> Result<Page, Error> {
        let wanted = self.wanted;
        let limit = limit.min(MAX_PAGE).to_string();
        let mut query = wanted.query(&limit);
        query.extend(self.cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let path = format!("/api/{}/audit_logs", wanted.workspace);
        let answer = api.get(&path, &query, Identity::Token(wanted.token))?;
        answer.warn();
        let next = answer.next_page();
        // The content type first: a portal has no cursors either.
        let body = answer.text(wanted.content_type())?;
        let next = next?;
        let places = page::places(&body, wanted.encoding)?;
        self.require_order(&places)?;
        self.require_progress(&places, next.as_deref())?;
        if let Some(place) = places.last() {
            self.last = Some(place.clone());
        }
        self.cursor.clone_from(&next);
        Ok(Page { body, places, next })
    }

    /// That the events follow on the last one, in the order and the range that were asked for.
    fn require_order(&self, places: &[Place]) -> Result<(), Error> {
        let (start, end) = (self.wanted.time("start_timestamp"), self.wanted.time("end_timestamp"));
        let mut last = self.last.as_ref();
        for place in places {
            let in_order = match (last, self.wanted.is_ascending()) {
                (None, _) => true,
                (Some(last), true) => last.is_before(place),
                (Some(last), false) => place.is_before(last),
            };
            if !in_order {
                return Err(broken("events that are out of order or repeated"));
            }
            // OCSF has milliseconds, so a start between two of them may be later than the event's cut time.
            let starts = start.is_none_or(|start| start.as_millisecond() <= place.at.as_millisecond());
            if !starts || end.is_some_and(|end| place.at >= end) {
                return Err(broken("events outside the range"));
            }
            last = Some(place);
        }
        Ok(())
    }

    /// That the next page is a new one, and that pages without events end.
    fn require_progress(&mut self, places: &[Place], next: Option<&str>) -> Result<(), Error> {
        self.cursors.extend(self.cursor.take());
        if next.is_some_and(|next| self.cursors.contains(next)) {
            return Err(broken("a cursor that leads back to an earlier page, without end"));
        }
        self.empty_pages = if places.is_empty() { self.empty_pages + 1 } else { 0 };
        if next.is_some() && self.empty_pages > MAX_EMPTY_PAGES {
            return Err(Error::failure(
                format!("The API answered {MAX_EMPTY_PAGES} pages without an event, one after another."),
                "Give a shorter range with --start and --end, or a filter that has an index, such as --actor.",
            ));
        }
        Ok(())
    }
}

impl Answer {
    /// The cursor of the next page; `None` if the API says that this page is the last.
    ///
    /// # Errors
    /// If the headers say neither. A proxy dropped them, and the page may not be the last.
    fn next_page(&self) -> Result<Option<String>, Error> {
        if let Some(cursor) = self.header("x-next-cursor").map(str::to_owned).or_else(|| self.linked_cursor())
        {
            return Ok(Some(cursor));
        }
        match self.header("x-has-more") {
            Some("false") => Ok(None),
            _ => Err(Error::failure(
                "The API answered a page without X-Next-Cursor and X-Has-More: it may not be the last.",
                "Let every proxy between here and the API pass these headers through.",
            )),
        }
    }

    /// The cursor in `Link: <…>; rel="next"` (RFC 8288), which proxies know and keep.
    fn linked_cursor(&self) -> Option<String> {
        let (target, relation) = self.header(LINK.as_str())?.strip_prefix('<')?.split_once('>')?;
        let url = Url::parse("https://base.invalid").ok()?.join(target).ok()?;
        let cursor = url.query_pairs().find(|(name, _)| name == "cursor")?.1.into_owned();
        relation.contains(r#"rel="next""#).then_some(cursor)
    }
}

fn broken(answered: &str) -> Error {
    Error::failure(
        format!("The API answered {answered}; nothing of this page was written."),
        "Check the endpoint and every proxy before it; if it stays so, tell the operator of the API.",
    )
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn answer(headers: &[(&'static str, &str)]) -> Answer {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        Answer { status: 200, headers, body: Vec::new() }
    }

    #[test]
    fn the_cursor_is_found_in_either_header() {
        let link = r#"</api/acme/audit_logs?limit=7&cursor=a-b%2Bc>; rel="next""#;
        let both = answer(&[("x-next-cursor", "abc"), ("link", link)]);
        assert_eq!(both.next_page().unwrap().as_deref(), Some("abc"));
        assert_eq!(answer(&[("link", link)]).next_page().unwrap().as_deref(), Some("a-b+c"));
        assert_eq!(answer(&[("x-has-more", "false")]).next_page().unwrap(), None);
    }

    #[test]
    fn a_page_without_an_end_marker_is_refused() {
        for headers in [&[][..], &[("x-has-more", "true")], &[("link", r#"</x?cursor=a>; rel="prev""#)]] {
            assert!(answer(headers).next_page().is_err(), "{headers:?}");
        }
    }

    #[test]
    fn only_the_content_type_that_was_asked_for_is_taken() {
        assert!(answer(&[("content-type", "text/csv; charset=utf-8")]).is_a("text/csv"));
        assert!(!answer(&[("content-type", "text/html")]).is_a("text/csv"));
        assert!(!answer(&[]).is_a("text/csv"));
    }
}
