//! Signed notes of C2SP [signed-note](https://c2sp.org/signed-note): a text followed by a line for each signature, with
//! Ed25519.
//!
//! The text of a note must not be used before its signature is verified. So there is no type for an unverified note, and
//! only [`Vkey::open`] returns the text.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// The specification's number for this kind of signature.
const ED25519: u8 = 1;
/// The most signatures of a note. The specification requires support for at least 16.
const MAX_SIGNATURES: usize = 100;

/// A public key with its name, which verifies notes. Its text is
/// `<name>+<key id in 8 hex digits>+<base64 of 0x01 and the key>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vkey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// The reason why a text is not the public key of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVkey {
    /// The name has a character that separates parts of a note or key.
    #[error("the name of a key must have neither spaces nor + nor control characters, and not be empty")]
    Name,
    /// The bytes are not an Ed25519 public key, or are a weak one.
    #[error("the key must be an Ed25519 public key")]
    Key,
    /// The text is not in the form of a key, or its key id is wrong.
    #[error("must be <name>+<key id>+<key>, with the id that belongs to the name and key")]
    Form,
}

/// The reason why a note must not be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNote {
    /// The text is not a signed note.
    #[error("this is not a signed note")]
    Form,
    /// None of its signatures is by this key.
    #[error("the note is not signed by this key")]
    UnknownKey,
    /// A signature by this key is not a signature of this text.
    #[error("the signature does not belong to the text")]
    WrongSignature,
}

impl Vkey {
    /// The key with this name. Its id is derived from both. So the same key with another name has another id, and a signature
    /// with one name is not accepted for the other.
    pub fn new(name: &str, public_key: [u8; 32]) -> Result<Self, InvalidVkey> {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(InvalidVkey::Name);
        }
        let key = VerifyingKey::from_bytes(&public_key).map_err(|_| InvalidVkey::Key)?;
        if key.is_weak() {
            return Err(InvalidVkey::Key);
        }
        let hash: [u8; 32] = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', ED25519])
            .chain_update(public_key)
            .finalize()
            .into();
        let [a, b, c, d, ..] = hash;
        Ok(Self { name: name.to_owned(), id: [a, b, c, d], key })
    }

    /// Parses exactly the form that [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Result<Self, InvalidVkey> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidVkey::Form);
        };
        let bytes = STANDARD.decode(key).map_err(|_| InvalidVkey::Form)?;
        let Some((&ED25519, key)) = bytes.split_first() else {
            return Err(InvalidVkey::Form);
        };
        let vkey = Self::new(name, key.try_into().map_err(|_| InvalidVkey::Key)?)?;
        if vkey.to_string() == text { Ok(vkey) } else { Err(InvalidVkey::Form) }
    }

    /// The same key under another name.
    ///
    /// # Errors
    /// If that cannot be a name.
    pub fn named(&self, name: &str) -> Result<Self, InvalidVkey> {
        Self::new(name, self.key.to_bytes())
    }

    /// The name: the origin of the log whose key it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id. It distinguishes keys and kinds of signatures with the same name.
    pub fn id(&self) -> u32 {
        u32::from_be_bytes(self.id)
    }

    /// Makes a note from a text and this key's signature of the text's bytes.
    ///
    /// # Errors
    /// If the text does not end in a newline, or has a control character other than newlines. If the signature is wrong.
    pub fn note(&self, text: &str, signature: &[u8; 64]) -> Result<String, InvalidNote> {
        if !text.ends_with('\n') || !is_plain(text) {
            return Err(InvalidNote::Form);
        }
        self.verify(text, signature)?;
        let signature = STANDARD.encode([self.id.as_slice(), signature].concat());
        Ok(format!("{text}\n— {} {signature}\n", self.name))
    }

    /// The text of a note, with its last newline, if this key signed it.
    ///
    /// Signatures by other keys are ignored, but must be well-formed. If the note has several signatures by this key, all of
    /// them must be valid.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, InvalidNote> {
        let (text, signatures) = split(note).ok_or(InvalidNote::Form)?;
        let mut is_signed = false;
        for (name, id, signature) in signatures {
            if name == self.name && id == self.id {
                let signature = signature.as_slice().try_into().map_err(|_| InvalidNote::WrongSignature)?;
                self.verify(text, signature)?;
                is_signed = true;
            }
        }
        if is_signed { Ok(text) } else { Err(InvalidNote::UnknownKey) }
    }

    /// Checks that a signature is that of a text by this key.
    pub(super) fn verify(&self, text: &str, signature: &[u8; 64]) -> Result<(), InvalidNote> {
        self.key
            .verify_strict(text.as_bytes(), &Signature::from_bytes(signature))
            .map_err(|_| InvalidNote::WrongSignature)
    }
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519], self.key.as_bytes().as_slice()].concat());
        write!(f, "{}+{:08x}+{key}", self.name, self.id())
    }
}

/// The name and the id of a key, and its signature.
pub(super) type SignatureLine<'a> = (&'a str, [u8; 4], Vec<u8>);

/// A note taken apart: its text and its signatures, of which there is at least one.
pub(super) fn split(note: &str) -> Option<(&str, Vec<SignatureLine<'_>>)> {
    // The text may have empty lines: the last one of the note ends it.
    let (text, signatures) = note.split_at_checked(note.rfind("\n\n")? + 1)?;
    let lines = signatures.strip_prefix('\n')?.strip_suffix('\n')?.split('\n');
    let signatures: Vec<_> = lines.take(MAX_SIGNATURES + 1).map(split_signature).collect::<Option<_>>()?;
    (is_plain(note) && signatures.len() <= MAX_SIGNATURES).then_some((text, signatures))
}

fn split_signature(line: &str) -> Option<SignatureLine<'_>> {
    let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
        return None;
    }
    let bytes = STANDARD.decode(signature).ok()?;
    let (&id, signature) = bytes.split_first_chunk()?;
    (!signature.is_empty()).then(|| (name, id, signature.to_vec()))
}

/// Whether a text has no ASCII control character except newlines.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' || byte == b'\n')
}
