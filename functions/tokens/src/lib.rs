//! Generates, lists and revokes workspace tokens, for admins of the workspace.
//!
//! A token and the event about it are written in one transaction: there is no token without its
//! audit record, and no record without its token.

mod body;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde_json::json;
use shared::{
    ambient,
    error::Error,
    http::{self, Request, Response},
    principal::Scope,
    service_event,
    store::Store,
    timestamp::Timestamp,
    token::{TokenId, WorkspaceToken},
};

use self::body::NewToken;

/// Answers the three routes of `/api/{workspace}/tokens`.
///
/// # Errors
/// None: every failure is an answer.
pub async fn handle(
    store: &Store,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<Response, lambda_runtime::Error> {
    let request = Request::from(event.payload);
    let answer = match request.route() {
        "POST /api/{workspace}/tokens" => create(store, &request).await,
        "GET /api/{workspace}/tokens" => list(store, &request).await,
        "DELETE /api/{workspace}/tokens/{token}" => revoke(store, &request).await,
        _ => Err(Error::UnknownRoute),
    };
    Ok(http::respond(&request, answer))
}

async fn create(store: &Store, request: &Request) -> Result<Response, Error> {
    let admin = request.admin()?;
    let now = ambient::now();
    let NewToken { name, scopes, expires_at } = NewToken::parse(&request.body(body::MAX_BYTES)?, now)?;
    let live = store.tokens_of(&admin.workspace).await?.iter().filter(|token| token.is_live(now)).count();
    if live >= WorkspaceToken::MAX_LIVE {
        return Err(Error::TooManyTokens(live));
    }
    let plain = ambient::workspace_token().map_err(|error| Error::Internal(error.into()))?;
    let origin = request.origin(now, ambient::event_id());
    let event = service_event::token_created(&admin, origin, plain.id(), &name, &scopes, expires_at);
    let token = WorkspaceToken {
        id: plain.id().clone(),
        workspace: admin.workspace,
        name,
        scopes,
        hash: plain.hashed(),
        created_by: admin.user_id,
        created_at: now,
        expires_at,
        revoked_at: None,
        last_used_on: None,
    };
    let write_units = store.create_token(&token, &event).await?;
    let mut body = json!(Listed::of(&token));
    body["secret"] = json!(plain.secret());
    body["bearer"] = json!(*plain.bearer());
    body["debug"] = json!({"write_units": write_units});
    Ok(http::created(&body))
}

async fn list(store: &Store, request: &Request) -> Result<Response, Error> {
    let admin = request.admin()?;
    let tokens = store.tokens_of(&admin.workspace).await?;
    let tokens: Vec<_> = tokens.iter().map(Listed::of).collect();
    Ok(http::ok(&json!({"tokens": tokens})))
}

async fn revoke(store: &Store, request: &Request) -> Result<Response, Error> {
    let admin = request.admin()?;
    let id = TokenId::parse(request.path_parameter("token")).map_err(|_| Error::UnknownToken)?;
    let token = store
        .token(&id)
        .await?
        .filter(|token| token.workspace == admin.workspace)
        .ok_or(Error::UnknownToken)?;
    if token.revoked_at.is_none() {
        let now = ambient::now();
        let event =
            service_event::token_revoked(&admin, request.origin(now, ambient::event_id()), &id, &token.name);
        store.revoke_token(&id, now, &event).await?;
    }
    Ok(http::no_content())
}

/// A token as its admins see it: without anything that opens a workspace.
#[derive(Serialize)]
struct Listed<'a> {
    token: &'a TokenId,
    name: &'a str,
    scopes: Vec<&'static str>,
    created_by: &'a str,
    created_at: Timestamp,
    expires_at: Timestamp,
    revoked_at: Option<Timestamp>,
    last_used_on: Option<&'a str>,
}

impl<'a> Listed<'a> {
    fn of(token: &'a WorkspaceToken) -> Self {
        let WorkspaceToken {
            id,
            workspace: _,
            name,
            scopes,
            hash: _,
            created_by,
            created_at,
            expires_at,
            revoked_at,
            last_used_on,
        } = token;
        Self {
            token: id,
            name,
            scopes: scopes.iter().map(|scope| Scope::name(*scope)).collect(),
            created_by,
            created_at: *created_at,
            expires_at: *expires_at,
            revoked_at: *revoked_at,
            last_used_on: last_used_on.as_deref(),
        }
    }
}
