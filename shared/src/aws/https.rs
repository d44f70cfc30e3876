//! The certificates that connections to AWS trust.
//!
//! AWS's own endpoints are verified against Amazon's five roots only. So certificates of other authorities are refused for
//! them, and a function does not read all roots of its machine at each start. A configured endpoint is verified against the
//! machine's roots. If `AWS_CA_BUNDLE` names a file, only the certificates in it are trusted, as in every AWS SDK.

use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// Amazon Trust Services' roots; see `roots/README.md`.
const AMAZON_ROOTS: &str = include_str!("../../roots/amazon.pem");

/// The certificates that a connection trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Amazon's roots.
    Amazon,
    /// The roots of the machine.
    Machine,
    /// The certificates of a bundle in PEM.
    Bundle(String),
    /// None, because the endpoint is plain HTTP on this machine.
    Plaintext,
}

impl Trust {
    /// An HTTP client that trusts these certificates.
    ///
    /// # Panics
    /// At the first connection, if the bundle is not in PEM.
    pub fn client(&self) -> SharedHttpClient {
        let store = match self {
            Self::Plaintext => return Builder::new().build_http(),
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
            Self::Machine => TrustStore::default(),
            Self::Bundle(bundle) => TrustStore::empty().with_pem_certificate(bundle.as_str()),
        };
        let context = TlsContext::builder().with_trust_store(store).build();
        let context = context.expect("only additional server names can be invalid, and none are set");
        Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context).build_https()
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use sha2::{Digest as _, Sha256};

    use super::*;

    /// The fingerprints from the repository of Amazon Trust Services, in the order of the file.
    const FINGERPRINTS: [&str; 5] = [
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];

    #[test]
    fn the_roots_have_the_published_fingerprints() {
        fn hex(bytes: &[u8]) -> String {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        }
        let bodies = AMAZON_ROOTS.split("-----BEGIN CERTIFICATE-----").skip(1);
        let found: Vec<_> = bodies
            .map(|body| body.split("-----END").next().unwrap().split_whitespace().collect::<String>())
            .map(|body| hex(&Sha256::digest(STANDARD.decode(body).unwrap())))
            .collect();
        assert_eq!(found, FINGERPRINTS);
    }
}
