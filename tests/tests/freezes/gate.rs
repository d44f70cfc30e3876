//! A proxy to the tables that holds one call.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response, header},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The point at which the function stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// The tables execute the call after the freeze.
    Call,
    /// The tables have executed the call, and its answer arrives after the freeze.
    Answer,
}

type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct Gate {
    engine: String,
    http: reqwest::Client,
    at: usize,
    held: Held,
    calls: AtomicUsize,
    meanwhile: Mutex<Option<Meanwhile>>,
}

/// The gate, the endpoint, and its server, which ends with it.
pub(crate) struct Gated {
    gate: Arc<Gate>,
    pub(crate) endpoint: String,
    server: JoinHandle<()>,
}

impl Gated {
    /// Lets `meanwhile` happen at the call with this number.
    pub(crate) async fn at(at: usize, held: Held, engine: &str, meanwhile: Meanwhile) -> Self {
        let gate = Arc::new(Gate {
            engine: engine.to_owned(),
            http: reqwest::Client::new(),
            at,
            held,
            calls: AtomicUsize::new(0),
            meanwhile: Mutex::new(Some(meanwhile)),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(forward).with_state(gate.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { gate, endpoint, server }
    }

    /// True if a call was held.
    pub(crate) fn has_held(&self) -> bool {
        self.gate.meanwhile.lock().unwrap().is_none()
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn forward(State(gate): State<Arc<Gate>>, mut headers: HeaderMap, body: Bytes) -> Response<Body> {
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let is_held = gate.calls.fetch_add(1, Ordering::SeqCst) == gate.at;
    let meanwhile = if is_held { gate.meanwhile.lock().unwrap().take() } else { None };
    let call = gate.http.post(&gate.engine).headers(headers).body(body);
    let answer = match (meanwhile, gate.held) {
        (Some(meanwhile), Held::Call) => {
            meanwhile.await;
            call.send().await.unwrap()
        }
        (Some(meanwhile), Held::Answer) => {
            let answer = call.send().await.unwrap();
            meanwhile.await;
            answer
        }
        (None, _) => call.send().await.unwrap(),
    };
    let response = Response::builder().status(answer.status());
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}
