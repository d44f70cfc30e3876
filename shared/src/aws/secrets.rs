//! The secrets of streams. Only this module calls AWS Secrets Manager.
//!
//! A stream that needs a secret has one, `<prefix>/<workspace>/<stream>`, whose versions never change. The stream's item
//! names the current version ([`crate::stream::SecretVersions`]). A version is stored first, and becomes current with the
//! write of the stream, in one transaction with the event about it. If we crash in between, the version stays unused.

use std::time::Duration;

use aws_sdk_secretsmanager::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::SdkError,
    operation::{delete_secret::DeleteSecretError, get_secret_value::GetSecretValueError},
};

use crate::{
    aws::{
        config::{Config, Streaming},
        later::{Later, later},
    },
    model::{error::Error, id::WorkspaceId},
    stream::{SecretVersion, StreamId, StreamSecret},
};

/// A client for the secrets of streams.
pub struct Secrets {
    client: Later<Client>,
    prefix: String,
}

impl Secrets {
    /// Prepares the client without sending a request.
    pub fn connect(config: &Config, streaming: &Streaming) -> Self {
        let (config, endpoint) = (config.clone(), streaming.secrets_endpoint.clone());
        let client = move || {
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(1))
                .operation_attempt_timeout(Duration::from_secs(3))
                .operation_timeout(Duration::from_secs(8))
                .build();
            let sdk = aws_sdk_secretsmanager::config::Builder::from(&config.sdk(endpoint.as_deref()))
                .retry_config(RetryConfig::standard())
                .timeout_config(timeouts);
            Client::from_conf(sdk.build())
        };
        Self { client: later(client), prefix: streaming.secrets_prefix.clone() }
    }

    /// Stores the first version of a stream's secret.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been stored. A stored secret without a stream is unused.
    pub async fn create(
        &self,
        workspace: &WorkspaceId,
        stream: &StreamId,
        version: &SecretVersion,
        secret: &StreamSecret,
    ) -> Result<(), Error> {
        self.client
            .create_secret()
            .name(self.name(workspace, stream))
            .description("The secret of a stream of an audit log")
            .client_request_token(version.as_str())
            .secret_string(secret.expose())
            .send()
            .await
            .map(drop)
            .map_err(unavailable)
    }

    /// Stores a further version. Earlier versions can still be read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been stored.
    pub async fn add(
        &self,
        workspace: &WorkspaceId,
        stream: &StreamId,
        version: &SecretVersion,
        secret: &StreamSecret,
    ) -> Result<(), Error> {
        self.client
            .put_secret_value()
            .secret_id(self.name(workspace, stream))
            .client_request_token(version.as_str())
            .secret_string(secret.expose())
            .send()
            .await
            .map(drop)
            .map_err(unavailable)
    }

    /// Reads a version; `None` if it does not exist, or is not in the form of [`StreamSecret`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] if Secrets Manager does not answer.
    pub async fn read(
        &self,
        workspace: &WorkspaceId,
        stream: &StreamId,
        version: &SecretVersion,
    ) -> Result<Option<StreamSecret>, Error> {
        let read = self
            .client
            .get_secret_value()
            .secret_id(self.name(workspace, stream))
            .version_id(version.as_str())
            .send()
            .await;
        match read {
            Ok(output) => Ok(output.secret_string().and_then(|text| StreamSecret::parse(text).ok())),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Deletes all versions of a stream's secret, without a recovery period. Succeeds if there is no secret.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may still exist.
    pub async fn delete(&self, workspace: &WorkspaceId, stream: &StreamId) -> Result<(), Error> {
        let delete = self
            .client
            .delete_secret()
            .secret_id(self.name(workspace, stream))
            .force_delete_without_recovery(true)
            .send()
            .await;
        match delete {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteSecretError::is_resource_not_found_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    fn name(&self, workspace: &WorkspaceId, stream: &StreamId) -> String {
        format!("{}/{workspace}/{stream}", self.prefix)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Converts an error of the SDK, which has retried already. Its errors do not contain secrets.
fn unavailable<E, R>(error: SdkError<E, R>) -> Error
where
    SdkError<E, R>: std::error::Error + Send + Sync + 'static,
{
    Error::Unavailable(error.into())
}
