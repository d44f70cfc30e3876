//! A proxy before the engine that makes chosen calls go wrong, in ways in which the engine itself never does.
//!
//! It answers in DynamoDB's own words, so that the SDK cannot tell it from the service. A [`Plan`] says which
//! call gets which fault; [`Fault`] lists the faults.

mod answer;
mod call;
mod fault;
mod memory;
mod plan;

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, Response, StatusCode, header},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use shared::{aws::config::Config, store::Store};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::{JoinHandle, JoinSet},
};

use self::{
    call::Call,
    fault::{After, Way},
    memory::{Altered, Memory},
};
pub use self::{fault::Fault, plan::Plan};

/// Longer than the SDK waits for one attempt.
const TOO_LATE: Duration = Duration::from_millis(3500);

/// The engine, with faults.
pub struct FaultyEngine {
    endpoint: String,
    proxy: Arc<Proxy>,
    server: JoinHandle<()>,
}

struct Proxy {
    engine: String,
    http: reqwest::Client,
    plan: Mutex<Plan>,
    memory: Mutex<Memory>,
    /// The number of faults so far.
    happened: watch::Sender<usize>,
    hung_up: Notify,
}

/// The connection ends without an answer.
type Reset = io::Error;

impl FaultyEngine {
    /// Starts the proxy with this plan.
    pub async fn with(engine: &str, plan: Plan) -> Self {
        let proxy = Arc::new(Proxy {
            engine: engine.to_owned(),
            http: reqwest::Client::new(),
            plan: Mutex::new(plan),
            memory: Mutex::default(),
            happened: watch::Sender::new(0),
            hung_up: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(serve(listener, proxy.clone()));
        Self { endpoint, proxy, server }
    }

    /// Fails the first `times` calls of `operation`, such as `ExecuteStatement`; all others arrive.
    pub async fn before(engine: &str, operation: &'static str, fault: Fault, times: usize) -> Self {
        Self::with(engine, Plan::default().first(times, operation, fault)).await
    }

    /// Starts the proxy without faults, to count the calls.
    pub async fn counting(engine: &str) -> Self {
        Self::with(engine, Plan::default()).await
    }

    /// Replaces the plan. The counters start again from zero.
    pub fn plan(&self, plan: Plan) {
        *self.proxy.plan.lock().unwrap() = plan;
    }

    /// Stops all faults from now on.
    pub fn heal(&self) {
        self.plan(Plan::default());
    }

    /// The number of calls of an operation.
    pub fn calls(&self, operation: &str) -> usize {
        self.proxy.plan.lock().unwrap().calls.get(operation).copied().unwrap_or_default()
    }

    /// The number of times that a fault happened.
    pub fn happened(&self, fault: Fault) -> usize {
        self.proxy.plan.lock().unwrap().happened.get(&fault).copied().unwrap_or_default()
    }

    /// The faults that happened, each with its number.
    pub fn all_that_happened(&self) -> Vec<(Fault, usize)> {
        self.proxy.plan.lock().unwrap().happened.iter().map(|(fault, times)| (*fault, *times)).collect()
    }

    /// Waits until this many faults have happened since the start.
    pub async fn reached(&self, faults: usize) {
        let mut happened = self.proxy.happened.subscribe();
        happened.wait_for(|happened| *happened >= faults).await.unwrap();
    }

    /// Resets all open connections.
    pub fn hang_up(&self) {
        self.proxy.hung_up.notify_waiters();
    }

    /// The number of calls of any operation.
    pub fn all_calls(&self) -> usize {
        self.proxy.plan.lock().unwrap().calls.values().sum()
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A store that is connected to this engine only.
    pub fn store(&self) -> Store {
        Store::connect(&Config::local(&self.endpoint))
    }
}

impl Drop for FaultyEngine {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, proxy: Arc<Proxy>) {
    // The connections end with the listener.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(converse(stream, proxy.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, proxy: Arc<Proxy>) {
    // With zero linger, closing the socket resets its connection.
    stream.set_zero_linger().unwrap();
    let answer = service_fn(|request| proxy.clone().answer(request));
    tokio::select! {
        // An error is a connection that was to be reset, or whose other side is gone.
        _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer) => {}
        () = proxy.hung_up.notified() => {}
    }
}

impl Proxy {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Reset> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
        let call = Call::read(parts.headers, &body);
        let fault = self.plan.lock().unwrap().befall(&call.operation, &call.written_keys());
        let Some(fault) = fault else {
            let (status, body) = self.forward(call).await;
            return Ok(answer::whole(status, body));
        };
        // A task of its own: work at the engine goes on although the caller hangs up.
        tokio::spawn(self.fail(fault, call)).await.unwrap()
    }

    async fn fail(self: Arc<Self>, fault: Fault, call: Call) -> Result<Response<Body>, Reset> {
        match fault.way() {
            Way::Refused(status, name, reason) => {
                self.tell();
                Ok(answer::error(status, name, reason))
            }
            Way::Cancelled(reason) => {
                self.tell();
                let writes = ["TransactStatements", "TransactItems"].map(|name| call.body[name].as_array());
                let writes = writes.into_iter().flatten().map(Vec::len).sum();
                Ok(answer::cancelled(reason, writes))
            }
            Way::Applied(after) => {
                let (status, body) = self.forward(call).await;
                self.tell();
                match after {
                    After::Replaced => Ok(answer::error(500, "InternalServerError", "")),
                    After::Reset => Err(reset()),
                    After::Truncated => Ok(answer::half(status, &body)),
                    After::Garbled => Ok(answer::garbled(status, &body)),
                    After::Delayed => {
                        tokio::time::sleep(TOO_LATE).await;
                        Ok(answer::whole(status, body))
                    }
                    After::Withheld => match answer::none().await {},
                }
            }
            Way::Changed => {
                self.tell();
                self.change(fault, call).await
            }
            Way::Special if fault == Fault::CallDelayed => {
                tokio::time::sleep(TOO_LATE).await;
                let (status, body) = self.forward(call).await;
                // Announced only now: a test that waits for the fault wants to see the effect of the call.
                self.tell();
                Ok(answer::whole(status, body))
            }
            Way::Special => {
                self.tell();
                match fault {
                    Fault::AnsweredByAnother => Ok(answer::foreign_page()),
                    Fault::CalledTwice => {
                        self.forward(call.clone()).await;
                        let (status, body) = self.forward(call).await;
                        Ok(answer::whole(status, body))
                    }
                    Fault::NeverAnswered => match answer::none().await {},
                    _ => Err(reset()),
                }
            }
        }
    }

    async fn change(&self, fault: Fault, call: Call) -> Result<Response<Body>, Reset> {
        let altered = self.memory.lock().unwrap().alter_call(fault, call.clone());
        match altered {
            Altered::Answered(body) => Ok(answer::written(200, &body)),
            Altered::Asked(altered) => {
                let (status, body) = self.forward(altered).await;
                if status != StatusCode::OK {
                    return Ok(answer::whole(status, body));
                }
                let mut body: Value = serde_json::from_slice(&body).unwrap();
                self.memory.lock().unwrap().alter_answer(fault, &call, &mut body);
                Ok(answer::written(200, &body))
            }
        }
    }

    /// Forwards the call to the engine.
    async fn forward(&self, mut call: Call) -> (StatusCode, Bytes) {
        {
            let mut memory = self.memory.lock().unwrap();
            memory.note(&call);
            memory.purify(&mut call);
        }
        let headers = call.headers.iter().filter(|(name, _)| is_forwarded(name));
        let headers: HeaderMap = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
        let request = self.http.post(&self.engine).headers(headers).body(call.body.to_string());
        let answer = request.send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap())
    }

    fn tell(&self) {
        self.happened.send_modify(|happened| *happened += 1);
    }
}

fn is_forwarded(name: &header::HeaderName) -> bool {
    *name != header::CONTENT_LENGTH && *name != header::HOST
}

fn reset() -> Reset {
    io::ErrorKind::ConnectionReset.into()
}
