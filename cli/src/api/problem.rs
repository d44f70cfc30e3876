//! Refusals of the API, in words for people.

use serde_json::Value;

use super::{Answer, Identity};
use crate::{error::Error, terminal::safe_line};

const WRONG_TOKEN: &str = "The workspace token is unknown, revoked or expired, or misses a character: \
                           run `auditlog login`, or ask a workspace admin for a new one.";
const WRONG_JWT: &str = "The admin's JWT is not valid or has expired: get a new one from your identity \
                         provider, and give it with --admin-jwt or `auditlog login`.";

/// The error that an answer without success is.
pub(super) fn refusal(answer: &Answer, identity: Identity<'_>) -> Error {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| problem[name].as_str().map(safe_line);
    let id = text("id").unwrap_or_default();
    let what = match text("message").or_else(|| text("detail")).or_else(|| text("title")) {
        // API Gateway's own message is a single word.
        Some(word) if id.is_empty() => format!("The API refused the request: {} {word}.", answer.status),
        Some(message) => message,
        None => format!("The API answered {} without saying why.", answer.status),
    };
    let mut details: Vec<_> = problem["errors"].as_array().into_iter().flatten().map(field).collect();
    let request = text("request_id").map(|request| format!(", request {request}")).unwrap_or_default();
    if !id.is_empty() {
        details.push(format!("({} {id}{request})", answer.status));
    }
    let next = next(answer.status, &id, identity);
    // The service itself found that the log contradicts what was signed.
    let error = match answer.status {
        _ if is_inconsistent(answer) => Error::refuted(what, next),
        401 | 403 => Error::denied(what, next),
        400 | 422 if !id.is_empty() => Error::rejected(what, next),
        _ => Error::failure(what, next),
    };
    error.with_details(details)
}

/// Whether the API says that the log contradicts itself, which no retry mends.
pub(super) fn is_inconsistent(answer: &Answer) -> bool {
    id(answer).as_deref() == Some("inconsistent_log")
}

/// The API's name of the problem; `None` if another server answered.
pub(super) fn id(answer: &Answer) -> Option<String> {
    let problem: Value = serde_json::from_slice(&answer.body).ok()?;
    problem["id"].as_str().map(str::to_owned)
}

/// The error that a sequence beyond the end of the log is; `None` if the answer is another problem.
pub(super) fn beyond_the_end(answer: &Answer) -> Option<Error> {
    let problem: Value = (answer.status == 400).then(|| serde_json::from_slice(&answer.body).ok())??;
    let errors = problem["errors"].as_array()?;
    let error =
        errors.iter().find(|error| error["parameter"] == "after" && error["code"] == "out_of_range")?;
    Some(
        Error::failure(
            "The log is shorter than what was seen of it.",
            "If the log was restored, compare it with what you keep of it, then begin again with another --after or \
             --state; if it was not, tell the operator of the API.",
        )
        .with_details(vec![field(error)]),
    )
}

/// The place of a wrong field, and its fault.
fn field(error: &Value) -> String {
    let text = |name: &str| error[name].as_str().map(safe_line);
    let place = text("parameter").or_else(|| text("pointer")).unwrap_or_default();
    let detail = text("detail").or_else(|| text("code")).unwrap_or_default();
    format!("{place}: {detail}")
}

