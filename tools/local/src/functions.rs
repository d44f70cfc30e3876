//! Lambda as its callers see it: a function by the name of its crate, with JSON as input and output.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use archiver::Archiver;
use aws_lambda_events::sqs::SqsBatchResponse;
use deliver::Post;
use lambda_http::{Adapter, Service as _, service_fn};
use lambda_runtime::{Context, LambdaEvent};
use ledger::Ledger;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use shared::{http::Response, store::Store};
use streams::Streams;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    Error,
    template::{ACCOUNT, REGION, Route, Scheduled, Template, TokenAuthorizer},
};

/// The largest event and the largest answer of an invocation.
const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
/// The deadline that a function gets.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The deadline of the archiver and of expiry, which begin nothing shortly before it.
const LONG_TIMEOUT: Duration = Duration::from_secs(300);

const AUTHORIZERS: &[&str] = &["authorizer"];
const HTTP: &[&str] =
    &["ingest-api", "ledger", "query", "redactions", "settings", "streams", "tokens", "viewer"];
const BATCH: &[&str] = &["ingest-bus"];
const STREAM: &[&str] = &["sealer"];
const HINTED: &[&str] = &["deliver"];
const SCHEDULED: &[&str] = &["archiver", "deliver", "expiry", "ledger"];

/// The functions, all with the same tables.
#[derive(Clone)]
pub(crate) struct Functions {
    store: Store,
    ledger: Arc<Ledger>,
    streams: Arc<Streams>,
    /// The executions that each function reserves, by its logical id.
    reserved: Arc<BTreeMap<String, Arc<Semaphore>>>,
}

/// The dependencies of the functions that a schedule invokes.
#[derive(Clone)]
pub(crate) struct OnSchedule {
    /// Delivers streams.
    pub(crate) post: Arc<Post>,
    /// Archives streams, if there is a bucket.
    pub(crate) archiver: Option<Arc<Archiver>>,
}

/// The reason why there is no answer.
#[derive(Debug)]
pub(crate) enum InvokeError {
    /// The event is larger than Lambda accepts.
    EventTooLarge,
    /// The function failed, or its answer is larger than Lambda accepts.
    Failed,
    /// All executions that the function reserves are in use.
    Throttled,
}

impl Functions {
    /// # Errors
    /// If the template names a function that this program does not hold.
    pub(crate) fn of(
        template: &Template,
        store: Store,
        ledger: Arc<Ledger>,
        streams: Streams,
    ) -> Result<Self, Error> {
        let wanted = [
            (std::iter::once(&template.api.token.function).collect::<Vec<_>>(), AUTHORIZERS),
            (template.api.routes.iter().map(|route| &route.function).collect(), HTTP),
            (vec![&template.bus.function], BATCH),
            (vec![&template.sealer], STREAM),
            (template.scheduled.iter().map(|scheduled| &scheduled.function).collect(), SCHEDULED),
            (vec![&template.hints.function], HINTED),
        ];
        for (names, known) in wanted {
            if let Some(unknown) = names.into_iter().find(|name| !known.contains(&name.as_str())) {
                return Err(Error::UnknownFunction(unknown.clone()));
            }
        }
        let reserved = template.reserved.iter();
        Ok(Self {
            reserved: Arc::new(
                reserved.map(|(id, count)| (id.clone(), Arc::new(Semaphore::new(*count)))).collect(),
            ),
            ledger,
            streams: Arc::new(streams),
            store,
        })
    }

    /// One of the executions that a function reserves. Like Lambda, it refuses a call if all are in use.
    fn execution(&self, resource: &str) -> Result<Option<OwnedSemaphorePermit>, InvokeError> {
        let Some(reserved) = self.reserved.get(resource) else { return Ok(None) };
        reserved.clone().try_acquire_owned().map(Some).map_err(|_| InvokeError::Throttled)
    }

    /// Invokes an authorizer with a request of payload 2.0.
    pub(crate) async fn authorize(
        &self,
        authorizer: &TokenAuthorizer,
        request: &Value,
    ) -> Result<Value, InvokeError> {
        let _execution = self.execution(&authorizer.resource)?;
        let (store, name) = (self.store.clone(), authorizer.function.as_str());
        match name {
            "authorizer" => {
                invoke(name, &request.to_string(), async move |event| authorizer::handle(&store, event).await)
                    .await
            }
            _ => Err(InvokeError::Failed),
        }
    }

    /// Invokes a function behind the HTTP API with an event of payload 2.0.
    pub(crate) async fn http(&self, route: &Route, event: &Value) -> Result<Value, InvokeError> {
        let execution = self.execution(&route.resource)?;
        let (functions, name, event) = (self.clone(), route.function.clone(), event.to_string());
        // A client that hangs up does not end the execution: the function continues to its end.
        let answered = tokio::spawn(async move {
            let answer = functions.answer(&name, &event).await;
            drop(execution);
            answer
        });
        answered.await.unwrap_or(Err(InvokeError::Failed))
    }

