//! The edges beside DynamoDB: configuration, HTTPS, log lines, Secrets Manager and KMS.

#[cfg(feature = "edges")]
pub mod config;
#[cfg(feature = "edges")]
pub mod https;
pub mod later;
#[cfg(feature = "edges")]
pub mod logs;
#[cfg(feature = "edges")]
pub mod secrets;
#[cfg(feature = "edges")]
pub mod signer;
