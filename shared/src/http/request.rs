//! Requests: the caller, the path, the parameters and the body.

use std::{borrow::Cow, io::Read as _, sync::Arc};

use flate2::read::MultiGzDecoder;
use lambda_http::{
    RequestExt as _,
    aws_lambda_events::apigw::{ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequestContext},
    request::RequestContext,
};
use serde_json::Value;

use crate::{
    intake::{new_event::MAX_ID_CHARACTERS, parameters::Sent},
    model::{
        disclosure::Salt,
        error::Error,
        escaping::MAX_NAME_CHARACTERS,
        id::{EventId, TokenId, WorkspaceId},
        identity::{AdminClaims, NotAdmin},
        principal::{Admin, TokenHolder},
        scope::Scope,
        service_event::Origin,
        timestamp::Timestamp,
    },
    text::{
        characters::{self, Kind},
        problem::FieldError,
    },
};

/// A request that came through API Gateway's HTTP API.
#[derive(Debug)]
pub struct Request {
    inner: lambda_http::Request,
    /// The names of the claims of admins; `None` on the routes of tokens.
    claims: Option<Arc<AdminClaims>>,
}

/// The header with a client's key for the request, by which a retry is recognized.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// A claim that is recorded. It is escaped, because some identity providers let users choose their claims.
struct Recorded {
    name: fn(&AdminClaims) -> &str,
    /// The place of the claim in the event.
    place: &'static str,
    kind: Kind,
    max_characters: usize,
}

const USER_ID: Recorded = Recorded {
    name: |claims| &claims.user_id,
    place: "/actor/user_id",
    kind: Kind::Id,
    max_characters: MAX_ID_CHARACTERS,
};
const USERNAME: Recorded = Recorded {
    name: |claims| &claims.username,
    place: "/actor/username",
    kind: Kind::Line,
    max_characters: MAX_NAME_CHARACTERS,
};

impl From<lambda_http::Request> for Request {
    fn from(request: lambda_http::Request) -> Self {
        Self { inner: request, claims: None }
    }
}

impl Request {
    /// A request on a route of admins, whose JWTs have these claims.
    pub fn of_admins(request: lambda_http::Request, claims: &Arc<AdminClaims>) -> Self {
        Self { inner: request, claims: Some(claims.clone()) }
    }

    /// The route in the template, such as `GET /api/{workspace}/audit_logs`.
    pub fn route(&self) -> &str {
        self.context().and_then(|context| context.route_key.as_deref()).unwrap_or_default()
    }

    /// The id that API Gateway gave the request.
    pub fn id(&self) -> &str {
        self.context().and_then(|context| context.request_id.as_deref()).unwrap_or_default()
    }

    /// The time at which Lambda ends the invocation, in milliseconds since 1970.
    pub fn deadline_ms(&self) -> u64 {
        self.inner.lambda_context_ref().map_or(0, |context| context.deadline)
    }

    /// A decoded path parameter; empty if the route has none of this name.
    pub fn path_parameter(&self, name: &str) -> &str {
        self.inner.path_parameters_ref().and_then(|parameters| parameters.first(name)).unwrap_or_default()
    }

    /// The path as it was sent.
    pub fn path(&self) -> &str {
        self.inner.raw_http_path()
    }

    /// A header by its name in lower case. API Gateway joins repeated headers with commas.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The decoded query parameters in the order of the request, with repeated ones.
    pub fn query(&self) -> Vec<(String, String)> {
        let raw = self.inner.uri().query().unwrap_or_default();
        form_urlencoded::parse(raw.as_bytes()).into_owned().collect()
    }

    /// Refuses query parameters on a route without any, because a client that sends one expects an effect.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] with each parameter.
    pub fn no_query(&self) -> Result<(), Error> {
        Sent::gather(self.query(), &[], &[]).finish(())
    }

    /// The value of `Idempotency-Key`, without the quotes that the draft of the header requires.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] if it is empty, repeated, long or not visible ASCII.
    pub fn idempotency_key(&self) -> Result<Option<&str>, Error> {
        let Some(value) = self.inner.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
        let key = value.to_str().unwrap_or_default().trim();
        let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
        let repeated = self.inner.headers().get_all(IDEMPOTENCY_KEY).iter().count() > 1;
        if repeated
            || !(1..=MAX_KEY_BYTES).contains(&key.len())
            || !key.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        {
            let detail =
                format!("Idempotency-Key must be one value of 1 to {MAX_KEY_BYTES} visible ASCII characters");
            return Err(Error::InvalidHeader(detail));
        }
        Ok(Some(key))
    }

