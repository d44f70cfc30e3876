//! A proxy before the engine that fails chosen calls, as no engine does by itself.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response, StatusCode},
};
use shared::{config::Config, store::Store};
use tokio::{net::TcpListener, task::JoinHandle};

/// How a call fails.
#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    /// It is denied, as by a policy, and never reaches the engine.
    Denied,
    /// The engine does it, and the answer is lost on the way. The SDK tries again.
    AnswerLost,
}

/// The engine, with faults.
pub struct FaultyEngine {
    endpoint: String,
    faults: Arc<Faults>,
    server: JoinHandle<()>,
}

struct Faults {
    engine: String,
    operation: &'static str,
    fault: Fault,
    left: AtomicUsize,
    calls: AtomicUsize,
    http: reqwest::Client,
}

impl FaultyEngine {
    /// Fails the first `times` calls of `operation`, such as `PutItem`; all others arrive.
    pub async fn before(engine: &str, operation: &'static str, fault: Fault, times: usize) -> Self {
        let faults = Arc::new(Faults {
            engine: engine.to_owned(),
            operation,
            fault,
            left: AtomicUsize::new(times),
            calls: AtomicUsize::new(0),
            http: reqwest::Client::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(faults.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { endpoint, faults, server }
    }

    /// An engine without faults that counts the calls of `operation`.
    pub async fn counting(engine: &str, operation: &'static str) -> Self {
        Self::before(engine, operation, Fault::Denied, 0).await
    }

    /// Where it listens, for another one before it.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How often the operation was called.
    pub fn calls(&self) -> usize {
        self.faults.calls.load(Ordering::SeqCst)
    }

    /// A store that knows only this engine.
    pub fn store(&self) -> Store {
        Store::connect(&Config::local(&self.endpoint))
    }
}

impl Drop for FaultyEngine {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(faults): State<Arc<Faults>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers["x-amz-target"].to_str().unwrap();
    let meant = target.ends_with(&format!(".{}", faults.operation));
    faults.calls.fetch_add(usize::from(meant), Ordering::SeqCst);
    let left = |left: usize| left.checked_sub(1);
    let fails = meant && faults.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok();
    if fails && faults.fault == Fault::Denied {
        return error(StatusCode::BAD_REQUEST, "com.amazon.coral.service#AccessDeniedException");
    }
    let request = faults.http.post(&faults.engine).headers(headers).body(body);
    let answer = request.send().await.unwrap();
    if fails {
        return error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "com.amazonaws.dynamodb.v20120810#InternalServerError",
        );
    }
    let mut response = Response::new(Body::empty());
    (*response.status_mut(), *response.headers_mut()) = (answer.status(), answer.headers().clone());
    *response.body_mut() = Body::from(answer.bytes().await.unwrap());
    response
}

fn error(status: StatusCode, name: &str) -> Response<Body> {
    let mut response =
        Response::new(Body::from(format!(r#"{{"__type":"{name}","message":"as the test wants"}}"#)));
    *response.status_mut() = status;
    response
}
