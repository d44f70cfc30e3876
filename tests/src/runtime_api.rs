//! Lambda as one instance of a function sees it: the runtime API on loopback, and the program that asks it for
//! work.
//!
//! The program is a shipped function or a peer's. It is an ordinary process, which can be killed, stopped and
//! measured. Unlike Lambda, this server never ends an instance that is late, and never freezes one between two
//! invocations.

use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path as PathParameters, State},
    http::{Response, StatusCode},
    routing::{get, post},
    serve::ListenerExt as _,
};
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc, oneshot, watch},
    task::JoinHandle,
};

/// The largest answer that Lambda accepts.
const MAX_ANSWER_BYTES: usize = 6_291_556;

/// A running instance of a function. Dropping it kills the process.
pub struct Instance {
    pid: u32,
    init: Duration,
    work: mpsc::UnboundedSender<Invocation>,
    exit: watch::Receiver<Option<ExitStatus>>,
    numbers: AtomicU64,
    asks: watch::Receiver<u64>,
    server: JoinHandle<()>,
    reaper: JoinHandle<()>,
}

/// The answer of a function.
#[derive(Clone, Debug)]
pub struct Answer {
    pub payload: Bytes,
    /// The time from handing out the work to the answer.
    pub took: Duration,
}

/// The reason why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The function reported this JSON, with an `errorType` and an `errorMessage`.
    Reported(String),
    /// The instance ended before it answered.
    Exited,
    /// The function did not answer in time. The instance may still be working.
    TimedOut,
}

/// The reason why an instance never asked for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// The program cannot be run.
    NotRun(String),
    /// The program reported this.
    Reported(String),
    /// The program ended.
    Exited,
    /// The program did not ask for work in time.
    TimedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The process ends at once.
    Kill,
    /// The process is asked to end.
    Terminate,
    /// The process stands still, like an instance that Lambda froze.
    Stop,
    /// The stopped process continues.
    Continue,
}

struct Invocation {
    id: String,
    payload: Bytes,
    timeout: Duration,
    answer: Asker,
}

/// The receiver of an answer.
type Asker = oneshot::Sender<Result<Answer, Failed>>;

/// The state that the routes share.
struct Api {
    name: String,
    work: AsyncMutex<mpsc::UnboundedReceiver<Invocation>>,
    started: watch::Sender<Option<Result<Instant, String>>>,
    asks: watch::Sender<u64>,
    given: Mutex<HashMap<String, (Instant, Asker)>>,
}

/// The program of a function with the environment that Lambda and the template give it. DynamoDB is at this
/// endpoint. Its output is not shown.
pub fn program(path: &Path, dynamodb: &str) -> Command {
    let mut command = Command::new(path);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.envs([
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("EVENTS_TABLE", "AuditEvents"),
        ("TOKENS_TABLE", "AuditTokens"),
        ("QUARANTINE_TABLE", "AuditQuarantine"),
        ("SETTINGS_TABLE", "AuditSettings"),
        ("LEDGER_TABLE", "AuditLedger"),
        ("CHECKPOINTS_TABLE", "AuditCheckpoints"),
        ("LEDGER_ORIGIN", "audit-logs.local"),
    ]);
    command
}

