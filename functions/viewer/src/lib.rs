//! Serves the page on which people read and check the audit log.
//!
//! The files of the page are part of this program. The page has no rights of its own: a reader brings a
//! workspace token or an admin's JWT, and the page calls the API like any client. This function has no store
//! and no workspace data, and the page calls only the API's host.

mod files;

use lambda_http::http::{HeaderName, HeaderValue};
use shared::{
    http::{self, Request, Response},
    model::error::Error,
};

pub use self::files::{FILES, File, ROOT};

/// The policy of the page: a browser runs only the page's own code, and calls only its own origin. It forbids
/// inline scripts and styles, frames around the page, forms that leave it, and text that becomes code.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types lit-html";

/// The headers of every answer.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=63072000"),
];

/// Answers `GET /` and everything under `/viewer`.
///
/// # Errors
/// None: every failure is an answer.
pub async fn handle(request: lambda_http::Request) -> Result<Response, lambda_http::Error> {
    let request = Request::from(request);
    let response = http::respond(&request, answer(&request));
    Ok(HEADERS.iter().fold(response, |response, (name, value)| {
        response.with(HeaderName::from_static(name), HeaderValue::from_static(value))
    }))
}

fn answer(request: &Request) -> Result<Response, Error> {
    let File { name: _, content_type, body } = match request.route() {
        "GET /" => &ROOT,
        "GET /viewer/{file+}" => {
            let name = request.path_parameter("file");
            FILES.iter().find(|file| file.name == name).ok_or(Error::UnknownRoute)?
        }
        _ => return Err(Error::UnknownRoute),
    };
    Ok(http::file(request, content_type, body, &[]))
}

#[cfg(test)]
mod tests;
