//! Imports into the real server, interrupted and repeated: nothing is lost, nothing is doubled, and what is
//! refused is told.
//!
//! Each format has `EVENTS` (600) rows; the full run is
//! `EVENTS=50000 cargo test -p cli --test command import:: -- --nocapture`.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};
use serde_json::{Value, json};
use tests::TestApp;

use crate::auditlog::{Auditlog, Ended};

const FORMATS: [&str; 4] = ["workos", "retraced", "mode", "ndjson"];
/// Every so many rows one is bad.
const BAD: usize = 97;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_interrupted_loses_nothing_and_doubles_nothing() {
    let app = TestApp::start().await;
    let rows = events();
    for format in FORMATS {
        let auditlog = auditlog(&app, format).await;
        let lines: Vec<_> = (0..rows).map(|number| row(format, number)).collect();
        std::fs::write(auditlog.path("rows"), lines.join("\n")).unwrap();
        let bad = (0..rows).filter(|number| is_bad(*number)).count();

        // The second batch is recorded, and the answer is lost on the way.
        let broken = Broken::before(app.endpoint(), 2).await;
        let import = ["import", "rows", "--from", format];
        let lost = [&import[..], &["--retries=0", "--endpoint", &broken]].concat();
        let complaint = auditlog.fail(1, &lost);
        assert!(complaint.contains("The same command goes on"), "{complaint}");
        let state: Value = serde_json::from_str(&auditlog.read("rows.import")).unwrap();
        // The first request has 20 events and the second one 40; rows that are refused here are in none.
        assert!((20..30).contains(&state["tally"]["rows"].as_u64().unwrap()), "{state}");

        let Ended { code, stderr, .. } = auditlog.run(&import);
        let refused = lines_of(&auditlog.read("rows.refused"));
        assert_eq!((code, refused.len()), (Some(1), bad), "{format}: {stderr}");
        println!("{format}: {} rows; {}", rows, stderr.lines().next().unwrap_or_default());
        // The second batch was sent twice, without the rows that the API refuses.
        let sent: Vec<_> = (0..rows).filter(|number| !is_bad(*number) || !is_refused_here(*number)).collect();
        let again = sent[20..60].iter().filter(|number| !is_bad(**number)).count();
        assert!(stderr.contains(&format!("{} recorded", grouped(rows - bad - again))), "{format}: {stderr}");
        assert!(stderr.contains(&format!("{} refused", grouped(bad))), "{format}: {stderr}");
        assert!(!auditlog.exists("rows.import"));
        let mut numbers: Vec<_> = refused.iter().map(|row| row["number"].as_u64().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=bad).map(|place| (place * BAD) as u64).collect::<Vec<_>>(), "{format}");
        assert!(refused.iter().all(|row| !row["reason"].is_null() && row["row"].is_object()), "{format}");

        let recorded = recorded(&auditlog);
        assert_eq!(recorded.len(), rows - bad, "{format}");
        for number in (0..rows).filter(|number| !is_bad(*number)) {
            let event = &recorded[&format!("r-{number}")];
            assert_eq!(event["actor"]["user_id"], format!("u{}", number % 7), "{format}");
            assert_eq!(event["entity"]["entity_id"], format!("g{}", number % 5), "{format}");
            assert_eq!(event["timestamp"], json!(format!("{}000Z", &time(number)[..23])), "{format}");
        }

        // A second time all is known.
        let Ended { stderr, .. } = auditlog.run(&import);
        assert!(stderr.contains(&format!("0 recorded, {} known already", grouped(rows - bad))), "{stderr}");
        assert_eq!(lines_of(&auditlog.read("rows.refused")).len(), bad);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_goes_on_with_the_same_file_only() {
    let app = TestApp::start().await;
    let auditlog = auditlog(&app, "acme").await;
    let lines: Vec<_> = (0..600).map(|number| row("mode", number)).collect();
    std::fs::write(auditlog.path("rows"), lines.join("\n")).unwrap();
    let broken = Broken::before(app.endpoint(), 2).await;
    auditlog.fail(1, &["import", "rows", "--from=mode", "--retries=0", "--endpoint", &broken]);
    auditlog.fail(2, &["import", "rows", "--from=ndjson"]);
    auditlog.fail(2, &["import", "rows", "--from=mode", "--workspace=globex"]);
    std::fs::write(auditlog.path("rows"), lines[..550].join("\n")).unwrap();
    auditlog.fail(2, &["import", "rows", "--from=mode"]);
    let Ended { stderr, .. } = auditlog.run(&["import", "rows", "--from=mode", "--restart"]);
    assert!(stderr.contains("known already"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actions_are_renamed_and_unreadable_lines_are_refused() {
    let app = TestApp::start().await;
    let auditlog = auditlog(&app, "acme").await;
    let write = |name: &str, text: &str| std::fs::write(auditlog.path(name), text).unwrap();
    write("actions", r#"{"user.signed_in": "x_login"}"#);
    write("rows", &format!("{}\n{{\"broken\n", row("workos", 0)));
    let Ended { code, .. } = auditlog.run(&["import", "rows", "--from=workos", "--actions=actions"]);
    assert_eq!(code, Some(1));
    assert_eq!(recorded(&auditlog)["r-0"]["action"], "x_login");
    let refused = lines_of(&auditlog.read("rows.refused"));
    assert!(refused[0]["reason"].as_str().unwrap().starts_with("the line cannot be read"), "{refused:?}");

    write("nothing", "[1");
    assert!(
        auditlog
            .fail(2, &["import", "nothing", "--from=workos"])
            .contains("an element of its array is no object")
    );
    write("actions", "[]");
    auditlog.fail(2, &["import", "rows", "--from=workos", "--actions=actions"]);
    auditlog.fail(2, &["import", "missing", "--from=workos"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_row_never_stops_an_import() {
    let app = TestApp::start().await;
    let auditlog = auditlog(&app, "acme").await;
    let mut large: Value = serde_json::from_str(&row("mode", 1)).unwrap();
    large["context"]["text"] = json!("x".repeat(1_200_000));
    let rows = [row("mode", 0), large.to_string(), row("mode", 2), row("mode", 3)];
    std::fs::write(auditlog.path("rows"), rows.join("\n")).unwrap();
    let Ended { code, stdout, stderr } = auditlog.run(&["import", "rows", "--from=mode"]);
    assert_eq!((code, stdout.as_str()), (Some(1), "3 recorded, 0 known already, 1 refused.\n"), "{stderr}");
    assert_eq!(recorded(&auditlog).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_rows_are_imported_once_they_are_mended() {
    let app = TestApp::start().await;
    let auditlog = auditlog(&app, "acme").await;
    let bad = row("mode", BAD - 1);
    std::fs::write(auditlog.path("rows"), format!("{}\n{bad}", row("mode", 0))).unwrap();
    // An older file that others may read.
    std::fs::write(auditlog.path("rows.refused"), "old").unwrap();
    auditlog.fail(1, &["import", "rows", "--from=mode"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(auditlog.path("rows.refused")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    let mended = auditlog.read("rows.refused").replace("\"then\"", "\"2025-01-01T00:00:00Z\"");
    std::fs::write(auditlog.path("rows.refused"), mended).unwrap();
    auditlog.succeed(&["import", "rows.refused", "--from=mode"]);
    assert_eq!(recorded(&auditlog).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_from_standard_input_from_gzip_and_from_our_own_csv() {
    use std::io::Write as _;
    let app = TestApp::start().await;
    let acme = auditlog(&app, "acme").await;
    let rows: Vec<_> = (0..20).map(|number| row("mode", number)).collect();
    let Ended { code, stdout, .. } = acme.run_with_input(&["import", "-", "--from=mode"], &rows.join("\n"));
    assert_eq!((code, stdout.as_str()), (Some(0), "20 recorded, 0 known already, 0 refused.\n"));

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(format!("\u{feff}{}", rows.join("\n")).as_bytes()).unwrap();
    std::fs::write(acme.path("rows.gz"), packed.finish().unwrap()).unwrap();
    assert_eq!(
        acme.succeed(&["import", "rows.gz", "--from=mode"]),
        "0 recorded, 20 known already, 0 refused.\n"
    );

    acme.succeed(&["export", "all.csv", "--format=csv", "--category=user_groups"]);
    let globex = auditlog(&app, "globex").await;
    std::fs::copy(acme.path("all.csv"), globex.path("all.csv")).unwrap();
    let dry = globex.succeed(&["import", "all.csv", "--from=csv", "--dry-run"]);
    assert_eq!(dry, "20 rows can be sent, 0 cannot.\n");
    assert_eq!(recorded(&globex).len(), 0);
    globex.succeed(&["import", "all.csv", "--from=csv"]);
    let (here, there) = (recorded(&acme), recorded(&globex));
    assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    for (id, event) in &here {
        for member in
            ["action", "timestamp", "actor", "entity", "context", "description", "outcome", "changes"]
        {
            assert_eq!(event[member], there[id][member], "{id} {member}");
        }
    }

    std::fs::write(acme.path("utf16"), b"\xff\xfe[\x00").unwrap();
    assert!(acme.fail(2, &["import", "utf16", "--from=mode"]).contains("iconv -f UTF-16"));
    assert!(acme.fail(2, &["import", "a", "b", "--from=mode", "--refused=r"]).contains("one file"));
}

fn events() -> usize {
    std::env::var("EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(600)
}

/// The command with a token of its own workspace.
async fn auditlog(app: &TestApp, workspace: &str) -> Auditlog {
    let scopes = ["audit_log:read", "audit_log:write"];
    let created = app.admin(workspace).create_token(&json!({"name": "import", "scopes": scopes})).await;
    Auditlog::new()
        .with("AUDITLOG_ENDPOINT", app.endpoint())
        .with("AUDITLOG_WORKSPACE", workspace)
        .with("AUDITLOG_TOKEN", created.expect(201).body["bearer"].as_str().unwrap())
}

fn time(number: usize) -> String {
    let seconds = 1_740_000_000 + i64::try_from(number).unwrap();
    jiff::Timestamp::new(seconds, 250_000_000).unwrap().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Whether a row cannot be recorded.
fn is_bad(number: usize) -> bool {
    number % BAD == BAD - 1
}

/// Whether a bad row is refused by the command itself; the others are by the API.
fn is_refused_here(number: usize) -> bool {
    number % (2 * BAD) < BAD
}

/// A row as the service gives it; some lack what they must have, or have what is refused.
fn row(format: &str, number: usize) -> String {
    let (id, user, group) = (format!("r-{number}"), format!("u{}", number % 7), format!("g{}", number % 5));
    let time = match (is_bad(number), is_refused_here(number)) {
        (false, _) => time(number),
        (true, true) => "then".to_owned(),
        (true, false) => "1999-01-01T00:00:00Z".to_owned(),
    };
    let row = match format {
        "workos" => json!({
            "id": id, "action": "user.signed_in", "occurred_at": time, "version": 1,
            "actor": {"type": "user", "id": user, "name": "Jon"},
            "targets": [{"type": "team", "id": group}],
            "context": {"location": "192.0.2.7", "user_agent": "Chrome"}, "metadata": {"n": number},
        }),
        "retraced" => json!({
            "id": id, "action": "doc.read", "crud": "r", "canonical_time": time, "group": {"id": "g"},
            "actor": {"id": user, "name": "Ann", "fields": {"n": "1"}},
            "target": {"id": group, "type": "doc"}, "source_ip": "192.0.2.7", "is_failure": number.is_multiple_of(2),
        }),
        _ => json!({
            "id": id, "action": "group_created", "category": "user_groups", "timestamp": time,
            "actor": {"user_id": user, "username": "peter"},
            "entity": {"entity_type": "group", "entity_id": group}, "context": {"n": number},
        }),
    };
    row.to_string()
}

/// A count as the command writes it.
fn grouped(count: usize) -> String {
    indicatif::HumanCount(count as u64).to_string()
}

fn lines_of(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Everything but what the service wrote itself, by id.
fn recorded(auditlog: &Auditlog) -> BTreeMap<String, Value> {
    auditlog.succeed(&["export", "recorded", "--overwrite"]);
    let all = lines_of(&auditlog.read("recorded"));
    let count = all.len();
    let by_id: BTreeMap<_, _> =
        all.into_iter().map(|event| (event["id"].as_str().unwrap().to_owned(), event)).collect();
    assert_eq!(by_id.len(), count, "an id stands twice");
    by_id.into_iter().filter(|(id, _)| id.starts_with("r-")).collect()
}

/// A way to the server on which the answers are lost from a `POST` on.
struct Broken {
    upstream: String,
    http: reqwest::Client,
    posts: AtomicUsize,
    good: usize,
}

impl Broken {
    /// Starts the proxy, and returns its URL. The `good`-th `POST` still reaches the server, but its answer is lost.
    async fn before(upstream: &str, good: usize) -> String {
        let broken = Self {
            upstream: upstream.to_owned(),
            http: reqwest::Client::new(),
            posts: AtomicUsize::new(0),
            good,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass_on).with_state(Arc::new(broken));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }
}

async fn pass_on(
    State(broken): State<Arc<Broken>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let number = if method == Method::POST { broken.posts.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
    let url = format!("{}{uri}", broken.upstream);
    let mut request = broken.http.request(method, url).body(body);
    for name in ["authorization", "content-type"] {
        request = headers.get(name).into_iter().fold(request, |request, value| request.header(name, value));
    }
    let answer = request.send().await.unwrap();
    let status = if number >= broken.good { 502 } else { answer.status().as_u16() };
    let body = answer.bytes().await.unwrap();
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap()
}
