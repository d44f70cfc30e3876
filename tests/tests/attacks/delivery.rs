//! Attacks by destinations and admins of one workspace on delivery: to delay other workspaces, and to lose,
//! repeat or change events.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use shared::stream::MAX_BACK_OFF_SECONDS;
use tests::{Client, TestApp, eventually, sample::event};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::held;

const STREAMS: usize = 20;

/// A step of a destination after it has read a request.
#[derive(Clone, Debug)]
enum Act {
    Send(String),
    Wait(Duration),
    /// Keeps the connection open and sends nothing more.
    Hang,
    Reset,
}

#[derive(Clone, Debug)]
struct Request {
    webhook_id: String,
    body: String,
    read_at: Instant,
}

/// A destination on this machine that speaks HTTP byte by byte, so that it can misbehave in any way.
struct Destination {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    /// The number of complete answers that it has sent.
    answered: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Destination {
    /// A destination that takes these steps at each request, by its number from 0.
    async fn that(acts: impl Fn(usize) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (requests, answered) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (read, done, acts) = (requests.clone(), answered.clone(), Arc::new(acts));
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (read, done, acts) = (read.clone(), done.clone(), acts.clone());
                tokio::spawn(async move {
                    converse(stream, &read, &done, move |number| acts(number)).await;
                });
            }
        });
        Self { url, requests, answered, server }
    }

    async fn always(acts: Vec<Act>) -> Self {
        Self::that(move |_| acts.clone()).await
    }

    /// A destination that accepts everything.
    async fn kind() -> Self {
        Self::always(vec![ok()]).await
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// All received events, in the order of receipt.
    fn events(&self) -> Vec<Value> {
        let bodies = self.requests().into_iter().map(|request| request.body);
        let lists =
            bodies.map(|body| serde_json::from_str::<Value>(&body).unwrap()["data"]["events"].clone());
        lists.flat_map(|events| events.as_array().unwrap().clone()).collect()
    }

    /// Waits for the event with this id. Returns the time of its receipt.
    async fn has(&self, id: &str) -> Instant {
        let needle = format!(r#""id":"{id}""#);
        eventually(&format!("{id} is delivered"), async || {
            self.requests()
                .iter()
                .find(|request| request.body.contains(&needle))
                .map(|request| request.read_at)
        })
        .await
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn converse(
    mut stream: TcpStream,
    read: &Mutex<Vec<Request>>,
    answered: &AtomicUsize,
    acts: impl Fn(usize) -> Vec<Act>,
) {
    // Dropping the socket resets its connection.
    stream.set_zero_linger().unwrap();
    while let Some((head, body)) = request(&mut stream).await {
        let line = head.lines().find_map(|line| line.strip_prefix("webhook-id: "));
        let webhook_id = line.unwrap_or_default().to_owned();
        let number = {
            let mut read = read.lock().unwrap();
            read.push(Request { webhook_id, body, read_at: Instant::now() });
            read.len() - 1
        };
        for act in acts(number) {
            match act {
                Act::Send(text) => {
                    if stream.write_all(text.as_bytes()).await.is_err() {
                        return;
                    }
                }
                Act::Wait(time) => tokio::time::sleep(time).await,
                Act::Hang => std::future::pending().await,
                Act::Reset => return,
            }
        }
        answered.fetch_add(1, Ordering::SeqCst);
    }
}

/// The head and the body of a request; `None` at the end of the connection.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16_384];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some((head, body.to_owned()));
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(size) => bytes.extend_from_slice(&chunk[..size]),
        }
    }
}

fn ok() -> Act {
    Act::Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned())
}

fn status(line: &str, headers: &str) -> Vec<Act> {
    vec![Act::Send(format!("HTTP/1.1 {line}\r\n{headers}content-length: 0\r\n\r\n"))]
}

/// Creates a stream of all events to a webhook. Returns its id.
async fn webhook(admin: &Client, url: &str, more: &Value) -> String {
    let mut body = json!({"destination": {"type": "webhook", "url": url}, "from": 0});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    admin.create_stream(&body).await["stream"].as_str().unwrap().to_owned()
}

