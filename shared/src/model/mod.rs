//! The domain model: events, actions, workspaces, tokens, settings, keys, and errors.

pub mod catalogue;
pub mod disclosure;
pub mod error;
pub mod escaping;
pub mod event;
pub mod id;
pub mod identity;
pub mod keys;
pub mod principal;
pub mod rate;
pub mod retention;
#[cfg(feature = "openapi")]
pub(crate) mod schema;
pub mod scope;
pub mod service_event;
pub mod settings;
pub mod shards;
pub mod timestamp;
pub mod token;
