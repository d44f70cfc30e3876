//! The statement of the log's key about the service key, by which verifiers know who wrote a service record.

use shared::{ledger::service_record::ServiceKey, model::error::Error};

use crate::Ledger;

/// Keeps the note by which the log's key vouches for the service key, unless the one that is kept is the same.
///
/// It runs each minute, so that a key that was replaced is known soon. Records that an earlier key signed stay good: each
/// brings the statement about its own key.
///
/// # Errors
/// [`Error::Unavailable`] if the store or KMS does not answer. The next run does it then.
pub async fn vouch(ledger: &Ledger) -> Result<(), Error> {
    let key = ledger.key(&ledger.origin).await?;
    let text = ServiceKey::statement(&ledger.origin, &ledger.store.service_key().await?);
    let kept = ledger.store.service_key_note().await?;
    if kept.is_some_and(|note| key.open(&note) == Ok(&text)) {
        return Ok(());
    }
    let signature = ledger.signer.sign(text.as_bytes()).await?;
    let note = key.note(&text, &signature).map_err(|error| Error::Internal(error.into()))?;
    // If we crash before it, no record is signed, and the next run writes it.
    ledger.store.write_service_key_note(&note).await?;
    tracing::info!("vouched for the service key");
    Ok(())
}
