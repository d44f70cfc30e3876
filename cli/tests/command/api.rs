//! An API that answers as the real one does, has faults where a test wants them, and remembers what
//! it was asked.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    answers, events,
    ledger::{self, Log},
    routes,
};

pub(crate) const SECRET: &str = "sssssssssssssssssssssssssssssssssssssssssssssssss";
pub(crate) const BEARER: &str = "alw_AbC123AbC123_sssssssssssssssssssssssssssssssssssssssssssssssss";
pub(crate) const JWT: &str = "jwt-of-an-admin";
/// How many events are on a page, however many were asked for.
pub(crate) const PAGE: usize = 10;

/// What becomes of a request for a page.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It is never answered.
    Hold,
    /// The answer breaks off in the middle.
    Tear,
    /// It is answered with this status, and to be tried again at once.
    Passing(u16),
    /// Another server answers.
    Portal,
    /// It is answered with a cursor that leads nowhere else.
    Circle,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// The state of the API that tests read and set.
#[derive(Default)]
struct Inside {
    events: usize,
    /// The log of each workspace that has one.
    logs: Mutex<BTreeMap<String, Log>>,
    asked: Mutex<Vec<Asked>>,
    /// By the number of the request for a page, from 0.
    faults: Mutex<BTreeMap<usize, Fault>>,
}

/// A running API; it ends with the value.
pub(crate) struct Api {
    address: SocketAddr,
    inside: Arc<Inside>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Api {
    /// An API with so many events.
    pub(crate) fn start(events: usize) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), events)
    }

    /// An API of `acme` with a log.
    pub(crate) fn serve(log: Log) -> Self {
        let api = Self::start(0);
        api.put("acme", log);
        api
    }

    /// Gives a workspace another log than it had.
    pub(crate) fn put(&self, workspace: &str, log: Log) {
        self.inside.logs.lock().unwrap().insert(workspace.to_owned(), log);
    }

    /// Does something with the log of `acme`.
    pub(crate) fn log<T>(&self, with: impl FnOnce(&mut Log) -> T) -> T {
        with(self.inside.logs.lock().unwrap().get_mut("acme").unwrap())
    }

    /// An API at an address that one had before.
    pub(crate) fn start_at(address: SocketAddr, events: usize) -> Self {
        let inside = Arc::new(Inside { events, ..Inside::default() });
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, address_of) = std::sync::mpsc::channel();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inside));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind(address).await.unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    _ = axum::serve(listener, router) => {}
                    _ = stopped => {}
                }
            });
        });
        let address = address_of.recv().unwrap();
        Self { address, inside, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets the request for a page with this number have a fault.
    pub(crate) fn fault(&self, number: usize, fault: Fault) {
        self.inside.faults.lock().unwrap().insert(number, fault);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inside.asked.lock().unwrap().clone()
    }

    /// The requests for pages.
    pub(crate) fn pages_asked(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| is_page(&asked.path)).collect()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether a path is the one of pages of events: of the time view, or of the feed.
fn is_page(path: &str) -> bool {
    path.ends_with("/audit_logs") || path.ends_with("/audit_logs/feed")
}

async fn answer(State(inside): State<Arc<Inside>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let fault = {
        let mut all = inside.asked.lock().unwrap();
        let number = all.iter().filter(|asked| is_page(&asked.path)).count();
        all.push(asked.clone());
        inside.faults.lock().unwrap().get(&number).copied()
    };
    let identity = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let holds = |secret: &str| identity == Some(&format!("Bearer {secret}"));
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/api/health") => answers::success(200, &json!({"status": "ok"})),
        ("GET", "/api/actions") => answers::success(200, &answers::catalogue()),
        (_, path) if (is_page(path) || path.contains("/ledger/")) && !holds(BEARER) => answers::forbidden(),
        (_, path)
            if ["/tokens", "/settings", "/streams"].iter().any(|part| path.contains(part)) && !holds(JWT) =>
        {
            answers::forbidden()
        }
        (_, path) if !path.starts_with("/api/acme/") && !path.starts_with("/api/globex/") => {
            answers::problem(404, &json!({"id": "not_found", "message": "There is no such workspace."}))
        }
        ("GET", path) if is_page(path) => match fault {
            Some(fault) => faulty(fault, &asked).await,
            None if path.ends_with("/feed") => feed(&inside, &asked).await,
            None => match inside.logs.lock().unwrap().get("acme") {
                Some(log) => answers::page(log.events.clone(), ledger::csv, &asked.query),
                None => {
                    let all = (0..inside.events).map(events::event).collect();
                    answers::page(all, events::csv, &asked.query)
                }
            },
        },
        ("GET", path) if path.contains("/ledger/") => {
            let (workspace, rest) = path["/api/".len()..].split_once("/ledger/").unwrap();
            match inside.logs.lock().unwrap().get(workspace) {
                Some(log) => routes::ledger(log, rest, &asked.query),
                None => answers::problem(404, &json!({"id": "not_found", "message": "It has no log."})),
            }
        }
        ("GET" | "PATCH", path) if path.ends_with("/settings") => answers::success(200, &answers::settings()),
        ("GET", path) if path.ends_with("/streams") => {
            answers::success(200, &json!({"streams": [answers::stream()]}))
        }
        ("POST", path) if path.ends_with("/streams") => answers::success(201, &answers::stream_with_secret()),
        ("PATCH", path) if path.contains("/streams/") && asked.body.contains("rotate_secret") => {
            answers::success(200, &answers::stream_with_secret())
        }
        ("GET" | "PATCH" | "POST", path) if path.contains("/streams/") => {
            answers::success(200, &answers::stream())
        }
        ("POST", _) => answers::created(&asked.body),
        ("DELETE", _) => StatusCode::NO_CONTENT.into_response(),
        _ => answers::success(200, &json!({"tokens": answers::tokens()})),
    }
}

/// A page of the feed, for which one waits as long as is asked and no longer than a test has time.
async fn feed(inside: &Inside, asked: &Asked) -> Response {
    let workspace = asked.path.split('/').nth(2).unwrap();
    let patience = if asked.query.contains_key("wait") { 20 } else { 0 };
    for _ in 0..patience {
        let has_new = routes::has_new(&inside.logs.lock().unwrap()[workspace], &asked.query);
        if has_new {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    routes::feed(&inside.logs.lock().unwrap()[workspace], &asked.query)
}

async fn faulty(fault: Fault, asked: &Asked) -> Response {
    match fault {
        Fault::Hold => std::future::pending().await,
        Fault::Tear => {
            let parts = [Ok("{\"id\":"), Err(std::io::Error::other("torn"))];
            let body = Body::from_stream(futures::stream::iter(parts));
            ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
        }
        Fault::Passing(status) => {
            let mut response = answers::problem(status, &json!({"id": "unavailable", "message": "Busy."}));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("0"));
            response
        }
        Fault::Portal => answers::respond(200, "text/html", "<h1>Welcome</h1>".to_owned()),
        Fault::Circle if asked.path.ends_with("/feed") => {
            let after = asked.query.get("after").map_or("-1", String::as_str);
            let page = answers::respond(200, "application/x-ndjson", String::new());
            routes::with_place(page, after, true)
        }
        Fault::Circle => answers::with_cursor(
            answers::respond(200, "application/x-ndjson", String::new()),
            asked.query.get("cursor").map(String::as_str).unwrap_or_default(),
        ),
    }
}
