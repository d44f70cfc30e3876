//! Generates, lists and revokes workspace tokens, for admins of the workspace.
//!
//! A token and the event about it are written in one transaction: no token exists without its record, and no
//! record without its token.

mod body;

use std::sync::Arc;

use serde::Serialize;
use shared::{
    http::{self, Request, Response, Took},
    model::{
        error::Error,
        id::TokenId,
        identity::AdminClaims,
        principal::Admin,
        rate::ChangeKind,
        scope::Scope,
        service_event::{self, Origin},
        timestamp::Timestamp,
        token::{PlainToken, WorkspaceToken},
    },
    store::{Store, WriteUnits},
    system,
};

pub use self::body::{DEFAULT_DAYS, FIELDS, MAX_BODY_BYTES, MAX_DAYS, MAX_NAME_BYTES, NewToken};

/// Answers the three routes of `/api/{workspace}/tokens`.
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
        "POST /api/{workspace}/tokens" => create(store, &request).await,
        "GET /api/{workspace}/tokens" => list(store, &request).await,
        "DELETE /api/{workspace}/tokens/{token}" => revoke(store, &request).await,
        _ => Err(Error::UnknownRoute),
    };
    Ok(http::respond(&request, answer))
}

async fn create(store: &Store, request: &Request) -> Result<Response, Error> {
    let admin = request.admin()?;
    let now = system::now();
    let wanted = NewToken::parse(&request.body(MAX_BODY_BYTES)?, now)?;
    store.count_change(&admin.workspace, ChangeKind::Other, now).await?;
    let origin = request.origin(now, system::event_id(), system::salt());
    let Issued { token, plain, write_units } = issue(store, &admin, wanted, origin).await?;
    Ok(http::created(&CreatedToken {
        token: ListedToken::of(&token),
        secret: plain.secret(),
        bearer: &plain.bearer(),
        debug: Took { write_units },
    }))
}

/// A token that was just created.
#[derive(Debug)]
pub struct Issued {
    /// The token as it is stored.
    pub token: WorkspaceToken,
    /// The token with its secret, which is stored nowhere.
    pub plain: PlainToken,
    /// The cost of storing it with its record.
    pub write_units: WriteUnits,
}

/// Creates a token, and records that `admin` did.
///
/// # Errors
/// [`Error::TooManyTokens`] if the workspace has as many as it may have, [`Error::Unavailable`] if it may or may not have
/// been created.
pub async fn issue(store: &Store, admin: &Admin, wanted: NewToken, origin: Origin) -> Result<Issued, Error> {
    let now = origin.now;
    let live = store.tokens_of(&admin.workspace).await?.iter().filter(|token| token.is_live(now)).count();
    if live >= WorkspaceToken::MAX_LIVE {
        return Err(Error::TooManyTokens(live));
    }
    let NewToken { name, scopes, expires_at } = wanted;
    let plain = system::workspace_token().map_err(|error| Error::Internal(error.into()))?;
    let event = service_event::token_created(admin, origin, plain.id(), &name, &scopes, expires_at);
    let token = WorkspaceToken {
        id: plain.id().clone(),
        workspace: admin.workspace.clone(),
        name,
        scopes,
        hash: plain.hashed(),
        created_by: admin.user_id.clone(),
        created_at: now,
        expires_at,
        revoked_at: None,
        last_used_on: None,
    };
    let write_units = store.create_token(&token, &event).await?;
    Ok(Issued { token, plain, write_units })
}

async fn list(store: &Store, request: &Request) -> Result<Response, Error> {
    let admin = request.admin()?;
    let tokens = store.tokens_of(&admin.workspace).await?;
    Ok(http::ok(&Tokens { tokens: tokens.iter().map(ListedToken::of).collect() }))
}

async fn revoke(store: &Store, request: &Request) -> Result<Response, Error> {
    let admin = request.admin()?;
    let id = TokenId::parse(request.path_parameter("token")).map_err(|_| Error::UnknownToken)?;
    store.count_change(&admin.workspace, ChangeKind::Revocation, system::now()).await?;
    let token = store
        .token(&id)
        .await?
        .filter(|token| token.workspace == admin.workspace)
        .ok_or(Error::UnknownToken)?;
    if token.revoked_at.is_none() {
        let now = system::now();
        let event = service_event::token_revoked(
            &admin,
            request.origin(now, system::event_id(), system::salt()),
            &id,
            &token.name,
        );
        store.revoke_token(&id, now, &event).await?;
    }
    Ok(http::no_content())
}

/// A new token, with its secret, which is shown this once.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedToken<'a> {
    #[serde(flatten)]
    token: ListedToken<'a>,
    /// The password that goes with the token in HTTP Basic.
    secret: &'a str,
    /// Token and secret as one, for HTTP Bearer.
    bearer: &'a str,
    /// The cost of the request.
    debug: Took,
}

/// The tokens of a workspace, revoked and expired ones included.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens<'a> {
    /// The tokens in the order of their creation.
    tokens: Vec<ListedToken<'a>>,
}

/// A token as its admins see it: without anything that grants access.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Token))]
pub struct ListedToken<'a> {
    /// Its public part.
    token: &'a TokenId,
    /// Its name, chosen by its admin.
    name: &'a str,
    /// Its scopes.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Scope>))]
    scopes: Vec<&'static str>,
    /// The admin who created it, by their id in the product.
    created_by: &'a str,
    /// When it was created.
    created_at: Timestamp,
    /// When it expires.
    expires_at: Timestamp,
    /// When an admin revoked it.
    #[cfg_attr(feature = "openapi", schema(required))]
    revoked_at: Option<Timestamp>,
    /// The last day (UTC) on which it was used, such as 2025-02-18.
    #[cfg_attr(feature = "openapi", schema(required))]
    last_used_on: Option<&'a str>,
}

impl<'a> ListedToken<'a> {
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
