//! A stand-in for DynamoDB that answers at once with earlier answers of the engine.
//!
//! While it learns, every call goes to the engine, is counted, and its answer is stored. Afterwards a call gets
//! the answer to the same call. Because keys and salts differ each time, other calls get the last answer to the
//! same operation on the same table, which is a refusal only if that operation never succeeded. So our own time
//! can be separated from the engine's. It speaks HTTP and, with a certificate of its own, HTTPS.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Response, StatusCode},
    serve::{Listener, ListenerExt as _},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
    server::TlsStream,
};

use crate::Result;

/// The address of DynamoDB for a program.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    /// The file with the certificate to trust, for HTTPS.
    pub(crate) bundle: Option<PathBuf>,
}

pub(crate) struct Stub {
    pub(crate) http: Endpoint,
    pub(crate) https: Endpoint,
    memory: Arc<Memory>,
}

/// The consumption of calls, by the engine's consumed capacity.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
    /// The number of calls of each operation.
    pub(crate) calls: BTreeMap<String, usize>,
}

impl Tally {
    pub(crate) fn round_trips(&self) -> usize {
        self.calls.values().sum()
    }
}

struct Memory {
    engine: String,
    client: reqwest::Client,
    learning: AtomicBool,
    tally: Mutex<Tally>,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    exact: HashMap<(String, Bytes), (StatusCode, Bytes)>,
    latest: HashMap<(String, String), (StatusCode, Bytes)>,
}

impl Stub {
    /// A stub that learns from this engine. Its certificate goes into the directory.
    pub(crate) async fn before(engine: &str, directory: &Path) -> Result<Self> {
        let memory = Arc::new(Memory {
            engine: engine.to_owned(),
            client: reqwest::Client::new(),
            learning: AtomicBool::new(true),
            tally: Mutex::default(),
            answers: Mutex::default(),
        });
        let router = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::max(32 * 1024 * 1024))
            .with_state(memory.clone());

        let plain = TcpListener::bind("127.0.0.1:0").await?;
        let http = Endpoint { url: format!("http://{}", plain.local_addr()?), bundle: None };
        let plain = plain.tap_io(|stream| drop(stream.set_nodelay(true)));
        tokio::spawn(axum::serve(plain, router.clone()).into_future());

