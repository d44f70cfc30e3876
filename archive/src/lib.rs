//! The archive of a log: the objects of a run of events, and the manifest that names them.
//!
//! A *run* is archived at once: the events of some sequences of one workspace's log, as the API answers
//! them. For each day on which one of its events happened, a run has an object of lines (NDJSON, gzip) and one
//! of columns (Parquet), and there is one manifest for all of them. A run covers all its sequences: an event
//! that is not in its objects was left out by the stream's filter or had expired, and is counted. Each run
//! begins with the sequence after the last of the run before, and its manifest has the hash of that run's
//! manifest: so a missing run is noticed, and so is one that was changed.
//!
//! The names of all objects follow from the stream and from the first sequence of the run. An archiver that was
//! interrupted begins the same run again and writes over the objects that it left. The same run has the same
//! bytes, whenever it is written.
//!
//! This crate has no S3, no clock, and nothing async.

mod columns;
mod lines;
mod manifest;
mod run;

pub use self::{
    manifest::{Digest, Manifest, Named},
    run::{Archived, InvalidRun, Object, Rows, Run},
};
