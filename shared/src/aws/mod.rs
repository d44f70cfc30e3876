//! The edges beside DynamoDB: configuration, HTTPS, log lines, and Secrets Manager.

#[cfg(feature = "edges")]
pub mod config;
#[cfg(feature = "edges")]
pub mod https;
pub mod later;
#[cfg(feature = "edges")]
pub mod logs;
#[cfg(feature = "edges")]
pub mod secrets;
