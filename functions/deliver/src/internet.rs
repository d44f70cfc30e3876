//! Requests to destinations: only to public addresses, only over TLS, and without following redirects.
//!
//! Admins of customers decide where requests go. The resolver keeps them away from hosts that only our network
//! protects: it drops every address that is not public, and the connection is made to one of the remaining
//! addresses. So a name cannot change its address between the check and the connection. A URL with an address
//! in place of a name is not resolved, and is checked separately. Redirects are not followed, and no proxy is
//! used.

use std::{error::Error as _, fmt, io, net::IpAddr, time::Duration};

use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    dns::{DnsFuture, ResolveDns, ResolveDnsError},
    http::{HttpConnector as _, HttpConnectorSettings},
    orchestrator::HttpRequest,
    result::ConnectorError,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use shared::{
    aws::later::{Later, later},
    stream::is_public,
};
use tokio::net::lookup_host;
use url::{Host, Url};

use crate::failure::Failure;

/// Timeout of a request, including its answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time to wait for the rest of an answer whose status already decided the outcome: once it has arrived, the
/// connection can be used again.
const REST_TIMEOUT: Duration = Duration::from_millis(250);
/// Bytes that are read of an answer.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// The user agent of requests.
const USER_AGENT: &str = concat!("AuditLogs/", env!("CARGO_PKG_VERSION"));

/// The addresses that may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Addresses of the public internet, over TLS.
    Public,
    /// Any address, also without TLS: only for development and tests.
    Anywhere,
}

/// A request: always a `POST`.
pub struct Call {
    pub url: String,
    /// Its headers, which include secrets.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// The part of the answer that decides whether the destination accepted the request.
    pub verdict: Verdict,
}

/// The part of an answer that decides whether the destination accepted a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The status alone. Once it has arrived, errors in the body change nothing.
    Status,
    /// The status and the body.
    Body,
}

/// The answer of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The value of `Retry-After`.
    pub retry_after: Option<String>,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// Sends requests to destinations. Connections are kept for later requests.
#[derive(Debug)]
pub struct Internet {
    reach: Reach,
    /// Built on first use: it reads all certificate authorities, and most runs send nothing.
    connector: Later<Connector>,
}

/// A name without a public address.
#[derive(Debug)]
struct NotPublic;

#[derive(Clone, Debug)]
struct Resolver(Reach);

impl Internet {
    /// A sender to these addresses that trusts the machine's certificate authorities.
    pub fn new(reach: Reach) -> Self {
        Self {
            reach,
            connector: later(move || {
                let context = TlsContext::builder().with_trust_store(TrustStore::default()).build();
                let context =
                    context.expect("only further names of servers can be wrong, of which there are none");
                let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
                Connector::builder()
                    .connector_settings(settings)
                    .tls_provider(Provider::Rustls(CryptoMode::Ring))
                    .tls_context(context)
                    .build_with_resolver(Resolver(reach))
            }),
        }
    }

    /// Sends a request. Returns the answer, with any status.
    ///
    /// # Errors
    /// If there is no answer. The destination may have accepted the request, unless its address may not be
    /// reached.
    pub async fn post(&self, call: Call) -> Result<Answer, Failure> {
        let verdict = call.verdict;
        let request = self.request(call)?;
        let exchange = async {
            let response = self.connector.call(request).await.map_err(|error| failed(&error))?;
            let status = response.status().as_u16();
            let retry_after = response.headers().get("retry-after").map(str::to_owned);
            let body = ByteStream::new(response.into_body());
            let answer = Answer { status, retry_after, body: Vec::new() };
            match verdict {
                Verdict::Status => Ok((answer, Some(body))),
                Verdict::Body => match read(body).await {
                    Ok(body) => Ok((Answer { body, ..answer }, None)),
                    // The status alone says that it was not accepted.
                    Err(_) if !(200..300).contains(&status) => Ok((answer, None)),
                    Err(failure) => Err(failure),
                },
            }
        };
        let (answer, rest) = tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| timed_out())??;
        if let Some(rest) = rest {
            // The status has decided, and the rest of the answer changes nothing.
            let _ = tokio::time::timeout(REST_TIMEOUT, read(rest)).await;
        }
        Ok(answer)
    }

    fn request(&self, Call { url, headers, body, verdict: _ }: Call) -> Result<HttpRequest, Failure> {
        let parsed = Url::parse(&url).map_err(|_| unfit())?;
        self.admit(&parsed)?;
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(|_| unfit())?;
        request.set_uri(parsed.as_str()).map_err(|_| unfit())?;
        request.headers_mut().insert("user-agent", USER_AGENT);
        for (name, value) in headers {
            request.headers_mut().try_insert(name, value).map_err(|_| unfit())?;
        }
        Ok(request)
    }

    /// Checks the parts that no resolver sees: the scheme, and a host that is an address.
    fn admit(&self, url: &Url) -> Result<(), Failure> {
        if self.reach == Reach::Anywhere {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(Failure::new("not_https", "requests are sent only over TLS"));
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(unfit()),
        };
        if is_public(address) { Ok(()) } else { Err(not_public()) }
    }
}

