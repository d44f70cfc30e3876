//! What an answer gives away.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::Answer;

use super::attempts::Attempt;

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) status: u16,
    headers: BTreeMap<String, String>,
    /// To the letter, for what must not be in it.
    text: String,
    /// Without what differs at every call.
    body: String,
}

impl Seen {
    pub(super) fn of(answer: &Answer) -> Self {
        let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let request_id = header("apigw-requestid").unwrap_or("no request id");
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

    /// The same, without what the request itself named: an answer may repeat that.
    fn without(&self, named: &str) -> Self {
        let masked = |text: &str| text.replace(named, "[named]");
        Self {
            status: self.status,
            headers: self.headers.iter().map(|(name, value)| (name.clone(), masked(value))).collect(),
            text: self.text.clone(),
            body: masked(&self.body),
        }
    }
}

/// What was done, without what is made up anew each time it is done.
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

/// What the answers to an attempt and its twin give away, if anything.
pub(super) fn judge(pair: [&Attempt; 2], seen: &[Seen; 2], secrets: &[String]) -> Option<String> {
    for seen in seen {
        let holds = |secret: &&String| {
            seen.text.contains(*secret) || seen.headers.values().any(|value| value.contains(*secret))
        };
        if let Some(secret) = secrets.iter().find(holds) {
            return Some(format!("a secret is told: {secret}"));
        }
    }
    let [theirs, nobodys] = [seen[0].without(&pair[0].named), seen[1].without(&pair[1].named)];
    if theirs.status != nobodys.status {
        return Some(format!("the status tells them apart: {} and {}", theirs.status, nobodys.status));
    }
    // The length of a body goes with that of what was named, which is the same in both.
    if theirs.headers != nobodys.headers {
        return Some(format!("a header tells them apart: {:?} and {:?}", theirs.headers, nobodys.headers));
    }
    (theirs.body != nobodys.body)
        .then(|| format!("the body tells them apart: {} and {}", theirs.body, nobodys.body))
}

/// Shows that each kind of difference is found, and that there is none where there is none.
pub(super) fn tests_itself() {
    let attempt = |named: &str| Attempt {
        route: String::new(),
        method: String::new(),
        target: String::new(),
        authorization: String::new(),
        headers: vec![],
        body: None,
        named: named.to_owned(),
    };
    let seen = |status, header: &str, body: &str| Seen {
        status,
        headers: BTreeMap::from([("x".to_owned(), header.to_owned())]),
        text: body.to_owned(),
        body: body.to_owned(),
    };
    let check = |theirs: Seen, expected: Option<&str>| {
        let pair = [attempt("globex"), attempt("glubex")];
        let found = judge([&pair[0], &pair[1]], &[theirs, seen(404, "a", "no glubex")], &["hush".to_owned()]);
        match expected {
            Some(part) => assert!(found.is_some_and(|found| found.contains(part)), "{part}"),
            None => assert_eq!(found, None),
        }
    };
    check(seen(404, "a", "no globex"), None);
    check(seen(403, "a", "no globex"), Some("status"));
    check(seen(404, "b", "no globex"), Some("header"));
    check(seen(404, "a", "not yours: globex"), Some("body"));
    check(seen(404, "a", "hush"), Some("a secret"));
    check(seen(404, "hush", "no globex"), Some("a secret"));
}
