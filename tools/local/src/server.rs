//! The single port: the HTTP API, the event bus and Secrets Manager at `POST /`, and the state of this process
//! at `/_local/status`.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    bus::{EventBus, Refused},
    gateway::Gateway,
    queue::Queue,
    secrets::{self, SecretsManager},
};

/// AWS's limit for a call, with room for what JSON adds to 1 MB of entries.
const MAX_CALL_BYTES: usize = 16 * 1024 * 1024;

/// The handlers behind the port.
pub(crate) struct Server {
    pub(crate) gateway: Gateway,
    pub(crate) bus: EventBus,
    pub(crate) queue: Arc<Queue>,
    pub(crate) secrets: Arc<SecretsManager>,
}

/// Serves until it is stopped, and lets running requests finish.
pub(crate) async fn serve(server: Arc<Server>, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let router = Router::new()
        .route("/", any(root))
        .route("/_local/status", get(status))
        .fallback(api)
        .with_state(server);
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let shutdown = async move {
        // An error means that the sender is gone, which is a reason to stop as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(shutdown).await {
        tracing::error!(%error, "the server stopped");
    }
}

async fn api(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    server.gateway.answer(request, peer.ip()).await
}

/// An AWS SDK calls `POST /` and names the operation in a header.
async fn root(state: State<Arc<Server>>, peer: ConnectInfo<SocketAddr>, request: Request) -> Response {
    if request.method() == Method::POST && request.headers().contains_key("x-amz-target") {
        let (parts, body) = request.into_parts();
        return match axum::body::to_bytes(body, MAX_CALL_BYTES).await {
            Ok(body) => aws_call(&state, &parts.headers, &body),
            Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        };
    }
    api(state, peer, request).await
}

fn aws_call(server: &Server, headers: &HeaderMap, body: &Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let answer = match target.strip_prefix(secrets::TARGET) {
        Some(operation) => server.secrets.call(operation, body),
        None => server.bus.call(target, body, jiff::Timestamp::now()),
    };
    let (status, answer) = match answer {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Refused { code, message }) => {
            (StatusCode::BAD_REQUEST, json!({"__type": code, "message": message}))
        }
    };
    let mut response = json_response(status, "application/x-amz-json-1.1", &answer);
    if let Ok(id) = HeaderValue::try_from(uuid::Uuid::now_v7().to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

async fn status(State(server): State<Arc<Server>>) -> Response {
    json_response(StatusCode::OK, "application/json", &json!({"queue": server.queue.status()}))
}

fn json_response(status: StatusCode, content_type: &'static str, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