    /// The body, decompressed, if it has at most `max_bytes`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a larger body, [`Error::UnsupportedEncoding`] for a compression other than gzip,
    /// [`Error::InvalidBody`] for invalid gzip.
    pub fn body(&self, max_bytes: usize) -> Result<Cow<'_, [u8]>, Error> {
        let body: &[u8] = self.inner.body();
        let body = match self.header("content-encoding").unwrap_or_default().trim() {
            "" | "identity" => Cow::Borrowed(body),
            encoding if encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip") => {
                Cow::Owned(decompressed(body, max_bytes)?)
            }
            _ => return Err(Error::UnsupportedEncoding),
        };
        if body.len() > max_bytes {
            return Err(Error::TooLarge(format!(
                "the body has {} bytes and may have {max_bytes}; send less at a time",
                body.len()
            )));
        }
        Ok(body)
    }

    /// The holder of the workspace token, checked against the workspace of the path.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`] if the path names another workspace than the token's own, [`Error::Forbidden`] if the
    /// token lacks the scope.
    pub fn token_holder(&self, scope: Scope) -> Result<TokenHolder, Error> {
        let context = &self.authorizer()?.fields;
        let field = |name: &str| context.get(name).and_then(Value::as_str).ok_or(Error::Unauthenticated);
        let holder = TokenHolder {
            workspace: WorkspaceId::parse(field("workspace")?).map_err(|_| Error::Unauthenticated)?,
            token: TokenId::parse(field("token")?).map_err(|_| Error::Unauthenticated)?,
            scopes: Scope::parse_list(field("scopes")?).ok_or(Error::Unauthenticated)?,
        };
        holder.require(&self.workspace()?, scope)?;
        Ok(holder)
    }

    /// The workspace admin, checked against the workspace of the path. Admin routes have no query parameters.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`] if the path names another workspace than the admin's own, [`Error::Forbidden`] if the
    /// user is not an admin of it, [`Error::InvalidQuery`] with each query parameter.
    pub fn admin(&self) -> Result<Admin, Error> {
        let names = self.claims.as_deref().ok_or(Error::Unauthenticated)?;
        let claims = &self.authorizer()?.jwt.as_ref().ok_or(Error::Unauthenticated)?.claims;
        fn lacking(claim: &str) -> Error {
            Error::Forbidden(format!(
                "The JWT has no valid claim {claim}; ask for one from your identity provider."
            ))
        }
        let user_id = self.claim(&USER_ID).filter(|(user_id, _)| !user_id.is_empty());
        let (user_id, _) = user_id.ok_or_else(|| lacking(&names.user_id))?;
        let username = self.claim(&USERNAME).map(|(username, _)| username);
        let workspace = self.workspace()?;
        names.check(claims, &workspace).map_err(|reason| match reason {
            NotAdmin::NoWorkspace => lacking(&names.workspace),
            NotAdmin::OtherWorkspace => Error::UnknownWorkspace,
            NotAdmin::Role => Error::Forbidden("Only admins of the workspace may do this.".to_owned()),
        })?;
        self.no_query()?;
        Ok(Admin { workspace, user_id, username })
    }

    /// A claim of the JWT, escaped for the log, and the changes that the escaping made.
    fn claim(&self, claim: &Recorded) -> Option<(String, Option<characters::Change>)> {
        let name = (claim.name)(self.claims.as_deref()?);
        let mut value = self.authorizer().ok()?.jwt.as_ref()?.claims.get(name)?.clone();
        let change = characters::clean(&mut value, claim.kind, claim.max_characters);
        Some((value, change))
    }

    /// The client's address and user agent, for the service's own event about the request.
    pub fn origin(&self, now: Timestamp, event_id: EventId, salt: Salt) -> Origin {
        let client = self.context().map(|context| &context.http);
        let ip = client.and_then(|client| client.source_ip.clone()).filter(|text| !text.is_empty());
        let user_agent = client.and_then(|client| client.user_agent.clone()).filter(|text| !text.is_empty());
        let claims = [USER_ID, USERNAME];
        let claims = claims.iter().filter_map(|claim| Some((claim.place, self.claim(claim)?.1?))).collect();
        Origin { now, event_id, salt, ip, user_agent, claims }
    }

    fn workspace(&self) -> Result<WorkspaceId, Error> {
        WorkspaceId::parse(self.path_parameter("workspace")).map_err(|_| Error::UnknownWorkspace)
    }

    fn authorizer(&self) -> Result<&ApiGatewayRequestAuthorizer, Error> {
        self.context().and_then(|context| context.authorizer.as_ref()).ok_or(Error::Unauthenticated)
    }

    /// API Gateway's part of the request: route, client, authorizer.
    fn context(&self) -> Option<&ApiGatewayV2httpRequestContext> {
        match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => Some(context),
            _ => None,
        }
    }
}

fn invalid_encoding(detail: &str) -> Error {
    Error::InvalidBody(vec![FieldError::new("", "invalid_encoding", detail)])
}

/// Decompresses a body. It reads at most one byte more than the limit, so memory is bounded.
fn decompressed(body: &[u8], max_bytes: usize) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    if !body.is_empty() {
        let mut decoder = MultiGzDecoder::new(body).take(max_bytes as u64 + 1);
        decoder.read_to_end(&mut text).map_err(|_| {
            invalid_encoding(
                "is not valid gzip; send the compressed bytes as they are, with Content-Type application/octet-stream",
            )
        })?;
    }
    if text.len() > max_bytes {
        let detail =
            format!("the body has more than {max_bytes} bytes once decompressed; send less at a time");
        return Err(Error::TooLarge(detail));
    }
    Ok(text)
}
