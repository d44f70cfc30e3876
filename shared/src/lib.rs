//! The model of Audit Logs and its edges: HTTP, DynamoDB and Secrets Manager.
//!
//! The model modules are pure: there is no async, clock, environment, SDK or HTTP type in them.
//! Only [`store`] speaks DynamoDB, only [`secrets`] Secrets Manager, only [`http`] knows statuses, only [`config`] reads the
//! environment, and only [`ambient`] reads the clock and the random generator.

// The samples of events are written for two crates.
#[cfg(test)]
extern crate self as shared;

#[cfg(feature = "edges")]
pub mod ambient;
pub mod catalogue;
#[cfg(feature = "edges")]
pub mod config;
pub mod disclosure;
pub mod error;
pub mod escaping;
pub mod event;
#[cfg(feature = "edges")]
pub mod http;
#[cfg(feature = "edges")]
pub mod https;
pub mod id;
pub mod json;
pub mod keys;
pub mod later;
pub mod ledger;
#[cfg(feature = "edges")]
pub mod logs;
pub mod members;
pub mod new_event;
pub mod ocsf;
pub mod page;
pub mod parameters;
pub mod plan;
pub mod principal;
pub mod rate;
pub mod retention;
#[cfg(feature = "openapi")]
mod schema;
#[cfg(feature = "edges")]
pub mod secrets;
pub mod service_event;
pub mod settings;
pub mod shards;
#[cfg(feature = "edges")]
pub mod store;
pub mod stream;
pub mod text;
pub mod timestamp;
pub mod token;
