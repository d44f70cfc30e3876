//! The configuration from the environment. Only this module reads environment variables.
//!
//! Region, credentials and endpoint come directly from the variables that Lambda sets, without the SDK's chain of
//! providers: the chain is slow to build, and looks in places that a Lambda does not have.

use std::{env, fmt};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{aws::https::Trust, model::identity::AdminClaims, stream::Operator};

/// The tables and the settings of the connection to them.
#[derive(Clone, Debug)]
pub struct Config {
    /// The AWS region.
    pub region: String,
    /// The source of the keys for signing requests.
    pub credentials: SharedCredentialsProvider,
    /// A DynamoDB endpoint in place of the region's own, such as `http://127.0.0.1:8000`.
    pub endpoint: Option<String>,
    /// The certificates to trust, in PEM, if `AWS_CA_BUNDLE` names a file.
    pub bundle: Option<String>,
    /// Whether the connection to the tables is opened before the first request.
    pub open_at_init: bool,
    /// The names of the tables.
    pub tables: Tables,
    /// The service key, for functions that write service records or vouch for the key.
    pub service_key: Option<Key>,
    /// How often a token may read in ten seconds; without it, as often as it likes.
    pub read_limit: Option<u32>,
    /// How often the admins of a workspace may change something in ten seconds; `None` is unlimited.
    pub change_limit: Option<u32>,
    /// The name of the product whose events are recorded, for security tools.
    pub product: Option<String>,
}

/// The names of the tables. The template passes a function the names of the tables that it uses; the others have default
/// names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Recorded events.
    pub events: String,
    /// Workspace tokens.
    pub tokens: String,
    /// Quarantined bus events.
    pub quarantine: String,
    /// The settings of workspaces.
    pub settings: String,
    /// The sealed logs.
    pub ledger: String,
    /// Events that wait to be sealed.
    pub backlog: String,
    /// The last signed checkpoint of each log.
    pub checkpoints: String,
    /// Counts of reads and changes.
    pub rates: String,
    /// Streams and their progress.
    pub streams: String,
}

/// The level and format of log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// The least severe level that is logged, such as `debug`; `info` for `None` and for an unknown level.
    pub level: Option<String>,
    /// Whether a line is a JSON object.
    pub json: bool,
}

/// The key that signs checkpoints, and the names of the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The prefix of the names of all logs, such as `audit.example.com`.
    pub origin: String,
    /// The key.
    pub key: Key,
}

/// The bucket of the archive, and how often it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveSettings {
    /// The bucket.
    pub bucket: String,
    /// An S3 endpoint in place of the region's own.
    pub endpoint: Option<String>,
    /// How long events wait for further ones at most, so that objects are not many and small.
    pub every_seconds: i64,
}

/// The settings of streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streaming {
    /// The prefix of the names of their secrets.
    pub secrets_prefix: String,
    /// A Secrets Manager endpoint in place of the region's own.
    pub secrets_endpoint: Option<String>,
    /// An EventBridge endpoint in place of those of the buses' regions.
    pub events_endpoint: Option<String>,
    /// The destinations that the operator allows.
    pub operator: Operator,
}

/// The signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// In AWS KMS.
    Kms {
        /// The id or ARN of the key.
        key_id: String,
        /// A KMS endpoint in place of the region's own.
        endpoint: Option<String>,
    },
    /// At hand.
    Seed(Seed),
}

/// The 32 bytes that an Ed25519 key is made of.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; 32]);

