//! The destinations of streams, and the settings of each kind.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Host, Url};

use super::is_public;
use crate::{intake::members::Members, text::nearest::did_you_mean};

/// The destination of a stream. The kind of a stream's destination never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Destination {
    /// A webhook, signed according to Standard Webhooks.
    Webhook {
        /// The URL of the receiver.
        url: Endpoint,
    },
    /// The HTTP Event Collector of Splunk.
    Splunk {
        /// The collector.
        url: Endpoint,
        /// The index; the token's default if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index: Option<String>,
        /// The source; our default if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// The source type; our default if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sourcetype: Option<String>,
    },
    /// The intake of Datadog Logs.
    Datadog {
        /// The site of the account.
        site: Site,
        /// The service; our default if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<String>,
        /// Tags of each event, such as `env:production`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
    },
    /// The archive bucket of this deployment. Admins cannot choose the prefix of its object keys, because with another
    /// workspace's prefix they could add data to the results of its queries.
    S3,
    /// An event bus of Amazon EventBridge.
    #[serde(rename = "eventbridge")]
    EventBridge {
        /// The bus.
        event_bus: EventBus,
    },
}

/// The kind of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationKind {
    /// A webhook.
    Webhook,
    /// Splunk.
    Splunk,
    /// Datadog.
    Datadog,
    /// The archive.
    S3,
    /// A bus.
    EventBridge,
}

/// The origin of a destination's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretIs {
    /// This service generates it, and shows it once.
    Generated,
    /// The destination issued it, and the admin sends it.
    Given,
    /// There is none; IAM grants access.
    None,
}

/// A URL to which requests may be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Endpoint(String);

/// A site of Datadog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Site(String);

/// The ARN of an event bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventBus(String);

/// The destinations that the operator of this deployment allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operator {
    /// The ARNs of the allowed buses.
    pub event_buses: Vec<String>,
    /// Whether there is an archive bucket.
    pub archive: bool,
    /// Whether plain HTTP and addresses that are not public are allowed, for development and tests only.
    pub insecure: bool,
}

/// The sites in Datadog's documentation.
pub const DATADOG_SITES: [&str; 7] = [
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "datadoghq.eu",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "ddog-gov.com",
];

/// The name, members and origin of the secret of each kind of destination.
pub const DESTINATION_FIELDS: [(DestinationKind, &str, &[&str], SecretIs); 5] = [
    (DestinationKind::Webhook, "webhook", &["type", "url"], SecretIs::Generated),
    (DestinationKind::Splunk, "splunk", &["type", "url", "index", "source", "sourcetype"], SecretIs::Given),
    (DestinationKind::Datadog, "datadog", &["type", "site", "service", "tags"], SecretIs::Given),
    (DestinationKind::S3, "s3", &["type"], SecretIs::None),
    (DestinationKind::EventBridge, "eventbridge", &["type", "event_bus"], SecretIs::None),
];

/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 2048;
/// The longest index, source, source type or service, in bytes.
const MAX_NAME_BYTES: usize = 100;
/// The most tags.
const MAX_TAGS: usize = 20;

impl DestinationKind {
    fn row(self) -> &'static (Self, &'static str, &'static [&'static str], SecretIs) {
        &DESTINATION_FIELDS[self as usize]
    }

    /// The wire name.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The origin of its secret.
    pub fn secret(self) -> SecretIs {
        self.row().3
    }
}

impl Destination {
    /// The kind.
    pub fn kind(&self) -> DestinationKind {
        match self {
            Self::Webhook { .. } => DestinationKind::Webhook,
            Self::Splunk { .. } => DestinationKind::Splunk,
            Self::Datadog { .. } => DestinationKind::Datadog,
            Self::S3 => DestinationKind::S3,
            Self::EventBridge { .. } => DestinationKind::EventBridge,
        }
    }

    /// The settings that may be recorded in the log. Of a URL only the origin is recorded, because the rest may be secret.
    pub fn disclosed(&self) -> Value {
        let mut disclosed = json!(self);
        if let Self::Webhook { url } | Self::Splunk { url, .. } = self {
            disclosed["url"] = json!(url.origin());
        }
        disclosed
    }

