//! A server that misbehaves in every way it can: each behaviour has one row with the exit code and the words of the
//! answer. Nothing is taken for an event that did not come as asked, no run is endless, and memory stays small.

mod transport;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    api::BEARER,
    auditlog::{Auditlog, Ended},
};

const EXPORT: &[&str] = &["export", "x", "--start=2025-01-01", "--end=2025-02-01", "--retries=1"];
const EXPORT_CSV: &[&str] = &["export", "x", "--end=2025-02-01", "--format=csv", "--retries=1"];
const QUERY: &[&str] = &["query", "--output=ndjson", "--retries=1"];
const TAIL: &[&str] = &["tail", "--output=ndjson", "--retries=1"];
const FOLLOW: &[&str] = &["tail", "--follow", "--output=ndjson", "--retries=1"];
/// The most memory that a run may take.
const MAX_RESIDENT_KIB: u64 = 100 * 1024;

/// The server's answer to the request for a page, by the number of the request.
type Behaviour = fn(usize, &mut TcpStream);

/// A row: a name, the command, the behaviour, the exit code, and words of standard error.
type Row = (&'static str, &'static [&'static str], Behaviour, i32, &'static str);

fn event(day: u32, id: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"timestamp\":\"2025-01-{day:02}T00:00:00.000000Z\",\"action\":\"group_created\",\"sequence\":{day}}}\n"
    )
}

fn respond(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

fn page(stream: &mut TcpStream, headers: &str, body: &str) {
    respond(stream, "200 OK", &format!("Content-Type: application/x-ndjson\r\n{headers}"), body.as_bytes());
}

fn csv(stream: &mut TcpStream, headers: &str, body: &str) {
    respond(
        stream,
        "200 OK",
        &format!("Content-Type: text/csv; charset=utf-8\r\n{headers}"),
        body.as_bytes(),
    );
}

fn last(stream: &mut TcpStream, body: &str) {
    page(stream, "X-Has-More: false\r\n", body);
}

/// A page that leads to another one.
fn leading(stream: &mut TcpStream, cursor: &str, body: &str) {
    page(stream, &format!("X-Has-More: true\r\nX-Next-Cursor: {cursor}\r\n"), body);
}

fn feed(stream: &mut TcpStream, next_after: &str, has_more: &str, body: &str) {
    page(stream, &format!("X-Next-After: {next_after}\r\nX-Has-More: {has_more}\r\n"), body);
}

fn problem(stream: &mut TcpStream, status: &str, headers: &str, id: &str) {
    let body = format!("{{\"id\":\"{id}\",\"message\":\"No.\\u001b[2J\"}}");
    respond(stream, status, &format!("Content-Type: application/problem+json\r\n{headers}"), body.as_bytes());
}

/// Refuses the first request with a status, and answers the second.
fn once(number: usize, stream: &mut TcpStream, status: &str) {
    match number {
        0 => problem(stream, status, "Retry-After: 0\r\n", "unavailable"),
        _ => last(stream, &event(1, "a")),
    }
}

fn endless(stream: &mut TcpStream) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nX-Has-More: false\r\nTransfer-Encoding: chunked\r\n\r\n";
    let _ = stream.write_all(head.as_bytes());
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    while stream.write_all(chunk.as_bytes()).is_ok() {}
}

