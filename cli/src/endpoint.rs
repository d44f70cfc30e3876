//! The URL of the API.

use std::fmt;

use reqwest::Url;

use crate::error::Error;

/// The URL of the API, up to but without `/api`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint(String);

/// Whether a secret may travel unencrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Only to this machine.
    Encrypted,
    /// To any machine: the user trusts the network.
    Plain,
}

impl Endpoint {
    /// Reads a URL.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn parse(text: &str, wire: Wire) -> Result<Self, Error> {
        let url = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("may not contain a user or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("may not have a query or fragment"));
        }
        match url.scheme() {
            "https" => {}
            "http" if wire == Wire::Plain || is_loopback(&url) => {}
            "http" => {
                return Err(Error::usage(
                    "The endpoint is http://: anyone on the network could read the token.",
                    "Use https://, or --allow-http if you trust the network.",
                ));
            }
            _ => return Err(wrong("must begin with https://")),
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// Whether TLS protects the requests.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The URL of a path of the API, which must begin with `/` and need no encoding.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn wrong(what: &str) -> Error {
    Error::usage(
        format!("The endpoint {what}."),
        "Give the URL of the API, such as https://audit.example.com, up to but without /api.",
    )
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_request_is_added_to_the_endpoint() {
        fn check(text: &str, url: &str) {
            let endpoint = Endpoint::parse(text, Wire::Encrypted).unwrap();
            assert_eq!(endpoint.url("/api/health"), url);
        }
        check("https://audit.example.com", "https://audit.example.com/api/health");
        check("https://audit.example.com/prod/", "https://audit.example.com/prod/api/health");
        check("http://127.0.0.1:9000", "http://127.0.0.1:9000/api/health");
        check("http://[::1]:9000/", "http://[::1]:9000/api/health");
        check("http://localhost:9000", "http://localhost:9000/api/health");
    }

    #[test]
    fn a_token_does_not_travel_unencrypted_unless_told() {
        assert!(Endpoint::parse("http://audit.example.com", Wire::Encrypted).is_err());
        assert!(Endpoint::parse("http://127.0.0.1.example.com", Wire::Encrypted).is_err());
        assert!(Endpoint::parse("http://audit.example.com", Wire::Plain).is_ok());
    }

    #[test]
    fn other_urls_are_refused() {
        for text in ["", "audit.example.com", "ftp://a", "https://u:p@a.example", "https://a.example/?x=1"] {
            assert!(Endpoint::parse(text, Wire::Plain).is_err(), "{text}");
        }
    }
}