    /// Reads a destination that the operator allows; `None` if it has a problem, which is added to the list.
    pub fn read(object: &mut Members<'_>, operator: &Operator) -> Option<Self> {
        let name = object.required_identifier("type", MAX_NAME_BYTES)?;
        let Some((kind, _, fields, _)) = DESTINATION_FIELDS.iter().find(|(_, known, ..)| *known == name)
        else {
            let names = DESTINATION_FIELDS.map(|(_, name, ..)| name);
            let near = did_you_mean(&name, names);
            object.problem("type", "unknown_value", format!("must be one of {}{near}", names.join(", ")));
            return None;
        };
        let destination = match kind {
            DestinationKind::Webhook => Endpoint::read(object, operator).map(|url| Self::Webhook { url }),
            DestinationKind::Splunk => {
                let [index, source, sourcetype] =
                    ["index", "source", "sourcetype"].map(|name| read_name(object, name));
                let url = Endpoint::read(object, operator);
                if url.as_ref().is_some_and(|url| !takes_events(url)) {
                    let detail = "must lead to a collector of events: to its host alone, or to /services/collector/event";
                    object.problem("url", "invalid_url", detail);
                }
                url.map(|url| Self::Splunk { url, index, source, sourcetype })
            }
            DestinationKind::Datadog => {
                let (service, tags) = (read_name(object, "service"), read_tags(object));
                Site::read(object, operator).map(|site| Self::Datadog { site, service, tags })
            }
            DestinationKind::S3 => {
                if !operator.archive {
                    object.problem("type", "not_offered", "this deployment has no archive; ask who runs it");
                }
                Some(Self::S3)
            }
            DestinationKind::EventBridge => {
                EventBus::read(object, operator).map(|event_bus| Self::EventBridge { event_bus })
            }
        };
        object.finish(fields);
        destination
    }
}

impl Endpoint {
    /// Parses an HTTPS URL with a host that may be public, and without user, password or fragment.
    ///
    /// # Errors
    /// The problem as a message.
    pub fn parse(text: &str, operator: &Operator) -> Result<Self, &'static str> {
        if text.len() > MAX_URL_BYTES {
            return Err("may have at most 2,048 bytes");
        }
        if !is_of_uri(text) {
            return Err(
                "may have the characters of a URI alone: punycode in its host, percent-encoding elsewhere",
            );
        }
        let url = Url::parse(text).map_err(|_| "must be a URL such as https://example.com/hook")?;
        if url.scheme() != "https" && !(operator.insecure && url.scheme() == "http") {
            return Err("must be an https URL");
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("may have no user, password or fragment");
        }
        if !operator.insecure && !url.host().is_some_and(|host| may_be_public(&host)) {
            return Err("must lead to the public internet");
        }
        Ok(Self(url.into()))
    }

    fn read(object: &mut Members<'_>, operator: &Operator) -> Option<Self> {
        let text = object.required_identifier("url", MAX_URL_BYTES)?;
        match Self::parse(&text, operator) {
            Ok(url) => Some(url),
            Err(detail) => {
                object.problem("url", "invalid_url", detail);
                None
            }
        }
    }

    /// The scheme, host and port.
    pub fn origin(&self) -> String {
        Url::parse(&self.0).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    /// The normalized URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the path of a Splunk collector's URL accepts events in JSON. The path `raw` accepts lines, and others are for its
/// health or for acknowledgements.
fn takes_events(url: &Endpoint) -> bool {
    let path =
        Url::parse(url.as_str()).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    match path.split_once("/services/collector") {
        Some((_, rest)) => matches!(rest, "" | "/event" | "/event/1.0"),
        None => true,
    }
}

/// Whether a text has only characters of a URI (RFC 3986 §2). The URL parser accepts others, and would change the URL.
fn is_of_uri(text: &str) -> bool {
    fn encoded(rest: &str) -> bool {
        rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
    }
    text.bytes().all(|byte| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte))
        && text.split('%').skip(1).all(encoded)
}

/// Whether a host may be public, judged by its name. The addresses of a name are checked at the time of the connection.
fn may_be_public(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => is_public(IpAddr::V4(*address)),
        Host::Ipv6(address) => is_public(IpAddr::V6(*address)),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let last = name.rsplit('.').next().unwrap_or_default();
            name.contains('.')
                && !matches!(last, "localhost" | "local" | "internal" | "arpa" | "test" | "invalid" | "onion")
        }
    }
}

