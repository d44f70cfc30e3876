//! The feed, page by page: sealed events in the order of their sequence.

use super::{Answer, Api, Identity, MAX_PAGE, Wanted, problem};
use crate::error::Error;

/// One page of the feed, as it was sent.
pub(crate) struct FeedPage {
    pub(crate) body: String,
    /// The last sequence that is now seen; `None` if there is nothing yet.
    pub(crate) next_after: Option<u64>,
    pub(crate) has_more: bool,
}

impl Api {
    /// Reads a page of at most `limit` events after a sequence, or from the first on. Where there is
    /// nothing yet, the API waits so many seconds for something.
    ///
    /// # Errors
    /// If it cannot be read, is not what was asked for, or leads nowhere.
    pub(crate) fn feed(
        &self,
        wanted: &Wanted<'_>,
        after: Option<u64>,
        limit: usize,
        wait_seconds: u32,
    ) -> Result<FeedPage, Error> {
        let (limit, wait) = (limit.min(MAX_PAGE).to_string(), wait_seconds.to_string());
        let seen = after.map(|after| after.to_string());
        let mut query = wanted.query(&limit);
        query.extend(seen.as_deref().map(|seen| ("after", seen)));
        if wait_seconds > 0 {
            query.push(("wait", &wait));
        }
        let path = format!("/api/{}/audit_logs/feed", wanted.workspace);
        let identity = Identity::Token(wanted.token);
        let answer = self.ask(&path, &query, identity)?;
        if let Some(error) = problem::beyond_the_end(&answer) {
            return Err(error);
        }
        let answer = answer.success(identity)?;
        answer.warn();
        let place = answer.place();
        let body = answer.text(wanted.content_type())?;
        let Some((next_after, has_more)) = place else {
            return Err(Error::failure(
                "The API answered a page of the feed without X-Next-After and X-Has-More.",
                "Let every proxy between here and the API pass these headers through.",
            ));
        };
        if next_after < after || (has_more && next_after == after) {
            return Err(Error::failure(
                "The API answered a page of the feed that leads nowhere: it would go on without end.",
                "Tell the operator of the API; nothing can be done here.",
            ));
        }
        Ok(FeedPage { body, next_after, has_more })
    }
}

impl Answer {
    /// Where the feed is after this page, and whether more is there.
    fn place(&self) -> Option<(Option<u64>, bool)> {
        let next_after = match self.header("x-next-after")? {
            "-1" => None,
            number => Some(number.parse().ok()?),
        };
        Some((next_after, self.header("x-has-more")?.parse().ok()?))
    }
}
