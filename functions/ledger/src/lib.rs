//! Proves the content of a workspace's log: signed checkpoints, tiles, entries and proofs, in the formats of
//! C2SP, so that any verifier of these formats can check them.
//!
//! This function does not change the log. It signs only committed heads, and only if they continue the last
//! signed one.

mod checkpoint;
mod entries;
mod proofs;
mod service_key;
mod tiles;

use serde_json::{Map, Value, json};
use shared::{
    aws::{
        config::{Config, Seed, Signing},
        signer::Signer,
    },
    http::{self, Request, Response},
    ledger::note::Vkey,
    model::{error::Error, id::WorkspaceId, principal::TokenHolder, scope::Scope, service_event},
    store::Store,
    system,
};

pub use self::{
    checkpoint::sign_archived,
    entries::LogEntry,
    proofs::{CONSISTENCY_NAMES, ConsistencyProof, INCLUSION_NAMES, InclusionProof},
    service_key::vouch,
};

/// The content type of a checkpoint and a key: text, as C2SP tlog-tiles asks for.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// The dependencies of the handler.
#[derive(Debug)]
pub struct Ledger {
    pub store: Store,
    /// The beginning of the names of all logs.
    pub origin: String,
    /// The key of the logs, which signs checkpoints.
    pub signer: Signer,
}

/// The route key of the schedule's event, which is in the form of a request. The API has no such route.
const SCHEDULE: &str = "SCHEDULE service-key";
/// The same for the checkpoints of archived logs.
const CHECKPOINTS: &str = "SCHEDULE checkpoints";

impl Ledger {
    /// A ledger over the tables, with the key of its logs.
    pub fn new(store: Store, signing: &Signing, config: &Config) -> Self {
        Self { store, origin: signing.origin.clone(), signer: Signer::of(&signing.key, config) }
    }

    /// A ledger with a key at hand.
    pub fn with_seed(store: Store, origin: &str, seed: [u8; 32]) -> Self {
        Self { store, origin: origin.to_owned(), signer: Signer::with_seed(Seed::new(seed)) }
    }

    /// The log of a workspace, with its key.
    async fn log(&self, workspace: WorkspaceId) -> Result<Log<'_>, Error> {
        let key = self.key(&format!("{}/{workspace}", self.origin)).await?;
        Ok(Log { ledger: self, workspace, key })
    }

    /// The key of the logs under a name.
    async fn key(&self, name: &str) -> Result<Vkey, Error> {
        let public = self.signer.public_key().await?;
        Vkey::new(name, public).map_err(|error| Error::Internal(error.into()))
    }
}

/// Answers every route of `/api/{workspace}/ledger`.
///
/// # Errors
/// None for a request: every failure is an answer. For the event of the schedule, if it failed.
pub async fn handle(ledger: &Ledger, request: lambda_http::Request) -> Result<Response, lambda_http::Error> {
    let request = Request::from(request);
    if request.route() == SCHEDULE {
        vouch(ledger).await?;
        return Ok(http::ok_text(TEXT, String::new()));
    }
    if request.route() == CHECKPOINTS {
        sign_archived(ledger).await?;
        return Ok(http::ok_text(TEXT, String::new()));
    }
    let answer = route(ledger, &request).await;
    Ok(http::respond(&request, answer))
}

async fn route(ledger: &Ledger, request: &Request) -> Result<Response, Error> {
    let holder = request.token_holder(Scope::Read)?;
    let log = ledger.log(holder.workspace.clone()).await?;
    let reader = Reader { request, holder, log };
    match request.route() {
        "GET /api/{workspace}/ledger/checkpoint" => {
            request.no_query()?;
            Ok(http::ok_text(TEXT, reader.log.checkpoint().await?.note))
        }
        "GET /api/{workspace}/ledger/key" => {
            request.no_query()?;
            Ok(http::ok_text(TEXT, format!("{}\n", reader.log.key)))
        }
        "GET /api/{workspace}/ledger/tile/{tile+}" => reader.tile().await,
        "GET /api/{workspace}/ledger/entries/{sequence}" => reader.entry().await,
        "GET /api/{workspace}/ledger/proof/inclusion" => reader.inclusion().await,
        "GET /api/{workspace}/ledger/proof/consistency" => reader.consistency().await,
        _ => Err(Error::UnknownRoute),
    }
}

/// The log of a workspace.
struct Log<'a> {
    ledger: &'a Ledger,
    workspace: WorkspaceId,
    key: Vkey,
}

/// The reader, the request, and the log.
struct Reader<'a> {
    request: &'a Request,
    holder: TokenHolder,
    log: Log<'a>,
}

impl Reader<'_> {
    fn store(&self) -> &Store {
        &self.log.ledger.store
    }

    /// Records what was asked of the events `first` to `last`, and gives the answer. An answer that there is no such
    /// event any more, or that it is not what was sealed, tells something of it too: its record says that none was read.
    async fn recorded<T>(&self, first: u64, last: u64, answer: Result<T, Error>) -> Result<T, Error> {
        match &answer {
            Ok(_) => self.record(first, last, last - first + 1).await?,
            Err(
                Error::Expired
                | Error::UnknownSequence
                | Error::UnknownTile
                | Error::TooLarge(_)
                | Error::Inconsistent(_),
            ) => self.record(first, last, 0).await?,
            // No event was disclosed.
            Err(_) => {}
        }
        answer
    }

    /// Records a read of events, before they are shown. A hash discloses nothing, so the routes that return
    /// only hashes leave no record.
    async fn record(&self, first: u64, last: u64, count: u64) -> Result<(), Error> {
        let context = Map::from_iter([
            ("route".to_owned(), json!(self.request.route())),
            ("filters".to_owned(), Value::Object(Map::new())),
            ("count".to_owned(), json!(count)),
            ("first_sequence".to_owned(), json!(first)),
            ("last_sequence".to_owned(), json!(last)),
        ]);
        let origin = self.request.origin(system::now(), system::read_id(), system::salt());
        let accessed = service_event::audit_log_accessed(&self.holder, origin, context);
        // If we crash after it, the record stays of a read whose data the reader did not get.
        self.store().append(&accessed).await.map(|_| ())
    }
}