impl Site {
    fn read(object: &mut Members<'_>, operator: &Operator) -> Option<Self> {
        let site = object.required_identifier("site", MAX_URL_BYTES)?;
        if DATADOG_SITES.contains(&site.as_str()) {
            return Some(Self(site));
        }
        // The URL of a stub, for development and tests.
        if operator.insecure && Endpoint::parse(&site, operator).is_ok() {
            return Some(Self(site));
        }
        object.problem("site", "unknown_value", format!("must be one of {}", DATADOG_SITES.join(", ")));
        None
    }

    /// The URL that receives logs. A stub, which only development has, is a URL itself.
    pub fn intake(&self) -> String {
        match self.0.strip_suffix('/').unwrap_or(&self.0) {
            url if url.contains("://") => format!("{url}/api/v2/logs"),
            site => format!("https://http-intake.logs.{site}/api/v2/logs"),
        }
    }

    /// The site.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl EventBus {
    fn read(object: &mut Members<'_>, operator: &Operator) -> Option<Self> {
        let arn = object.required_identifier("event_bus", MAX_URL_BYTES)?;
        if operator.event_buses.contains(&arn) {
            return Some(Self(arn));
        }
        object.problem(
            "event_bus",
            "not_allowed",
            "must be the ARN of a bus that the operator of this service allows",
        );
        None
    }

    /// The ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn read_name(object: &mut Members<'_>, name: &str) -> Option<String> {
    let text = object.identifier(name, MAX_NAME_BYTES)?;
    if text.is_empty() {
        object.problem(name, "empty", "may not be empty; leave it out for the default");
        return None;
    }
    Some(text)
}

fn read_tags(object: &mut Members<'_>) -> Vec<String> {
    let Some(tags) = object.take("tags") else { return Vec::new() };
    fn tag(tag: &Value) -> Option<String> {
        tag.as_str().filter(|tag| is_tag(tag)).map(str::to_owned)
    }
    let read = tags.as_array().and_then(|tags| tags.iter().map(tag).collect::<Option<Vec<_>>>());
    match read {
        Some(tags) if tags.len() <= MAX_TAGS => tags,
        _ => {
            let detail = "must be at most 20 tags such as env:production, each of up to 200 letters, digits, _ - : . /";
            object.problem("tags", "invalid_tags", detail);
            Vec::new()
        }
    }
}

