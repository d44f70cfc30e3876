//! A client of the API over HTTP, with or without credentials.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::TestApp;

/// A fault between a client and the API. `docs/faults.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFault {
    /// The client sends a request, and hangs up before the answer.
    HungUp,
    /// The client sends the same request eight times at once.
    SentAtOnce,
    /// The client breaks off in the middle of a request.
    BrokeOff,
}

/// A client of the API. Its short methods use its own workspace.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: String,
    workspace: String,
    authorization: Option<String>,
    /// The public part of its workspace token, if it has one.
    pub token: String,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text, unchanged.
    pub text: String,
    /// The body as JSON; null if it is not JSON.
    pub body: Value,
}

impl Client {
    pub(crate) fn new(http: reqwest::Client, endpoint: &str, workspace: &str) -> Self {
        Self {
            http,
            endpoint: endpoint.to_owned(),
            workspace: workspace.to_owned(),
            authorization: None,
            token: String::new(),
        }
    }

    /// The same user with another `Authorization` header.
    pub fn with_authorization(self, header: &str) -> Self {
        Self { authorization: Some(header.to_owned()), ..self }
    }

    /// The same user with a Bearer: a JWT or a whole workspace token.
    pub fn with_bearer(self, bearer: &str) -> Self {
        self.with_authorization(&format!("Bearer {bearer}"))
    }

    /// The same user with HTTP Basic, as Mode's clients send a token.
    pub fn with_basic(self, token: &str, secret: &str) -> Self {
        let pair = STANDARD.encode(format!("{token}:{secret}"));
        self.with_authorization(&format!("Basic {pair}"))
    }

    /// The same client with the token of this answer to `create_token`.
    pub fn with_token(self, created: &Value) -> Self {
        let token = created["token"].as_str().unwrap().to_owned();
        Self { token, ..self.with_bearer(created["bearer"].as_str().unwrap()) }
    }

    pub fn bearer(&self) -> &str {
        self.authorization.as_deref().and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default()
    }

    /// The same client, calling another system.
    pub fn at(self, app: &TestApp) -> Self {
        Self { endpoint: app.client("").endpoint, ..self }
    }

    /// The workspace in its paths.
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// The same client, with another workspace in its paths.
    pub fn asking_for(&self, workspace: &str) -> Self {
        Self { workspace: workspace.to_owned(), ..self.clone() }
    }

    /// `GET /api/{workspace}/audit_logs?query`.
    pub async fn list(&self, query: &str) -> Answer {
        self.get(&format!("{}?{query}", self.path("audit_logs"))).await
    }

    /// `GET /api/{workspace}/audit_logs/feed?query`.
    pub async fn feed(&self, query: &str) -> Answer {
        self.get(&format!("{}?{query}", self.path("audit_logs/feed"))).await
    }

    /// `GET /api/{workspace}/ledger/{path}`.
    pub async fn ledger(&self, path: &str) -> Answer {
        self.get(&self.path(&format!("ledger/{path}"))).await
    }

