//! Workspace tokens: the only key to a workspace's audit log.
//!
//! A token is `alw_<token: 12 base62>_<secret: 43 base62><checksum: 6 base62>`. Clients send it as a Bearer token, or with
//! HTTP Basic: the token id as the user, the secret and checksum as the password. The checksum is the CRC-32 (IEEE) of
//! everything before it, so that a mistyped token is refused without a read, and secret scanners recognize real tokens.
//! The table holds the SHA-256 of the Bearer form; 256 bits of entropy need no slow hash. [`PlainToken`] and
//! [`HashedToken`] are different types, so that a plain token is never stored by mistake.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::model::{
    id::{BASE62, InvalidToken, TokenId, WorkspaceId, is_base62},
    principal::TokenHolder,
    scope::Scope,
    timestamp::Timestamp,
};

const PREFIX: &str = "alw_";

/// A whole token with its secret. It is wiped from memory when dropped, and `Debug` does not show the secret.
#[derive(Clone)]
pub struct PlainToken {
    id: TokenId,
    /// The secret and its checksum.
    secret: Zeroizing<String>,
}

/// The stored hash of a token. It recognizes the token, and cannot be used in its place.
#[derive(Clone, Copy)]
pub struct HashedToken([u8; 32]);

/// A workspace token as it is stored.
#[derive(Clone, Debug)]
pub struct WorkspaceToken {
    /// The public part.
    pub id: TokenId,
    /// The workspace that the token belongs to.
    pub workspace: WorkspaceId,
    /// The name that the admin gave it.
    pub name: String,
    /// The token's permissions.
    pub scopes: Vec<Scope>,
    /// The hash of the whole token.
    pub hash: HashedToken,
    /// The user id of the admin who generated it.
    pub created_by: String,
    /// When it was generated.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When an admin revoked it.
    pub revoked_at: Option<Timestamp>,
    /// The last day (UTC) on which it was used, such as `2025-02-18`.
    pub last_used_on: Option<String>,
}

/// The reason why a well-formed token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The secret is wrong.
    WrongSecret,
    /// An admin revoked it.
    Revoked,
    /// The token has expired.
    Expired,
}

impl WorkspaceToken {
    /// The most live tokens (neither revoked nor expired) of a workspace.
    pub const MAX_LIVE: usize = 50;

    /// The holder of the token, if `presented` matches it and it is neither revoked nor expired.
    ///
    /// # Errors
    /// The reason for the refusal. The secret is checked first, so that a caller without it learns nothing about the token.
    pub fn admit(&self, presented: &HashedToken, now: Timestamp) -> Result<TokenHolder, Refusal> {
        if !self.hash.matches(presented) {
            return Err(Refusal::WrongSecret);
        }
        if self.revoked_at.is_some() {
            return Err(Refusal::Revoked);
        }
        if self.expires_at <= now {
            return Err(Refusal::Expired);
        }
        Ok(TokenHolder {
            workspace: self.workspace.clone(),
            token: self.id.clone(),
            scopes: self.scopes.clone(),
        })
    }

    /// Whether it is neither revoked nor expired.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }
}

impl PlainToken {
    /// The number of characters of the public part.
    pub const ID_LENGTH: usize = TokenId::LENGTH;
    /// The number of characters of the secret: 62^43 is a little more than 2^256.
    pub const SECRET_LENGTH: usize = 43;
    /// The number of characters of the checksum.
    const CHECKSUM_LENGTH: usize = 6;

    /// Makes a token from these base 62 characters.
    pub fn new(id: &[u8; Self::ID_LENGTH], secret: &[u8; Self::SECRET_LENGTH]) -> Self {
        let id = id.iter().copied().map(char::from).collect::<String>();
        let mut whole = Zeroizing::new(String::with_capacity(Self::SECRET_LENGTH + Self::CHECKSUM_LENGTH));
        whole.extend(secret.iter().copied().map(char::from));
        let checksum = checksum(&id, &whole);
        whole.push_str(&checksum);
        let id = TokenId::parse(&id).expect("the caller gives 12 characters of base 62");
        Self { id, secret: whole }
    }

    /// Reads `alw_<token>_<secret>`.
    pub fn parse_bearer(text: &str) -> Result<Self, InvalidToken> {
        let (id, secret) =
            text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(InvalidToken)?;
        Self::parse_pair(id, secret)
    }

    /// Reads the two parts, as HTTP Basic carries them.
    pub fn parse_pair(id: &str, secret: &str) -> Result<Self, InvalidToken> {
        let id = TokenId::parse(id)?;
        if !is_base62(secret, Self::SECRET_LENGTH + Self::CHECKSUM_LENGTH) {
            return Err(InvalidToken);
        }
        let (entropy, sum) = secret.split_at(Self::SECRET_LENGTH);
        if checksum(id.as_str(), entropy) != sum {
            return Err(InvalidToken);
        }
        Ok(Self { id, secret: Zeroizing::new(secret.to_owned()) })
    }

    /// Reads the value of an `Authorization` header: Bearer (RFC 6750) or Basic (RFC 7617).
    pub fn from_authorization(header: &str) -> Result<Self, InvalidToken> {
        let (scheme, credentials) = header.trim().split_once(' ').ok_or(InvalidToken)?;
        let credentials = credentials.trim_start();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::parse_bearer(credentials);
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(InvalidToken);
        }
        let pair = Zeroizing::new(STANDARD.decode(credentials).map_err(|_| InvalidToken)?);
        let (id, secret) =
            std::str::from_utf8(&pair).ok().and_then(|pair| pair.split_once(':')).ok_or(InvalidToken)?;
        Self::parse_pair(id, secret)
    }

    /// The public part.
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// The secret with its checksum.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The whole token in the Bearer form.
    pub fn bearer(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}_{}", self.id.as_str(), *self.secret))
    }

    /// The hash for the table.
    pub fn hashed(&self) -> HashedToken {
        HashedToken(Sha256::digest(self.bearer().as_bytes()).into())
    }
}

