//! Erases parts of recorded events, for admins of the workspace.
//!
//! The erasure and the event about it are one transaction. The digests stay: earlier proofs still hold, and
//! later proofs show which parts were erased.

mod body;
mod search;

use std::sync::Arc;

use serde::Serialize;
use shared::{
    http::{self, Request, Response},
    model::{
        disclosure::Part, error::Error, event::Event, id::WorkspaceId, identity::AdminClaims, keys::Place,
        principal::Admin, rate::ChangeKind, service_event,
    },
    store::{Redaction, Store, Written},
    system,
    text::{json::canonical, problem::FieldError},
};

pub use self::{
    body::{FIELDS, MAX_BODY_BYTES, MAX_CURSOR_BYTES, MAX_REASON_BYTES, MAX_SEQUENCES},
    search::MAX_LOOKED_AT,
};
use self::{
    body::{NewRedaction, Which},
    search::{Budget, Found, Search},
};

/// Bytes of events in one transaction, as JSON. DynamoDB accepts 4 MB of items.
const MAX_BYTES: usize = 3_000_000;
/// Attempts to read events again that changed meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// Answers `POST /api/{workspace}/redactions`.
///
/// `claims` names the claims of an admin's JWT.
///
/// # Errors
/// None: every failure is an answer.
pub async fn handle(
    store: &Store,
    claims: &Arc<AdminClaims>,
    request: lambda_http::Request,
) -> Result<Response, lambda_http::Error> {
    let request = Request::of_admins(request, claims);
    let answer = match request.route() {
        "POST /api/{workspace}/redactions" => redact(store, &request).await,
        _ => Err(Error::UnknownRoute),
    };
    Ok(http::respond(&request, answer))
}

/// The result of a redaction.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Redaction))]
pub struct Redacted {
    /// The number of events that this request redacted.
    redacted: usize,
    /// True if there may be more: then send the same request again, with the cursor.
    has_more: bool,
    /// The place where the next request continues; left out at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(required = false, nullable = false))]
    cursor: Option<String>,
    /// The number of records of the actor's own acts as an admin, which are never erased; left out if there are
    /// none.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    kept: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

async fn redact(store: &Store, request: &Request) -> Result<Response, Error> {
    let admin = request.admin()?;
    let wanted = NewRedaction::parse(&request.body(MAX_BODY_BYTES)?)?;
    store.count_change(&admin.workspace, ChangeKind::Other, system::now()).await?;
    let redacted = match &wanted.which {
        Which::Sequences(sequences) => by_sequences(store, &admin, request, &wanted, sequences).await?,
        Which::Actor(actor) => by_actor(store, &admin, request, &wanted, actor).await?,
    };
    Ok(http::ok(&redacted))
}

async fn by_sequences(
    store: &Store,
    admin: &Admin,
    request: &Request,
    wanted: &NewRedaction,
    sequences: &[u64],
) -> Result<Redacted, Error> {
    for _ in 0..MAX_ATTEMPTS {
        let redactions = find(store, &admin.workspace, sequences, &wanted.parts).await?;
        if write(store, admin, request, wanted, &redactions).await? {
            return Ok(Redacted { redacted: redactions.len(), has_more: false, cursor: None, kept: 0 });
        }
    }
    Err(busy())
}

/// Redacts the events by an actor, a transaction at a time, until the search or the budget of the request ends.
async fn by_actor(
    store: &Store,
    admin: &Admin,
    request: &Request,
    wanted: &NewRedaction,
    actor: &str,
) -> Result<Redacted, Error> {
    let NewRedaction { parts, cursor, .. } = wanted;
    let mut search = Search::resume(&admin.workspace, actor, parts, cursor.as_deref(), system::now())?;
    let mut budget = Budget { deadline_ms: request.deadline_ms(), looked_at: 0 };
    let (mut redacted, mut kept, mut attempts) = (0, 0, 0);
    loop {
        let Found { redactions, next, looked_at, kept: more } = search.read(store).await?;
        if !write(store, admin, request, wanted, &redactions).await? {
            attempts += 1;
            if attempts == MAX_ATTEMPTS {
                return Err(busy());
            }
            continue;
        }
        // If we crash here, these are redacted and recorded; the admin repeats the request, and the search
        // skips them.
        redacted += redactions.len();
        kept += more;
        budget.looked_at += looked_at;
        match next {
            None => return Ok(Redacted { redacted, has_more: false, cursor: None, kept }),
            Some(next) if budget.is_used_up() && !next.is_at_a_start() => {
                return Ok(Redacted { redacted, has_more: true, cursor: next.cursor(), kept });
            }
            Some(next) => search = next,
        }
    }
}

/// Writes these redactions, if any, with their record. Returns true if all events were still as they were read.
async fn write(
    store: &Store,
    admin: &Admin,
    request: &Request,
    wanted: &NewRedaction,
    redactions: &[Redaction],
) -> Result<bool, Error> {
    if redactions.is_empty() {
        return Ok(true);
    }
    let record = record(admin, request, wanted, redactions);
    Ok(matches!(store.redact(redactions, &record).await?, Written::Now(_)))
}

fn busy() -> Error {
    Error::Contention("other requests keep changing the events".into())
}

/// The event about a redaction. It names the events and parts, and none of the erased values.
fn record(admin: &Admin, request: &Request, wanted: &NewRedaction, redactions: &[Redaction]) -> Event {
    let mut sequences: Vec<_> = redactions.iter().filter_map(|redaction| redaction.before.sequence).collect();
    sequences.sort_unstable();
    let without_sequence = redactions.iter().filter(|redaction| redaction.before.sequence.is_none());
    let unsealed: Vec<_> = without_sequence.map(|redaction| &redaction.before.id).collect();
    let origin = request.origin(system::now(), system::redaction_id(), system::salt());
    service_event::redacted(admin, origin, &wanted.parts, &sequences, &unsealed, wanted.reason.as_deref())
}

/// The redactions of these sequences' events that still have something to erase.
async fn find(
    store: &Store,
    workspace: &WorkspaceId,
    sequences: &[u64],
    parts: &[Part],
) -> Result<Vec<Redaction>, Error> {
    let mut found = Vec::new();
    let size = store.head(workspace).await?.size();
    for sequence in sequences {
        if *sequence >= size {
            return Err(Error::UnknownSequence);
        }
        let (entry, event) = store.sealed_event(workspace, *sequence, system::now()).await?;
        // Otherwise admins could hide their own acts, and a gap that a receipt explains would look like a
        // deletion.
        if event.action.is_accountability() {
            let detail = format!(
                "{sequence} is {}: nothing is erased of receipts and of what admins did to the log; leave it out",
                event.action
            );
            return Err(Error::InvalidBody(vec![FieldError::new("/sequences", "read_only", detail)]));
        }
        found.extend(redaction(entry.place, event, parts));
    }
    if found.iter().map(|redaction| bytes(&redaction.before)).sum::<usize>() > MAX_BYTES {
        let what = "the events of these sequences are more than can be erased at once; name fewer";
        return Err(Error::TooLarge(what.to_owned()));
    }
    Ok(found)
}

fn bytes(event: &Event) -> usize {
    canonical(event).len()
}

/// The redaction of an event; `None` if all of these parts are erased already.
fn redaction(place: Place, before: Event, parts: &[Part]) -> Option<Redaction> {
    let left = parts.iter().any(|part| !before.disclosure.is_erased(*part));
    left.then(|| Redaction { place, after: before.redact(parts), before })
}
