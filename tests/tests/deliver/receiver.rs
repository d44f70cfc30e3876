//! A receiver: an HTTP server that treats each request as a test wants.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderMap, Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::CertifiedKey;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

/// A fault between a stream and its destination.
#[derive(Clone, Debug)]
pub(crate) enum ReceiverFault {
    /// No server listens.
    Down,
    /// Its certificate is signed by an unknown authority.
    Untrusted,
    /// A request is read, not accepted, and answered with this status and these headers.
    Refused(u16, &'static [(&'static str, &'static str)]),
    /// The connection is reset before the body is read.
    ResetBefore,
    /// A request is accepted, and the connection is reset without an answer.
    ResetAfter,
    /// A request is accepted, and answered after the sender has given up.
    Late,
}

#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// True if the receiver accepted it.
    pub(crate) taken: bool,
}

/// The body of the answer to an accepted request, or the fault.
type Outcome = Result<String, ReceiverFault>;
type Decide = Box<dyn FnMut(usize, &str) -> Outcome + Send>;

pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Arc<State>,
    server: JoinHandle<()>,
}

struct State {
    decide: Mutex<(usize, Decide)>,
    received: Mutex<Vec<Received>>,
    /// The TLS alerts of clients that broke off a handshake.
    alerts: Mutex<Vec<String>>,
}

impl Receiver {
    /// A receiver that accepts everything.
    pub(crate) async fn start() -> Self {
        Self::that(|_, _| Ok(String::new())).await
    }

    /// A receiver that asks `decide` about each request, with its number from 0 and its body.
    pub(crate) async fn that(decide: impl FnMut(usize, &str) -> Outcome + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let state = State::that(decide);
        let server = tokio::spawn(serve(listener, state.clone()));
        Self { url, state, server }
    }

    /// A receiver that no request reaches.
    pub(crate) async fn unreachable(fault: ReceiverFault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let state = State::that(|_, _| Ok(String::new()));
        let server = match fault {
            ReceiverFault::Down => tokio::spawn(async { drop(listener) }),
            ReceiverFault::Untrusted => tokio::spawn(serve_untrusted(listener, state.clone())),
            other => panic!("{other:?} befalls a request"),
        };
        Self { url, state, server }
    }

    /// Replaces `decide`.
    pub(crate) fn now(&self, decide: impl FnMut(usize, &str) -> Outcome + Send + 'static) {
        *self.state.decide.lock().unwrap() = (0, Box::new(decide));
    }

    /// All requests that were read, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// The TLS alerts of clients that broke off a handshake.
    pub(crate) fn alerts(&self) -> Vec<String> {
        self.state.alerts.lock().unwrap().clone()
    }

    /// The accepted requests.
    pub(crate) fn taken(&self) -> Vec<Received> {
        self.received().into_iter().filter(|received| received.taken).collect()
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(converse(stream, state.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Serves TLS with a self-signed certificate.
async fn serve_untrusted(listener: TcpListener, state: Arc<State>) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        match acceptor.accept(stream).await {
            Ok(_) => panic!("a client trusts a self-signed certificate"),
            Err(error) => state.alerts.lock().unwrap().push(error.to_string()),
        }
    }
}

async fn converse(stream: TcpStream, state: Arc<State>) {
    // With zero linger, closing the socket resets its connection.
    stream.set_zero_linger().unwrap();
    let answer = service_fn(|request| state.clone().answer(request));
    // An error is a connection that was to be reset, or whose other side is gone.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

impl State {
    fn that(decide: impl FnMut(usize, &str) -> Outcome + Send + 'static) -> Arc<Self> {
        let decide = Mutex::new((0, Box::new(decide) as Decide));
        Arc::new(Self { decide, received: Mutex::default(), alerts: Mutex::default() })
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
        let body = String::from_utf8(body.to_vec()).unwrap();
        let outcome = {
            let (number, decide) = &mut *self.decide.lock().unwrap();
            *number += 1;
            decide(*number - 1, &body)
        };
        let taken = matches!(outcome, Ok(_) | Err(ReceiverFault::ResetAfter | ReceiverFault::Late));
        if !matches!(outcome, Err(ReceiverFault::ResetBefore)) {
            let path = parts.uri.path().to_owned();
            self.received.lock().unwrap().push(Received { path, headers: parts.headers, body, taken });
        }
        match outcome {
            Ok(body) => Ok(Response::new(Body::from(body))),
            Err(ReceiverFault::Refused(status, headers)) => {
                let response =
                    headers.iter().fold(Response::builder().status(status), |response, (name, value)| {
                        response.header(*name, *value)
                    });
                Ok(response.body(Body::empty()).unwrap())
            }
            Err(ReceiverFault::ResetBefore | ReceiverFault::ResetAfter) => {
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Err(ReceiverFault::Late) => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                Ok(Response::new(Body::empty()))
            }
            Err(fault) => panic!("{fault:?} lets no request come"),
        }
    }
}
