//! The parts of an event that can be erased without breaking the proofs of the event.
//!
//! The ledger holds a digest of each part of an event, not the content. A digest covers the part and a random salt, as in
//! RFC 9901 (SD-JWT, selective disclosure); [`Disclosure`] holds the salts. Erasing a part deletes its value and its salt,
//! and keeps the digest: the leaf of the event does not change, and without the salt the value cannot be guessed by trial.
//!
//! An event is stored with one seed, from which the salts of its parts are derived, because that takes fewer bytes. Once a
//! part is erased the seed is deleted, and the salts of the other parts are stored instead.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::text::json::canonical;

/// A part of an event that can be erased. The ledger holds its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The actor.
    Actor,
    /// The changed values.
    Changes,
    /// Further details.
    Context,
    /// The description in words.
    Description,
    /// The entity that the action was done to.
    Entity,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 5] = [Self::Actor, Self::Changes, Self::Context, Self::Description, Self::Entity];

    /// The names of all parts, in the same order.
    pub const NAMES: [&str; 5] = ["actor", "changes", "context", "description", "entity"];

    /// The name of the event's member.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Reads a part by its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// 128 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt([u8; Salt::LENGTH]);

/// The digest of a part in the ledger: SHA-256 of its disclosure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// The salts and digests that prove that the parts of an event are those that were sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disclosure {
    /// No part is erased. The salts are derived from this seed.
    Whole(Salt),
    /// Some parts are erased.
    Redacted(Redacted),
}

/// The digests and salts of an event with erased parts. Each part is in exactly one of the two maps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redacted {
    /// The digests of the erased parts.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, String>))]
    pub digests: BTreeMap<Part, Digest>,
    /// The salts of the parts that are not erased.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, String>))]
    pub salts: BTreeMap<Part, Salt>,
}

impl Disclosure {
    /// Whether a part is erased.
    pub fn is_erased(&self, part: Part) -> bool {
        matches!(self, Self::Redacted(redacted) if redacted.digests.contains_key(&part))
    }

    /// The digest of a part: computed from its value, or the stored one if the part is erased.
    pub fn digest(&self, part: Part, value: &Value) -> Digest {
        match self {
            Self::Whole(seed) => Digest::of(seed.of_part(part), part, value),
            Self::Redacted(Redacted { digests, salts }) => match (digests.get(&part), salts.get(&part)) {
                (Some(digest), _) => *digest,
                (None, Some(salt)) => Digest::of(*salt, part, value),
                // A stored `Redacted` is accepted only if it has all parts.
                (None, None) => Digest([0; 32]),
            },
        }
    }

    /// Erases parts, whose values `value` returns. Parts that are erased already do not change.
    pub fn erase(&self, parts: &[Part], value: impl Fn(Part) -> Value) -> Self {
        let mut left = match self {
            Self::Whole(seed) => Redacted {
                digests: BTreeMap::new(),
                salts: Part::ALL.into_iter().map(|part| (part, seed.of_part(part))).collect(),
            },
            Self::Redacted(redacted) => redacted.clone(),
        };
        for part in parts {
            if let Some(salt) = left.salts.remove(part) {
                left.digests.insert(*part, Digest::of(salt, *part, &value(*part)));
            }
        }
        Self::Redacted(left)
    }
}

impl Redacted {
    /// Whether each part is in exactly one of the two maps.
    pub fn is_sound(&self) -> bool {
        Part::ALL.iter().all(|part| self.digests.contains_key(part) != self.salts.contains_key(part))
    }
}

impl Salt {
    /// The number of bytes of a salt.
    pub const LENGTH: usize = 16;

    /// The salt of these bytes.
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes as a slice.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as an array.
    pub fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// Derives the salt of a part from this seed. The seed cannot be computed from a salt.
    fn of_part(&self, part: Part) -> Self {
        let hash = Sha256::new().chain_update(self.0).chain_update(part.name()).finalize();
        Self(std::array::from_fn(|index| hash[index]))
    }
}

impl Digest {
    fn of(salt: Salt, part: Part, value: &Value) -> Self {
        Self::of_disclosure(&disclosure(&URL_SAFE_NO_PAD.encode(salt.0), part.name(), value))
    }

    /// RFC 9901 §4.2.3: SHA-256 of the disclosure's ASCII.
    fn of_disclosure(disclosure: &str) -> Self {
        Self(Sha256::digest(disclosure).into())
    }
}