/// The beginning of a body.
async fn read(mut stream: ByteStream) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER_BYTES
        && let Some(bytes) = stream.next().await
    {
        body.extend_from_slice(&bytes.map_err(|_| no_connection())?);
    }
    body.truncate(MAX_ANSWER_BYTES);
    Ok(body)
}

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let found = lookup_host((name, 0)).await.map_err(ResolveDnsError::new)?;
            let addresses = reachable(self.0, found.map(|address| address.ip()));
            if addresses.is_empty() { Err(ResolveDnsError::new(NotPublic)) } else { Ok(addresses) }
        })
    }
}

/// The addresses that may be reached.
fn reachable(reach: Reach, addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    addresses.filter(|address| reach == Reach::Anywhere || is_public(*address)).collect()
}

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address of this name is public")
    }
}

impl std::error::Error for NotPublic {}

/// An error of a connection in words for the admin of a stream.
fn failed(error: &ConnectorError) -> Failure {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<NotPublic>() {
            return not_public();
        }
        if let Some(rustls::Error::InvalidCertificate(_)) = within(cause).downcast_ref() {
            return Failure::new(
                "invalid_certificate",
                "the destination's certificate has expired, is for another host, or is not signed by a public authority",
            );
        }
        if cause.is::<ResolveDnsError>() && cause.source().is_some_and(|cause| !cause.is::<NotPublic>()) {
            return Failure::new("unknown_host", "the host name has no address");
        }
        source = cause.source();
    }
    if error.is_timeout() {
        return timed_out();
    }
    no_connection()
}

fn no_connection() -> Failure {
    Failure::new("no_connection", "the connection could not be made, or ended before there was an answer")
}

/// The cause of an I/O error, which `source` does not return.
fn within<'a>(mut error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    while let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = inner;
    }
    error
}

fn not_public() -> Failure {
    Failure::new("not_public", "the host has an address outside of the public internet")
}

fn timed_out() -> Failure {
    Failure::new("timeout", format!("the destination did not answer within {} seconds", TIMEOUT.as_secs()))
}

fn unfit() -> Failure {
    Failure::new("invalid_request", "the URL and the secret do not make a valid request")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn post(reach: Reach, url: &str) -> Result<Answer, String> {
        let (url, headers, body) = (url.to_owned(), Vec::new(), String::new());
        let call = Call { url, headers, body, verdict: Verdict::Status };
        Internet::new(reach).post(call).await.map_err(|failure| failure.code)
    }

    #[tokio::test]
    async fn connections_go_only_to_the_public_internet() {
        check("https://127.0.0.1/", "not_public").await;
        check("https://169.254.169.254/latest/meta-data", "not_public").await;
        check("https://[::1]/", "not_public").await;
        check("https://[::ffff:10.0.0.1]:8443/", "not_public").await;
        // Other ways to write 127.0.0.1.
        check("https://0x7f.1/", "not_public").await;
        check("https://2130706433/", "not_public").await;
        check("https://017700000001/", "not_public").await;
        // A name: its addresses are known only after it is resolved.
        check("https://localhost/", "not_public").await;
        check("https://localhost:8443/", "not_public").await;
        check("http://example.com/", "not_https").await;
        check("https://", "invalid_request").await;
    }

    async fn check(url: &str, code: &str) {
        assert_eq!(post(Reach::Public, url).await.unwrap_err(), code, "{url}");
    }

    #[test]
    fn only_the_public_addresses_of_a_name_are_used() {
        let addresses =
            ["10.0.0.1", "1.1.1.1", "fd00::1", "2606:4700::1111"].map(|text| text.parse().unwrap());
        assert_eq!(reachable(Reach::Public, addresses.into_iter()), [addresses[1], addresses[3]]);
        assert_eq!(reachable(Reach::Anywhere, addresses.into_iter()), addresses);
    }

    #[tokio::test]
    async fn development_can_reach_this_machine() {
        let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // The listener is gone: the connection is refused.
        assert_eq!(post(Reach::Anywhere, &format!("http://{refused}/")).await.unwrap_err(), "no_connection");
    }
}