const ROWS: &[Row] = &[
    ("an empty log", EXPORT, |_, s| last(s, ""), 0, ""),
    ("one page", EXPORT, |_, s| last(s, &(event(1, "a") + &event(2, "b"))), 0, ""),
    ("cursor headers that a proxy dropped", EXPORT, |_, s| page(s, "", &event(1, "a")), 1, "X-Has-More"),
    (
        "more, without a cursor",
        EXPORT,
        |_, s| page(s, "X-Has-More: true\r\n", &event(1, "a")),
        1,
        "X-Has-More",
    ),
    ("an odd end marker", EXPORT, |_, s| page(s, "X-Has-More: no\r\n", &event(1, "a")), 1, "X-Has-More"),
    ("dropped headers in a query", QUERY, |_, s| page(s, "", &event(1, "a")), 1, "X-Has-More"),
    ("the cursor that was asked with", EXPORT, |_, s| leading(s, "a", ""), 1, "without end"),
    ("cursors that alternate", EXPORT, |n, s| leading(s, ["a", "b"][n % 2], ""), 1, "without end"),
    (
        "an event that comes again on the next page",
        EXPORT,
        |n, s| leading(s, &n.to_string(), &event(1, "a")),
        1,
        "repeated",
    ),
    (
        "an event that stands twice on a page",
        EXPORT,
        |_, s| last(s, &(event(1, "a") + &event(1, "a"))),
        1,
        "repeated",
    ),
    ("a page out of order", EXPORT, |_, s| last(s, &(event(2, "b") + &event(1, "a"))), 1, "out of order"),
    (
        "ids out of order at one time",
        EXPORT,
        |_, s| last(s, &(event(1, "b") + &event(1, "a"))),
        1,
        "out of order",
    ),
    (
        "pages out of order",
        EXPORT,
        |n, s| leading(s, &n.to_string(), &event(9 - n as u32, "a")),
        1,
        "out of order",
    ),
    (
        "an ascending answer to a descending query",
        QUERY,
        |_, s| last(s, &(event(1, "a") + &event(2, "b"))),
        1,
        "out of order",
    ),
    (
        "an event before the range",
        EXPORT,
        |_, s| last(s, &event(1, "a").replace("2025", "2024")),
        1,
        "outside the range",
    ),
    (
        "an event after the range",
        EXPORT,
        |_, s| last(s, &event(1, "a").replace("2025", "2026")),
        1,
        "outside the range",
    ),
    (
        "a line that is no JSON",
        EXPORT,
        |_, s| last(s, &(event(1, "a") + "oops\n" + &event(2, "b"))),
        1,
        "one event a line",
    ),
    (
        "an event without an id",
        EXPORT,
        |_, s| last(s, "{\"timestamp\":\"2025-01-01T00:00:00Z\"}\n"),
        1,
        "one event a line",
    ),
    ("an event without a time", EXPORT, |_, s| last(s, "{\"id\":\"a\"}\n"), 1, "one event a line"),
    (
        "a time that is none",
        EXPORT,
        |_, s| last(s, "{\"id\":\"a\",\"timestamp\":\"then\"}\n"),
        1,
        "one event a line",
    ),
    ("a last line without its end", EXPORT, |_, s| last(s, event(1, "a").trim_end()), 1, "breaks off"),
    (
        "a portal",
        EXPORT,
        |_, s| respond(s, "200 OK", "Content-Type: text/html\r\n", b"<h1>Log in</h1>"),
        1,
        "text/html",
    ),
    (
        "no content type",
        EXPORT,
        |_, s| respond(s, "200 OK", "X-Has-More: false\r\n", b""),
        1,
        "answered nothing",
    ),
    ("another format", EXPORT, |_, s| csv(s, "X-Has-More: false\r\n", "id,timestamp\r\n"), 1, "text/csv"),
    (
        "bytes that are no UTF-8",
        EXPORT,
        |_, s| {
            respond(s, "200 OK", "Content-Type: application/x-ndjson\r\nX-Has-More: false\r\n", b"\xff\xfe\n")
        },
        1,
        "UTF-8",
    ),
    ("a body of 9 MiB", EXPORT, |_, s| last(s, &"x".repeat(9 << 20)), 1, "more than 8 MiB"),
    ("an endless body", EXPORT, |_, s| endless(s), 1, "more than 8 MiB"),
    ("an endless body in a feed", TAIL, |_, s| endless(s), 1, "more than 8 MiB"),
    ("a connection that is closed at once", EXPORT, |_, _| {}, 1, "cannot be reached"),
    (
        "a body that breaks off",
        EXPORT,
        |_, s| {
            let _ = s.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        },
        1,
        "cannot be reached",
    ),
    (
        "bytes that are no HTTP",
        EXPORT,
        |_, s| {
            let _ = s.write_all(b"SSH-2.0-OpenSSH\r\n");
        },
        1,
        "cannot be reached",
    ),
    ("500 once", EXPORT, |n, s| once(n, s, "500 Internal Server Error"), 0, "Trying again"),
    ("408 once", EXPORT, |n, s| once(n, s, "408 Request Timeout"), 0, "Trying again"),
    ("429 once", EXPORT, |n, s| once(n, s, "429 Too Many Requests"), 0, "Trying again"),
    (
        "500 without end",
        EXPORT,
        |_, s| problem(s, "500 Internal Server Error", "Retry-After: 0\r\n", "internal"),
        1,
        "(500 internal)",
    ),
    (
        "a wait of a day",
        EXPORT,
        |_, s| problem(s, "429 Too Many Requests", "Retry-After: 86400\r\n", "too_many"),
        1,
        "wait 86400 s",
    ),
    (
        "a redirect",
        EXPORT,
        |_, s| respond(s, "302 Found", "Location: http://127.0.0.1:1/\r\n", b""),
        1,
        "does not redirect",
    ),
    ("401", EXPORT, |_, s| problem(s, "401 Unauthorized", "", ""), 1, "revoked or expired"),
    ("403 for want of a scope", EXPORT, |_, s| problem(s, "403 Forbidden", "", "forbidden"), 1, "scope"),
    (
        "404 of another server",
        EXPORT,
        |_, s| respond(s, "404 Not Found", "", b"<html>"),
        1,
        "Check the endpoint",
    ),
    ("404 of the API", EXPORT, |_, s| problem(s, "404 Not Found", "", "not_found"), 1, "Check the name"),
    (
        "a log that contradicts itself",
        EXPORT,
        |_, s| problem(s, "500 Internal Server Error", "", "inconsistent_log"),
        1,
        "Do not try",
    ),
    (
        "control characters in a message",
        EXPORT,
        |_, s| problem(s, "400 Bad Request", "", "odd"),
        2,
        "No.\\u001b[2J",
    ),
    ("CSV without a header", EXPORT_CSV, |_, s| csv(s, "X-Has-More: false\r\n", ""), 1, "CSV"),
    (
        "CSV without its columns",
        EXPORT_CSV,
        |_, s| csv(s, "X-Has-More: false\r\n", "a,b\r\n1,2\r\n"),
        1,
        "timestamp and id",
    ),
    (
        "CSV with a record that is short",
        EXPORT_CSV,
        |_, s| csv(s, "X-Has-More: false\r\n", "id,timestamp\r\na\r\n"),
        1,
        "CSV",
    ),
    (
        "CSV whose columns change",
        EXPORT_CSV,
        |n, s| {
            csv(
                s,
                &format!("X-Next-Cursor: {n}\r\n"),
                ["id,timestamp\r\na,2025-01-01T00:00:00Z\r\n", "timestamp,id\r\n2025-01-02T00:00:00Z,b\r\n"]
                    [n % 2],
            )
        },
        1,
        "other columns",
    ),
    ("a feed without its headers", TAIL, |_, s| page(s, "", &event(1, "a")), 1, "X-Next-After"),
    ("a feed that stands still", TAIL, |_, s| feed(s, "-1", "true", ""), 1, "leads nowhere"),
    ("a feed that goes back", TAIL, |n, s| feed(s, ["5", "3"][n % 2], "true", ""), 1, "leads nowhere"),
    (
        "a feed out of order",
        TAIL,
        |_, s| feed(s, "2", "false", &(event(2, "b") + &event(1, "a"))),
        1,
        "in order",
    ),
    ("a feed beyond its mark", TAIL, |_, s| feed(s, "1", "false", &event(2, "b")), 1, "in order"),
    (
        "--follow of a wrong name",
        FOLLOW,
        |_, s| problem(s, "404 Not Found", "", "not_found"),
        1,
        "Check the name",
    ),
    (
        "--follow of a server that fails",
        FOLLOW,
        |_, s| problem(s, "500 Internal Server Error", "Retry-After: 0\r\n", "internal"),
        1,
        "(500 internal)",
    ),
    ("--follow of a host that refuses", FOLLOW, |_, _| {}, 1, "cannot be reached"),
];

