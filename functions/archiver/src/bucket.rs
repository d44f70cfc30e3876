//! The archive bucket. The only call is to put an object.

use std::{sync::Arc, time::Duration};

use crate::archive::Object;
use aws_sdk_s3::{
    Client,
    config::{
        RequestChecksumCalculation, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use shared::{
    aws::{
        config::{ArchiveSettings, Config},
        later::{Later, later},
    },
    model::timestamp::Timestamp,
    stream::Problem,
};

/// Timeout of one attempt to put an object, which has a few megabytes at most.
const ATTEMPT: Duration = Duration::from_secs(20);

/// The bucket, and the client that puts objects there.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Arc<Later<Client>>,
    name: String,
}

/// The reason why an object was not put: AWS's error code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotPut(String);

impl Bucket {
    /// The bucket of these settings; no request is made yet.
    pub fn of(settings: &ArchiveSettings, config: &Config) -> Self {
        let ArchiveSettings { bucket, endpoint, every_seconds: _ } = settings.clone();
        let config = config.clone();
        Self {
            client: Arc::new(later(move || {
                let timeouts = TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(2))
                    .operation_attempt_timeout(ATTEMPT)
                    .build();
                let sdk = aws_sdk_s3::config::Builder::from(&config.sdk(endpoint.as_deref()))
                    .retry_config(RetryConfig::standard().with_max_attempts(3))
                    .timeout_config(timeouts)
                    // S3 checks the hash that we send.
                    .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                    .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                    // A self-hosted server has no host name for each bucket.
                    .force_path_style(endpoint.is_some());
                Client::from_conf(sdk.build())
            })),
            name: bucket,
        }
    }

    /// Puts an object, and replaces any object with the same key. S3 accepts it only if its hash is the one in
    /// the manifest.
    ///
    /// # Errors
    /// If the object may or may not be stored: the next attempt puts the same object.
    pub(crate) async fn put(&self, object: Object) -> Result<(), NotPut> {
        let Object { key, media_type, bytes, sha256 } = object;
        let put = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(media_type)
            .checksum_sha256(STANDARD.encode(sha256.as_bytes()))
            .body(bytes.into());
        put.send().await.map(drop).map_err(|error| {
            let code = error.as_service_error().and_then(|error| error.meta().code());
            NotPut(code.map_or_else(|| "there was no answer".to_owned(), plain))
        })
    }
}

impl NotPut {
    /// The problem that a stream shows.
    pub(crate) fn problem(&self, at: Timestamp) -> Problem {
        let Self(why) = self;
        Problem { code: "s3_failed".to_owned(), detail: format!("S3 did not take an object: {why}"), at }
    }
}

/// AWS's error code, without any other text of the answer.
fn plain(code: &str) -> String {
    code.chars().filter(|character| character.is_ascii_alphanumeric() || *character == '.').take(64).collect()
}
