//! Events as lines: NDJSON, compressed.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use serde_json::Value;

/// A line for each event, as gzip. It has no time and no name of a file in its head, so that the same events
/// have the same bytes.
pub(crate) fn write(events: &[&Value]) -> Vec<u8> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::default());
    for event in events {
        serde_json::to_writer(&mut gzip, event).expect("a JSON value is written, and memory takes it");
        gzip.write_all(b"\n").expect("memory takes it");
    }
    gzip.finish().expect("memory takes it")
}
