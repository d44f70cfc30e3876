//! Decides whether a token is valid, and tells the workspace and the scopes that it opens.
//!
//! API Gateway caches the answer for 60 seconds by the `Authorization` header, for every route. So the answer
//! must not depend on the path: path, workspace and scope are checked where they are used. Every failure here
//! is a refusal or an error; none admits a caller. API Gateway caches refusals as well. So a token that is not
//! found is read again consistently, and a store that does not answer is an error and not a refusal.

use aws_lambda_events::apigw::{
    ApiGatewayV2CustomAuthorizerSimpleResponse, ApiGatewayV2CustomAuthorizerV2Request,
};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};
use shared::{
    model::{
        principal::TokenHolder,
        scope::Scope,
        timestamp::Timestamp,
        token::{PlainToken, Refusal, WorkspaceToken},
    },
    store::Store,
    system,
};

/// Answers whether the request's token is valid, and passes on its holder.
///
/// # Errors
/// If the store does not answer: API Gateway then refuses with 500, and asks again next time.
pub async fn handle(
    store: &Store,
    event: LambdaEvent<ApiGatewayV2CustomAuthorizerV2Request>,
) -> Result<ApiGatewayV2CustomAuthorizerSimpleResponse, Error> {
    let request = event.payload;
    let header = request.identity_source.as_deref().and_then(|sources| sources.first()).map(String::as_str);
    let Ok(token) = PlainToken::from_authorization(header.unwrap_or_default()) else {
        return Ok(deny("malformed"));
    };
    let now = system::now();
    Ok(match admit(store, &token, now).await? {
        Ok(holder) => allow(&holder),
        Err(None) => deny("unknown"),
        Err(Some(Refusal::WrongSecret)) => deny("wrong secret"),
        Err(Some(Refusal::Revoked)) => deny("revoked"),
        Err(Some(Refusal::Expired)) => deny("expired"),
    })
}

/// The holder of the token, or the reason for a refusal, which is `None` if the token does not exist.
async fn admit(
    store: &Store,
    token: &PlainToken,
    now: Timestamp,
) -> Result<Result<TokenHolder, Option<Refusal>>, shared::model::error::Error> {
    let presented = token.hashed();
    let judge = |kept: Option<&WorkspaceToken>| {
        kept.ok_or(None).and_then(|kept| kept.admit(&presented, now).map_err(Some))
    };
    let mut kept = store.token_lately(token.id()).await?;
    if kept.is_none() {
        // It may be a moment old, and a refusal would be cached for a minute.
        kept = store.token(token.id()).await?;
    }
    let admitted = judge(kept.as_ref());
    if admitted.is_ok() && kept.and_then(|kept| kept.last_used_on).as_deref() != Some(now.day().as_str()) {
        // A token is accepted even if its use cannot be noted: the read itself is recorded.
        if let Err(error) = store.mark_used(token.id(), now).await {
            tracing::warn!(%error, "the use of a token was not noted");
        }
    }
    Ok(admitted)
}

fn allow(holder: &TokenHolder) -> ApiGatewayV2CustomAuthorizerSimpleResponse {
    let TokenHolder { workspace, token, scopes } = holder;
    answer(true, json!({"workspace": workspace, "token": token, "scopes": Scope::join(scopes)}))
}

fn deny(reason: &str) -> ApiGatewayV2CustomAuthorizerSimpleResponse {
    tracing::info!(reason, "denied");
    answer(false, json!({}))
}

fn answer(is_authorized: bool, context: Value) -> ApiGatewayV2CustomAuthorizerSimpleResponse {
    let mut response = ApiGatewayV2CustomAuthorizerSimpleResponse::default();
    response.is_authorized = is_authorized;
    response.context = context;
    response
}
