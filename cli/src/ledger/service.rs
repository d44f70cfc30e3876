//! The signature of a service record: it proves that the service wrote the record. Write access to the table is not enough.
//!
//! The record brings all that the log's key does not say: the service key, the signature by which the log's key vouches for
//! it, and the service's signature over the leaf that the record has without these.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use signed_note::{StandardVerifier, Verifier as _, key_id};

use super::{Entry, Key};

/// The actions whose records the service signs.
const ACTIONS: [&str; 3] = ["x_audit_log_expired", "x_audit_log_redacted", "x_audit_log_settings_changed"];
/// The member of a record's context that has the signature.
const SIGNATURE: &str = "service_signature";
/// The members of the signature.
const MEMBERS: [&str; 3] = ["key", "key_signature", "signature"];
/// The kind of an Ed25519 key in a verifier key.
const ED25519: u8 = 1;

/// Whether an event is of an action whose records the service signs.
pub(crate) fn is_service_record(event: &Value) -> bool {
    event["action"].as_str().is_some_and(|action| ACTIONS.contains(&action))
}

/// Checks that the service wrote a record of a log.
///
/// # Errors
/// If the record has no signature of the service.
pub(crate) fn verify_service_record(record: &Value, log: &Key) -> Result<(), String> {
    let form = || "its service_signature is not in its form".to_owned();
    let mut unsigned = record.clone();
    let signed = unsigned["context"].as_object_mut().and_then(|context| context.remove(SIGNATURE));
    let signed = signed.ok_or("it has no signature of the service")?;
    let members = signed.as_object().filter(|members| members.len() == MEMBERS.len()).ok_or_else(form)?;
    let bytes = |name: &str| BASE64_STANDARD.decode(members.get(name)?.as_str()?).ok();
    let [key, key_signature, signature] = MEMBERS.map(|name| bytes(name).ok_or_else(form));
    let (key, key_signature, signature) = (key?, key_signature?, signature?);
    if (key.len(), key_signature.len(), signature.len()) != (32, 64, 64) {
        return Err(form());
    }
    let statement = format!("audit-log-service-key v1\n{}\n{}\n", log.origin(), BASE64_STANDARD.encode(&key));
    if !log.signed(&statement, &key_signature) {
        return Err("the log's key does not vouch for the key that signed it".to_owned());
    }
    let text =
        format!("audit-log-service-record v1\n{}\n{}\n", log.name(), Entry::of_masked(&unsigned)?.leaf());
    match verifier(log.origin(), &key) {
        Some(verifier) if verifier.verify(text.as_bytes(), &signature) => Ok(()),
        _ => Err("its signature is not one of the service for this record".to_owned()),
    }
}

fn verifier(name: &str, key: &[u8]) -> Option<StandardVerifier> {
    let key = [&[ED25519], key].concat();
    StandardVerifier::new(&format!("{name}+{:08x}+{}", key_id(name, &key), BASE64_STANDARD.encode(&key))).ok()
}
