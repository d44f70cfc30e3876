//! Writes the description of the API and the schema of an event into `query`, which serves them, and the
//! description as a page into `docs`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let query = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions/query/src");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::write(docs.join("api.md"), openapi::page(&openapi::document()))?;
    fs::write(query.join("openapi.json"), format!("{:#}\n", openapi::document()))?;
    fs::write(query.join("event.schema.json"), format!("{:#}\n", openapi::event_schema()))
}
