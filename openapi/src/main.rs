//! Writes the description of the API and the schema of an event into `query`, which serves them.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let query = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/query/src");
    fs::write(query.join("openapi.json"), format!("{:#}\n", openapi::document()))?;
    fs::write(query.join("event.schema.json"), format!("{:#}\n", openapi::event_schema()))
}
