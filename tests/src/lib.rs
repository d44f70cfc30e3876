//! The harness of the tests: the whole system in one process, and its clients.

#![expect(clippy::unwrap_used, reason = "in test code, an unwrap is an assertion")]

mod bus;
pub mod client;
mod faulty_engine;
pub mod invoke;
pub mod memory;
pub mod process;
pub mod queue;
pub mod runtime_api;
pub mod sample;
pub mod stream;
mod tables;
pub mod tamper;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use local::{Options, Storage, System};
use serde_json::{Value, json};
use shared::{
    model::{
        event::Change,
        id::WorkspaceId,
        principal::Admin,
        retention::{NOTICE_SECONDS, Retention},
        service_event::{self, Origin},
    },
    store::{Store, Written},
    system,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub use self::{
    bus::{Bus, entry},
    client::{Answer, Client},
    faulty_engine::{Fault, FaultyEngine, Plan},
    tables::{Tables, plain},
};

/// A system of the test's own, in memory and without the demo. It ends with the test.
pub struct TestApp {
    system: System,
    http: reqwest::Client,
    tables: Tables,
    /// The engine, if the test put a proxy between it and the system.
    _engine: Option<local::Tables>,
}

impl TestApp {
    /// The system as it is shipped.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// A system that seals events as they arrive.
    pub async fn start_sealing() -> Self {
        Self::start_with(Options { seal: true, ..Options::default() }).await
    }

    /// A system that seals events as they arrive and delivers them, to this machine too.
    pub async fn start_delivering() -> Self {
        Self::start_with(Self::delivering()).await
    }

    /// A system that asks the token authorizer on every request.
    pub async fn start_without_authorizer_cache() -> Self {
        Self::start_with(Options { authorizer_ttl: Some(Duration::ZERO), ..Options::default() }).await
    }

    /// A system that allows a token this many reads in ten seconds.
    pub async fn start_limiting(read_limit: u32) -> Self {
        Self::start_with(Options { read_limit: Some(read_limit), ..Options::default() }).await
    }

    /// A system that seals events as they arrive, and allows a token this many reads in ten seconds.
    pub async fn start_sealing_and_limiting(read_limit: u32) -> Self {
        Self::start_with(Options { seal: true, read_limit: Some(read_limit), ..Options::default() }).await
    }

    /// A system that allows the admins of a workspace this many changes in ten seconds.
    pub async fn start_limiting_changes(change_limit: u32) -> Self {
        Self::start_with(Options { change_limit: Some(change_limit), ..Options::default() }).await
    }

    /// A system that stores its data in this directory, and seals nothing.
    pub async fn start_in(directory: &Path) -> Self {
        let storage = Storage::Directory(directory.to_owned());
        Self::start_with(Options { storage, ..Options::default() }).await
    }

    /// A system that stores its data in this directory, and seals events as they arrive.
    pub async fn start_sealing_in(directory: &Path) -> Self {
        let storage = Storage::Directory(directory.to_owned());
        Self::start_with(Options { storage, seal: true, ..Options::default() }).await
    }

    /// A system whose calls to the tables all go through an engine with faults; returns that engine too.
    pub async fn start_with_faults(seal: bool) -> (Self, FaultyEngine) {
        Self::start_over_faults(Options { seal, ..Options::default() }).await
    }

    /// The same for a system that seals events as they arrive and delivers them, to this machine too.
    pub async fn start_delivering_with_faults() -> (Self, FaultyEngine) {
        Self::start_over_faults(Self::delivering()).await
    }

    fn delivering() -> Options {
        Options { seal: true, schedule: true, insecure_streams: true, ..Options::default() }
    }

    async fn start_over_faults(options: Options) -> (Self, FaultyEngine) {
        let engine = local::Tables::start(0, Storage::Memory).await.unwrap();
        let faulty = FaultyEngine::with(engine.endpoint(), Plan::default()).await;
        let options = Options { tables: Some(faulty.endpoint().to_owned()), ..options };
        let app = Self::start_with(options).await;
        (Self { tables: Tables::at(engine.endpoint()), _engine: Some(engine), ..app }, faulty)
    }

    /// Ends the system, so that another one can use its data.
    pub async fn shutdown(self) {
        self.system.shutdown().await;
    }

    /// The URL of the API.
    pub fn endpoint(&self) -> &str {
        self.system.endpoint()
    }

    /// A workspace admin with a JWT of the product's identity provider.
    pub fn admin(&self, workspace: &str) -> Client {
        self.client(workspace).with_bearer(&self.system.admin_jwt(workspace))
    }

    /// A workspace member who is not an admin.
    pub fn member(&self, workspace: &str) -> Client {
        self.client(workspace).with_bearer(&self.system.member_jwt(workspace))
    }

    /// A JWT of the identity provider with exactly these claims.
    pub fn jwt_with(&self, claims: &Value) -> String {
        self.system.jwt_with(claims)
    }

    /// The holder of a new token that may read.
    pub async fn reader(&self, workspace: &str) -> Client {
        self.holder(workspace, &["audit_log:read"]).await
    }

    /// The holder of a new token that may record.
    pub async fn writer(&self, workspace: &str) -> Client {
        self.holder(workspace, &["audit_log:write"]).await
    }

    /// The holder of a new token that may read and record.
    pub async fn holder_of_both(&self, workspace: &str) -> Client {
        self.holder(workspace, &["audit_log:read", "audit_log:write"]).await
    }

    /// A client without credentials.
    pub fn client(&self, workspace: &str) -> Client {
        Client::new(self.http.clone(), self.system.endpoint(), workspace)
    }

    /// The product, which puts its events on the bus.
    pub fn bus(&self) -> Bus {
        Bus::new(self.http.clone(), self.system.endpoint())
    }

    /// Waits until the function behind the bus has handled everything that was put on it.
    pub async fn settled(&self) {
        self.system.bus_settled().await;
    }

    /// Waits until everything written so far is sealed.
    pub async fn sealed(&self) {
        self.system.sealed().await;
    }

    /// Seals all unsealed events, as the scheduled search does.
    pub async fn reconcile(&self) {
        invoke::sealer(&self.store(), json!({"reconcile": true})).await;
        while !self.store().backlog().await.unwrap().is_empty() {
            invoke::sealer(&self.store(), json!({"backlog": true})).await;
        }
    }

    /// Seals all events of a workspace that are not sealed, however young they are.
    pub async fn seal_all(&self, workspace: &str) {
        let (store, workspace, mut after) = (self.store(), WorkspaceId::parse(workspace).unwrap(), None);
        loop {
            let found = store.find_unsealed(after.as_ref()).await.unwrap();
            let of_workspace = found.unsealed.into_iter().filter(|(owner, _)| *owner == workspace);
            let places: Vec<_> = of_workspace.map(|(_, place)| place).collect();
            sealer::seal(&store, &workspace, &places, system::now()).await.unwrap();
            after = found.after;
            if after.is_none() {
                return;
            }
        }
    }

    /// Sets the retention of a workspace to this many days, effective an hour ago. An instance that read the
    /// settings within the last minute still uses the old ones.
    pub async fn keep_days(&self, workspace: &str, days: u32) {
        let from = system::now().plus_seconds(-3600);
        let retention =
            Retention::default().keep(Some(days), from, from.plus_seconds(-NOTICE_SECONDS)).unwrap();
        let admin = Admin {
            workspace: WorkspaceId::parse(workspace).unwrap(),
            user_id: "u1".to_owned(),
            username: None,
        };
        // The record is as old as the settings, so that receipts are allowed by it.
        let at = from.plus_seconds(-NOTICE_SECONDS);
        let origin = Origin::without_request(at, system::settings_id(), system::salt());
        let change = Change { path: "/retention_days".to_owned(), old: Value::Null, new: json!(days) };
        let context = [("effective_from".to_owned(), json!(from))].into_iter().collect();
        let record = service_event::settings_changed(&admin, origin, vec![change], context);
        // Not the system's own store, whose cache would have the old settings.
        let store = self.fresh_store();
        let set = store.set_retention(&Retention::default(), &retention, &record).await.unwrap();
        assert!(matches!(set, Written::Now(_)));
    }

    /// The content of the tables, past our code.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The store of the functions.
    pub fn store(&self) -> Store {
        self.system.store().clone()
    }

    /// A store as the functions have it, which has read nothing yet.
    pub fn fresh_store(&self) -> Store {
        self.system.fresh_store()
    }

    pub fn dynamodb_endpoint(&self) -> &str {
        self.system.dynamodb_endpoint()
    }

    /// Sends these bytes, which no HTTP library would send, and returns the status and the body.
    pub async fn send_raw(&self, request: &[u8]) -> (u16, String) {
        let address = self.system.endpoint().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn holder(&self, workspace: &str, scopes: &[&str]) -> Client {
        let created = self.admin(workspace).create_token(&json!({"name": "test", "scopes": scopes})).await;
        self.client(workspace).with_token(&created.expect(201).body)
    }

    async fn start_with(options: Options) -> Self {
        let system = System::start(options).await.unwrap();
        let tables = Tables::at(system.dynamodb_endpoint());
        Self { http: reqwest::Client::new(), tables, system, _engine: None }
    }
}

/// Repeats `look` until it returns something. The bus delivers at its own pace; 30 seconds leave room for a
/// busy machine.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what}: not within 30 seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
