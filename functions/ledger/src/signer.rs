//! The key that signs checkpoints: a key in AWS KMS that cannot be exported, or a key file on a laptop.

use std::{fmt, fs};

use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};
use shared::{
    aws::{
        config::{Config, Key, Signing},
        later::{Later, later},
    },
    ledger::note::Vkey,
    model::{error::Error, id::WorkspaceId},
};
use tokio::sync::OnceCell;

/// A key pair (Ed25519), and the origin in the names of its logs.
pub struct Signer {
    origin: String,
    pair: Pair,
}

/// Prepared for the first signature, because tiles and proofs need none. For a key file, computing the public
/// key is the cost.
enum Pair {
    File(Later<SigningKey>),
    Kms { client: Later<Client>, key_id: String, public: OnceCell<[u8; 32]> },
}

/// The length of the key itself, at the end of KMS's encoding of an Ed25519 key (RFC 8410 §4).
const PUBLIC_KEY_BYTES: usize = 32;

impl Signer {
    /// The signer of this configuration; no request is made yet.
    ///
    /// # Errors
    /// If the key file cannot be read, or is not the base64 of 32 bytes.
    pub fn of(signing: &Signing, config: &Config) -> Result<Self, lambda_http::Error> {
        let pair = match &signing.key {
            Key::File(path) => {
                let text = fs::read_to_string(path)?;
                let seed = STANDARD.decode(text.trim())?;
                let seed = seed.try_into().map_err(|_| "the key file must hold the base64 of 32 bytes")?;
                Pair::file(seed)
            }
            Key::Kms { key_id, endpoint } => {
                let (config, endpoint) = (config.clone(), endpoint.clone());
                Pair::Kms {
                    client: later(move || Client::new(&config.sdk(endpoint.as_deref()))),
                    key_id: key_id.clone(),
                    public: OnceCell::new(),
                }
            }
        };
        Ok(Self { origin: signing.origin.clone(), pair })
    }

    /// A signer with this key.
    pub fn with_seed(origin: &str, seed: &[u8; 32]) -> Self {
        Self { origin: origin.to_owned(), pair: Pair::file(*seed) }
    }

    /// The log of a workspace: its name, and its verifier key.
    pub(crate) async fn log(&self, workspace: &WorkspaceId) -> Result<Vkey, Error> {
        let public = match &self.pair {
            Pair::File(pair) => pair.verifying_key().to_bytes(),
            Pair::Kms { client, key_id, public } => {
                *public.get_or_try_init(|| public_key(client, key_id)).await?
            }
        };
        Vkey::new(&format!("{}/{workspace}", self.origin), public)
            .map_err(|error| Error::Internal(error.into()))
    }

    /// Signs a text.
    pub(crate) async fn sign(&self, text: &[u8]) -> Result<[u8; 64], Error> {
        match &self.pair {
            Pair::File(pair) => Ok(pair.sign(text).to_bytes()),
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

impl Pair {
    fn file(seed: [u8; 32]) -> Self {
        Self::File(later(move || SigningKey::from_bytes(&seed)))
    }
}

impl fmt::Debug for Signer {
    /// Shows the origin alone: the key is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("origin", &self.origin).finish_non_exhaustive()
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
