//! Requests to destinations: to public addresses alone, over TLS alone, and without following redirects.
//!
//! An admin of a customer says where requests go. The resolver keeps them away from hosts that only our network
//! protects: it drops every address that is not public, and the connection is made to an address that it leaves. So a
//! name cannot change its address between the check and the connection. A URL that has an address in place of a name is
//! not resolved, and is checked before. Redirects are not followed, and no proxy is asked.

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

/// How long a destination may take for a request, its answer included.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the rest of an answer is waited for that says no more than its status did: the connection is used again if it
/// comes.
const REST_TIMEOUT: Duration = Duration::from_millis(250);
/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// The user agent of requests.
const USER_AGENT: &str = concat!("AuditLogs/", env!("CARGO_PKG_VERSION"));

/// Which addresses may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those of the public internet, over TLS.
    Public,
    /// Any, also without TLS: for development and tests alone.
    Anywhere,
}

/// A request: always a `POST`.
pub struct Call {
    /// Where to.
    pub url: String,
    /// Its headers, secrets among them.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: String,
    /// What tells whether the destination took it.
    pub verdict: Verdict,
}

/// What of an answer tells whether the destination took a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The status alone. Once it is there, nothing that happens to the body changes it.
    Status,
    /// The body as well.
    Body,
}

/// The answer of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// When it wants to be asked again.
    pub retry_after: Option<String>,
    /// The body, or the beginning of it.
    pub body: Vec<u8>,
}

/// The way to the destinations. Connections are kept for the next request.
#[derive(Debug)]
pub struct Internet {
    reach: Reach,
    /// It reads all certificate authorities, and most runs send nothing.
    connector: Later<Connector>,
}

/// A name that leads to no address that may be reached.
#[derive(Debug)]
struct NotPublic;

#[derive(Clone, Debug)]
struct Resolver(Reach);

impl Internet {
    /// The way to what may be reached, with the certificate authorities that the machine trusts.
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

    /// Sends a request; the answer, whatever its status is.
    ///
    /// # Errors
    /// If there is none: the destination may or may not have taken the request then, unless it may not be reached.
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
                    // The status alone says that it was not taken.
                    Err(_) if !(200..300).contains(&status) => Ok((answer, None)),
                    Err(failure) => Err(failure),
                },
            }
        };
        let (answer, rest) = tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| timed_out())??;
        if let Some(rest) = rest {
            // The status has been told, and the rest of the answer changes nothing.
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

    /// Looks at what no resolver sees: the scheme, and a host that is an address.
    fn admit(&self, url: &Url) -> Result<(), Failure> {
        if self.reach == Reach::Anywhere {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(Failure::new("not_https", "requests are sent over TLS alone"));
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

/// Those of the addresses that may be reached.
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
                "the destination's certificate has expired, is another host's, or no public authority vouches for it",
            );
        }
        if cause.is::<ResolveDnsError>() && cause.source().is_some_and(|cause| !cause.is::<NotPublic>()) {
            return Failure::new("unknown_host", "the name of the host leads to no address");
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

/// The cause of an I/O error, which does not name it as its source.
fn within<'a>(mut error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    while let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = inner;
    }
    error
}

fn not_public() -> Failure {
    Failure::new("not_public", "the host leads to an address that is not of the public internet")
}

fn timed_out() -> Failure {
    Failure::new("timeout", format!("the destination did not answer within {} seconds", TIMEOUT.as_secs()))
}

fn unfit() -> Failure {
    Failure::new("invalid_request", "no request can be made of the URL and the secret")
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
    async fn nothing_but_the_public_internet_is_connected_to() {
        let check = async |url: &str, code: &str| {
            assert_eq!(post(Reach::Public, url).await.unwrap_err(), code, "{url}");
        };
        check("https://127.0.0.1/", "not_public").await;
        check("https://169.254.169.254/latest/meta-data", "not_public").await;
        check("https://[::1]/", "not_public").await;
        check("https://[::ffff:10.0.0.1]:8443/", "not_public").await;
        // Other ways to write 127.0.0.1.
        check("https://0x7f.1/", "not_public").await;
        check("https://2130706433/", "not_public").await;
        check("https://017700000001/", "not_public").await;
        // A name: what it leads to is known only once it is resolved.
        check("https://localhost/", "not_public").await;
        check("https://localhost:8443/", "not_public").await;
        check("http://example.com/", "not_https").await;
        check("https://", "invalid_request").await;
    }

    #[test]
    fn of_a_name_with_several_addresses_the_public_ones_are_left() {
        let addresses =
            ["10.0.0.1", "1.1.1.1", "fd00::1", "2606:4700::1111"].map(|text| text.parse().unwrap());
        assert_eq!(reachable(Reach::Public, addresses.into_iter()), [addresses[1], addresses[3]]);
        assert_eq!(reachable(Reach::Anywhere, addresses.into_iter()), addresses);
    }

    #[tokio::test]
    async fn development_reaches_what_it_runs_itself() {
        let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // The listener is gone: the connection is refused.
        assert_eq!(post(Reach::Anywhere, &format!("http://{refused}/")).await.unwrap_err(), "no_connection");
    }
}
