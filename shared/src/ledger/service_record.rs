//! The signature of a service record: it proves that the service wrote the record.
//!
//! Verifiers judge a log by three kinds of records: receipts of expiry, redaction records and changes of settings. The log's
//! own signature proves that an event is in the log, and not who put it into the table. So the functions that write these
//! records sign each of them with a key of their own, the *service key*, which those functions alone may use.
//!
//! A verifier needs the log's key alone. With it `ledger` signs a statement that names the service key, and each record
//! brings the key, the signature of that statement, and its own signature. The first line of each signed text has a space.
//! A log's name has none, so neither text can be taken for a checkpoint, nor one for the other.
//!
//! The statement is of a whole deployment, whose logs have one key pair. The signature of a record covers the name of its
//! log, so that it is not valid in another workspace.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    leaf,
    note::{self, Vkey},
};
use crate::model::event::Event;

/// The member of a record's context that has the signature.
pub const SIGNATURE: &str = "service_signature";
/// The first line of the statement that names the service key.
const KEY_HEADING: &str = "audit-log-service-key v1";
/// The first line of the text that is signed of a record.
const RECORD_HEADING: &str = "audit-log-service-record v1";
/// The actions whose records are signed.
const ACTIONS: [&str; 3] = ["x_audit_log_expired", "x_audit_log_redacted", "x_audit_log_settings_changed"];

/// The service key, with the signature by which the log's key vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceKey {
    origin: String,
    key: [u8; 32],
    statement: [u8; 64],
}

/// Why the service did not write a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// It has no signature.
    #[error("it has no signature of the service")]
    Missing,
    /// Its signature is not in its form.
    #[error("its service_signature is not in its form")]
    Form,
    /// The key that signed it is not the service's.
    #[error("the log's key does not vouch for the key that signed it")]
    UnknownKey,
    /// The signature is of another text or by another key.
    #[error("its signature is not one of the service for this record")]
    Wrong,
}

/// The signature as it stands in a record; each member is base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    key: String,
    key_signature: String,
    signature: String,
}

impl ServiceKey {
    /// The statement that the log's key signs.
    pub fn statement(origin: &str, key: &[u8; 32]) -> String {
        format!("{KEY_HEADING}\n{origin}\n{}\n", STANDARD.encode(key))
    }

    /// Reads the signed statement. Its signature is not verified: those who sign have no use for the log's key.
    pub fn read(note: &str) -> Option<Self> {
        let (text, signatures) = note::split(note)?;
        let mut lines = text.strip_prefix(KEY_HEADING)?.strip_prefix('\n')?.split('\n');
        let (origin, key) = (lines.next()?.to_owned(), bytes(lines.next()?)?);
        let (_, _, signature) = signatures.into_iter().next()?;
        let statement = signature.try_into().ok()?;
        (Self::statement(&origin, &key) == text).then_some(Self { origin, key, statement })
    }

    /// The text of a record to be signed: the leaf that it has without its signature.
    pub fn text_of(&self, record: &Event) -> String {
        record_text(&self.origin, record)
    }

    /// The record with its signature.
    ///
    /// # Errors
    /// If the signature is not one of this key for the record.
    pub fn sign(&self, record: &Event, signature: &[u8; 64]) -> Result<Event, NotSigned> {
        verify_text(&self.origin, &self.key, &self.text_of(record), signature)?;
        let signature = Signature {
            key: STANDARD.encode(self.key),
            key_signature: STANDARD.encode(self.statement),
            signature: STANDARD.encode(signature),
        };
        let mut record = record.clone();
        record.context.insert(SIGNATURE.to_owned(), json!(signature));
        Ok(record)
    }
}

/// Whether an event is of an action whose records the service signs.
pub fn is_signed_action(action: &str) -> bool {
    ACTIONS.contains(&action)
}

/// Checks that the service wrote a record, by the key of the record's log alone.
///
/// # Errors
/// If the record has no signature of the service.
pub fn verify(record: &Event, log: &Vkey) -> Result<(), NotSigned> {
    let mut unsigned = record.clone();
    let signature = unsigned.context.remove(SIGNATURE).ok_or(NotSigned::Missing)?;
    let Signature { key, key_signature, signature } =
        serde_json::from_value(signature).map_err(|_| NotSigned::Form)?;
    let key = bytes(&key).ok_or(NotSigned::Form)?;
    let (key_signature, signature) =
        (bytes(&key_signature).ok_or(NotSigned::Form)?, bytes(&signature).ok_or(NotSigned::Form)?);
    let origin = log.name().strip_suffix(record.workspace.as_str()).and_then(|name| name.strip_suffix('/'));
    let origin = origin.ok_or(NotSigned::UnknownKey)?;
    let statement = ServiceKey::statement(origin, &key);
    log.verify(&statement, &key_signature).map_err(|_| NotSigned::UnknownKey)?;
    verify_text(origin, &key, &record_text(origin, &unsigned), &signature)
}

fn verify_text(origin: &str, key: &[u8; 32], text: &str, signature: &[u8; 64]) -> Result<(), NotSigned> {
    let key = Vkey::new(origin, *key).map_err(|_| NotSigned::Wrong)?;
    key.verify(text, signature).map_err(|_| NotSigned::Wrong)
}

