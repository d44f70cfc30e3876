//! The HTTP edge: the requests that API Gateway passes to a function, and the responses.
//!
//! Only this module knows statuses. [`Request`] compares the workspace of the path with the caller's own, for every route.
//! Failures are logged here, once, without any data of the caller.

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
