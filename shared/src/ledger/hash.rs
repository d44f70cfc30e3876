//! The hash of a leaf or of a node of the tree.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A SHA-256 in the tree of RFC 6962 §2.1. Its text is standard base64 with padding.
///
/// Leaves and nodes are hashed with different first bytes, so that a leaf cannot be presented as a node, nor a node as a
/// leaf.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// The text is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the base64 of 32 bytes")]
pub struct InvalidHash;

impl Hash {
    /// The size of a hash, in bytes.
    pub const BYTES: usize = 32;

    /// The hash of a leaf with this content.
    pub fn of_leaf(leaf: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
    }

    /// The hash of a node with these children.
    pub fn of_node(left: Self, right: Self) -> Self {
        Self(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// The root of the empty tree: the SHA-256 of the empty text.
    pub fn of_empty_tree() -> Self {
        Self(Sha256::new().finalize().into())
    }

    /// The hash with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Splits concatenated hashes; `None` if the last one is cut off.
    pub fn from_concatenated(bytes: &[u8]) -> Option<Vec<Self>> {
        let (hashes, rest) = bytes.as_chunks::<{ Self::BYTES }>();
        rest.is_empty().then(|| hashes.iter().copied().map(Self).collect())
    }

    /// Concatenates hashes, which is the form of a tile.
    pub fn concatenate(hashes: &[Self]) -> Vec<u8> {
        hashes.iter().flat_map(|hash| hash.0).collect()
    }

    /// Parses exactly the form that [`Display`](fmt::Display) writes. Missing padding and extra bits after the last byte are
    /// refused.
    pub fn parse(text: &str) -> Result<Self, InvalidHash> {
        let bytes = STANDARD.decode(text).map_err(|_| InvalidHash)?;
        bytes.try_into().map(Self).map_err(|_| InvalidHash)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_base64_of_32_bytes_is_read() {
        fn check(text: &str, fits: bool) {
            assert_eq!(Hash::parse(text).is_ok(), fits, "{text:?}");
        }
        check("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", true);
        check("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I", false);
        check("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=", false);
        check("CsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=", false);
        check("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", false);
        check(" CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", false);
        check("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==", false);
        check("", false);
    }

    #[test]
    fn a_written_hash_is_parsed_again() {
        let hash = Hash::of_leaf(b"a leaf");
        assert_eq!(Hash::parse(&hash.to_string()), Ok(hash));
        assert_eq!(serde_json::to_string(&hash).unwrap(), format!("\"{hash}\""));
        assert_eq!(Hash::from_concatenated(&Hash::concatenate(&[hash, hash])), Some(vec![hash, hash]));
        assert_eq!(Hash::from_concatenated(&hash.as_bytes()[1..]), None);
    }
}