fn record_text(origin: &str, record: &Event) -> String {
    format!("{RECORD_HEADING}\n{origin}/{}\n{}\n", record.workspace, leaf(record))
}

/// The bytes that a text is in base64, if there are so many.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;
    use crate::model::{
        disclosure::{Part, Salt},
        id::{EventId, WorkspaceId},
        service_event::{self, Origin},
        timestamp::Timestamp,
    };

    const ORIGIN: &str = "audit.example";

    fn log(workspace: &str) -> Vkey {
        let key = SigningKey::from_bytes(&[1; 32]).verifying_key();
        Vkey::new(&format!("{ORIGIN}/{workspace}"), key.to_bytes()).unwrap()
    }

    /// The service key of a seed, and the note by which a log's key of a seed vouches for it.
    fn service_key(log: u8, service: u8) -> ServiceKey {
        let (log, service) = (SigningKey::from_bytes(&[log; 32]), SigningKey::from_bytes(&[service; 32]));
        let text = ServiceKey::statement(ORIGIN, &service.verifying_key().to_bytes());
        let vkey = Vkey::new(ORIGIN, log.verifying_key().to_bytes()).unwrap();
        ServiceKey::read(&vkey.note(&text, &log.sign(text.as_bytes()).to_bytes()).unwrap()).unwrap()
    }

    fn record(workspace: &str) -> Event {
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let id = EventId::parse("expired.1").unwrap();
        let origin = Origin::without_request(now, id, Salt::from_bytes([7; 16]));
        let workspace = WorkspaceId::parse(workspace).unwrap();
        let context = [("count".to_owned(), json!(1))].into_iter().collect();
        service_event::expired(&workspace, origin, context)
    }

    fn signed(record: &Event, key: &ServiceKey, service: u8) -> Event {
        let signature = SigningKey::from_bytes(&[service; 32]).sign(key.text_of(record).as_bytes());
        key.sign(record, &signature.to_bytes()).unwrap()
    }

    #[test]
    fn a_record_is_verified_by_the_key_of_its_log_alone() {
        let good = signed(&record("acme"), &service_key(1, 2), 2);
        assert_eq!(verify(&good, &log("acme")), Ok(()));
        assert_eq!(verify(&record("acme"), &log("acme")), Err(NotSigned::Missing));
        let by_another_log = signed(&record("acme"), &service_key(3, 2), 2);
        assert_eq!(verify(&by_another_log, &log("acme")), Err(NotSigned::UnknownKey));
        let mut moved = good.clone();
        moved.workspace = WorkspaceId::parse("globex").unwrap();
        assert_eq!(verify(&moved, &log("globex")), Err(NotSigned::Wrong));
        assert_eq!(verify(&moved, &log("acme")), Err(NotSigned::UnknownKey));
    }

    #[test]
    fn each_change_of_a_record_is_found() {
        let good = signed(&record("acme"), &service_key(1, 2), 2);
        let check = |change: fn(&mut Event), expected| {
            let mut changed = good.clone();
            change(&mut changed);
            assert_eq!(verify(&changed, &log("acme")), Err(expected));
        };
        check(|event| event.id = EventId::parse("expired.2").unwrap(), NotSigned::Wrong);
        check(|event| event.timestamp = event.timestamp.plus_microseconds(1), NotSigned::Wrong);
        check(|event| drop(event.context.insert("count".to_owned(), json!(2))), NotSigned::Wrong);
        check(|event| drop(event.context.insert("more".to_owned(), json!(2))), NotSigned::Wrong);
        check(|event| event.description = None, NotSigned::Wrong);
        check(|event| *event = event.redact(&[Part::Context]), NotSigned::Missing);
        check(|event| drop(event.context.insert(SIGNATURE.to_owned(), json!("signed"))), NotSigned::Form);
        check(|event| event.context[SIGNATURE]["more"] = json!(1), NotSigned::Form);
        check(|event| event.context[SIGNATURE]["signature"] = json!("AAAA"), NotSigned::Form);
        let key = STANDARD.encode(SigningKey::from_bytes(&[4; 32]).verifying_key());
        let mut changed = good.clone();
        changed.context[SIGNATURE]["key"] = json!(key);
        assert_eq!(verify(&changed, &log("acme")), Err(NotSigned::UnknownKey));
    }

    #[test]
    fn a_signature_of_another_key_is_not_attached() {
        let key = service_key(1, 2);
        let signature = SigningKey::from_bytes(&[4; 32]).sign(key.text_of(&record("acme")).as_bytes());
        assert_eq!(key.sign(&record("acme"), &signature.to_bytes()), Err(NotSigned::Wrong));
    }

    #[test]
    fn no_checkpoint_is_a_statement_and_no_statement_a_checkpoint() {
        let text = ServiceKey::statement(ORIGIN, &[1; 32]);
        assert!(Vkey::new(text.lines().next().unwrap(), [1; 32]).is_err(), "a log could have its name");
        assert!(crate::ledger::checkpoint::Checkpoint::parse(&text).is_err());
        assert_eq!(ServiceKey::read(&format!("{ORIGIN}/acme\n1\nAAAA\n\n— {ORIGIN}/acme AAAA\n")), None);
    }
}