#[test]
fn no_behaviour_of_a_server_is_taken_for_events() {
    let mut wrong = Vec::new();
    for (name, command, behaviour, code, words) in ROWS.iter().chain(transport::ROWS) {
        let server = Server::start(*behaviour);
        let auditlog = Auditlog::new()
            .with("AUDITLOG_ENDPOINT", &server.url)
            .with("AUDITLOG_WORKSPACE", "acme")
            .with("AUDITLOG_TOKEN", BEARER);
        let (Ended { code: ended, stderr, .. }, resident_kib) = watch(&auditlog, command);
        println!("{name}: exit {ended:?}, {resident_kib} KiB: {}", stderr.lines().next().unwrap_or_default());
        let is_right = ended == Some(*code) && stderr.contains(words) && !stderr.contains('\u{1b}');
        if !is_right || resident_kib >= MAX_RESIDENT_KIB {
            wrong.push(format!("{name}: exit {ended:?}, {resident_kib} KiB: {stderr:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_proxy_never_sees_a_token_in_clear() {
    let server = Server::start(|_, stream| last(stream, ""));
    let proxy = Server::start(|_, stream| last(stream, ""));
    for scheme in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let auditlog = Auditlog::new()
            .with("AUDITLOG_ENDPOINT", &server.url.replace("127.0.0.1", "localhost"))
            .with("AUDITLOG_WORKSPACE", "acme")
            .with("AUDITLOG_TOKEN", BEARER)
            .with(scheme, &proxy.url);
        assert_eq!(auditlog.run(QUERY).code, Some(0), "{scheme}");
    }
    assert_eq!(proxy.pages.load(Ordering::SeqCst), 0);
    assert_eq!(server.pages.load(Ordering::SeqCst), 4);
}

/// A server that answers pages by its behaviour, and a health check as the API does.
struct Server {
    url: String,
    pages: Arc<AtomicUsize>,
}

impl Server {
    fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pages = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&pages);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let counter = Arc::clone(&counter);
                std::thread::spawn(move || answer(&mut stream, behaviour, &counter));
            }
        });
        Self { url, pages }
    }
}

fn answer(stream: &mut TcpStream, behaviour: Behaviour, pages: &AtomicUsize) {
    let mut request = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while reader.read_line(&mut request).is_ok_and(|read| read > 2) {}
    if request.contains("/api/health") {
        respond(
            stream,
            "200 OK",
            "Content-Type: application/json\r\nDate: Sat, 01 Mar 2025 00:00:00 GMT\r\n",
            b"{}",
        );
    } else {
        behaviour(pages.fetch_add(1, Ordering::SeqCst), stream);
    }
}

/// Runs the command, and gives the most memory that it had, as long as it could be asked.
fn watch(auditlog: &Auditlog, command: &[&str]) -> (Ended, u64) {
    let mut child = auditlog.spawn(command);
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let mut resident_kib = 0;
    let began = Instant::now();
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
        resident_kib = resident_kib.max(peak.unwrap_or(0));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        if began.elapsed() > Duration::from_secs(300) {
            let _ = child.kill();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let (mut out, mut err) = (String::new(), String::new());
    stdout.read_to_string(&mut out).unwrap();
    stderr.read_to_string(&mut err).unwrap();
    let code = child.wait().unwrap().code();
    (Ended { code, stdout: out, stderr: err }, resident_kib)
}
