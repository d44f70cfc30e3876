//! The embedded engine behind doors. Each store has its own door to the engine, which counts its calls, and
//! fails or delays them as the test wants.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response, StatusCode, Uri},
};
use dynoxide::Database;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use shared::{aws::config::Config, store::Store};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};

/// An engine in memory. It executes calls at once, one after the other.
pub(crate) struct Engine {
    house: Arc<House>,
    endpoint: String,
    server: JoinHandle<()>,
}

struct House {
    database: Database,
    doors: Mutex<HashMap<String, Arc<Door>>>,
}

/// A proxy to the engine for one store.
pub(crate) struct Door {
    endpoint: String,
    rule: Rule,
    /// The operations of the calls, in order.
    calls: Mutex<Vec<String>>,
    crashed: Notify,
}

/// The behaviour of a door.
pub(crate) enum Rule {
    /// Every call passes.
    Open,
    /// Calls with this text in their body are answered with an error; all others pass.
    Denies(&'static str),
    /// Calls to this table with this text in their body are answered with an error; all others pass.
    DeniesIn(&'static str, &'static str),
    /// Writes with this text in their body find that another writer was first; all others pass.
    Overtakes(&'static str),
    /// The call with this number fails; all others pass.
    Fails(usize, Fault),
    /// Every call takes this long.
    Slow(Duration),
    /// Every call waits until the receiver of `arrivals` lets it pass.
    Waits { agent: usize, arrivals: mpsc::UnboundedSender<Arrival> },
}

/// A way for a call to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// The part of the call that the engine executes.
    pub(crate) applied: Applied,
    pub(crate) answer: Answer,
}

/// The part of a call that is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    Nothing,
    /// Every second statement; a call without statements is executed in full.
    Half,
    All,
}

/// The answer that the caller gets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// An error that the SDK does not retry.
    Error,
    /// None: the process has crashed.
    None,
}

/// News of an agent whose calls wait.
pub(crate) enum Arrival {
    /// The agent's call is at the door. It passes when the receiver sends the channel on which it wants to hear
    /// that the call is done.
    Call(usize, oneshot::Sender<oneshot::Sender<()>>),
    /// The agent has finished.
    End(usize),
}

