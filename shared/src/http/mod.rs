//! The HTTP edge: the requests that API Gateway hands to a function, and the responses it gets back.
//!
//! This is the only module that knows a status. [`Request`] checks the workspace of a path against the caller's own, once, for
//! every route. Failures are logged here, once, without anything that the caller sent.

mod problem;
mod request;
mod response;

pub use self::{
    problem::{Problem, WrongPart, partly_unavailable, respond},
    request::Request,
    response::{
        EXPIRED, HAS_MORE, NEXT_AFTER, NEXT_CURSOR, RATE_LIMIT, RATE_LIMIT_POLICY, Response, Took, WARNINGS,
        X_RATE_LIMIT, accepted, created, file, multi_status, no_content, ok, ok_bytes, ok_text, with_expired,
        with_next_after, with_next_cursor, with_next_link, with_rate, with_retry_after, with_warnings,
    },
};
