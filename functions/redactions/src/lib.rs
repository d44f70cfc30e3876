//! Erases parts of recorded events, for admins of the workspace.
//!
//! What is erased, and the event that says so, are one transaction. The digests stay, so that every
//! proof that was made before still holds, and every one made after says what was withheld.

mod body;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde_json::Value;
use shared::{
    ambient,
    catalogue::Action,
    disclosure::Part,
    error::{Error, FieldError},
    event::Event,
    http::{self, Request, Response},
    id::WorkspaceId,
    json::canonical,
    keys::{Place, Position},
    page::{Filter, Page},
    principal::Admin,
    service_event,
    store::{Redaction, Room, Store, Written},
};

pub use self::body::{FIELDS, MAX_BODY_BYTES, MAX_REASON_BYTES, MAX_SEQUENCES};
use self::body::{NewRedaction, Which};

/// The most bytes of events in one transaction, as JSON. DynamoDB takes 4 MB of items.
const MAX_BYTES: usize = 3_000_000;
/// How often events are read again that changed meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// Answers `POST /api/{workspace}/redactions`.
///
/// # Errors
/// None: every failure is an answer.
pub async fn handle(
    store: &Store,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<Response, lambda_runtime::Error> {
    let request = Request::from(event.payload);
    let answer = match request.route() {
        "POST /api/{workspace}/redactions" => redact(store, &request).await,
        _ => Err(Error::UnknownRoute),
    };
    Ok(http::respond(&request, answer))
}

/// What was erased.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Redaction))]
pub struct Redacted {
    /// Of how many events parts were erased, by this request.
    redacted: usize,
    /// Whether there are more: then the same request is to be sent again.
    has_more: bool,
    /// How many records of the actor's own acts as an admin stay whole: nothing is erased of those. Left out if none do.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    kept: usize,
}

/// What a request comes to.
#[derive(Default)]
struct Found {
    redactions: Vec<Redaction>,
    has_more: bool,
    kept: usize,
}

async fn redact(store: &Store, request: &Request) -> Result<Response, Error> {
    let admin = request.admin()?;
    let wanted = NewRedaction::parse(&request.body(MAX_BODY_BYTES)?)?;
    for _ in 0..MAX_ATTEMPTS {
        let Found { redactions, has_more, kept } = find(store, &admin.workspace, &wanted).await?;
        if redactions.is_empty() {
            return Ok(http::ok(&Redacted { redacted: 0, has_more, kept }));
        }
        let record = record(&admin, request, &wanted, &redactions);
        // If we crash after it, the events are redacted and it is recorded; the admin asks again, and there
        // is nothing left to do.
        if let Written::Now(_) = store.redact(&redactions, &record).await? {
            return Ok(http::ok(&Redacted { redacted: redactions.len(), has_more, kept }));
        }
    }
    Err(Error::Contention("the events are being changed by others all the time".into()))
}

/// The event about a redaction. It says which events and parts, and nothing of what they were.
fn record(admin: &Admin, request: &Request, wanted: &NewRedaction, redactions: &[Redaction]) -> Event {
    let mut sequences: Vec<_> = redactions.iter().filter_map(|redaction| redaction.before.sequence).collect();
    sequences.sort_unstable();
    let unsealed = redactions.len() - sequences.len();
    let origin = request.origin(ambient::now(), ambient::event_id(), ambient::salt());
    service_event::redacted(admin, origin, &wanted.parts, &sequences, unsealed, wanted.reason.as_deref())
}

/// What is to be erased, up to a transaction's worth; and whether there is more.
async fn find(store: &Store, workspace: &WorkspaceId, wanted: &NewRedaction) -> Result<Found, Error> {
    let mut found = Found::default();
    match &wanted.which {
        Which::Sequences(sequences) => {
            let size = store.head(workspace).await?.size();
            for sequence in sequences {
                if *sequence >= size {
                    return Err(Error::UnknownSequence);
                }
                let (entry, event) = store.sealed_event(workspace, *sequence, ambient::now()).await?;
                // An admin could hide their own acts otherwise, and a gap that a receipt explains would be a deletion.
                if event.action.is_accountability() {
                    let detail = format!(
                        "{sequence} is {}: nothing is erased of receipts and of what admins did to the log; leave it out",
                        event.action
                    );
                    return Err(Error::InvalidBody(vec![FieldError::new("/sequences", "read_only", detail)]));
                }
                found.redactions.extend(redaction(entry.place, event, &wanted.parts));
            }
            if found.bytes() > MAX_BYTES {
                let what = "the events of these sequences are more than can be erased at once; name fewer";
                return Err(Error::TooLarge(what.to_owned()));
            }
            Ok(found)
        }
        Which::Actor(actor) => {
            let by = Filter { actor: Some(actor.clone()), ..Filter::default() };
            collect(store, workspace, &by, &mut found, |_| true, &wanted.parts).await?;
            if found.has_more {
                return Ok(found);
            }
            // Whoever looked for the actor left their id in the record of that.
            let reads = Filter {
                actions: Action::parse("audit_log_accessed").into_iter().collect(),
                ..Filter::default()
            };
            let names = |event: &Event| {
                let named = event.context.get("filters").and_then(|filters| filters.get("actor"));
                named.and_then(Value::as_str) == Some(actor)
            };
            collect(store, workspace, &reads, &mut found, names, &[Part::Context]).await?;
            Ok(found)
        }
    }
}

/// Adds the events of a filter that are chosen and of which something is left to erase, until there
/// are enough.
async fn collect(
    store: &Store,
    workspace: &WorkspaceId,
    filter: &Filter,
    found: &mut Found,
    chosen: impl Fn(&Event) -> bool,
    parts: &[Part],
) -> Result<(), Error> {
    let room = Room { events: Redaction::MAX_EVENTS, bytes: MAX_BYTES, measure: bytes };
    let mut left = MAX_BYTES.saturating_sub(found.bytes());
    let mut after: Option<Position> = None;
    loop {
        let Page { events, next, .. } =
            store.page(workspace, filter, after.as_ref(), room, ambient::now()).await?;
        for event in events.into_iter().filter(&chosen) {
            if event.action.is_accountability() {
                found.kept += 1;
                continue;
            }
            let place = store.place_of(&event).await?;
            let Some(redaction) = redaction(place, event, parts) else { continue };
            let size = bytes(&redaction.before);
            if found.redactions.len() == Redaction::MAX_EVENTS || size > left {
                found.has_more = true;
                return Ok(());
            }
            left -= size;
            found.redactions.push(redaction);
        }
        after = next;
        if after.is_none() {
            return Ok(());
        }
    }
}

impl Found {
    fn bytes(&self) -> usize {
        self.redactions.iter().map(|redaction| bytes(&redaction.before)).sum()
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn bytes(event: &Event) -> usize {
    canonical(event).len()
}

/// The redaction of an event; none if all of these parts are erased already.
fn redaction(place: Place, before: Event, parts: &[Part]) -> Option<Redaction> {
    let left = parts.iter().any(|part| !before.disclosure.is_erased(*part));
    left.then(|| Redaction { place, after: before.redact(parts), before })
}
