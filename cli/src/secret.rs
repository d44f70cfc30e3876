//! Secrets: workspace tokens and JWTs, kept out of everything that is shown or logged.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The prefix of every workspace token.
const PREFIX: &str = "alw_";
/// How many characters the public part of a workspace token has.
const PUBLIC_LENGTH: usize = 12;
/// How many characters its secret has.
const SECRET_LENGTH: usize = 49;

/// A text that opens something. It is never shown: its `Debug` is empty, and it has no `Display`.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// Keeps a text as a secret.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the request that carries it and the file that keeps it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A text that was given as a workspace token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A whole token, as `Authorization: Bearer` takes it.
    Whole(Secret),
    /// Only the public part: its secret is missing.
    Public(String),
}

impl Token {
    /// Reads `alw_<token>_<secret>`, `<token>:<secret>` as HTTP Basic has it, or the public part alone.
    ///
    /// # Errors
    /// If it is none of them; the text is not repeated.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if is_public_part(text) {
            return Ok(Self::Public(text.to_owned()));
        }
        let parts = match text.strip_prefix(PREFIX) {
            Some(parts) => parts.split_once('_'),
            None => text.split_once(':'),
        };
        match parts {
            Some((public, secret)) if is_public_part(public) && is_base62(secret, SECRET_LENGTH) => {
                Ok(Self::join(public, secret))
            }
            _ => Err("This is no workspace token: it has the form alw_<12 letters or digits>_<49 more>."),
        }
    }

    /// A whole token from its two parts.
    pub(crate) fn join(public: &str, secret: &str) -> Self {
        Self::Whole(Secret(format!("{PREFIX}{public}_{secret}")))
    }
}

/// Whether this is the public part of a workspace token, by which it is listed and revoked.
pub(crate) fn is_public_part(text: &str) -> bool {
    is_base62(text, PUBLIC_LENGTH)
}

fn is_base62(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_in_each_of_its_forms() {
        let secret = "s".repeat(49);
        let whole = || Ok(Token::Whole(Secret::new(format!("alw_AbC123AbC123_{secret}"))));
        assert_eq!(Token::parse(&format!("alw_AbC123AbC123_{secret}")), whole());
        assert_eq!(Token::parse(&format!("AbC123AbC123:{secret}")), whole());
        assert_eq!(Token::parse("AbC123AbC123"), Ok(Token::Public("AbC123AbC123".to_owned())));
        for wrong in ["", "alw_", "alw_AbC123AbC123", "alw_AbC123AbC123_short", "AbC123AbC123:", "a b"] {
            assert!(Token::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("hush");
        assert!(!format!("{secret:?} {:?}", Token::Whole(secret.clone())).contains("hush"));
    }
}