/// Whether Datadog accepts a tag: it begins with a letter, and has no comma, which separates tags.
fn is_tag(tag: &str) -> bool {
    (1..=200).contains(&tag.len())
        && tag.starts_with(|first: char| first.is_ascii_alphabetic())
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'.' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator() -> Operator {
        let bus = "arn:aws:events:eu-central-1:111122223333:event-bus/security".to_owned();
        Operator { event_buses: vec![bus], archive: true, insecure: false }
    }

    fn read(destination: Value, operator: &Operator) -> Result<Destination, Vec<String>> {
        let Value::Object(members) = destination else { panic!("an object") };
        let mut problems = Vec::new();
        let mut object = Members { members, pointer: "/destination".to_owned(), problems: &mut problems };
        let destination = Destination::read(&mut object, operator);
        let problems: Vec<_> =
            problems.iter().map(|problem| format!("{} {}", problem.field, problem.code)).collect();
        destination.filter(|_| problems.is_empty()).ok_or(problems)
    }

    #[test]
    fn each_kind_is_written_as_it_is_read() {
        for (kind, destination) in [
            (DestinationKind::Webhook, json!({"type": "webhook", "url": "https://hooks.example.com/a?b=c"})),
            (
                DestinationKind::Splunk,
                json!({"type": "splunk", "url": "https://hec.example.com:8088/", "index": "audit"}),
            ),
            (
                DestinationKind::Datadog,
                json!({"type": "datadog", "site": "datadoghq.eu", "tags": ["env:production"]}),
            ),
            (DestinationKind::S3, json!({"type": "s3"})),
            (
                DestinationKind::EventBridge,
                json!({"type": "eventbridge", "event_bus": operator().event_buses[0]}),
            ),
        ] {
            let found = read(destination.clone(), &operator()).unwrap();
            assert_eq!((found.kind(), found.kind().name()), (kind, destination["type"].as_str().unwrap()));
            assert_eq!(json!(found), destination);
            assert_eq!(serde_json::from_value::<Destination>(destination).unwrap(), found);
        }
    }

    #[test]
    fn all_problems_of_a_destination_are_listed() {
        let check = |destination: Value, expected: &[&str]| {
            assert_eq!(read(destination.clone(), &operator()).unwrap_err(), expected, "{destination}");
        };
        check(json!({}), &["/destination/type required"]);
        check(json!({"type": "webhok"}), &["/destination/type unknown_value"]);
        check(json!({"type": "webhook"}), &["/destination/url required"]);
        check(
            json!({"type": "webhook", "url": "ftp://example.com", "index": "x"}),
            &["/destination/url invalid_url", "/destination/index unknown_field"],
        );
        check(
            json!({"type": "datadog", "site": "example.com", "tags": ["a,b"]}),
            &["/destination/tags invalid_tags", "/destination/site unknown_value"],
        );
        check(
            json!({"type": "datadog", "site": "https://example.com"}),
            &["/destination/site unknown_value"],
        );
        check(json!({"type": "s3", "prefix": "../other"}), &["/destination/prefix unknown_field"]);
        check(
            json!({"type": "eventbridge", "event_bus": "arn:aws:events:eu-central-1:999999999999:event-bus/x"}),
            &["/destination/event_bus not_allowed"],
        );
        let nothing = Operator::default();
        assert_eq!(read(json!({"type": "s3"}), &nothing).unwrap_err(), ["/destination/type not_offered"]);
    }

    #[test]
    fn a_url_must_lead_to_the_public_internet() {
        let check =
            |text: &str, fits: bool| assert_eq!(Endpoint::parse(text, &operator()).is_ok(), fits, "{text}");
        check("https://example.com", true);
        check("https://example.com:8443/a?b=c", true);
        check("https://1.1.1.1/", true);
        check("http://example.com/", false);
        check("https://example.com/a%20b", true);
        check("https://example.com/a b", false);
        check("https://example.com/%zz", false);
        check("https://example.com/%c", false);
        check("https://b\u{fc}cher.example.com/", false);
        check("https://xn--bcher-kva.example.com/", true);
        check("https://user@example.com/", false);
        check("https://user:secret@example.com/", false);
        check("https://example.com/#a", false);
        check("https://intranet/", false);
        check("https://localhost/", false);
        check("https://a.localhost/", false);
        check("https://db.internal./", false);
        check("https://169.254.169.254/latest", false);
        check("https://0x7f.1/", false);
        check("https://2130706433/", false);
        check("https://[::1]/", false);
        check("https://[::ffff:10.0.0.1]/", false);
        check("/relative", false);
        check(&format!("https://example.com/{}", "a".repeat(2048)), false);
        let insecure = Operator { insecure: true, ..Operator::default() };
        assert!(Endpoint::parse("http://127.0.0.1:8080/", &insecure).is_ok());
        assert!(Endpoint::parse("file:///etc/passwd", &insecure).is_err());
    }

    #[test]
    fn the_log_has_no_path_of_a_url() {
        let webhook = json!({"type": "webhook", "url": "https://hooks.example.com:8443/T0/secret?key=1"});
        assert_eq!(
            read(webhook, &operator()).unwrap().disclosed(),
            json!({"type": "webhook", "url": "https://hooks.example.com:8443"})
        );
    }

    #[test]
    fn a_site_of_datadog_has_one_intake() {
        let insecure = Operator { insecure: true, ..Operator::default() };
        let intake = |site: &str| match read(json!({"type": "datadog", "site": site}), &insecure).unwrap() {
            Destination::Datadog { site, .. } => site.intake(),
            other => panic!("{other:?}"),
        };
        assert_eq!(intake("us5.datadoghq.com"), "https://http-intake.logs.us5.datadoghq.com/api/v2/logs");
        assert_eq!(intake("http://127.0.0.1:9000/"), "http://127.0.0.1:9000/api/v2/logs");
    }
}
