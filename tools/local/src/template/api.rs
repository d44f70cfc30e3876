//! The HTTP API of the template: its routes and their callers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Resources, TemplateError, typed};

/// Properties of the API that have no effect for one caller on one machine.
const API_NOT_EMULATED: &[&str] = &[
    "AccessLogSettings",
    "DefaultRouteSettings",
    "Description",
    "FailOnWarnings",
    "Name",
    "PropagateTags",
    "RouteSettings",
    "Tags",
];

/// The HTTP API.
#[derive(Clone, Debug)]
pub struct Api {
    /// Its routes, in the order of the functions' logical ids.
    pub routes: Vec<Route>,
    /// The authorizer of [`Authorizer::Token`] routes.
    pub token: TokenAuthorizer,
    /// The authorizer of [`Authorizer::Jwt`] routes.
    pub jwt: JwtAuthorizer,
}

/// A method and path, and their function.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The method, in capitals.
    pub method: String,
    /// The path, with `{name}` for a variable segment, and `{name+}` for all that follow.
    pub path: String,
    /// The name of the function's crate.
    pub function: String,
    /// The logical id of the function: one crate may be deployed as several functions.
    pub resource: String,
    /// The callers of the route.
    pub authorizer: Authorizer,
}

/// The callers of a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Authorizer {
    /// Holders of a workspace token.
    Token,
    /// Holders of a JWT of the identity provider.
    Jwt,
    /// Anyone.
    Open,
}

/// A Lambda authorizer for the `Authorization` header.
#[derive(Clone, Debug)]
pub struct TokenAuthorizer {
    /// The name of the function's crate.
    pub function: String,
    /// The logical id of the function.
    pub resource: String,
    /// Time for which its answer is cached for the same header.
    pub ttl_seconds: u64,
}

/// A JWT authorizer for the `Authorization` header.
#[derive(Clone, Debug)]
pub struct JwtAuthorizer {
    /// The issuer, if the template fixes it; a parameter without a default does not.
    pub issuer: Option<String>,
    /// The audience, in the same way.
    pub audience: Option<String>,
}

pub(super) fn read(resources: &Resources) -> Result<Api, TemplateError> {
    let (id, properties) = resources.only("AWS::Serverless::HttpApi")?;
    let place = format!("Resources.{id}.Properties");
    let ApiProperties { auth } = typed(&place, properties, API_NOT_EMULATED)?;
    let (mut token, mut jwt, mut kinds) = (None, None, BTreeMap::new());
    for (name, authorizer) in &auth.authorizers {
        let place = format!("{place}.Auth.Authorizers.{name}");
        let kind = if authorizer.get("JwtConfiguration").is_some() {
            jwt = Some(jwt_authorizer(&place, authorizer)?);
            Authorizer::Jwt
        } else {
            token = Some(token_authorizer(resources, &place, authorizer)?);
            Authorizer::Token
        };
        if kinds.values().any(|other| *other == kind) {
            return Err(TemplateError::new(place, "is a second authorizer of its kind"));
        }
        kinds.insert(name.clone(), kind);
    }
    Ok(Api {
        routes: routes(resources, id, auth.default_authorizer.as_deref(), &kinds)?,
        token: token.ok_or_else(|| missing(&place, "Lambda"))?,
        jwt: jwt.ok_or_else(|| missing(&place, "JWT"))?,
    })
}

fn missing(place: &str, kind: &str) -> TemplateError {
    TemplateError::new(place.to_owned(), format!("has no {kind} authorizer"))
}

fn routes(
    resources: &Resources,
    api: &str,
    default_authorizer: Option<&str>,
    authorizers: &BTreeMap<String, Authorizer>,
) -> Result<Vec<Route>, TemplateError> {
    let mut routes = Vec::new();
    for (function, properties) in resources.of_type("AWS::Serverless::Function") {
        let none = serde_json::Map::new();
        for (name, event) in properties["Events"].as_object().unwrap_or(&none) {
            let place = format!("Resources.{function}.Properties.Events.{name}");
            match event["Type"].as_str() {
                Some("HttpApi") => {}
                Some("DynamoDB" | "Schedule" | "SQS") => continue,
                _ => return Err(TemplateError::new(place, "is no event that is emulated")),
            }
            let HttpApiEvent { api: on, method, path, auth } = typed(&place, &event["Properties"], &[])?;
            if on != api || method != method.to_uppercase() || method == "ANY" {
                return Err(TemplateError::new(place, "is not one method and path of the one API"));
            }
            let named = auth.map(|auth| auth.authorizer);
            let authorizer = match named.as_deref().or(default_authorizer) {
                None | Some("NONE") => Authorizer::Open,
                Some(name) => *authorizers.get(name).ok_or_else(|| {
                    TemplateError::new(&place, format!("names no authorizer of the API: {name}"))
                })?,
            };
            let resource = function.to_owned();
            routes.push(Route {
                method,
                path,
                function: resources.crate_of(function)?,
                resource,
                authorizer,
            });
        }
    }
    Ok(routes)
}

fn token_authorizer(
    resources: &Resources,
    place: &str,
    value: &Value,
) -> Result<TokenAuthorizer, TemplateError> {
    let read: LambdaAuthorizer =
        typed(place, value, &["EnableFunctionDefaultPermissions", "FunctionInvokeRole"])?;
    if read.format != "2.0" || !read.simple || read.identity.headers != ["Authorization"] {
        let reason = "is not payload 2.0 with simple responses, by the Authorization header";
        return Err(TemplateError::new(place, reason));
    }
    Ok(TokenAuthorizer {
        function: resources.crate_of(&read.function)?,
        resource: read.function,
        ttl_seconds: read.identity.ttl_seconds,
    })
}

fn jwt_authorizer(place: &str, value: &Value) -> Result<JwtAuthorizer, TemplateError> {
    let read: Jwt = typed(place, value, &[])?;
    let [audience] = read.configuration.audience.as_slice() else {
        return Err(TemplateError::new(place, "does not have exactly one audience"));
    };
    if read.source != "$request.header.Authorization" {
        return Err(TemplateError::new(place, "does not look at the Authorization header"));
    }
    Ok(JwtAuthorizer {
        issuer: read.configuration.issuer.as_str().map(str::to_owned),
        audience: audience.as_str().map(str::to_owned),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiProperties {
    #[serde(rename = "Auth")]
    auth: ApiAuth,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ApiAuth {
    default_authorizer: Option<String>,
    authorizers: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LambdaAuthorizer {
    #[serde(rename = "AuthorizerPayloadFormatVersion")]
    format: String,
    #[serde(rename = "EnableSimpleResponses")]
    simple: bool,
    #[serde(rename = "FunctionArn")]
    function: String,
    #[serde(rename = "Identity")]
    identity: Identity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    #[serde(rename = "Headers")]
    headers: Vec<String>,
    #[serde(rename = "ReauthorizeEvery")]
    ttl_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwt {
    #[serde(rename = "IdentitySource")]
    source: String,
    #[serde(rename = "JwtConfiguration")]
    configuration: JwtConfiguration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JwtConfiguration {
    issuer: Value,
    audience: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpApiEvent {
    #[serde(rename = "ApiId")]
    api: String,
    #[serde(rename = "Method")]
    method: String,
    #[serde(rename = "Path")]
    path: String,
    #[serde(rename = "Auth")]
    auth: Option<EventAuth>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventAuth {
    #[serde(rename = "Authorizer")]
    authorizer: String,
}