        fs::create_dir_all(directory)?;
        let bundle = directory.join(format!("authority-{}.pem", std::process::id()));
        let secret = Tls::bind(&bundle).await?;
        let url = format!("https://localhost:{}", secret.address.port());
        tokio::spawn(axum::serve(secret, router).into_future());
        Ok(Self { http, https: Endpoint { url, bundle: Some(bundle) }, memory })
    }

    /// From now on no call goes to the engine.
    pub(crate) fn stop_learning(&self) {
        self.memory.learning.store(false, Ordering::SeqCst);
    }

    /// The consumption of the calls since the previous call of this method.
    pub(crate) fn take_tally(&self) -> Tally {
        std::mem::take(&mut *self.memory.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(State(memory): State<Arc<Memory>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.split('.').nth(1).unwrap_or_default().to_owned();
    let answered = if memory.learning.load(Ordering::SeqCst) {
        memory.learn(&headers, operation, body).await
    } else {
        memory.recall(operation, body)
    };
    let (status, answer) = answered.unwrap_or_else(|error| {
        let error =
            json!({"__type": "com.amazon.coral.service#InternalServerError", "message": error.to_string()});
        (StatusCode::INTERNAL_SERVER_ERROR, error.to_string().into())
    });
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    response.body(Body::from(answer)).expect("the header is a literal")
}

impl Memory {
    async fn learn(
        &self,
        headers: &HeaderMap,
        operation: String,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        // The engine is asked for the consumed capacity, even if the caller did not ask.
        let mut call: Value = serde_json::from_slice(&body)?;
        if call["ReturnConsumedCapacity"].is_null() {
            call["ReturnConsumedCapacity"] = json!("TOTAL");
        }
        let mut request = self.client.post(&self.engine).body(call.to_string());
        for name in ["content-type", "authorization", "x-amz-date", "x-amz-target", "x-amz-security-token"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let response = request.send().await?;
        let (status, answer) = (response.status(), response.bytes().await?);
        let took: Value = serde_json::from_slice(&answer)?;
        self.count(&operation, &took["ConsumedCapacity"]);
        let place = place(&operation, &body);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = (status, answer);
        if status == StatusCode::OK {
            answers.latest.insert((operation.clone(), place), answer.clone());
            let call = exactly(&operation, body);
            answers.exact.insert((operation, call), answer.clone());
        } else {
            answers.latest.entry((operation, place)).or_insert_with(|| answer.clone());
        }
        Ok(answer)
    }

    fn recall(&self, operation: String, body: Bytes) -> Result<(StatusCode, Bytes)> {
        let place = place(&operation, &body);
        let call = exactly(&operation, body);
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let exact = answers.exact.get(&(operation.clone(), call));
        let known = exact.or_else(|| answers.latest.get(&(operation.clone(), place.clone())));
        known.cloned().ok_or_else(|| format!("{operation} on {place} was never answered").into())
    }

    fn count(&self, operation: &str, took: &Value) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        *tally.calls.entry(operation.to_owned()).or_default() += 1;
        let each = took.as_array().map_or(std::slice::from_ref(took), Vec::as_slice);
        let units = each.iter().filter_map(|took| took["CapacityUnits"].as_f64()).sum::<f64>();
        match operation {
            "BatchExecuteStatement"
            | "DeleteItem"
            | "ExecuteStatement"
            | "PutItem"
            | "ExecuteTransaction"
            | "UpdateItem" => tally.write_units += units,
            _ => tally.read_units += units,
        }
    }
}

/// The call with its members in a fixed order, because the order of a key's attributes differs between
/// processes. Writes are never the same twice, and stay as they are.
fn exactly(operation: &str, body: Bytes) -> Bytes {
    if !matches!(operation, "BatchGetItem" | "GetItem" | "Query") {
        return body;
    }
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    // Sorted by name.
    call.to_string().into()
}

/// The table that a call concerns; with its index, if any.
fn place(operation: &str, body: &[u8]) -> String {
    // Writes are frequent, and finding their table does not need a complete parse.
    if operation == "PutItem" {
        let text = String::from_utf8_lossy(body);
        let table = text.split(r#""TableName":"#).nth(1).and_then(|rest| rest.split('"').nth(1));
        return table.unwrap_or_default().to_owned();
    }
    let call: Value = serde_json::from_slice(body).unwrap_or_default();
    // An answer to several statements has a part for each.
    let statements = call["Statements"].as_array().map_or(0, Vec::len);
    // A statement names its table itself.
    let first = call["Statement"].as_str().or_else(|| call["TransactStatements"][0]["Statement"].as_str());
    if let Some(table) = first.and_then(|text| text.split('"').nth(1)) {
        return format!("{table} {}", call["TransactStatements"].as_array().map_or(1, Vec::len));
    }
    format!("{} {} {statements}", name(&call, "TableName"), name(&call, "IndexName"))
}

fn name(call: &Value, member: &str) -> String {
    call[member].as_str().unwrap_or_default().to_owned()
}

/// Connections after their handshake.
struct Tls {
    address: SocketAddr,
    connections: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Tls {
    /// Listens with a certificate of an authority of its own, which only readers of this file trust.
    async fn bind(bundle: &Path) -> Result<Self> {
        let mut params = CertificateParams::new([])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Its name differs from that of the certificate it signs: OpenSSL takes a certificate with its own
        // issuer name for self-signed.
        params.distinguished_name.push(DnType::CommonName, "bench authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        fs::write(bundle, authority.pem())?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &authority)?;
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (ready, connections) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (acceptor, ready) = (acceptor.clone(), ready.clone());
                tokio::spawn(async move {
                    drop(stream.set_nodelay(true));
                    if let Ok(stream) = acceptor.accept(stream).await {
                        drop(ready.send((stream, peer)).await);
                    }
                });
            }
        });
        Ok(Self { address, connections })
    }
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