    /// The same for a route that answers with bytes.
    pub async fn ledger_bytes(&self, path: &str) -> Vec<u8> {
        let request = self.request(Method::GET, &self.path(&format!("ledger/{path}")));
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    /// `POST /api/{workspace}/redactions`.
    pub async fn redact(&self, body: &Value) -> Answer {
        self.post(&self.path("redactions"), body.to_string()).await
    }

    /// `GET /api/{workspace}/settings`.
    pub async fn settings(&self) -> Answer {
        self.get(&self.path("settings")).await
    }

    /// `PATCH /api/{workspace}/settings`.
    pub async fn set(&self, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, &self.path("settings")).body(body.to_string())).await
    }

    /// A request to `/api/{workspace}/streams{rest}`; a null body is not sent.
    pub async fn streams(&self, method: Method, rest: &str, body: &Value) -> Answer {
        let request = self.request(method, &self.path(&format!("streams{rest}")));
        self.send(if body.is_null() { request } else { request.body(body.to_string()) }).await
    }

    /// `POST /api/{workspace}/streams` for a webhook without a listener, with the members of `more`. Returns
    /// the stream.
    pub async fn create_stream(&self, more: &Value) -> Value {
        let mut body =
            json!({"name": "siem", "destination": {"type": "webhook", "url": "https://siem.example.com/T0"}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.streams(Method::POST, "", &body).await.expect(201).body
    }

    /// The pages of a query, followed by `next_cursor` to the last one.
    pub async fn pages(&self, query: &str) -> Vec<Vec<Value>> {
        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.list(&format!("{query}{cursor}")).await.expect(200).body;
            pages.push(page["audit_logs"].as_array().unwrap().clone());
            assert_eq!(page["has_more"], json!(page["next_cursor"].is_string()));
            let Some(next) = page["next_cursor"].as_str() else { return pages };
            cursor = format!("&cursor={next}");
        }
    }

    /// All events of a query.
    pub async fn read(&self, query: &str) -> Vec<Value> {
        self.pages(query).await.concat()
    }

    /// `POST /api/{workspace}/audit_logs` with one event, or several as `{"events": […]}`.
    pub async fn record(&self, body: &Value) -> Answer {
        self.record_bytes(body.to_string()).await
    }

    /// The same with a fault. Returns the answers that arrived.
    pub async fn record_with(&self, fault: ClientFault, event: &Value) -> Vec<Answer> {
        match fault {
            ClientFault::HungUp => {
                let steps = fastrand::u64(0..40);
                let patience = std::time::Duration::from_millis(steps);
                // Dropping the request closes its connection.
                tokio::time::timeout(patience, self.record(event)).await.into_iter().collect()
            }
            ClientFault::SentAtOnce => futures::future::join_all((0..8).map(|_| self.record(event))).await,
            ClientFault::BrokeOff => {
                self.send_half(&event.to_string()).await;
                Vec::new()
            }
        }
    }

    /// Sends the head of a request to record this body, and half of the body.
    async fn send_half(&self, body: &str) {
        let address = self.endpoint.strip_prefix("http://").unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {address}\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n",
            self.path("audit_logs"),
            self.authorization.as_deref().unwrap_or_default(),
            body.len(),
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body.as_bytes()[..body.len() / 2]).await.unwrap();
        stream.shutdown().await.unwrap();
        // The exchange is over once the server has hung up as well.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    }

    /// The same with a body of any bytes.
    pub async fn record_bytes(&self, body: impl Into<reqwest::Body>) -> Answer {
        self.post(&self.path("audit_logs"), body).await
    }

    /// `POST /api/{workspace}/tokens`.
    pub async fn create_token(&self, body: &Value) -> Answer {
        self.post(&self.path("tokens"), body.to_string()).await
    }

    /// `GET /api/{workspace}/tokens`.
    pub async fn tokens(&self) -> Answer {
        self.get(&self.path("tokens")).await
    }

    /// `DELETE /api/{workspace}/tokens/{token}`.
    pub async fn revoke_token(&self, token: &str) -> Answer {
        self.send(self.request(Method::DELETE, &format!("{}/{token}", self.path("tokens")))).await
    }

    /// `GET` of any path and query.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST` of JSON to any path.
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.send(request.body(body)).await
    }

    /// A request with the credentials in it, for the caller to complete.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.endpoint));
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, text, body }
    }

    fn path(&self, resource: &str) -> String {
        format!("/api/{}/{resource}", self.workspace)
    }
}

impl Answer {
    /// Returns the answer, and fails unless it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Returns the answer, and fails unless it is a problem (RFC 9457) with this status and id.
    #[track_caller]
    pub fn expect_problem(self, status: u16, id: &str) -> Self {
        let told = (self.status, self.body["id"].as_str().unwrap_or_default());
        assert_eq!(told, (status, id), "{}", self.text);
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("/problems/{}", id.replace('_', "-")));
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["request_id"], self.headers["apigw-requestid"].to_str().unwrap());
        self
    }

    /// Returns the answer, and fails unless it is the gateway's own refusal, in AWS's words.
    #[track_caller]
    pub fn expect_refusal(self, status: u16, message: &str) -> Self {
        assert_eq!((self.status, &self.body), (status, &json!({"message": message})));
        self
    }

    /// The events of a page.
    #[track_caller]
    pub fn events(&self) -> &Vec<Value> {
        self.body["audit_logs"].as_array().unwrap()
    }

    /// The result of the first event, or the only one, of a request to record.
    #[track_caller]
    pub fn result(&self) -> &Value {
        &self.body["results"][0]
    }

    /// The problems of a refusal, each as `place code`.
    pub fn problems(&self) -> Vec<String> {
        problems(&self.body)
    }
}

/// The `errors` of a problem, each as `place code`.
pub(crate) fn problems(problem: &Value) -> Vec<String> {
    problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|error: &Value| {
            let place = error["pointer"].as_str().or(error["parameter"].as_str()).unwrap();
            format!("{place} {}", error["code"].as_str().unwrap())
        })
        .collect()
}
