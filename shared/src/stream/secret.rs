//! The secret of a stream: it signs webhooks, or authenticates requests to the destination.
//!
//! Only AWS Secrets Manager stores it. The stream's item names the current version, so that a change of the secret and the
//! event about it are one transaction. A version that no stream names is unused.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::model::timestamp::Timestamp;

/// A plain secret. It is wiped from memory when dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct StreamSecret(Zeroizing<String>);

/// The id of a version of a secret in Secrets Manager: a UUID that this service made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretVersion(String);

/// The valid versions of a stream's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretVersions {
    /// The current version.
    pub current: SecretVersion,
    /// The previous version, and the time until which webhooks are also signed with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<(SecretVersion, Timestamp)>,
}

/// The text cannot be the secret of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 1,024 printable ASCII characters without spaces, as the destination issued it")]
pub struct InvalidSecret;

impl StreamSecret {
    /// The prefix of webhook secrets (Standard Webhooks).
    pub const WEBHOOK_PREFIX: &str = "whsec_";
    /// The length of a webhook key, in bytes.
    pub const WEBHOOK_BYTES: usize = 32;
    /// The longest secret, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// The secret of a webhook with this key, in the form of Standard Webhooks.
    pub fn of_webhook(key: &[u8; Self::WEBHOOK_BYTES]) -> Self {
        Self(Zeroizing::new(format!("{}{}", Self::WEBHOOK_PREFIX, STANDARD.encode(key))))
    }

    /// Parses a secret that a destination issued. It has no space and no control character, because it is sent in a header.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let fits =
            (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(InvalidSecret) }
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The key of a webhook secret; `None` for any other secret.
    pub fn webhook_key(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key = STANDARD.decode(self.0.strip_prefix(Self::WEBHOOK_PREFIX)?).ok().map(Zeroizing::new)?;
        (key.len() == Self::WEBHOOK_BYTES).then_some(key)
    }
}

impl SecretVersion {
    /// The version with this id, a UUID.
    pub fn new(id: impl fmt::Display) -> Self {
        Self(id.to_string())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SecretVersions {
    /// How long webhooks are also signed with the previous secret: a day, in seconds.
    pub const OVERLAP_SECONDS: i64 = 86_400;

    /// The first version of a secret.
    pub fn first(current: SecretVersion) -> Self {
        Self { current, previous: None }
    }

    /// Makes `next` the current version.
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
    fn a_webhook_secret_contains_its_key() {
        let secret = StreamSecret::of_webhook(&[7; 32]);
        assert_eq!(secret.webhook_key().as_deref(), Some(&vec![7; 32]));
        assert_eq!(StreamSecret::parse(secret.expose()).unwrap().expose(), secret.expose());
        assert!(StreamSecret::parse("whsec_AAAA").unwrap().webhook_key().is_none());
        assert!(!format!("{secret:?}").contains(secret.expose()));
    }

    #[test]
    fn a_secret_fits_into_a_header() {
        fn check(text: &str, fits: bool) {
            assert_eq!(StreamSecret::parse(text).is_ok(), fits, "{text:?}");
        }
        check("0b1e6a90-97c4-4d5a-8e0c-3c1b3a0d7c4e", true);
        check(&"a".repeat(1024), true);
        check(&"a".repeat(1025), false);
        check("", false);
        check("a b", false);
        check("a\r\nX-Evil: 1", false);
        check("schlüssel", false);
    }

    #[test]
    fn the_previous_secret_signs_for_one_more_day() {
        let now = Timestamp::parse("2026-11-28T12:00:00Z").unwrap();
        fn version(number: u8) -> SecretVersion {
            SecretVersion::new(number)
        }
        let versions = SecretVersions::first(version(1)).rotate(version(2), now);
        let signing = |at| versions.signing(at).cloned().collect::<Vec<_>>();
        assert_eq!(signing(now), [version(2), version(1)]);
        assert_eq!(signing(now.plus_seconds(86_399)), [version(2), version(1)]);
        assert_eq!(signing(now.plus_seconds(86_400)), [version(2)]);
        assert_eq!(versions.rotate(version(3), now).signing(now).count(), 2);
    }
}
