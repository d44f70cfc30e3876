//! Reads: the time view of a workspace's audit log, and the routes that are open to anyone.
//!
//! No read goes unrecorded: the event about it is durable before the data leaves. If it cannot be
//! written, the answer is 503 without data.

mod access;
mod open;
mod parameters;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use shared::{
    ambient,
    error::Error,
    event::Event,
    http::{self, Request, Response},
    page::Page,
    principal::Scope,
    store::Store,
};

use self::parameters::Parameters;

/// Answers every route that reads.
///
/// # Errors
/// None: every failure is an answer.
pub async fn handle(
    store: &Store,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<Response, lambda_runtime::Error> {
    let request = Request::from(event.payload);
    let answer = match request.route() {
        "GET /api/{workspace}/audit_logs" => list(store, &request).await,
        "GET /api/actions" => Ok(open::actions()),
        "GET /api/schema" => Ok(open::schema()),
        "GET /api/health" => Ok(open::health()),
        _ => Err(Error::UnknownRoute),
    };
    Ok(http::respond(&request, answer))
}

/// The answer of the time view.
#[derive(Serialize)]
struct Listing<'a> {
    audit_logs: &'a [Event],
    has_more: bool,
    next_cursor: Option<&'a str>,
}

async fn list(store: &Store, request: &Request) -> Result<Response, Error> {
    let holder = request.token_holder(Scope::Read)?;
    let parameters = Parameters::parse(request.query())?;
    let Parameters { filter, limit, cursor } = &parameters;
    let after = cursor.as_ref().map(|cursor| filter.resume(&holder.workspace, cursor)).transpose()?;

    let Page { events, next } = store.page(&holder.workspace, filter, after.as_ref(), *limit).await?;

    let origin = request.origin(ambient::now(), ambient::event_id());
    let accessed = access::record(&holder, origin, request, &parameters, &events);
    let appended = store.append(&accessed).await?;
    // If we crash here, a read is recorded of which the reader saw nothing: more was recorded than
    // happened, never less.
    tracing::debug!(
        write_units.table = appended.write_units.table,
        write_units.indexes = appended.write_units.indexes,
        "recorded a read"
    );

    let next_cursor = next.map(|position| filter.cursor(&holder.workspace, &position));
    let listing =
        Listing { audit_logs: &events, has_more: next_cursor.is_some(), next_cursor: next_cursor.as_deref() };
    let response = http::ok(&listing);
    Ok(match &next_cursor {
        Some(cursor) => http::with_next_link(response, &parameters.link(request.path(), cursor)),
        None => response,
    })
}
