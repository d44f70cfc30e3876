//! Reads: the time view and the feed of a workspace's audit log, and the routes that are open to anyone.
//!
//! Every read is recorded: the event about it is durable before the data is sent. If it cannot be written, the
//! answer is 503 without data.

mod access;
mod feed;
mod format;
mod open;
mod parameters;
mod search;
mod warnings;

use shared::{
    http::{self, Request, Response},
    model::{error::Error, scope::Scope},
    query::page::Page,
    store::{Room, Store},
    stream::masked,
    system,
};

use self::parameters::Parameters;
pub use self::{
    feed::{FEED_NAMES, FeedPage, LogHead, MAX_WAIT_SECONDS},
    format::{FORMATS, Format, Listing},
    open::{Catalogue, Health, SCHEMA_CONTENT_TYPE},
    parameters::{FILTERS, LIST_NAMES, LISTS, READS},
};

/// Bytes of a page's events in a Lambda's answer, which has at most 6 MB (AWS Lambda quotas, invocation
/// payload).
const MAX_PAGE_BYTES: usize = 5_000_000;

/// Answers every route that reads.
///
/// # Errors
/// None: every failure is an answer.
pub async fn handle(store: &Store, request: lambda_http::Request) -> Result<Response, lambda_http::Error> {
    let request = Request::from(request);
    let answer = match request.route() {
        "GET /api/{workspace}/audit_logs" => list(store, &request).await,
        "GET /api/{workspace}/audit_logs/feed" => feed::feed(store, &request).await,
        "GET /api/actions" => Ok(open::actions()),
        "GET /api/schema" => Ok(open::schema()),
        "GET /api/openapi.json" => Ok(open::openapi()),
        "GET /api/health" => Ok(open::health()),
        _ => Err(Error::UnknownRoute),
    };
    Ok(http::respond(&request, answer))
}

async fn list(store: &Store, request: &Request) -> Result<Response, Error> {
    let holder = request.token_holder(Scope::Read)?;
    let parameters = Parameters::parse(request.query())?;
    let Parameters { filter, limit, cursor, format, mask } = &parameters;
    let format = Format::choose(*format, request.header("accept"))?;
    let after = cursor.as_ref().map(|cursor| filter.resume(&holder.workspace, cursor)).transpose()?;

    let rate = store.count_read(&holder.token, system::now()).await?;
    let room = Room { events: *limit, bytes: MAX_PAGE_BYTES, measure: format.measure() };
    let Page { events, next, read } = search::page(store, &holder, filter, after.as_ref(), room).await?;
    let warnings = warnings::of(store, &holder.workspace, filter, &events).await?;

    let origin = request.origin(system::now(), system::read_id(), system::salt());
    let accessed = access::record(&holder, origin, request, &parameters, &events);
    let appended = store.append(&accessed).await?;
    // If we crash here, the record stays of a read whose data the reader did not get. The reverse never
    // happens.
    let written = appended.write_units;
    tracing::debug!(read.units, read.keys, read.events, written.table, written.indexes, "read a page");

    let events = match mask.as_slice() {
        [] => events,
        masks => events.iter().map(|event| masked(event, masks)).collect(),
    };
    let next_cursor = next.map(|position| filter.cursor(&holder.workspace, &position));
    let response =
        http::with_rate(format.write(&events, store.product(), next_cursor.as_deref(), &warnings), rate);
    Ok(match &next_cursor {
        Some(cursor) => http::with_next_link(response, &parameters.link(request.path(), cursor)),
        None => response,
    })
}