async fn status_of(admin: &Client, stream: &str) -> Value {
    let shown = admin.streams(Method::GET, &format!("/{stream}"), &Value::Null).await.expect(200).body;
    shown["status"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn destinations_that_are_slow_or_broken_delay_no_other_workspace() {
    let app = TestApp::start_delivering().await;
    let (victim, writer) = (app.admin("victim"), app.writer("victim").await);
    let destination = Destination::kind().await;
    webhook(&victim, &destination.url, &json!({})).await;
    let without = delays(&writer, &destination, &[], "before").await;

    let hostile: [(&str, Vec<Act>); 4] = [
        ("answer 200 after 9 s", vec![Act::Wait(Duration::from_secs(9)), ok()]),
        ("never answer", vec![Act::Hang]),
        ("reset each connection", vec![Act::Reset]),
        ("redirect", status("302 Found", "location: http://169.254.169.254/\r\n")),
    ];
    let (mut others, mut other_writers) = (Vec::new(), Vec::new());
    for (number, (how, acts)) in hostile.into_iter().enumerate() {
        let workspace = format!("hostile-{number}");
        let (admin, other) = (app.admin(&workspace), Destination::always(acts).await);
        for _ in 0..STREAMS {
            webhook(&admin, &other.url, &json!({})).await;
        }
        other_writers.push(app.writer(&workspace).await);
        others.push((how, other));
    }
    for (how, other) in &others {
        eventually(how, async || (other.requests().len() >= STREAMS).then_some(())).await;
    }
    let answered_before = answered(&others[0].1);
    let with = delays(&writer, &destination, &other_writers, "while").await;
    // If eight events had each waited for slow destinations, they would have seen eight rounds of answers. On a
    // busy machine, two rounds may end by themselves meanwhile.
    let rounds = (answered(&others[0].1) - answered_before) / STREAMS;
    assert!(rounds <= 2, "the victim waited for {rounds} rounds of slow answers: {with:?}");
    for (how, _) in &others {
        let answer = format!("median {} ms, without them {} ms", median(&with), median(&without));
        held("P13", &format!("{STREAMS} streams of another workspace that {how}"), answer);
    }
}

fn median(delays: &[Duration]) -> u128 {
    delays[delays.len() / 2].as_millis()
}

fn answered(destination: &Destination) -> usize {
    destination.answered.load(Ordering::SeqCst)
}

/// Records events one after the other. Returns the time from acknowledgement to receipt for each. The others record
/// one before each of them, so that their destinations are always busy.
async fn delays(writer: &Client, destination: &Destination, others: &[Client], name: &str) -> Vec<Duration> {
    let mut delays = Vec::new();
    for number in 0..8 {
        let id = format!("{name}-{number}");
        for other in others {
            other.record(&event(&id, number)).await.expect(201);
        }
        writer.record(&event(&id, number)).await.expect(201);
        let acknowledged_at = Instant::now();
        delays.push(destination.has(&id).await.saturating_duration_since(acknowledged_at));
    }
    delays.sort();
    delays
}

/// Measures the time from acknowledgement to receipt. `SECONDS` is the duration of each rate; `FAST` adds a
/// rate of 1,000 events a second, which a debug build on a busy machine does not seal in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealing_drives_delivery_at_any_rate() {
    let seconds: u64 = std::env::var("SECONDS").map_or(2, |seconds| seconds.parse().unwrap());
    // Events in a request, and requests in a second.
    let fast = std::env::var("FAST").is_ok().then_some((100, 10));
    for (size, requests) in [(1, 1), (10, 10)].into_iter().chain(fast) {
        let (app, engine) = TestApp::start_delivering_with_faults().await;
        let (admin, writer) = (app.admin("acme"), app.writer("acme").await);
        let destination = Destination::kind().await;
        webhook(&admin, &destination.url, &json!({"filter": {"actions": ["group_created"]}})).await;
        let writes_before = engine.calls("UpdateItem");
        let (began, mut acknowledged) = (Instant::now(), Vec::new());
        for number in 0..seconds * requests {
            tokio::time::sleep_until((began + Duration::from_millis(1000 * number / requests)).into()).await;
            let events: Vec<_> = (0..size).map(|more| event(&format!("e-{number}-{more}"), more)).collect();
            writer.record(&json!({ "events": events })).await;
            acknowledged.push(Instant::now());
        }
        let count = usize::try_from(seconds * requests).unwrap() * usize::try_from(size).unwrap();
        let mut before = 0;
        while destination.events().len() < count {
            // Repeat as long as more events arrive within 30 seconds.
            eventually("more is delivered", async || (destination.events().len() > before).then_some(()))
                .await;
            before = destination.events().len();
        }
        let received = destination.requests();
        let mut delays = Vec::new();
        for request in &received {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            for event in body["data"]["events"].as_array().unwrap() {
                let number: usize = event["id"].as_str().unwrap().split('-').nth(1).unwrap().parse().unwrap();
                delays.push(request.read_at.saturating_duration_since(acknowledged[number]).as_millis());
            }
        }
        assert_eq!(delays.len(), count, "each event came once");
        delays.sort_unstable();
        // Each UpdateItem here is one unit: a turn takes the lease, and notes each request.
        let units = (engine.calls("UpdateItem") - writes_before) as f64 / count as f64;
        let rate = u64::try_from(size).unwrap() * requests;
        let answer = format!(
            "p50 {} ms, p99 {} ms, {units:.3} write units an event",
            percentile(&delays, 50),
            percentile(&delays, 99)
        );
        held("P5", &format!("{rate} events a second, from acknowledgement to receipt"), answer);
    }
}

fn percentile(delays: &[u128], percent: usize) -> u128 {
    delays[(delays.len() - 1) * percent / 100]
}

/// The outcome for the stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// The request counts as accepted, and its events arrive once.
    Taken,
    /// The stream retries, and shows this code.
    Failing(&'static str),
    /// The same, with the next retry after an hour.
    FailingForAnHour(&'static str),
    /// The stream is paused with this code.
    Paused(&'static str),
}

use Outcome::{Failing, FailingForAnHour, Paused, Taken};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_a_webhook_has_the_outcome_in_the_table() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegins";
    let table: Vec<(&str, Vec<Act>, Outcome)> = vec![
        ("200", vec![ok()], Taken),
        ("204", vec![send("HTTP/1.1 204 No Content\r\n\r\n")], Taken),
        (
            "202 with a body that never ends",
            vec![send(&head.replace("200 OK", "202 Accepted")), Act::Hang],
            Taken,
        ),
        ("200 with a body that is cut off", vec![send(head), Act::Reset], Taken),
        (
            "200 with a broken chunk",
            vec![send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), Act::Reset],
            Taken,
        ),
        (
            "200 of HTTP/1.0, ended by its connection",
            vec![send("HTTP/1.0 200 OK\r\n\r\nok"), Act::Reset],
            Taken,
        ),
        ("100, and then 200", vec![send("HTTP/1.1 100 Continue\r\n\r\n"), ok()], Taken),
        ("301", status("301 Moved", "location: http://127.0.0.1:9/\r\n"), Failing("status_301")),
        (
            "302 to a private address",
            status("302 Found", "location: http://10.0.0.1/\r\n"),
            Failing("status_302"),
        ),
        ("307 to itself", status("307 Temporary Redirect", "location: /\r\n"), Failing("status_307")),
        ("400", status("400 Bad Request", ""), Failing("status_400")),
        ("401", status("401 Unauthorized", ""), Failing("status_401")),
        ("404", status("404 Not Found", ""), Failing("status_404")),
        ("410", status("410 Gone", ""), Paused("status_410")),
        ("410 with Retry-After", status("410 Gone", "retry-after: 5\r\n"), Paused("status_410")),
        ("413 for one event", status("413 Too Large", ""), Failing("status_413")),
        ("429", status("429 Too Many", ""), Failing("status_429")),
        (
            "429 with Retry-After 99999999999",
            status("429 Too Many", "retry-after: 99999999999\r\n"),
            FailingForAnHour("status_429"),
        ),
        (
            "503 with Retry-After of thirty digits",
            status("503 Busy", "retry-after: 999999999999999999999999999999\r\n"),
            FailingForAnHour("status_503"),
        ),
        (
            "503 with Retry-After as asctime writes it",
            status("503 Busy", "retry-after: Thu Dec 31 23:59:59 2099\r\n"),
            FailingForAnHour("status_503"),
        ),
        (
            "503 with Retry-After in the past",
            status("503 Busy", "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
            Failing("status_503"),
        ),
        (
            "500 with a megabyte",
            vec![send(&format!(
                "HTTP/1.1 500 Oh\r\ncontent-length: 1000000\r\n\r\n{}",
                "x".repeat(1_000_000)
            ))],
            Failing("status_500"),
        ),
        ("599", status("599 Odd", ""), Failing("status_599")),
        ("nothing", vec![Act::Reset], Failing("no_connection")),
        ("another protocol", vec![send("SSH-2.0-OpenSSH_9.9\r\n"), Act::Reset], Failing("no_connection")),
        ("half a head", vec![send("HTTP/1.1 200 OK\r\ncontent-le"), Act::Reset], Failing("no_connection")),
        (
            "a head of a megabyte",
            vec![send(&format!("HTTP/1.1 200 OK\r\nx: {}\r\n", "y".repeat(1_000_000))), Act::Reset],
            Failing("no_connection"),
        ),
    ];
    let app = TestApp::start_delivering().await;
    let mut cases = Vec::new();
    for (number, (answer, acts, outcome)) in table.into_iter().enumerate() {
        let (admin, destination) = (app.admin(&format!("w{number}")), Destination::always(acts).await);
        let stream = webhook(&admin, &destination.url, &json!({})).await;
        cases.push((answer, outcome, admin, stream, destination));
    }
    for (answer, outcome, admin, stream, destination) in cases {
        check_outcome(&admin, &stream, answer, outcome).await;
        if outcome == Taken {
            let ids: Vec<_> = destination.requests().into_iter().map(|request| request.webhook_id).collect();
            assert_eq!(ids.len(), 1, "{answer}: {ids:?}");
        }
    }
}

fn send(text: &str) -> Act {
    Act::Send(text.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_splunk_has_the_outcome_in_the_table() {
    let cut_off =
        vec![Act::Send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"code\":0".to_owned()), Act::Reset];
    let table: Vec<(&str, Vec<Act>, Outcome)> = vec![
        ("200 with code 0", http_answer("200 OK", r#"{"text":"Success","code":0}"#), Taken),
        ("200 with code 9", http_answer("200 OK", r#"{"text":"Busy","code":9}"#), Failing("splunk_refused")),
        ("200 with a page", http_answer("200 OK", "<html>Welcome</html>"), Failing("not_splunk")),
        ("200 with a body that is cut off", cut_off, Failing("no_connection")),
        (
            "400 with code 7",
            http_answer("400 Bad", r#"{"text":"Incorrect index","code":7}"#),
            Failing("splunk_refused"),
        ),
        (
            "503 with code 9",
            http_answer("503 Busy", r#"{"text":"Busy","code":9}"#),
            Failing("splunk_refused"),
        ),
        ("502 of a proxy", http_answer("502 Bad Gateway", "<html>"), Failing("status_502")),
    ];
    let app = TestApp::start_delivering().await;
    let mut cases = Vec::new();
    for (number, (name, acts, outcome)) in table.into_iter().enumerate() {
        let (admin, destination) = (app.admin(&format!("w{number}")), Destination::always(acts).await);
        let body = json!({"destination": {"type": "splunk", "url": destination.url}, "from": 0, "secret": "a-token"});
        let stream = admin.create_stream(&body).await["stream"].as_str().unwrap().to_owned();
        cases.push((name, outcome, admin, stream, destination));
    }
    for (name, outcome, admin, stream, _destination) in cases {
        check_outcome(&admin, &stream, &format!("Splunk: {name}"), outcome).await;
    }
    let admin = app.admin("acme");
    for path in ["services/collector/raw", "services/collector/raw/1.0", "services/collector/health"] {
        let url = format!("https://splunk.example.com/{path}");
        let body = json!({"name": "s", "destination": {"type": "splunk", "url": url}, "secret": "a-token"});
        let refused = admin.streams(Method::POST, "", &body).await.expect(422);
        held("P12", &format!("a stream to /{path}"), &refused.body["errors"][0]["detail"]);
    }
}

fn http_answer(status: &str, body: &str) -> Vec<Act> {
    vec![Act::Send(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))]
}

async fn check_outcome(admin: &Client, stream: &str, answer: &str, outcome: Outcome) {
    let status = eventually(answer, async || {
        let status = status_of(admin, stream).await;
        let is_settled = status["delivered"] != 0 || !status["last_problem"].is_null();
        // A paused stream has failed first.
        let is_settled = is_settled && (!matches!(outcome, Paused(_)) || status["state"] == "paused");
        is_settled.then_some(status)
    })
    .await;
    let code = status["last_problem"]["code"].as_str().unwrap_or("none");
    let state = status["state"].as_str().unwrap();
    let expected = match outcome {
        Taken => ("active", "none"),
        Failing(code) | FailingForAnHour(code) => ("failing", code),
        Paused(code) => ("paused", code),
    };
    assert_eq!((state, code), expected, "{answer}: {status}");
    if let FailingForAnHour(_) = outcome {
        assert_eq!(
            unix_seconds(&status["retry_at"]) - unix_seconds(&status["last_problem"]["at"]),
            MAX_BACK_OFF_SECONDS,
            "{answer}"
        );
    }
    held("P3", &format!("a destination answers {answer}"), format!("{state}, {code}"));
}

fn unix_seconds(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_cannot_be_read_stops_no_other() {
    let app = TestApp::start_delivering().await;
    let (admin, writer, destination) =
        (app.admin("acme"), app.writer("acme").await, Destination::kind().await);
    let broken = webhook(&admin, "http://127.0.0.1:9/", &json!({})).await;
    webhook(&admin, &destination.url, &json!({})).await;
    let key = [("workspace", "acme"), ("stream", broken.as_str())];
    for (attribute, text) in [("definition", r#"{"destination":{"type":"fax"}}"#), ("failure", "{")] {
        app.tables().set_text("AuditStreams", key, attribute, text).await;
        writer.record(&event(attribute, 0)).await.expect(201);
        destination.has(attribute).await;
        held("P3", &format!("the {attribute} of a stream's item is garbage"), "the others are delivered");
    }
    let other = app.admin("globex");
    let elsewhere = Destination::kind().await;
    webhook(&other, &elsewhere.url, &json!({})).await;
    app.writer("globex").await.record(&event("e-1", 0)).await.expect(201);
    elsewhere.has("e-1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redaction_between_two_tries_changes_the_id_of_the_request() {
    let app = TestApp::start_delivering().await;
    let (admin, writer) = (app.admin("acme"), app.writer("acme").await);
    let destination =
        Destination::that(|number| if number == 0 { status("500 Oh", "") } else { vec![ok()] }).await;
    let stream = webhook(&admin, &destination.url, &json!({"filter": {"actions": ["group_created"]}})).await;
    writer.record(&event("e-1", 0)).await.expect(201);
    destination.has("e-1").await;
    let sequence = destination.events()[0]["sequence"].clone();
    let redaction = json!({"sequences": [sequence], "parts": ["actor"], "reason": "asked for"});
    admin.redact(&redaction).await.expect(200);
    eventually("the next try", async || (status_of(&admin, &stream).await["delivered"] == 1).then_some(()))
        .await;
    let [first, again] = destination.requests().try_into().unwrap();
    assert_ne!((&first.body, &first.webhook_id), (&again.body, &again.webhook_id));
    assert_ne!(first.body, again.body, "the redaction is in time");
    assert_ne!(first.webhook_id, again.webhook_id);
    held("P3", "an event is redacted between two tries of its request", "another body under another id");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_event_stops_the_stream() {
    let app = TestApp::start_delivering().await;
    let (admin, writer) = (app.admin("acme"), app.writer("acme").await);
    for number in 0..3 {
        writer.record(&event(&format!("e-{number}"), number)).await.expect(201);
    }
    app.sealed().await;
    let reader = app.reader("acme").await;
    let page = reader.feed("").await.expect(200).body;
    let gone =
        page["audit_logs"].as_array().unwrap().iter().find(|event| event["id"] == "e-1").unwrap().clone();
    let sort_key = format!("{}#e-1", gone["timestamp"].as_str().unwrap());
    app.tables().delete("AuditEvents", [("workspace", "acme"), ("timestamp", &sort_key)]).await;
    let destination = Destination::kind().await;
    let stream = webhook(&admin, &destination.url, &json!({})).await;
    let status = eventually("the stream stops", async || {
        let status = status_of(&admin, &stream).await;
        (!status["last_problem"].is_null()).then_some(status)
    })
    .await;
    assert_eq!(
        (&status["last_problem"]["code"], &status["next"]),
        (&json!("inconsistent_log"), &gone["sequence"])
    );
    held("P3", "an event is deleted from the table", &status["last_problem"]["detail"]);
    // An admin can let the stream continue after the event, and the log shows it.
    let behind = json!({"from": gone["sequence"].as_u64().unwrap() + 1});
    admin.streams(Method::POST, &format!("/{stream}/replay"), &behind).await.expect(200);
    destination.has("e-2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_event_cannot_be_mistaken_for_a_record() {
    let app = TestApp::start_delivering().await;
    let (admin, destination) = (app.admin("acme"), Destination::kind().await);
    let stream = webhook(&admin, &destination.url, &json!({})).await;
    admin.streams(Method::POST, &format!("/{stream}/test"), &Value::Null).await.expect(202);
    let (record, test) = eventually("the test and its record", async || {
        find_event(&destination, "x_audit_log_stream_tested")
            .zip(find_event(&destination, "x_audit_log_stream_test"))
    })
    .await;
    assert_ne!(record["id"], test["id"]);
    assert_eq!((&test["sequence"], &test["context"]), (&Value::Null, &json!({"test": true})));
    let types: Vec<_> = destination
        .requests()
        .iter()
        .map(|request| serde_json::from_str::<Value>(&request.body).unwrap())
        .filter(|body| body.to_string().contains("x_audit_log_stream_test\""))
        .map(|body| body["type"].clone())
        .collect();
    assert_eq!(types, ["audit_log.test"]);
    held("P3", "a receiver drops events of an id it has", format!("{} and {}", record["id"], test["id"]));
}

fn find_event(destination: &Destination, action: &str) -> Option<Value> {
    destination.events().into_iter().find(|event| event["action"] == action)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spelling_and_no_depth_gets_past_a_mask() {
    let app = TestApp::start_delivering().await;
    let (admin, writer, destination) =
        (app.admin("acme"), app.writer("acme").await, Destination::kind().await);
    webhook(&admin, &destination.url, &json!({"mask": ["/context/**/secret"]})).await;
    let contexts = [
        ("at the top", json!({"secret": "hush"})),
        ("in another case", json!({"SeCrEt": "hush"})),
        ("in a list", json!({"a": [{"b": 1}, {"secret": "hush"}]})),
        ("in a list of lists", json!({"a": [[[{"secret": "hush"}]]]})),
        ("deeper", json!({"a": {"b": {"c": {"secret": {"d": "hush"}}}}})),
    ];
    for (number, (place, context)) in contexts.into_iter().enumerate() {
        let id = format!("e-{number}");
        let mut sent = event(&id, 0);
        sent["context"] = context;
        writer.record(&sent).await.expect(201);
        destination.has(&id).await;
        assert!(destination.requests().iter().all(|request| !request.body.contains("hush")), "{place}");
        held("P8", &format!("a secret {place}"), "null");
    }
}
