//! A table of bad input: each row has the route, the input, and the status, id and place of every problem in
//! the answer. No answer is a 5xx, and none of the input is stored.

mod admins;
mod callers;
mod events;
mod messages;
mod queries;
mod streams;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp, entry, sample::event};

/// The route that an input is sent to, and its caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Door {
    /// A body of `POST /api/acme/audit_logs`, with a token that may record.
    Record,
    /// A query of `GET /api/acme/audit_logs`, with a token that may read.
    List,
    /// A query of `GET /api/acme/audit_logs/feed`.
    Feed,
    /// The path after `/api/acme/ledger/`.
    Ledger,
    /// A body of `POST /api/acme/tokens`, by an admin.
    NewToken,
    /// The path after `DELETE /api/acme/tokens/`.
    Revocation,
    /// A body of `POST /api/acme/redactions`, by an admin.
    Redaction,
    /// A body of `POST /api/acme/streams`, by an admin.
    NewStream,
    /// A body of `PATCH` for a stream of acme.
    StreamChange,
    /// A body of `POST …/replay` for the same stream.
    Replay,
    /// The path after `GET /api/acme/streams/`.
    Stream,
    /// An `Accept` header of a read.
    Accept,
    /// An `Authorization` header of a read.
    Authorization,
    /// An `Authorization` header for the list of tokens.
    AdminAuthorization,
    /// Claims of a JWT for the list of tokens, in place of those of an admin of acme.
    Claims,
    /// The detail of an event on the bus.
    Bus,
    /// A whole entry of `PutEvents`, as JSON.
    BusEntry,
    /// A method, and a path after `/api/acme` with its query, by an admin.
    Admin,
}

/// A row of the table.
pub(crate) struct Input {
    door: Door,
    sent: Vec<u8>,
    /// `STATUS id place code, place code`; for the bus, the outcome of the event in place of the status.
    expected: String,
}

impl Input {
    pub(crate) fn new(door: Door, sent: impl Into<Vec<u8>>, expected: &str) -> Self {
        Self { door, sent: sent.into(), expected: expected.to_owned() }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.sent).into_owned()
    }
}

/// The callers, and the names that their inputs may use.
struct Senders {
    app: TestApp,
    reader: Client,
    writer: Client,
    admin: Client,
    /// A stream of acme.
    stream: String,
    /// Placeholders in inputs, with the values of the running system.
    names: Vec<(&'static str, String)>,
}

impl Senders {
    async fn of(app: TestApp) -> Self {
        let (reader, writer, admin) = (app.reader("acme").await, app.writer("acme").await, app.admin("acme"));
        let created = admin.create_token(&json!({"name": "names"})).await.expect(201).body;
        let globex = app.holder_of_both("globex").await;
        for number in 0..3 {
            writer.record(&event(&format!("e-{number}"), number)).await.expect(201);
            globex.record(&event(&format!("e-{number}"), number)).await.expect(201);
        }
        let cursor =
            async |client: &Client| client.list("limit=1").await.expect(200).body["next_cursor"].clone();
        let cursors = [cursor(&reader).await, cursor(&globex).await];
        let foreign = app.admin("globex").create_stream(&json!({})).await;
        let stream = admin.create_stream(&json!({})).await["stream"].as_str().unwrap().to_owned();
        let names = vec![
            ("{bearer}", text(&created, "bearer")),
            ("{token}", text(&created, "token")),
            ("{secret}", text(&created, "secret")),
            ("{cursor}", cursors[0].as_str().unwrap().to_owned()),
            ("{foreign cursor}", cursors[1].as_str().unwrap().to_owned()),
            ("{foreign token}", globex.token),
            ("{stream}", stream.clone()),
            ("{foreign stream}", foreign["stream"].as_str().unwrap().to_owned()),
            ("{member}", app.jwt_with(&claims(&json!({"role": "member"})))),
            ("{admin}", app.jwt_with(&claims(&json!({})))),
        ];
        Self { app, reader, writer, admin, stream, names }
    }

