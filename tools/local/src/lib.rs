//! Runs all of Audit Logs in one process: emulates the parts of AWS around the functions on one machine.
//!
//! [`System`] is a running system. It has no global state, so that many can run side by side.

mod bus;
pub mod cli;
mod credentials;
mod data_directory;
mod demo;
mod engine;
mod error;
mod functions;
mod gateway;
mod hints;
mod jwt;
mod private_file;
mod queue;
pub mod samples;
mod secrets;
mod server;
mod stream;
mod system;
pub mod template;
mod welcome;

pub use credentials::{Credentials, TokenCredentials};
pub use error::Error;
pub use system::{Archive, Options, Storage, System, Tables};
