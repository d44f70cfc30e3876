//! Finds the information that an answer reveals.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::Answer;

use super::attempts::Attempt;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) status: u16,
    headers: BTreeMap<String, String>,
    /// The unchanged text, which must not contain a secret.
    text: String,
    /// The body without the parts that differ on every call.
    body: String,
}

impl Seen {
    pub(super) fn of(answer: &Answer) -> Self {
        let request_id = header(answer, "apigw-requestid").unwrap_or("no request id");
        let headers =
            answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "apigw-requestid" | "date"));
        let headers =
            headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        let body = match answer.status {
            200..300 if answer.body.is_object() => made_alike(answer.body.clone()).to_string(),
            _ => answer.text.replace(request_id, "[request]"),
        };
        Self { status: answer.status, headers: headers.collect(), text: answer.text.clone(), body }
    }

    /// The same without the name in the request, which an answer may repeat.
    fn without(&self, named: &str) -> Self {
        Self {
            status: self.status,
            headers: self.headers.iter().map(|(name, value)| (name.clone(), masked(named, value))).collect(),
            text: self.text.clone(),
            body: masked(named, &self.body),
        }
    }
}

fn masked(named: &str, text: &str) -> String {
    text.replace(named, "[named]")
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// The body without the values that are generated on every call.
fn made_alike(mut value: Value) -> Value {
    const MADE: [&str; 7] = ["id", "timestamp", "token", "secret", "bearer", "created_at", "expires_at"];
    match &mut value {
        Value::Object(members) => {
            for (name, member) in members {
                let made = member.is_string() && MADE.contains(&name.as_str());
                *member = if made { "[made]".into() } else { made_alike(member.take()) };
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = made_alike(item.take())),
        _ => {}
    }
    value
}

/// The information that the answers to an attempt and its twin reveal, if any.
pub(super) fn judge(pair: [&Attempt; 2], seen: &[Seen; 2], secrets: &[String]) -> Option<String> {
    for seen in seen {
        if let Some(secret) = secrets.iter().find(|secret: &&String| {
            seen.text.contains(*secret) || seen.headers.values().any(|value| value.contains(*secret))
        }) {
            return Some(format!("a secret is told: {secret}"));
        }
    }
    let [theirs, nobodys] = [seen[0].without(&pair[0].named), seen[1].without(&pair[1].named)];
    if theirs.status != nobodys.status {
        return Some(format!("the status tells them apart: {} and {}", theirs.status, nobodys.status));
    }
    // The length of a body depends on the name in the request, which has the same length in both.
    if theirs.headers != nobodys.headers {
        return Some(format!("a header tells them apart: {:?} and {:?}", theirs.headers, nobodys.headers));
    }
    (theirs.body != nobodys.body)
        .then(|| format!("the body tells them apart: {} and {}", theirs.body, nobodys.body))
}

/// Shows that each kind of difference is found, and that equal answers pass.
pub(super) fn tests_itself() {
    check_judged(seen(404, "a", "no globex"), None);
    check_judged(seen(403, "a", "no globex"), Some("status"));
    check_judged(seen(404, "b", "no globex"), Some("header"));
    check_judged(seen(404, "a", "not yours: globex"), Some("body"));
    check_judged(seen(404, "a", "hush"), Some("a secret"));
    check_judged(seen(404, "hush", "no globex"), Some("a secret"));
}

fn check_judged(theirs: Seen, expected: Option<&str>) {
    let pair = [attempt("globex"), attempt("glubex")];
    let found = judge([&pair[0], &pair[1]], &[theirs, seen(404, "a", "no glubex")], &["hush".to_owned()]);
    match expected {
        Some(part) => assert!(found.is_some_and(|found| found.contains(part)), "{part}"),
        None => assert_eq!(found, None),
    }
}

fn seen(status: u16, header: &str, body: &str) -> Seen {
    Seen {
        status,
        headers: BTreeMap::from([("x".to_owned(), header.to_owned())]),
        text: body.to_owned(),
        body: body.to_owned(),
    }
}

fn attempt(named: &str) -> Attempt {
    Attempt {
        route: String::new(),
        method: String::new(),
        target: String::new(),
        authorization: String::new(),
        headers: vec![],
        body: None,
        named: named.to_owned(),
    }
}