fn next(status: u16, id: &str, identity: Identity<'_>) -> &'static str {
    match (status, id, identity) {
        (400, "invalid_cursor", _) => "Start again without the cursor.",
        (400 | 406 | 413 | 422, _, _) => "Correct what is named; --help says what each option takes.",
        (401, _, Identity::Admin(_)) | (403, "", Identity::Admin(_)) => WRONG_JWT,
        (401, _, _) | (403, "", _) => WRONG_TOKEN,
        (403, _, Identity::Admin(_)) => "Ask an admin of the workspace.",
        (403, _, _) => "Ask a workspace admin for a token with the scope that is missing.",
        (404, "", _) => {
            "Check the endpoint: it is what stands before /api, and must lead to an Audit Logs API."
        }
        (404, _, _) => "Check the name, the workspace and the endpoint; `auditlog login` asks for them.",
        (409, "contention", _) => "Try again.",
        (409, "settings_changing", _) => {
            "Wait two minutes, until the last change is in effect (`auditlog settings get` shows it), and try again."
        }
        (409, "too_many_streams", _) => {
            "`auditlog streams list` shows them, `auditlog streams delete` ends one."
        }
        (409, "conflict", _) => {
            "The first event with this id and timestamp stands: give another id, or the same content."
        }
        (410, _, _) => "`auditlog settings get` shows how long events are kept.",
        (409, "too_many_tokens", _) => {
            "`auditlog tokens list` shows them, `auditlog tokens revoke` ends one."
        }
        (500, "inconsistent_log", _) => {
            "Do not try until it passes: keep what you have of the log, and tell the operator of the API."
        }
        (408 | 429 | 502..=504, _, _) => "Wait a little and try again, or give --retries a larger number.",
        (300..=399, _, _) => "Check the endpoint: the API itself does not redirect.",
        _ => "Try again; if it stays so, tell the operator of the API when it happened.",
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;
    use crate::secret::Secret;

    fn check(status: u16, body: &str, expected: &[&str]) {
        let answer = Answer { status, headers: HeaderMap::new(), body: body.into() };
        let token = Secret::new("alw_hush");
        let refusal = refusal(&answer, Identity::Token(&token));
        let (Error::Failure(message)
        | Error::Rejected(message)
        | Error::Denied(message)
        | Error::Refuted(message)) = refusal
        else {
            panic!("{body}")
        };
        let text = message.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{text}");
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn a_sequence_beyond_the_end_of_the_log_says_that_the_log_is_shorter() {
        let answer = |status, body: &str| Answer { status, headers: HeaderMap::new(), body: body.into() };
        let body = |parameter: &str| {
            format!(
                r#"{{"id":"invalid_query","errors":[{{"parameter":"{parameter}","code":"out_of_range","detail":"has 4 events"}}]}}"#
            )
        };
        let Some(Error::Failure(message)) = beyond_the_end(&answer(400, &body("after"))) else { panic!() };
        assert!(message.to_string().contains("The log is shorter than what was seen"), "{message}");
        assert!(message.to_string().contains("has 4 events"), "{message}");
        assert!(beyond_the_end(&answer(400, &body("limit"))).is_none());
        assert!(beyond_the_end(&answer(200, "[]")).is_none());
    }

    #[test]
    fn a_problem_is_told_with_each_field() {
        check(
            400,
            r#"{"type":"/problems/invalid-query","title":"The query is not valid","status":400,
                "id":"invalid_query","message":"The query is not valid; see each.","request_id":"r-1",
                "errors":[{"parameter":"limit","code":"out_of_range","detail":"must be small"},
                          {"pointer":"/name","code":"required"}]}"#,
            &[
                "error: The query is not valid; see each.",
                "  limit: must be small",
                "  /name: required",
                "  (400 invalid_query, request r-1)",
                "next: Correct",
            ],
        );
    }

    #[test]
    fn answers_of_a_gateway_or_another_server_are_told() {
        let refused = ["error: The API refused the request: 403 Forbidden.", "next: The workspace token"];
        check(403, r#"{"message":"Forbidden"}"#, &refused);
        check(404, "<html>\u{1b}[2J", &["error: The API answered 404", "next: Check the endpoint"]);
        check(500, r#"["odd"]"#, &["error: The API answered 500", "next: Try again"]);
        check(
            500,
            r#"{"id":"inconsistent_log","message":"What is stored is not what was sealed."}"#,
            &["error: What is stored", "  (500 inconsistent_log)", "next: Do not try until it passes"],
        );
        check(
            503,
            r#"{"id":"x","message":"a\nb","errors":"none"}"#,
            &["error: a\\nb", "  (503 x)", "next: "],
        );
    }
}
