//! The model of Audit Logs and its edges: HTTP, DynamoDB, Secrets Manager and KMS.
//!
//! Each room depends on rooms above it alone. The rooms up to [`ocsf`] are pure: they have no async code, clock,
//! environment, SDK or HTTP types. Only [`store`] speaks DynamoDB, only [`aws::secrets`] Secrets Manager, only
//! [`aws::signer`] KMS, only `http` knows statuses, only [`aws::config`] reads the environment, and only [`system`] reads the
//! clock and the random generator.

// Two crates include the file of sample events, which names this crate `shared`.
#[cfg(test)]
extern crate self as shared;

pub mod text;

pub mod model;

pub mod intake;

pub mod query;

pub mod ledger;

pub mod stream;

pub mod ocsf;

#[cfg(feature = "edges")]
pub mod system;

pub mod aws;

#[cfg(feature = "edges")]
pub mod store;

#[cfg(feature = "edges")]
pub mod http;