/// A problem of the environment.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    /// A required variable is not set.
    #[error("{0} is not set; on AWS the template and Lambda set it, elsewhere see README.md")]
    Missing(&'static str),
    /// A tool knows no region.
    #[error("no region is set; name one by --region, AWS_REGION, or the profile")]
    #[cfg(feature = "loader")]
    NoRegion,
    /// A tool has no source of credentials.
    #[error(
        "there are no credentials; name a profile by --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    #[cfg(feature = "loader")]
    NoCredentials,
    /// A key file cannot be read, or holds no key.
    #[error("{0} does not name a file that holds the base64 of 32 bytes")]
    KeyFile(&'static str),
    /// The wait is no number.
    #[error("ARCHIVE_SECONDS is not a number of seconds")]
    ArchiveSeconds,
    /// A limit is not a number.
    #[error("READ_LIMIT or CHANGE_LIMIT is not a number for ten seconds; 0 is no limit")]
    Limit,
    /// The certificate bundle cannot be read.
    #[error("AWS_CA_BUNDLE names a file that cannot be read: {0}")]
    Bundle(#[source] std::io::Error),
}

impl Config {
    /// Reads `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
    /// `AWS_ENDPOINT_URL_DYNAMODB` (or `DYNAMODB_ENDPOINT`), `AWS_CA_BUNDLE`, `OPEN_AT_INIT` (`0` opens the connection
    /// with the first request), `EVENTS_TABLE`, `TOKENS_TABLE`, `QUARANTINE_TABLE`, `SETTINGS_TABLE`, `LEDGER_TABLE`,
    /// `BACKLOG_TABLE`, `CHECKPOINTS_TABLE`, `RATES_TABLE`, `STREAMS_TABLE`, `SERVICE_KEY_ID` (of AWS KMS, or of
    /// `AWS_ENDPOINT_URL_KMS`) or else `SERVICE_KEY_FILE`, `READ_LIMIT`, `CHANGE_LIMIT` and
    /// `PRODUCT_NAME`.
    ///
    /// # Errors
    /// If there is neither a key nor an endpoint of our own, which takes any key; if a bundle or a key file is named
    /// that cannot be read; or if the limit is no number.
    pub fn from_env() -> Result<Self, InvalidConfig> {
        Self::read(Self::variable)
    }

    /// The configuration for a tool that a person runs: profiles, SSO sessions, roles and regions as every AWS tool takes
    /// them, and the rest as [`Self::from_env`] does. Sessions are renewed while the tool runs. An endpoint of our own needs
    /// none of it.
    ///
    /// # Errors
    /// If neither the arguments nor the environment nor the profile names a region; otherwise as [`Self::from_env`].
    #[cfg(feature = "loader")]
    pub async fn of_a_tool(profile: Option<&str>, region: Option<&str>) -> Result<Self, InvalidConfig> {
        let has_endpoint = ["DYNAMODB_ENDPOINT", "AWS_ENDPOINT_URL_DYNAMODB"]
            .iter()
            .any(|name| Self::variable(name).is_some());
        if has_endpoint {
            return Self::from_env();
        }
        let bundle = Self::variable("AWS_CA_BUNDLE").map(std::fs::read_to_string).transpose();
        let trust = bundle.map_err(InvalidConfig::Bundle)?.map_or(Trust::Machine, Trust::Bundle);
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(trust.client());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let sdk = loader.load().await;
        let region = sdk.region().ok_or(InvalidConfig::NoRegion)?.to_string();
        let credentials = sdk.credentials_provider().ok_or(InvalidConfig::NoCredentials)?;
        // The loader has read the region and the credentials.
        let config = Self::read(|name| match name {
            "AWS_REGION" => Some(region.clone()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("from the loader".to_owned()),
            _ => Self::variable(name),
        })?;
        Ok(Self { credentials, ..config })
    }

    /// The configuration for an engine that runs on this machine and takes any key. The service key is one that everyone
    /// knows: it is for tests, and for systems that keep nothing.
    pub fn local(endpoint: &str) -> Self {
        let read = |name: &str| (name == "DYNAMODB_ENDPOINT").then(|| endpoint.to_owned());
        let config = Self::read(read).expect("an endpoint is all that is needed");
        Self { service_key: Some(Key::Seed(Seed::new([0x6c; 32]))), ..config }
    }

    /// The certificates to trust for a configured endpoint, or for AWS's own if there is none.
    pub fn trust(&self, endpoint: Option<&str>) -> Trust {
        match (endpoint, &self.bundle) {
            (Some(endpoint), _) if endpoint.starts_with("http://") => Trust::Plaintext,
            (_, Some(bundle)) => Trust::Bundle(bundle.clone()),
            (Some(_), None) => Trust::Machine,
            (None, None) => Trust::Amazon,
        }
    }

    /// The configuration of every AWS client. `endpoint` replaces the region's own.
    pub fn sdk(&self, endpoint: Option<&str>) -> SdkConfig {
        let mut sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(self.trust(endpoint).client());
        sdk.set_endpoint_url(endpoint.map(str::to_owned));
        sdk.build()
    }

    /// The value of a variable; `None` if it is unset or empty.
    fn variable(name: &'static str) -> Option<String> {
        env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let endpoint = variable("DYNAMODB_ENDPOINT").or_else(|| variable("AWS_ENDPOINT_URL_DYNAMODB"));
        let required = |name| match (variable(name), &endpoint) {
            (Some(value), _) => Ok(value),
            (None, Some(_)) => Ok("local".to_owned()),
            (None, None) => Err(InvalidConfig::Missing(name)),
        };
        let bundle = variable("AWS_CA_BUNDLE").map(std::fs::read_to_string).transpose();
        let named = |name, default: &str| variable(name).unwrap_or_else(|| default.to_owned());
        Ok(Self {
            region: variable("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            credentials: SharedCredentialsProvider::new(Credentials::new(
                required("AWS_ACCESS_KEY_ID")?,
                required("AWS_SECRET_ACCESS_KEY")?,
                variable("AWS_SESSION_TOKEN"),
                None,
                "environment",
            )),
            endpoint,
            bundle: bundle.map_err(InvalidConfig::Bundle)?,
            open_at_init: variable("OPEN_AT_INIT").is_none_or(|value| value != "0"),
            tables: Tables {
                events: named("EVENTS_TABLE", "AuditEvents"),
                tokens: named("TOKENS_TABLE", "AuditTokens"),
                quarantine: named("QUARANTINE_TABLE", "AuditQuarantine"),
                settings: named("SETTINGS_TABLE", "AuditSettings"),
                ledger: named("LEDGER_TABLE", "AuditLedger"),
                backlog: named("BACKLOG_TABLE", "AuditBacklog"),
                checkpoints: named("CHECKPOINTS_TABLE", "AuditCheckpoints"),
                rates: named("RATES_TABLE", "AuditRates"),
                streams: named("STREAMS_TABLE", "AuditStreams"),
            },
            service_key: Key::read(&variable, "SERVICE_KEY_ID", "SERVICE_KEY_FILE")?,
            read_limit: limit(variable("READ_LIMIT"))?,
            change_limit: limit(variable("CHANGE_LIMIT"))?,
            product: variable("PRODUCT_NAME"),
        })
    }
}

fn limit(variable: Option<String>) -> Result<Option<u32>, InvalidConfig> {
    match variable.as_deref() {
        None | Some("0") => Ok(None),
        Some(limit) => limit.parse().map(Some).map_err(|_| InvalidConfig::Limit),
    }
}

/// Reads the names of the claims of an admin's JWT: `JWT_WORKSPACE_CLAIM`, `JWT_USER_ID_CLAIM`, `JWT_USERNAME_CLAIM`,
/// `JWT_ADMIN_CLAIM`, and `JWT_ADMIN_VALUES`, separated by commas.
pub fn admin_claims() -> AdminClaims {
    read_admin_claims(Config::variable)
}

fn read_admin_claims(variable: impl Fn(&'static str) -> Option<String>) -> AdminClaims {
    let AdminClaims { workspace, user_id, username, admin, admin_values } = AdminClaims::default();
    let values = variable("JWT_ADMIN_VALUES").unwrap_or_default();
    let values: Vec<_> = values.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
    AdminClaims {
        workspace: variable("JWT_WORKSPACE_CLAIM").unwrap_or(workspace),
        user_id: variable("JWT_USER_ID_CLAIM").unwrap_or(user_id),
        username: variable("JWT_USERNAME_CLAIM").unwrap_or(username),
        admin: variable("JWT_ADMIN_CLAIM").unwrap_or(admin),
        admin_values: if values.is_empty() {
            admin_values
        } else {
            values.into_iter().map(str::to_owned).collect()
        },
    }
}

impl Logs {
    /// Reads `AWS_LAMBDA_LOG_LEVEL` (or `RUST_LOG`, as one level) and `AWS_LAMBDA_LOG_FORMAT`.
    pub fn from_env() -> Self {
        Self {
            level: Config::variable("AWS_LAMBDA_LOG_LEVEL").or_else(|| Config::variable("RUST_LOG")),
            json: Config::variable("AWS_LAMBDA_LOG_FORMAT")
                .is_some_and(|format| format.eq_ignore_ascii_case("json")),
        }
    }
}

impl Signing {
    /// Reads `LEDGER_ORIGIN`, and `LEDGER_KEY_ID` (in AWS KMS, or at `AWS_ENDPOINT_URL_KMS`) or else `LEDGER_KEY_FILE`.
    ///
    /// # Errors
    /// If there is no key.
    pub fn from_env() -> Result<Self, InvalidConfig> {
        let key = Key::read(&Config::variable, "LEDGER_KEY_ID", "LEDGER_KEY_FILE")?;
        Ok(Self {
            origin: Config::variable("LEDGER_ORIGIN").ok_or(InvalidConfig::Missing("LEDGER_ORIGIN"))?,
            key: key.ok_or(InvalidConfig::Missing("LEDGER_KEY_ID"))?,
        })
    }
}

impl Key {
    /// The key that a variable names in KMS, or else that of the file that another one names.
    fn read(
        variable: &impl Fn(&'static str) -> Option<String>,
        id: &'static str,
        file: &'static str,
    ) -> Result<Option<Self>, InvalidConfig> {
        if let Some(key_id) = variable(id) {
            return Ok(Some(Self::Kms { key_id, endpoint: variable("AWS_ENDPOINT_URL_KMS") }));
        }
        let Some(path) = variable(file) else { return Ok(None) };
        let text = std::fs::read_to_string(path).ok();
        let seed = text.and_then(|text| STANDARD.decode(text.trim()).ok()?.try_into().ok());
        seed.map(|seed| Some(Self::Seed(Seed(seed)))).ok_or(InvalidConfig::KeyFile(file))
    }
}

impl Seed {
    /// The seed of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    /// Without the bytes: they are the private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

impl ArchiveSettings {
    /// The default of `ARCHIVE_SECONDS`.
    pub const EVERY_SECONDS: i64 = 21_600;

    /// Reads `ARCHIVE_BUCKET`, `ARCHIVE_SECONDS` (21,600 without it) and `AWS_ENDPOINT_URL_S3`.
    ///
    /// # Errors
    /// If `ARCHIVE_BUCKET` is missing, or `ARCHIVE_SECONDS` is not a number.
    pub fn from_env() -> Result<Self, InvalidConfig> {
        let every_seconds = match Config::variable("ARCHIVE_SECONDS") {
            None => Self::EVERY_SECONDS,
            Some(text) => text.parse::<u32>().map_err(|_| InvalidConfig::ArchiveSeconds)?.into(),
        };
        Ok(Self {
            bucket: Config::variable("ARCHIVE_BUCKET").ok_or(InvalidConfig::Missing("ARCHIVE_BUCKET"))?,
            endpoint: Config::variable("AWS_ENDPOINT_URL_S3"),
            every_seconds,
        })
    }
}

impl Streaming {
    /// Reads `STREAM_SECRETS_PREFIX`, `AWS_ENDPOINT_URL_SECRETS_MANAGER`, `AWS_ENDPOINT_URL_EVENTBRIDGE`,
    /// `STREAM_EVENT_BUSES` (ARNs separated by commas), `ARCHIVE_BUCKET` and `STREAMS_INSECURE`. The latter, if `1`, allows
    /// plain HTTP and addresses that are not public; no deployment sets it.
    pub fn from_env() -> Self {
        Self::read(Config::variable)
    }

    fn read(variable: impl Fn(&'static str) -> Option<String>) -> Self {
        let buses = variable("STREAM_EVENT_BUSES").unwrap_or_default();
        let buses = buses.split(',').map(str::trim).filter(|bus| !bus.is_empty());
        Self {
            secrets_prefix: variable("STREAM_SECRETS_PREFIX").unwrap_or_else(|| "audit-logs".to_owned()),
            secrets_endpoint: variable("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
            events_endpoint: variable("AWS_ENDPOINT_URL_EVENTBRIDGE"),
            operator: Operator {
                event_buses: buses.map(str::to_owned).collect(),
                archive: variable("ARCHIVE_BUCKET").is_some(),
                insecure: variable("STREAMS_INSECURE").is_some_and(|value| value == "1"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::ProvideCredentials as _;

    use super::*;

    #[test]
    fn the_names_of_an_admins_claims_are_read_and_have_defaults() {
        assert_eq!(read_admin_claims(|_| None), AdminClaims::default());
        let claims = read_admin_claims(|name| {
            (name == "JWT_ADMIN_VALUES").then(|| "owner, {workspace}:admin,".to_owned())
        });
        assert_eq!(claims.admin_values, ["owner", "{workspace}:admin"]);
        assert_eq!(claims.admin, "role");
    }

    fn read(variables: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        Config::read(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[tokio::test]
    async fn the_variables_that_lambda_sets_are_used() {
        let config = read(&[
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "session"),
            ("EVENTS_TABLE", "audit-logs-AuditEvents"),
        ])
        .unwrap();
        assert_eq!((config.region.as_str(), config.endpoint), ("eu-central-1", None));
        let keys = config.credentials.provide_credentials().await.unwrap();
        assert_eq!((keys.access_key_id(), keys.session_token()), ("key", Some("session")));
        assert_eq!(
            (config.tables.events.as_str(), config.tables.tokens.as_str()),
            ("audit-logs-AuditEvents", "AuditTokens")
        );
    }

    #[test]
    fn only_amazons_roots_are_trusted_for_aws_endpoints() {
        let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        let check = |more: &[(&str, &str)], trust: &Trust| {
            let config = read(&[&keys, more].concat()).unwrap();
            assert_eq!(&config.trust(config.endpoint.as_deref()), trust, "{more:?}");
        };
        let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/roots/amazon.pem");
        let of_bundle = Trust::Bundle(std::fs::read_to_string(bundle).unwrap());
        check(&[], &Trust::Amazon);
        check(&[("AWS_CA_BUNDLE", bundle)], &of_bundle);
        check(&[("DYNAMODB_ENDPOINT", "https://dynamodb.internal")], &Trust::Machine);
        check(&[("DYNAMODB_ENDPOINT", "https://dynamodb.internal"), ("AWS_CA_BUNDLE", bundle)], &of_bundle);
        check(&[("DYNAMODB_ENDPOINT", "http://127.0.0.1:8000")], &Trust::Plaintext);
        let missing = read(&[&keys[..], &[("AWS_CA_BUNDLE", "/nowhere")]].concat());
        assert!(matches!(missing, Err(InvalidConfig::Bundle(_))));
    }

    #[test]
    fn a_limit_must_be_a_number_and_zero_is_unlimited() {
        fn limit(text: &str) -> Option<Option<u32>> {
            let endpoint = ("DYNAMODB_ENDPOINT", "http://127.0.0.1:8000");
            read(&[endpoint, ("READ_LIMIT", text)]).map(|config| config.read_limit).ok()
        }
        assert_eq!([limit("40"), limit("0")], [Some(Some(40)), Some(None)]);
        assert_eq!([limit("-1"), limit("many")], [None, None]);
    }

    #[test]
    fn the_destinations_that_the_operator_allows_are_read() {
        fn streaming(variables: &[(&str, &str)]) -> Streaming {
            Streaming::read(|name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        }
        assert_eq!(streaming(&[]).operator, Operator::default());
        let operator = streaming(&[
            ("STREAM_EVENT_BUSES", "arn:one, arn:two,"),
            ("ARCHIVE_BUCKET", "archive"),
            ("STREAMS_INSECURE", "true"),
        ])
        .operator;
        let event_buses = ["arn:one", "arn:two"].map(str::to_owned).to_vec();
        assert_eq!(operator, Operator { event_buses, archive: true, insecure: false });
        assert!(streaming(&[("STREAMS_INSECURE", "1")]).operator.insecure);
    }

    #[test]
    fn credentials_are_required_except_for_an_endpoint_of_our_own() {
        assert!(matches!(read(&[]), Err(InvalidConfig::Missing("AWS_ACCESS_KEY_ID"))));
        assert!(read(&[("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000")]).is_ok());
    }
}
