//! What makes an audit log provable, worked out from the published formats alone.
//!
//! This is the verifier's own reading of them: it shares no code with the server, so a mistake there
//! is not repeated here and passed for a proof. Trees, checkpoints and signatures are Cloudflare's
//! crates for the C2SP formats; the leaf of an event is worked out here, from what a reader gets of
//! it. There is no HTTP here, and no file.
//!
//! Where something is not as it must be, the error is a clause that completes "…, because". It never
//! says which of two versions is the true one: it cannot be known here.

mod checkpoint;
mod entry;
pub(crate) mod json;
mod proof;
mod receipt;
mod retention;
mod service;
mod tile;
mod tree;

pub(crate) use tlog_tiles::Hash;

pub(crate) use self::{
    checkpoint::{Checkpoint, Key, is_checkpoint},
    entry::{Entry, PARTS, canonical, sequence},
    json::parse,
    proof::{InclusionProof, consistency},
    receipt::{Receipt, hash_of},
    retention::Settings,
    service::{is_service_record, verify_service_record},
    tile::Tile,
    tree::Tree,
};