    async fn answer(&self, name: &str, event: &str) -> Result<Value, InvokeError> {
        let store = self.store.clone();
        match name {
            "ingest-api" => {
                invoke_http(name, event, async move |call| ingest_api::handle(&store, call).await).await
            }
            "query" => invoke_http(name, event, async move |call| query::handle(&store, call).await).await,
            "ledger" => {
                let ledger = self.ledger.clone();
                invoke_http(name, event, async move |call| ledger::handle(&ledger, call).await).await
            }
            "redactions" => {
                invoke_http(name, event, async move |call| {
                    redactions::handle(&store, &Arc::default(), call).await
                })
                .await
            }
            "settings" => {
                invoke_http(name, event, async move |call| {
                    settings::handle(&store, &Arc::default(), call).await
                })
                .await
            }
            "streams" => {
                let streams = self.streams.clone();
                invoke_http(name, event, async move |call| streams::handle(&streams, call).await).await
            }
            "tokens" => {
                invoke_http(name, event, async move |call| {
                    tokens::handle(&store, &Arc::default(), call).await
                })
                .await
            }
            "viewer" => invoke_http(name, event, viewer::handle).await,
            _ => Err(InvokeError::Failed),
        }
    }

    /// Invokes a function behind the queue with a batch.
    pub(crate) async fn batch(self, name: String, event: String) -> Result<SqsBatchResponse, String> {
        let answer = match name.as_str() {
            "ingest-bus" => {
                let store = self.store;
                invoke(&name, &event, async move |event| ingest_bus::handle(&store, event).await).await
            }
            _ => Err(InvokeError::Failed),
        };
        let answer = answer.map_err(|error| format!("{error:?}"))?;
        serde_json::from_value(answer).map_err(|error| error.to_string())
    }
}

/// Gives the sealer a batch of the stream. Returns true if all of it was handled.
pub(crate) async fn seal(store: Store, name: String, event: Value) -> bool {
    let sealed = match name.as_str() {
        "sealer" => {
            invoke(&name, &event.to_string(), async move |event| sealer::handle(&store, event).await).await
        }
        _ => Err(InvokeError::Failed),
    };
    sealed.is_ok_and(|answer| answer["batchItemFailures"] == json!([]))
}

/// Gives the function behind the queue of hints a message. A failure is logged, and the schedule delivers.
pub(crate) async fn hinted(post: Option<Arc<Post>>, name: String, event: Value) {
    if let (Some(post), "deliver") = (post, name.as_str()) {
        let event = event.to_string();
        let _ = invoke(&name, &event, async move |event| deliver::handle(&post, event).await).await;
    }
}

/// Gives a function the input of its schedule. A failure is logged, and the schedule runs again.
pub(crate) async fn scheduled(on: OnSchedule, Scheduled { function, input }: &Scheduled) {
    let OnSchedule { post, archiver } = on;
    let input = input.to_string();
    let _ = match function.as_str() {
        "archiver" => match archiver {
            Some(archiver) => {
                invoke(function, &input, async move |event| archiver::handle(&archiver, event).await).await
            }
            None => return,
        },
        "deliver" => invoke(function, &input, async move |event| deliver::handle(&post, event).await).await,
        "expiry" => {
            let store = post.store.clone();
            invoke(function, &input, async move |event| expiry::handle(&store, event).await).await
        }
        // It vouched for the service key at the start, and the key stays the same.
        "ledger" => return,
        _ => Err(InvokeError::Failed),
    };
}

/// Gives a request to the handler as `lambda_http::run` does.
async fn invoke_http<F, H>(name: &str, event: &str, handler: H) -> Result<Value, InvokeError>
where
    F: Future<Output = Result<Response, lambda_http::Error>> + Send + 'static,
    H: FnOnce(lambda_http::Request) -> F,
{
    let mut handler = Some(handler);
    let once = move |request| (handler.take().expect("a request is given to it once"))(request);
    let mut service = Adapter::from(service_fn(once));
    invoke(name, event, move |event| service.call(event)).await
}

/// Gives `payload` to the handler as the runtime does, in a task of its own, so that a panic is a
/// failed invocation.
async fn invoke<T, O, F, H>(name: &str, payload: &str, handler: H) -> Result<Value, InvokeError>
where
    T: DeserializeOwned,
    O: Serialize + Send + 'static,
    F: Future<Output = Result<O, lambda_runtime::Error>> + Send + 'static,
    H: FnOnce(LambdaEvent<T>) -> F,
{
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(InvokeError::EventTooLarge);
    }
    let event = serde_json::from_str(payload).map_err(|error| failed(name, error.to_string()))?;
    let answer = tokio::spawn(handler(LambdaEvent::new(event, context(name)))).await;
    let answer = answer
        .map_err(|panic| failed(name, panic.to_string()))?
        .map_err(|error| failed(name, error.to_string()))?;
    let answer = serde_json::to_value(answer).map_err(|error| failed(name, error.to_string()))?;
    if answer.to_string().len() > MAX_PAYLOAD_BYTES {
        return Err(failed(name, "its answer is larger than 6 MB".to_owned()));
    }
    Ok(answer)
}

fn failed(name: &str, reason: String) -> InvokeError {
    tracing::error!(function = name, reason, "the function failed");
    InvokeError::Failed
}

fn context(name: &str) -> Context {
    let timeout = if matches!(name, "archiver" | "expiry") { LONG_TIMEOUT } else { TIMEOUT };
    let deadline = jiff::Timestamp::now().as_millisecond() + timeout.as_millis() as i64;
    let mut context = Context::default();
    context.request_id = uuid::Uuid::now_v7().to_string();
    context.deadline = deadline.unsigned_abs();
    context.invoked_function_arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:local-{name}");
    context
}
