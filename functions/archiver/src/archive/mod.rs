//! The archive of a log: the objects of a run of events, and the manifest that names them.
//!
//! A *run* is archived at once: the events of some sequences of one workspace's log, in the form of the API.
//! For each day on which its events happened, a run has an object of lines (NDJSON, gzip) and one of columns
//! (Parquet), and there is one manifest for all objects. A run of more than 31 days has objects of months. A run
//! covers all its sequences: an event that is not in its objects was left out by the stream's filter or had
//! expired, and is counted. Each run begins with the sequence after the last one of the previous run, and its
//! manifest has the hash of the previous manifest, so that a missing or changed run is detected.
//!
//! The keys of all objects depend on the stream and on the first sequence of the run. An interrupted archiver
//! begins the same run again and overwrites the objects that it left. The same run always has the same bytes.
//!
//! This module has no S3, no clock, and no async code.

mod columns;
mod lines;
mod manifest;
mod run;

pub use self::{
    manifest::{Digest, Manifest, Named},
    run::{Archived, InvalidRun, Object, Rows, Run},
};
