//! The secret of a stream: what signs its webhooks, or what opens its destination.
//!
//! It is kept in AWS Secrets Manager and nowhere else. Beside the stream stands only which version of it counts,
//! so that a change of the secret and the event about it are one transaction: a version that was stored and never
//! named is one that nobody uses.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::model::timestamp::Timestamp;

/// A secret in the clear. It is wiped from memory when dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct StreamSecret(Zeroizing<String>);

/// One version of a secret, by the id that Secrets Manager knows it under: a UUID of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretVersion(String);

/// Which versions of a stream's secret count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretVersions {
    /// The one that counts.
    pub current: SecretVersion,
    /// The one before, and until when webhooks are signed with it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<(SecretVersion, Timestamp)>,
}

/// Why a text cannot be the secret of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 1,024 printable ASCII characters without spaces, as the destination issued it")]
pub struct InvalidSecret;

impl StreamSecret {
    /// What the secrets of webhooks begin with, as Standard Webhooks asks.
    pub const WEBHOOK_PREFIX: &str = "whsec_";
    /// How many bytes sign a webhook.
    pub const WEBHOOK_BYTES: usize = 32;
    /// The longest secret, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// The secret of a webhook: these bytes, as Standard Webhooks writes them.
    pub fn of_webhook(key: &[u8; Self::WEBHOOK_BYTES]) -> Self {
        Self(Zeroizing::new(format!("{}{}", Self::WEBHOOK_PREFIX, STANDARD.encode(key))))
    }

    /// Reads what a destination issued. It becomes a header, so that it has no space and no control character.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let fits =
            (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(InvalidSecret) }
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes that sign a webhook; `None` if it is no webhook's.
    pub fn webhook_key(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key = STANDARD.decode(self.0.strip_prefix(Self::WEBHOOK_PREFIX)?).ok().map(Zeroizing::new)?;
        (key.len() == Self::WEBHOOK_BYTES).then_some(key)
    }
}

impl SecretVersion {
    /// A version by its id, which is one that we made: a UUID.
    pub fn new(id: impl fmt::Display) -> Self {
        Self(id.to_string())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SecretVersions {
    /// How long webhooks are signed with the previous secret as well: a day, in seconds.
    pub const OVERLAP_SECONDS: i64 = 86_400;

    /// The first version of a secret.
    pub fn first(current: SecretVersion) -> Self {
        Self { current, previous: None }
    }

    /// The same once `next` is the one that counts.
    pub fn rotate(&self, next: SecretVersion, now: Timestamp) -> Self {
        let until = now.plus_seconds(Self::OVERLAP_SECONDS);
        Self { current: next, previous: Some((self.current.clone(), until)) }
    }

    /// The versions that a webhook is signed with now, the current one first.
    pub fn signing(&self, now: Timestamp) -> impl Iterator<Item = &SecretVersion> {
        let previous =
            self.previous.iter().filter(move |(_, until)| now < *until).map(|(version, _)| version);
        std::iter::once(&self.current).chain(previous)
    }
}

impl fmt::Debug for StreamSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_signed_with_the_bytes_that_its_secret_writes() {
        let secret = StreamSecret::of_webhook(&[7; 32]);
        assert_eq!(secret.webhook_key().as_deref(), Some(&vec![7; 32]));
        assert_eq!(StreamSecret::parse(secret.expose()).unwrap().expose(), secret.expose());
        assert!(StreamSecret::parse("whsec_AAAA").unwrap().webhook_key().is_none());
        assert!(!format!("{secret:?}").contains(secret.expose()));
    }

    #[test]
    fn a_secret_fits_into_a_header() {
        let check = |text: &str, fits: bool| assert_eq!(StreamSecret::parse(text).is_ok(), fits, "{text:?}");
        check("0b1e6a90-97c4-4d5a-8e0c-3c1b3a0d7c4e", true);
        check(&"a".repeat(1024), true);
        check(&"a".repeat(1025), false);
        check("", false);
        check("a b", false);
        check("a\r\nX-Evil: 1", false);
        check("schlüssel", false);
    }

    #[test]
    fn the_previous_secret_signs_for_a_day_more() {
        let now = Timestamp::parse("2026-11-28T12:00:00Z").unwrap();
        let version = |number: u8| SecretVersion::new(number);
        let versions = SecretVersions::first(version(1)).rotate(version(2), now);
        let signing = |at| versions.signing(at).cloned().collect::<Vec<_>>();
        assert_eq!(signing(now), [version(2), version(1)]);
        assert_eq!(signing(now.plus_seconds(86_399)), [version(2), version(1)]);
        assert_eq!(signing(now.plus_seconds(86_400)), [version(2)]);
        assert_eq!(versions.rotate(version(3), now).signing(now).count(), 2);
    }
}