    /// Sends an input, and returns the outcome in the form of the table.
    async fn send(&self, number: usize, input: &Input) -> String {
        let text = || self.names.iter().fold(input.text(), |text, (name, value)| text.replace(name, value));
        let anyone = self.app.client("acme");
        let answer = match input.door {
            Door::Record => self.writer.record_bytes(input.sent.clone()).await,
            Door::List => self.reader.list(&text()).await,
            Door::Feed => self.reader.feed(&text()).await,
            Door::Ledger => self.reader.ledger(&text()).await,
            Door::NewToken => self.admin.post("/api/acme/tokens", input.sent.clone()).await,
            Door::Revocation => self.admin.revoke_token(&text()).await,
            Door::Redaction => self.admin.post("/api/acme/redactions", input.sent.clone()).await,
            Door::NewStream => self.admin.post("/api/acme/streams", input.sent.clone()).await,
            Door::StreamChange => {
                let request =
                    self.admin.request(Method::PATCH, &format!("/api/acme/streams/{}", self.stream));
                self.admin.send(request.body(input.sent.clone())).await
            }
            Door::Replay => {
                let path = format!("/api/acme/streams/{}/replay", self.stream);
                self.admin.post(&path, input.sent.clone()).await
            }
            Door::Stream => self.admin.get(&format!("/api/acme/streams/{}", text())).await,
            Door::Accept => {
                let request = self.reader.request(Method::GET, "/api/acme/audit_logs");
                self.reader.send(request.header("accept", text())).await
            }
            Door::Authorization => anyone.with_authorization(&credentials(&text())).list("").await,
            Door::AdminAuthorization => anyone.with_authorization(&text()).tokens().await,
            Door::Claims => {
                let changed = serde_json::from_str(&input.text()).unwrap();
                anyone.with_bearer(&self.app.jwt_with(&claims(&changed))).tokens().await
            }
            Door::Admin => {
                let text = text();
                let (method, path) = text.split_once(' ').unwrap();
                let request = self.admin.request(method.parse().unwrap(), &format!("/api/acme{path}"));
                self.admin.send(request.body("{}")).await
            }
            Door::Bus => return self.put(number, None, &text()).await,
            Door::BusEntry => return self.put(number, Some(&text()), "").await,
        };
        outcome(&answer)
    }