impl HashedToken {
    /// Reads a stored hash; `None` if it does not have the length of a SHA-256.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes for the table.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both hashes are equal. The comparison takes constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainToken").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for HashedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedToken(..)")
    }
}

fn checksum(id: &str, entropy: &str) -> String {
    let mut crc = crc32fast::Hasher::new();
    for part in [PREFIX, id, "_", entropy] {
        crc.update(part.as_bytes());
    }
    let mut rest = crc.finalize();
    // 62^6 is more than 2^32, so six digits hold every checksum.
    let mut digits = [b'0'; PlainToken::CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token() -> PlainToken {
        PlainToken::new(b"abcdefABCDEF", b"0123456789012345678901234567890123456789012")
    }

    #[test]
    fn its_written_form_never_changes() {
        // The checksum was computed with Python's zlib.crc32.
        assert_eq!(*token().bearer(), "alw_abcdefABCDEF_01234567890123456789012345678901234567890124JzJtT");
    }

    #[test]
    fn bearer_and_basic_are_read_as_the_same_token() {
        fn check(header: &str, fits: bool) {
            let sent = PlainToken::from_authorization(header);
            assert_eq!(sent.is_ok_and(|sent| sent.hashed().matches(&token().hashed())), fits, "{header}");
        }
        let bearer = token().bearer();
        fn basic(pair: &str) -> String {
            STANDARD.encode(pair)
        }
        let pair = format!("abcdefABCDEF:{}", token().secret());
        check(&format!("Bearer {}", *bearer), true);
        check(&format!("bearer  {} ", *bearer), true);
        check(&format!("Basic {}", basic(&pair)), true);
        check(&format!("BASIC {}", basic(&pair)), true);
        check(&bearer, false);
        check(&format!("Digest {}", *bearer), false);
        check(&format!("Basic {}", *bearer), false);
        check(&format!("Basic {}", basic(&pair.replace(':', ""))), false);
        check(&format!("Bearer {pair}"), false);
        check("Bearer", false);
        check("", false);
    }

    #[test]
    fn another_secret_does_not_match() {
        let other = PlainToken::new(b"abcdefABCDEF", b"1123456789012345678901234567890123456789012");
        assert!(!token().hashed().matches(&other.hashed()));
        let other = PlainToken::new(b"bbcdefABCDEF", b"0123456789012345678901234567890123456789012");
        assert!(!token().hashed().matches(&other.hashed()));
    }

    #[test]
    fn a_stored_hash_is_read_again() {
        let hashed = token().hashed();
        let kept = HashedToken::from_bytes(hashed.as_bytes()).unwrap();
        assert!(kept.matches(&hashed));
        assert_eq!(kept.as_bytes()[..], Sha256::digest(token().bearer().as_bytes())[..]);
        assert!(HashedToken::from_bytes(&hashed.as_bytes()[..31]).is_none());
        assert_eq!(token().id().to_string(), "abcdefABCDEF");
    }

    #[test]
    fn its_secret_is_not_in_its_debug_form() {
        assert_eq!(
            format!("{:?} {:?}", token(), token().hashed()),
            r#"PlainToken { id: TokenId("abcdefABCDEF"), .. } HashedToken(..)"#
        );
    }

    #[test]
    fn a_token_is_admitted_until_it_is_revoked_or_expires() {
        fn time(text: &str) -> Timestamp {
            Timestamp::parse(text).unwrap()
        }
        let kept = WorkspaceToken {
            id: token().id().clone(),
            workspace: WorkspaceId::parse("acme").unwrap(),
            name: "siem".to_owned(),
            scopes: vec![Scope::Read],
            hash: token().hashed(),
            created_by: "u1".to_owned(),
            created_at: time("2025-01-01T00:00:00Z"),
            expires_at: time("2026-01-01T00:00:00Z"),
            revoked_at: None,
            last_used_on: None,
        };
        let last = time("2025-12-31T23:59:59.999999Z");
        assert_eq!(kept.admit(&token().hashed(), last).unwrap().workspace.as_str(), "acme");
        assert_eq!(kept.admit(&token().hashed(), kept.expires_at), Err(Refusal::Expired));
        assert!(kept.is_live(last) && !kept.is_live(kept.expires_at));
        let other = PlainToken::new(b"abcdefABCDEF", b"1123456789012345678901234567890123456789012");
        assert_eq!(kept.admit(&other.hashed(), kept.expires_at), Err(Refusal::WrongSecret));
        let revoked = WorkspaceToken { revoked_at: Some(last), ..kept };
        assert_eq!(revoked.admit(&token().hashed(), last), Err(Refusal::Revoked));
        assert!(!revoked.is_live(last));
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_refused_without_a_read(place in 0_usize..66, replacement in "[0-9A-Za-z_]") {
            let mut text = token().bearer().to_string();
            let replaced = text[place..=place].to_owned();
            text.replace_range(place..=place, &replacement);
            prop_assert_eq!(PlainToken::parse_bearer(&text).is_ok(), replaced == replacement);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = PlainToken::parse_bearer(&text);
            let _ = PlainToken::parse_pair(&text, &text);
        }
    }
}