impl Instance {
    /// Runs a program as the function of this name, and waits until it first asks for work.
    ///
    /// # Errors
    /// If the program never asks for work.
    pub async fn start(name: &str, command: Command, timeout: Duration) -> Result<Self, NotStarted> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(not_run)?;
        let address = listener.local_addr().map_err(not_run)?.to_string();
        let (work, queue) = mpsc::unbounded_channel();
        let (started, mut first) = watch::channel(None);
        let (asked, asks) = watch::channel(0);
        let api = Arc::new(Api {
            name: name.to_owned(),
            work: AsyncMutex::new(queue),
            started,
            asks: asked,
            given: Mutex::default(),
        });
        let server = tokio::spawn(serve(listener, api));

        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true).envs([
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDLOCAL"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_SESSION_TOKEN", "local"),
        ]);
        let began = Instant::now();
        let mut child = command.spawn().map_err(not_run)?;
        let pid = child.id().unwrap_or_default();
        let (exited, exit) = watch::channel(None);
        let reaper = tokio::spawn(async move {
            let status = child.wait().await.unwrap_or_default();
            exited.send_replace(Some(status));
        });
        let mut instance = Self {
            pid,
            init: Duration::ZERO,
            work,
            exit: exit.clone(),
            numbers: AtomicU64::new(0),
            asks,
            server,
            reaper,
        };
        let mut exit = exit;
        let asked = tokio::select! {
            // A report says more than the end of the process.
            biased;
            Ok(first) = first.wait_for(Option::is_some) => first.clone(),
            _ = exit.wait_for(Option::is_some) => return Err(NotStarted::Exited),
            () = tokio::time::sleep(timeout) => return Err(NotStarted::TimedOut),
        };
        match asked {
            Some(Ok(at)) => instance.init = at.duration_since(began),
            Some(Err(report)) => return Err(NotStarted::Reported(report)),
            None => return Err(NotStarted::Exited),
        }
        Ok(instance)
    }

    /// The time from the start of the process until it first asked for work.
    pub fn init(&self) -> Duration {
        self.init
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Gives the function a payload. Payloads given at the same time are worked on one after the other.
    ///
    /// # Errors
    /// If the function fails, ends or does not answer. After a timeout it may still be working.
    pub async fn invoke(&self, payload: impl Into<Bytes>, timeout: Duration) -> Result<Answer, Failed> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let (answer, mut answered) = oneshot::channel();
        let invocation = Invocation { id, payload: payload.into(), timeout, answer };
        self.work.send(invocation).map_err(|_| Failed::Exited)?;
        let mut exit = self.exit.clone();
        tokio::select! {
            // An answer that came before the end counts.
            biased;
            answer = &mut answered => answer.unwrap_or(Err(Failed::Exited)),
            _ = exit.wait_for(Option::is_some) => Err(Failed::Exited),
            () = tokio::time::sleep(timeout) => Err(Failed::TimedOut),
        }
    }

    /// Waits until the function has done all its work and asks for more.
    ///
    /// # Errors
    /// If the instance ends before that.
    pub async fn idle(&self) -> Result<(), Failed> {
        let given = self.numbers.load(Ordering::Relaxed);
        let (mut asks, mut exit) = (self.asks.clone(), self.exit.clone());
        tokio::select! {
            // It may have asked before it ended.
            biased;
            _ = exit.wait_for(Option::is_some) => Err(Failed::Exited),
            Ok(_) = asks.wait_for(|asks| *asks > given) => Ok(()),
        }
    }

    /// Sends the process a signal. A process that has ended stays ended.
    ///
    /// # Errors
    /// If the program `kill` is not there, or refuses.
    pub async fn signal(&self, signal: Signal) -> io::Result<()> {
        if self.exit.borrow().is_some() {
            return Ok(());
        }
        let name = match signal {
            Signal::Kill => "KILL",
            Signal::Terminate => "TERM",
            Signal::Stop => "STOP",
            Signal::Continue => "CONT",
        };
        let mut kill = tokio::process::Command::new("kill");
        let status = kill.args(["-s", name, &self.pid.to_string()]).status().await?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill: {status}"))) }
    }

    /// Waits until the process has ended, for any reason.
    pub async fn ended(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await.map(|status| *status);
        ended.ok().flatten().unwrap_or_default()
    }

    /// Kills the process, and waits for its end.
    ///
    /// # Errors
    /// If the program `kill` is not there, or refuses.
    pub async fn kill(&self) -> io::Result<ExitStatus> {
        self.signal(Signal::Kill).await?;
        Ok(self.ended().await)
    }

    /// The CPU time that all threads of the process have used, on Linux.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn cpu_time(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let statistics = fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += first_number(&statistics).unwrap_or_default();
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The peak of the process's resident memory in bytes, on Linux.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn max_rss_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(first_number);
        kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other("no VmHWM"))
    }
}

fn not_run(error: io::Error) -> NotStarted {
    NotStarted::NotRun(error.to_string())
}

impl Drop for Instance {
    fn drop(&mut self) {
        // The aborted task drops the child, which kills it.
        self.reaper.abort();
        self.server.abort();
    }
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next().and_then(|number| number.parse().ok())
}

async fn serve(listener: TcpListener, api: Arc<Api>) {
    // Answers are sent at once.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(MAX_ANSWER_BYTES))
        .with_state(api);
    axum::serve(listener, router).await.expect("a server on loopback does not end by itself");
}

/// Holds the request until there is work.
async fn next(State(api): State<Arc<Api>>) -> Response<Body> {
    api.started.send_if_modified(|started| {
        started.is_none() && {
            *started = Some(Ok(Instant::now()));
            true
        }
    });
    api.asks.send_modify(|asks| *asks += 1);
    let Some(invocation) = api.work.lock().await.recv().await else {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, "{}");
    };
    let Invocation { id, payload, timeout, answer } = invocation;
    let deadline = jiff::Timestamp::now().as_millisecond() + i64::try_from(timeout.as_millis()).unwrap();
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &id)
        .header("lambda-runtime-deadline-ms", deadline)
        .header(
            "lambda-runtime-invoked-function-arn",
            format!("arn:aws:lambda:us-east-1:000000000000:function:{}", api.name),
        )
        .header(
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0",
        )
        .body(Body::from(payload))
        .unwrap();
    api.given.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (Instant::now(), answer));
    response
}

async fn response(state: State<Arc<Api>>, id: PathParameters<String>, payload: Bytes) -> Response<Body> {
    let at = Instant::now();
    settle(&state, &id, |given| Ok(Answer { payload, took: at.duration_since(given) }))
}

async fn error(state: State<Arc<Api>>, id: PathParameters<String>, report: String) -> Response<Body> {
    settle(&state, &id, |_| Err(Failed::Reported(report)))
}

async fn init_error(State(api): State<Arc<Api>>, report: String) -> Response<Body> {
    api.started.send_replace(Some(Err(report)));
    answer(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
}

/// Sends the outcome to the caller that waits for it. An id that is unknown or already answered is refused.
fn settle(api: &Api, id: &str, outcome: impl FnOnce(Instant) -> Result<Answer, Failed>) -> Response<Body> {
    let given = api.given.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    let Some((given, asker)) = given else {
        return answer(
            StatusCode::BAD_REQUEST,
            r#"{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}"#,
        );
    };
    // The caller may have stopped waiting.
    let _ = asker.send(outcome(given));
    answer(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
}

fn answer(status: StatusCode, body: &'static str) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap()
}
