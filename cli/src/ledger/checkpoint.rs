//! Checkpoints: the size and the root of a log, signed by the log.

use std::fmt;

use signed_note::{Note, NoteError, StandardVerifier, Verifier as _, VerifierList};
use tlog_tiles::{Checkpoint as Body, Hash};

/// The key that a log signs with, in the form of Go's sumdb: `<name>+<id>+<key>`.
#[derive(Clone)]
pub(crate) struct Key {
    text: String,
    verifier: StandardVerifier,
}

/// A checkpoint whose signature was verified.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    /// The signed note, byte for byte.
    pub(crate) note: String,
    /// How many entries the log has.
    pub(crate) size: u64,
    /// The hash of all of them.
    pub(crate) root: Hash,
}

impl Key {
    /// Reads a verifier key.
    ///
    /// # Errors
    /// If it is none, or not one of a workspace.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let verifier = StandardVerifier::new(text).map_err(|error| error.to_string())?;
        let key = Self { text: text.to_owned(), verifier };
        if key.workspace().is_empty() {
            return Err("its name has no workspace".to_owned());
        }
        Ok(key)
    }

    /// The name of the log.
    pub(crate) fn name(&self) -> &str {
        self.text.split_once('+').map_or("", |(name, _)| name)
    }

    /// The prefix of the names of all logs of the deployment.
    pub(crate) fn origin(&self) -> &str {
        self.name().rsplit_once('/').map_or("", |(origin, _)| origin)
    }

    /// Whether a signature is one of this key over a text.
    pub(super) fn signed(&self, text: &str, signature: &[u8]) -> bool {
        self.verifier.verify(text.as_bytes(), signature)
    }

    /// The workspace that it is the log of.
    pub(crate) fn workspace(&self) -> &str {
        self.name().rsplit_once('/').map_or("", |(_, workspace)| workspace)
    }

    /// Reads a checkpoint that this key signed.
    ///
    /// # Errors
    /// Names the step that failed: its form, its signature, or its origin.
    pub(crate) fn open(&self, note: &str) -> Result<Checkpoint, String> {
        let (signed, body) = parts(note).ok_or("the checkpoint is not in its form")?;
        // The origin first: a checkpoint of another workspace is signed by another name of the same key.
        if body.origin() != self.name() {
            return Err(format!(
                "the checkpoint is of the log {:?}, not of {:?}",
                body.origin(),
                self.name()
            ));
        }
        let known = VerifierList::new(vec![Box::new(self.verifier.clone())]);
        match signed.verify(&known) {
            Ok(_) => {}
            Err(NoteError::UnverifiedNote) => {
                return Err(format!("the checkpoint is not signed by the key {self}"));
            }
            Err(_) => return Err(format!("the signature of the checkpoint is not one of the key {self}")),
        }
        Ok(Checkpoint { note: note.to_owned(), size: body.size(), root: *body.hash() })
    }
}

/// Whether a text has the form of a signed checkpoint. Its signatures may be of any key, or wrong.
pub(crate) fn is_checkpoint(note: &str) -> bool {
    parts(note).is_some()
}

fn parts(note: &str) -> Option<(Note, Body)> {
    let signed = Note::from_bytes(note.as_bytes()).ok()?;
    let body = Body::from_bytes(signed.text()).ok()?;
    Some((signed, body))
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