/// RFC 9901 §4.2.1: the base64url of `[salt, name, value]`, in canonical JSON (RFC 8785), so that verifiers get the same
/// bytes.
fn disclosure(salt: &str, name: &str, value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(canonical(&json!([salt, name, value])))
}

/// Serializes a type as base64url without padding.
macro_rules! base64url {
    ($type:ident) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or_else(|| de::Error::custom("not base64url of the right length"))
            }
        }
    };
}

base64url!(Salt);
base64url!(Digest);

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Salt {
        Salt::from_bytes(*b"sixteen bytes of")
    }

    fn value(part: Part) -> Value {
        json!({"is": part.name(), "of": 0.1})
    }

    fn digests(disclosure: &Disclosure, value: impl Fn(Part) -> Value) -> Vec<Digest> {
        Part::ALL.into_iter().map(|part| disclosure.digest(part, &value(part))).collect()
    }

    #[test]
    fn disclosures_and_digests_are_those_of_the_rfc() {
        // RFC 9901 §4.2.1 has this disclosure without spaces, as canonical JSON is, and with spaces. §4.2.3 has the
        // digest of the one with spaces.
        let compact = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsImZhbWlseV9uYW1lIiwiTcO2Yml1cyJd";
        assert_eq!(disclosure("_26bc4LT-ac6q2KI6cBW5es", "family_name", &json!("Möbius")), compact);
        let spaced = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";
        let digest = json!(Digest::of_disclosure(spaced));
        assert_eq!(digest, json!("X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"));
    }

    #[test]
    fn the_digest_of_a_part_is_that_of_its_disclosure() {
        // Made with coreutils, from the 16 bytes of the salt: printf '["%s","actor","x"]' | basenc --base64url | …
        let text = disclosure("c2l4dGVlbiBieXRlcyBvZg", "actor", &json!("x"));
        assert_eq!(text, "WyJjMmw0ZEdWbGJpQmllWFJsY3lCdlpnIiwiYWN0b3IiLCJ4Il0");
        assert_eq!(Digest::of(seed(), Part::Actor, &json!("x")), Digest::of_disclosure(&text));
    }

    #[test]
    fn the_names_are_in_the_order_of_the_parts() {
        for part in Part::ALL {
            assert_eq!(Part::parse(part.name()), Some(part));
            assert_eq!(json!(part), json!(part.name()));
        }
        assert_eq!(Part::parse("timestamp"), None);
    }

    #[test]
    fn erasing_keeps_every_digest() {
        let whole = Disclosure::Whole(seed());
        let before = digests(&whole, value);
        let once = whole.erase(&[Part::Actor], value);
        fn without(part: Part) -> Value {
            if part == Part::Actor { Value::Null } else { value(part) }
        }
        assert_eq!(digests(&once, without), before);
        let twice = once.erase(&[Part::Entity, Part::Actor], without);
        assert_eq!(
            digests(&twice, |part| if twice.is_erased(part) { Value::Null } else { value(part) }),
            before
        );
        assert!(
            twice.is_erased(Part::Actor) && twice.is_erased(Part::Entity) && !twice.is_erased(Part::Context)
        );
    }

    #[test]
    fn a_redacted_disclosure_has_neither_the_seed_nor_the_erased_salt() {
        let Disclosure::Redacted(left) = Disclosure::Whole(seed()).erase(&[Part::Actor], value) else {
            panic!("nothing is erased")
        };
        assert!(left.is_sound());
        let text = canonical(&left);
        for secret in [seed(), seed().of_part(Part::Actor)] {
            assert!(!text.contains(&URL_SAFE_NO_PAD.encode(secret.0)), "{text}");
        }
        assert_eq!(serde_json::from_str::<Redacted>(&text).unwrap(), left);
    }

    #[test]
    fn another_value_or_salt_has_another_digest() {
        let whole = Disclosure::Whole(seed());
        let digest = whole.digest(Part::Actor, &json!({"user_id": "u1"}));
        assert_ne!(digest, whole.digest(Part::Actor, &json!({"user_id": "u2"})));
        assert_ne!(digest, whole.digest(Part::Entity, &json!({"user_id": "u1"})));
        assert_ne!(digest, Disclosure::Whole(Salt([0; 16])).digest(Part::Actor, &json!({"user_id": "u1"})));
    }
}