impl Engine {
    pub(crate) async fn start() -> Self {
        let house = Arc::new(House { database: Database::memory().unwrap(), doors: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(house.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { house, endpoint, server }
    }

    /// Closes all doors, and starts again with a copy of these tables. A call that is still on its way finds
    /// its door closed.
    pub(crate) fn reset(&self, tables: &Path) {
        self.house.doors.lock().unwrap().clear();
        self.house.database.restore_from(tables.to_str().unwrap()).unwrap();
    }

    pub(crate) fn door(&self, rule: Rule) -> Arc<Door> {
        let path = format!("/{}", fastrand::u64(..));
        let endpoint = format!("{}{path}", self.endpoint);
        let door = Arc::new(Door { endpoint, rule, calls: Mutex::default(), crashed: Notify::new() });
        self.house.doors.lock().unwrap().insert(path, door.clone());
        door
    }

    /// Executes a call directly, past all doors.
    pub(crate) fn ask(&self, operation: &str, request: &Value) -> Value {
        let answer = answer(&self.house.database, operation, request.to_string().as_bytes()).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// A store without faults.
    pub(crate) fn store(&self) -> Store {
        self.door(Rule::Open).store()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Door {
    /// A store that is connected to this door only.
    pub(crate) fn store(&self) -> Store {
        Store::connect(&Config::local(&self.endpoint))
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// Waits until a call arrives that will never be answered.
    pub(crate) async fn crashed(&self) {
        self.crashed.notified().await;
    }
}

async fn pass(State(house): State<Arc<House>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let path = uri.path().trim_end_matches('/');
    let Some(door) = house.doors.lock().unwrap().get(path).cloned() else {
        return error("ResourceNotFoundException");
    };
    let (_, operation) = headers["x-amz-target"].to_str().unwrap().split_once('.').unwrap();
    let number = {
        let mut calls = door.calls.lock().unwrap();
        calls.push(operation.to_owned());
        calls.len() - 1
    };
    match &door.rule {
        Rule::Fails(failing, Fault { applied, answer }) if *failing == number => {
            match applied {
                Applied::Nothing => {}
                Applied::Half => drop(run(&house.database, operation, &half(body))),
                Applied::All => drop(run(&house.database, operation, &body)),
            }
            match answer {
                Answer::Error => error("AccessDeniedException"),
                Answer::None => {
                    door.crashed.notify_one();
                    std::future::pending().await
                }
            }
        }
        Rule::Waits { agent, arrivals } => {
            let (let_through, wait) = oneshot::channel();
            // The receiver may be gone; then the call does not pass.
            let _ = arrivals.send(Arrival::Call(*agent, let_through));
            let Ok(done) = wait.await else { return error("AccessDeniedException") };
            let answer = run(&house.database, operation, &body);
            let _ = done.send(());
            answer
        }
        Rule::Denies(text) if has(&body, text) => error("AccessDeniedException"),
        Rule::DeniesIn(table, text) if [table, text].iter().all(|part| has(&body, part)) => {
            error("AccessDeniedException")
        }
        Rule::Overtakes(text) if has(&body, text) => error("ConditionalCheckFailedException"),
        Rule::Slow(latency) => {
            tokio::time::sleep(*latency).await;
            run(&house.database, operation, &body)
        }
        Rule::Open | Rule::Denies(_) | Rule::DeniesIn(..) | Rule::Overtakes(_) | Rule::Fails(..) => {
            run(&house.database, operation, &body)
        }
    }
}

fn has(body: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(body).contains(text)
}

fn half(body: Bytes) -> Bytes {
    let mut call: Value = serde_json::from_slice(&body).unwrap();
    let Some(statements) = call["Statements"].as_array_mut() else { return body };
    let kept = statements.iter().step_by(2).cloned().collect();
    *statements = kept;
    call.to_string().into()
}

fn run(database: &Database, operation: &str, body: &[u8]) -> Response<Body> {
    match answer(database, operation, body) {
        Ok(answer) => response(StatusCode::OK, answer),
        Err(error) => response(StatusCode::from_u16(error.status_code()).unwrap(), error.to_json()),
    }
}

fn answer(database: &Database, operation: &str, body: &[u8]) -> dynoxide::Result<String> {
    match operation {
        "BatchExecuteStatement" => call(body, |request| database.batch_execute_statement(request)),
        "BatchGetItem" => call(body, |request| database.batch_get_item(request)),
        "DeleteItem" => call(body, |request| database.delete_item(request)),
        "DescribeStream" => call(body, |request| database.describe_stream(request)),
        "ExecuteStatement" => call(body, |request| database.execute_statement(request)),
        "GetItem" => call(body, |request| database.get_item(request)),
        "GetRecords" => call(body, |request| database.get_records(request)),
        "GetShardIterator" => call(body, |request| database.get_shard_iterator(request)),
        "PutItem" => call(body, |request| database.put_item(request)),
        "Query" => call(body, |request| database.query(request)),
        "Scan" => call(body, |request| database.scan(request)),
        "UpdateItem" => call(body, |request| database.update_item(request)),
        "UpdateTable" => call(body, |request| database.update_table(request)),
        other => panic!("unexpected operation {other}"),
    }
}

fn call<Request: DeserializeOwned, Answer: Serialize>(
    body: &[u8],
    act: impl FnOnce(Request) -> dynoxide::Result<Answer>,
) -> dynoxide::Result<String> {
    Ok(serde_json::to_string(&act(serde_json::from_slice(body).unwrap())?).unwrap())
}

fn error(name: &str) -> Response<Body> {
    let body = format!(r#"{{"__type":"com.amazon.coral.service#{name}","message":"as the test wants"}}"#);
    response(StatusCode::BAD_REQUEST, body)
}

fn response(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0".parse().unwrap());
    response
}
