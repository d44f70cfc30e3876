//! The time view, page by page.

use reqwest::{Url, header::LINK};

use super::{Answer, Api, Identity};
use crate::{error::Error, filters::Parameters, secret::Secret};

/// The most events on a page.
pub(crate) const MAX_PAGE: usize = 1000;

/// What is wanted of which workspace, in which format.
pub(crate) struct Wanted<'a> {
    pub(crate) workspace: &'a str,
    pub(crate) token: &'a Secret,
    /// All parameters but `format`, `limit`, and those that say where to go on.
    pub(crate) parameters: &'a Parameters,
    pub(crate) encoding: Encoding,
}

/// A format of the API whose body is events and nothing else: the cursor is in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// One event a line.
    Ndjson,
    /// RFC 4180, with a header line on each page.
    Csv,
    /// One event of the Open Cybersecurity Schema Framework a line.
    Ocsf,
}

/// The name of each encoding, and its content type.
const ENCODINGS: [(Encoding, &str, &str); 3] = [
    (Encoding::Ndjson, "ndjson", "application/x-ndjson"),
    (Encoding::Csv, "csv", "text/csv"),
    (Encoding::Ocsf, "ocsf", "application/vnd.ocsf+x-ndjson"),
];

/// One page, as it was sent.
pub(crate) struct Page {
    pub(crate) body: String,
    /// Where to go on; `None` only where nothing follows.
    pub(crate) next: Option<String>,
}

impl Wanted<'_> {
    /// The parameters that do not change from page to page.
    pub(super) fn query<'a>(&'a self, limit: &'a str) -> Vec<(&'a str, &'a str)> {
        let (_, format, _) = ENCODINGS[self.encoding as usize];
        let mut query = vec![("format", format), ("limit", limit)];
        query.extend(self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        query
    }

    /// The content type that a page must have.
    pub(super) fn content_type(&self) -> &'static str {
        ENCODINGS[self.encoding as usize].2
    }
}

impl Api {
    /// Reads a page of at most `limit` events, from the cursor on.
    ///
    /// # Errors
    /// If it cannot be read, or is not what was asked for.
    pub(crate) fn page(
        &self,
        wanted: &Wanted<'_>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page, Error> {
        let limit = limit.min(MAX_PAGE).to_string();
        let mut query = wanted.query(&limit);
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let path = format!("/api/{}/audit_logs", wanted.workspace);
        let answer = self.get(&path, &query, Identity::Token(wanted.token))?;
        let next = answer.next_cursor();
        if next.is_some() && next.as_deref() == cursor {
            return Err(Error::failure(
                "The API answered the cursor that it was asked with: it would go on for ever.",
                "Tell the operator of the API; nothing can be done here.",
            ));
        }
        Ok(Page { body: answer.text(wanted.content_type())?, next })
    }
}

impl Answer {
    /// The cursor of the next page. Should something on the way drop a header that it does not know,
    /// the standard one has it too: a page is never falsely the last.
    fn next_cursor(&self) -> Option<String> {
        let of_link = || {
            let (target, relation) = self.header(LINK.as_str())?.strip_prefix('<')?.split_once('>')?;
            let is_next = relation.contains(r#"rel="next""#);
            let url = Url::parse("https://base.invalid").ok()?.join(target).ok()?;
            let cursor = url.query_pairs().find(|(name, _)| name == "cursor")?.1.into_owned();
            is_next.then_some(cursor)
        };
        self.header("x-next-cursor").map(str::to_owned).or_else(of_link)
    }
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
        assert_eq!(answer(&[("x-next-cursor", "abc"), ("link", link)]).next_cursor().as_deref(), Some("abc"));
        assert_eq!(answer(&[("link", link)]).next_cursor().as_deref(), Some("a-b+c"));
        assert_eq!(answer(&[("link", r#"</x?cursor=a>; rel="prev""#)]).next_cursor(), None);
        assert_eq!(answer(&[]).next_cursor(), None);
    }

    #[test]
    fn only_the_content_type_that_was_asked_for_is_taken() {
        assert!(answer(&[("content-type", "text/csv; charset=utf-8")]).is_a("text/csv"));
        assert!(!answer(&[("content-type", "text/html")]).is_a("text/csv"));
        assert!(!answer(&[]).is_a("text/csv"));
    }

    #[test]
    fn the_table_is_in_the_order_of_the_encodings() {
        for (encoding, name, _) in ENCODINGS {
            assert_eq!(ENCODINGS[encoding as usize].1, name);
        }
    }
}