    /// Puts an event on the bus with a source of its own, and looks for it in quarantine.
    async fn put(&self, number: usize, whole: Option<&str>, detail: &str) -> String {
        let source = format!("input-{number}");
        let mut sent = entry(&source, &Value::Null);
        sent["Detail"] = json!(detail);
        let sent = whole.map_or(sent, |text| serde_json::from_str(text).unwrap());
        let answer = self.app.bus().put(&[sent]).await;
        if answer.status != 200 || answer.body["FailedEntryCount"] != 0 {
            let code = answer.body["Entries"][0]["ErrorCode"].as_str().or(answer.body["__type"].as_str());
            return format!("{} {}", answer.status, code.unwrap_or(&answer.text));
        }
        self.app.settled().await;
        let kept = self.app.tables().quarantined(&source).await;
        let [kept] = kept.as_slice() else { return format!("{} in quarantine", kept.len()) };
        let problems: Vec<Value> = serde_json::from_str(kept["problems"].as_str().unwrap()).unwrap();
        let reason = kept["reason"].as_str().unwrap();
        format!("quarantined {reason} {}", listed(&problems)).trim_end().to_owned()
    }
}

fn text(created: &Value, name: &str) -> String {
    created[name].as_str().unwrap().to_owned()
}

/// The claims of an admin of acme, with some replaced; null removes one.
fn claims(changed: &Value) -> Value {
    let in_an_hour = jiff::Timestamp::now().as_second() + 3600;
    let mut claims = json!({
        "iss": "https://identity.example.com", "aud": "audit-logs", "exp": in_an_hour,
        "sub": "u1", "workspace": "acme", "role": "admin",
    });
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A header; the part after `base64:` is encoded.
fn credentials(text: &str) -> String {
    match text.split_once("base64:") {
        Some((scheme, pair)) => format!("{scheme}{}", STANDARD.encode(pair)),
        None => text.to_owned(),
    }
}

/// The outcome in an answer: its status, the id of its problem (or the gateway's own words), and each problem.
/// For a batch, the outcome of each event.
fn outcome(answer: &Answer) -> String {
    let Answer { status, body, .. } = answer;
    let id = body["id"].as_str().or(body["message"].as_str()).unwrap_or("-");
    let results: Vec<_> = body["results"].as_array().into_iter().flatten().collect();
    match results.is_empty() {
        true => {
            let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
            format!("{status} {id} {}", listed(errors)).trim_end().to_owned()
        }
        false => format!(
            "{status} [{}]",
            results
                .iter()
                .map(|result: &&Value| match &result["problem"] {
                    Value::Null => result["status"].as_str().unwrap().to_owned(),
                    problem => {
                        format!(
                            "{} {}",
                            problem["id"].as_str().unwrap(),
                            listed(problem["errors"].as_array().unwrap())
                        )
                    }
                })
                .collect::<Vec<_>>()
                .join("; ")
        ),
    }
}

fn listed(problems: &[Value]) -> String {
    problems
        .iter()
        .map(|problem: &Value| {
            let place = problem["pointer"].as_str().or(problem["parameter"].as_str()).unwrap_or("?");
            format!("{place} {}", problem["code"].as_str().unwrap_or("?"))
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// The rows whose outcome is not the expected one.
fn judge<'a>(outcomes: impl IntoIterator<Item = (&'a Input, &'a str)>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (Input { door, sent, expected }, came) in outcomes {
        if came.starts_with('5') || came != expected {
            let shown = String::from_utf8_lossy(&sent[..sent.len().min(200)]);
            wrong.push(format!("{door:?} {shown}\n  expected {expected}\n  came     {came}"));
        }
    }
    wrong
}

fn table() -> Vec<Input> {
    [
        events::inputs(),
        queries::inputs(),
        admins::inputs(),
        streams::inputs(),
        callers::inputs(),
        messages::inputs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[tokio::test]
async fn every_bad_input_is_refused_as_the_table_says_and_none_is_stored() {
    let senders = Senders::of(TestApp::start().await).await;
    let tables = senders.app.tables();
    let before = (tables.events("acme").await, tables.tokens("acme").await);
    let streams = tables.streams("acme").await;
    let inputs = table();
    let mut outcomes = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        outcomes.push(senders.send(number, input).await);
    }
    let wrong = judge(inputs.iter().zip(outcomes.iter().map(String::as_str)));
    println!("{} bad inputs, {} not answered as the table says", inputs.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(inputs.len() >= 150, "only {}", inputs.len());
    let faults = outcomes.iter().filter(|came| came.starts_with('5')).count();
    assert_eq!(faults, 0);
    assert_eq!(tables.streams("acme").await, streams);
    // The use of a token is noted on it; the tables are otherwise unchanged.
    let mut after = (tables.events("acme").await, tables.tokens("acme").await);
    let mut before = before;
    for token in before.1.iter_mut().chain(&mut after.1) {
        token.as_object_mut().unwrap().remove("last_used_on");
    }
    assert_eq!(after, before);
}

#[test]
fn an_outcome_other_than_the_tables_is_reported() {
    let input = Input::new(Door::List, "limit=0", "400 invalid_query limit out_of_range");
    assert_eq!(judge([(&input, "400 invalid_query limit out_of_range")]).len(), 0);
    for other in ["200 -", "400 invalid_query", "400 invalid_query order out_of_range", "422 invalid_query"] {
        assert_eq!(judge([(&input, other)]).len(), 1, "{other}");
    }
    // A 5xx is always wrong, even if the table expects it.
    assert_eq!(judge([(&Input::new(Door::List, "", "500 internal"), "500 internal")]).len(), 1);
}
