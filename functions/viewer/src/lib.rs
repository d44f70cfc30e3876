//! Serves the page on which people read the audit log, and check it.
//!
//! The page is files that stand in this program. It has no rights of its own: whoever opens it brings a
//! workspace token or an admin's JWT, and the page calls the same API as everybody else. There is no store
//! here, nothing of any workspace, and no request to anyone but the API itself.

mod files;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::LambdaEvent;
use shared::{
    error::Error,
    http::{self, Request, Response},
};

pub use self::files::{FILES, File};

/// What a browser may do with the page: run its own code, and call its own origin. No inline script or
/// style, no frame around it, no form that leaves it, and no text that becomes code.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types lit-html";

/// What else a browser is told, with every file.
const HEADERS: [(&str, &str); 5] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("referrer-policy", "no-referrer"),
];

/// Answers `GET /` and everything below `/viewer`.
///
/// # Errors
/// None: every failure is an answer.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>) -> Result<Response, lambda_runtime::Error> {
    let request = Request::from(event.payload);
    Ok(http::respond(&request, answer(&request)))
}

fn answer(request: &Request) -> Result<Response, Error> {
    let name = match request.route() {
        "GET /" => "index.html",
        "GET /viewer/{file+}" => request.path_parameter("file"),
        _ => return Err(Error::UnknownRoute),
    };
    let File { name: _, content_type, body } =
        FILES.iter().find(|file| file.name == name).ok_or(Error::UnknownRoute)?;
    Ok(http::file(request, content_type, body, &HEADERS))
}

#[cfg(test)]
mod tests;
