//! The keys that sign checkpoints and service records: the only code that speaks AWS KMS, from which no key can be taken
//! out. On a laptop a key is in a file.

use std::fmt;

use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use ed25519_dalek::{Signer as _, SigningKey};
use tokio::sync::OnceCell;

use crate::{
    aws::{
        config::{Config, Key, Seed},
        later::{Later, later},
    },
    model::error::Error,
};

/// A key pair (Ed25519).
pub struct Signer(Pair);

/// Made for the first signature: most requests need none. Of a seed it is the public key that costs.
enum Pair {
    Seed(Later<SigningKey>),
    Kms { client: Later<Client>, key_id: String, public: OnceCell<[u8; 32]> },
}

/// The length of the key itself, at the end of KMS's encoding of an Ed25519 key (RFC 8410 §4).
const PUBLIC_KEY_BYTES: usize = 32;

impl Signer {
    /// The signer with a key; nothing is sent yet.
    pub fn of(key: &Key, config: &Config) -> Self {
        match key {
            Key::Seed(seed) => Self::with_seed(seed.clone()),
            Key::Kms { key_id, endpoint } => {
                let (config, endpoint) = (config.clone(), endpoint.clone());
                Self(Pair::Kms {
                    client: later(move || Client::new(&config.sdk(endpoint.as_deref()))),
                    key_id: key_id.clone(),
                    public: OnceCell::new(),
                })
            }
        }
    }

    /// A signer with a key at hand.
    pub fn with_seed(seed: Seed) -> Self {
        Self(Pair::Seed(later(move || SigningKey::from_bytes(seed.bytes()))))
    }

    /// The public key.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if KMS does not answer.
    pub async fn public_key(&self) -> Result<[u8; 32], Error> {
        match &self.0 {
            Pair::Seed(pair) => Ok(pair.verifying_key().to_bytes()),
            Pair::Kms { client, key_id, public } => {
                public.get_or_try_init(|| public_key(client, key_id)).await.copied()
            }
        }
    }

    /// Signs a text.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if KMS does not answer.
    pub async fn sign(&self, text: &[u8]) -> Result<[u8; 64], Error> {
        match &self.0 {
            Pair::Seed(pair) => Ok(pair.sign(text).to_bytes()),
            Pair::Kms { client, key_id, .. } => {
                let output = client
                    .sign()
                    .key_id(key_id)
                    .message(Blob::new(text))
                    .message_type(MessageType::Raw)
                    .signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512)
                    .send()
                    .await
                    .map_err(|error| Error::Unavailable(error.into()))?;
                let signature = output.signature.map(Blob::into_inner).unwrap_or_default();
                signature.try_into().map_err(|_| Error::Internal("a signature that is not 64 bytes".into()))
            }
        }
    }
}

impl fmt::Debug for Signer {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

async fn public_key(client: &Client, key_id: &str) -> Result<[u8; 32], Error> {
    let output = client
        .get_public_key()
        .key_id(key_id)
        .send()
        .await
        .map_err(|error| Error::Unavailable(error.into()))?;
    let info = output.public_key.map(Blob::into_inner).unwrap_or_default();
    info.last_chunk::<PUBLIC_KEY_BYTES>()
        .copied()
        .ok_or_else(|| Error::Internal("a public key that is not Ed25519".into()))
}
