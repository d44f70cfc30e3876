//! A connection accepts only certificates of the authorities that it trusts.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

use std::sync::Arc;

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    error::{DisplayErrorContext, SdkError},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use shared::aws::https::Trust;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

/// A server on this machine with a certificate of its own authority.
struct Server {
    endpoint: String,
    authority_pem: String,
}

impl Server {
    async fn start() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A client that does not trust the certificate closes the connection.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    let answer =
                        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                    let _ = stream.write_all(answer).await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        Self { endpoint, authority_pem: authority.pem() }
    }

    /// Sends a request to the server. Returns the error if the connection fails.
    async fn ask(&self, trust: &Trust) -> Result<(), String> {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(trust.client())
            .endpoint_url(&self.endpoint);
        match Client::from_conf(config.build()).list_tables().send().await {
            Err(error @ SdkError::DispatchFailure(_)) => Err(DisplayErrorContext(error).to_string()),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn only_trusted_servers_are_accepted() {
    let server = Server::start().await;
    assert_eq!(server.ask(&Trust::Bundle(server.authority_pem.clone())).await, Ok(()));
    let other = Server::start().await.authority_pem;
    for trust in [Trust::Amazon, Trust::Machine, Trust::Bundle(other)] {
        let refused = server.ask(&trust).await.unwrap_err();
        assert!(refused.contains("invalid peer certificate"), "{trust:?}: {refused}");
    }
}
