//! API Gateway's HTTP API: routes, authorizers, payload 2.0 in both directions.
//!
//! A function gets the same input as on AWS, byte for byte where that is known, and through the same types, so
//! that tests here hold there. The gateway's own refusals have AWS's bodies.

mod event;
mod response;
mod token_gate;

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use aws_lc_rs::rand;
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Request, Response, header::AUTHORIZATION, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use matchit::Router;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use self::{event::Call, response::Refusal, token_gate::TokenGate};
use crate::{
    Error,
    functions::{Functions, InvokeError},
    jwt::IdentityProvider,
    template::{Api, Authorizer, Route},
};

/// The largest body that the gateway accepts.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The HTTP API of the template.
pub(crate) struct Gateway {
    routes: HashMap<String, Router<Route>>,
    functions: Functions,
    token_gate: TokenGate,
    identity_provider: Arc<IdentityProvider>,
}

impl Gateway {
    /// Serves the routes of `api`. The token authorizer's answers are cached for `authorizer_ttl`.
    pub(crate) fn new(
        api: &Api,
        authorizer_ttl: Duration,
        functions: Functions,
        identity_provider: Arc<IdentityProvider>,
    ) -> Result<Self, Error> {
        let mut routes: HashMap<String, Router<Route>> = HashMap::new();
        for route in &api.routes {
            let router = routes.entry(route.method.clone()).or_default();
            router
                .insert(greedy(&route.path), route.clone())
                .map_err(|error| Error::Route(error.to_string()))?;
        }
        let token_gate = TokenGate::new(api.token.clone(), authorizer_ttl);
        Ok(Self { routes, functions, token_gate, identity_provider })
    }

    pub(crate) async fn answer(&self, request: Request<Body>, source_ip: IpAddr) -> Response<Body> {
        let request_id = request_id();
        let answer = self.route(request, source_ip, &request_id).await;
        let mut response = answer.unwrap_or_else(Refusal::into_response);
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert("apigw-requestid", id);
        }
        response
    }

    async fn route(
        &self,
        request: Request<Body>,
        source_ip: IpAddr,
        request_id: &str,
    ) -> Result<Response<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        let router = self.routes.get(parts.method.as_str()).ok_or(Refusal::NotFound)?;
        let matched = router.at(parts.uri.path()).map_err(|_| Refusal::NotFound)?;
        let body = read(body).await?;
        let call = Call {
            parts: &parts,
            body: &body,
            route: matched.value,
            path_parameters: matched
                .params
                .iter()
                .map(|(name, value)| (name.to_owned(), decoded(value)))
                .collect(),
            request_id,
            source_ip,
            now: jiff::Timestamp::now(),
        };
        let authorizer = self.authorize(&call).await?;
        let answer = self.functions.http(call.route, &call.event(authorizer)).await;
        answer.map_err(Refusal::from).and_then(|answer| response::http(&answer))
    }

    /// The caller in the form that functions get; empty on an open route.
    async fn authorize(&self, call: &Call<'_>) -> Result<Option<Value>, Refusal> {
        if call.route.authorizer == Authorizer::Open {
            return Ok(None);
        }
        // AWS refuses a missing identity source itself, without asking the authorizer.
        let header = authorization(call.parts).ok_or(Refusal::Unauthorized)?;
        if call.route.authorizer == Authorizer::Token {
            let context = self.token_gate.admit(&self.functions, call, &header).await?;
            return Ok(Some(json!({ "lambda": context })));
        }
        let claims = self.identity_provider.check(&header, call.now).map_err(|reason| {
            tracing::info!(reason, "a JWT was refused");
            Refusal::BadJwt
        })?;
        Ok(Some(json!({"jwt": {"claims": claims, "scopes": null}})))
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl From<InvokeError> for Refusal {
    fn from(error: InvokeError) -> Self {
        match error {
            InvokeError::EventTooLarge => Self::TooLarge,
            InvokeError::Failed => Self::Internal,
            InvokeError::Throttled => Self::Unavailable,
        }
    }
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    // The other reason to fail is a client that is gone and gets no answer.
    axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| Refusal::TooLarge)
}

fn authorization(parts: &Parts) -> Option<String> {
    event::joined(&parts.headers, &AUTHORIZATION).filter(|value| !value.trim().is_empty())
}

/// A path in the router's notation, `{*name}` for API Gateway's `{name+}`.
fn greedy(path: &str) -> String {
    match path.strip_suffix("+}").and_then(|path| path.rsplit_once('{')) {
        Some((before, name)) => format!("{before}{{*{name}}}"),
        None => path.to_owned(),
    }
}

/// 16 characters that end in `=`, like API Gateway's.
fn request_id() -> String {
    let mut random = [0; 11];
    // Without randomness ids repeat; they are only used in logs.
    let _ = rand::fill(&mut random);
    URL_SAFE.encode(random)
}

#[cfg(test)]
mod tests;
