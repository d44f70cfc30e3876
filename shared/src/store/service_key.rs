//! The service key: the statement of the log's key about it, and the signature of each service record.
//!
//! `ledger` keeps the statement beside the checkpoints that it signed, under a key that no workspace can have. The functions
//! that write service records read it once and sign by it. A record whose key is not the one of the statement would be
//! refuted by every verifier, so it is not written: the statement is read again, and then the change is refused.

use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Store,
    item::{Writer, text},
    unavailable,
};
use crate::{
    aws::{config::Config, signer::Signer},
    ledger::service_record::{NotSigned, ServiceKey},
    model::{error::Error, event::Event},
};

/// Where the statement is kept: no name of a workspace has a `#`.
const PLACE: &str = "#service-key";

/// What signs service records, and the statement about its key, once it was read.
#[derive(Debug, Default)]
pub(super) struct ServiceKeys {
    signer: Option<Signer>,
    stated: Mutex<Option<ServiceKey>>,
}

impl ServiceKeys {
    pub(super) fn of(config: &Config) -> Self {
        let signer = config.service_key.as_ref().map(|key| Signer::of(key, config));
        Self { signer, stated: Mutex::default() }
    }

    fn signer(&self) -> Result<&Signer, Error> {
        self.signer.as_ref().ok_or_else(|| Error::Internal("SERVICE_KEY_ID is not set".into()))
    }

    fn stated(&self) -> Option<ServiceKey> {
        self.stated.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Store {
    /// The public service key.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if KMS does not answer.
    pub async fn service_key(&self) -> Result<[u8; 32], Error> {
        self.service_keys.signer()?.public_key().await
    }

    /// The note by which the log's key vouches for the service key, if there is one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store does not answer.
    pub async fn service_key_note(&self) -> Result<Option<String>, Error> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.checkpoints)
            .key("workspace", AttributeValue::S(PLACE.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        output.item().map(|item| text(item, "note").map(str::to_owned)).transpose()
    }

    /// Keeps the note by which the log's key vouches for the service key.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it may not have been written; the same call again is safe.
    pub async fn write_service_key_note(&self, note: &str) -> Result<(), Error> {
        let item = Writer::default().text("workspace", PLACE).text("note", note).finish();
        let put = self.client.put_item().table_name(&self.tables.checkpoints).set_item(Some(item));
        put.send().await.map(drop).map_err(unavailable)
    }

    /// A service record with its signature.
    ///
    /// # Errors
    /// [`Error::NoServiceKey`] if the log's key does not vouch for the key yet. [`Error::Unavailable`] if the store or KMS
    /// does not answer.
    pub(super) async fn sign_record(&self, record: &Event) -> Result<Event, Error> {
        if let Some(key) = self.service_keys.stated()
            && let Ok(signed) = self.sign_record_under(&key, record).await?
        {
            return Ok(signed);
        }
        // The statement was never read, or the key was replaced since.
        let key = self.stated_key().await?;
        self.sign_record_under(&key, record).await?.map_err(|_| Error::NoServiceKey)
    }

    /// The record with its signature; the inner error if the key that signs is not the one that the statement names.
    async fn sign_record_under(
        &self,
        key: &ServiceKey,
        record: &Event,
    ) -> Result<Result<Event, NotSigned>, Error> {
        let signature = self.service_keys.signer()?.sign(key.text_of(record).as_bytes()).await?;
        Ok(key.sign(record, &signature))
    }

    async fn stated_key(&self) -> Result<ServiceKey, Error> {
        let note = self.service_key_note().await?.ok_or(Error::NoServiceKey)?;
        let key = ServiceKey::read(&note);
        let key = key.ok_or_else(|| {
            Error::Internal("the statement about the service key is not in its form".into())
        })?;
        *self.service_keys.stated.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        Ok(key)
    }
}
