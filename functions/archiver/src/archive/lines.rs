//! Events as lines: NDJSON, compressed.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use serde_json::Value;
use shared::text::json::one_line;

/// Adds the line of an event.
pub(crate) fn add(lines: &mut Vec<u8>, event: &Value) {
    lines.extend_from_slice(one_line(event.to_string()).as_bytes());
    lines.push(b'\n');
}

/// Compresses lines with gzip, without a time or file name in the header, so that the same events have the same
/// bytes.
pub(crate) fn compress(lines: &[u8]) -> Vec<u8> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::default());
    gzip.write_all(lines).expect("memory takes it");
    gzip.finish().expect("memory takes it")
}
