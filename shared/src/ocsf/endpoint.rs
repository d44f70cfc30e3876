//! The source of a request. Senders write an address alone, with a port, with the zone of IPv6, as a list of the proxies
//! that forwarded the request, or a host name.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Value, json};

use super::present;

/// The endpoint of a request.
pub(super) struct Address {
    /// The endpoint object.
    pub(super) endpoint: Value,
    /// True if the object has the address exactly as it was sent.
    pub(super) is_exact: bool,
}

impl Address {
    /// Reads the address of an actor. A text that is neither an address nor a host name is the name of the endpoint.
    pub(super) fn read(text: &str) -> Self {
        let mut parts = text.split(',').map(str::trim);
        let first = parts.next().and_then(Host::read);
        let proxies: Option<Vec<_>> = parts.map(|part| Some(Host::read(part)?.ip?.to_string())).collect();
        let (Some(host), Some(proxies)) = (first, proxies) else {
            return Self { endpoint: json!({"name": text}), is_exact: true };
        };
        let Host { ip, hostname, port, zone } = host;
        let ip = ip.map(|ip| ip.to_string());
        let is_exact = ip.as_deref() == Some(text) || hostname.as_deref() == Some(text);
        let proxies = (!proxies.is_empty()).then_some(proxies);
        let endpoint =
            json!({"ip": ip, "hostname": hostname, "port": port, "zone": zone, "intermediate_ips": proxies});
        Self { endpoint: present(endpoint), is_exact }
    }
}

/// An address or a host name, and its port.
#[derive(Default)]
struct Host {
    ip: Option<IpAddr>,
    hostname: Option<String>,
    port: Option<u16>,
    zone: Option<String>,
}

impl Host {
    fn read(text: &str) -> Option<Self> {
        if let Some(host) = Self::address(text) {
            return Some(host);
        }
        // `[2001:db8::1]:443`, and the same without a port.
        if let Some((inside, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let port = match after {
                "" => None,
                _ => Some(port(after.strip_prefix(':')?)?),
            };
            return Self::address(inside).map(|host| Self { port, ..host });
        }
        match text.rsplit_once(':') {
            Some((host, digits)) => {
                let port = Some(port(digits)?);
                let host =
                    if host.contains(':') { None } else { Self::address(host).or_else(|| Self::named(host)) };
                host.map(|host| Self { port, ..host })
            }
            None => Self::named(text),
        }
    }

    /// An address, of IPv6 also with a zone. An IPv4 address that is written as IPv6 is one of IPv4.
    fn address(text: &str) -> Option<Self> {
        let (address, zone) =
            text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
        if zone.is_some_and(|zone| zone.is_empty() || address.parse::<Ipv6Addr>().is_err()) {
            return None;
        }
        let ip = address.parse::<IpAddr>().ok()?.to_canonical();
        Some(Self { ip: Some(ip), zone: zone.map(str::to_owned), ..Self::default() })
    }

    /// A host name (RFC 1123). A name of one label alone may be any word, but `localhost` is none.
    fn named(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let labels: Vec<_> = name.split('.').collect();
        let is_name = name.len() <= 253
            && (labels.len() > 1 || name == "localhost")
            && labels.iter().all(|label| is_label(label))
            // Digits in the last label are a wrong address.
            && labels.last().is_some_and(|label| label.bytes().any(|byte| byte.is_ascii_alphabetic()));
        is_name.then(|| Self { hostname: Some(text.to_owned()), ..Self::default() })
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn port(digits: &str) -> Option<u16> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
