//! What the archive of a log is made of: the objects of a run of events, and the manifest that names them.
//!
//! A *run* is what is archived at once: the events of some sequences of one workspace's log, as the API
//! answers them. It becomes, for each day on which one of its events happened, an object of lines (NDJSON,
//! gzip) and one of columns (Parquet), and one manifest for all of them. A run covers its sequences whole:
//! what is not in its objects was left out by the stream's filter or had expired, and is counted. Each run
//! begins with the sequence after the last of the run before, and its manifest has the hash of that run's
//! manifest: so a run that is missing shows, and so does one that was changed.
//!
//! The names of all objects are a function of the stream and of the first sequence of the run. Whoever is
//! interrupted and begins the run again, with as many events or with more that have come meanwhile, writes
//! over what it left, and leaves nothing beside it. The same run has the same bytes, whenever it is written.
//!
//! There is no S3 here, no clock, and nothing to wait for.

mod columns;
mod lines;
mod manifest;
mod run;

pub use self::{
    manifest::{Digest, Manifest, Named},
    run::{Archived, InvalidRun, Object, Run},
};
