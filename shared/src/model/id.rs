//! The ids of workspaces, events and tokens.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The name of a workspace: `[a-z0-9][a-z0-9_-]{0,62}`.
///
/// It has no `#`, so that a partition key made from it can be parsed again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct WorkspaceId(String);

/// The name of an event within its workspace and timestamp: `[A-Za-z0-9._:-]{1,128}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct EventId(String);

/// The digits of base 62, in the order of their values.
pub(crate) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The public part of a token. Lists show it, and admins revoke a token by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TokenId(String);

/// The text is not the name of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit")]
pub struct InvalidWorkspaceId;

/// The text is not an event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 of A-Z, a-z, 0-9, and . _ : -")]
pub struct InvalidEventId;

/// The text is not a token: its shape or its checksum is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a workspace token")]
pub struct InvalidToken;

impl WorkspaceId {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 63;

    /// Parses a name. It is not trimmed or converted to lower case.
    pub fn parse(text: &str) -> Result<Self, InvalidWorkspaceId> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len())
            && !text.starts_with(['_', '-'])
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidWorkspaceId) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl EventId {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Parses an id. It is not trimmed.
    pub fn parse(text: &str) -> Result<Self, InvalidEventId> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-'));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidEventId) }
    }

    /// The id for an idempotency key of the sender: the key itself if it is a valid id, otherwise its digest.
    pub fn of_key(key: &str) -> Self {
        Self::parse(key)
            .unwrap_or_else(|_| Self(format!("idempotency-{}", URL_SAFE_NO_PAD.encode(Sha256::digest(key)))))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TokenId {
    pub const LENGTH: usize = 12;

    /// Parses the public part alone, as paths contain it.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        if is_base62(text, Self::LENGTH) { Ok(Self(text.to_owned())) } else { Err(InvalidToken) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn is_base62(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_named_in_lower_case_without_separators() {
        fn check(text: &str, fits: bool) {
            assert_eq!(WorkspaceId::parse(text).is_ok(), fits, "{text:?}");
        }
        check("acme", true);
        check("0", true);
        check("a-b_c9", true);
        check(&"a".repeat(63), true);
        check(&"a".repeat(64), false);
        check("", false);
        check("-a", false);
        check("_a", false);
        check("Acme", false);
        check("acme#1", false);
        check("acme ", false);
        check("äcme", false);
        check("acme\0", false);
    }

    #[test]
    fn an_event_id_has_no_character_with_a_meaning_in_keys_or_urls() {
        fn check(text: &str, fits: bool) {
            assert_eq!(EventId::parse(text).is_ok(), fits, "{text:?}");
        }
        check("12326c8c-3c13-45a3-9b36-5a16d42937db", true);
        check("a.b:c_d-E", true);
        check(&"a".repeat(128), true);
        check(&"a".repeat(129), false);
        check("", false);
        check("a#b", false);
        check("a/b", false);
        check("a b", false);
    }

    #[test]
    fn an_idempotency_key_that_is_not_a_valid_id_is_replaced_by_its_digest() {
        assert_eq!(EventId::of_key("8e03978e-40d5").as_str(), "8e03978e-40d5");
        for key in ["a/b", "a b", &"a".repeat(129)] {
            let id = EventId::of_key(key);
            assert_eq!(EventId::parse(id.as_str()), Ok(id), "{key}");
        }
        assert_ne!(EventId::of_key("a/b"), EventId::of_key("a/c"));
    }
}
