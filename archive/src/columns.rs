//! Events as columns: Parquet, which Athena, DuckDB and pyarrow read.
//!
//! A column is named by the way to its member in the JSON of an event, with `_` for each step, and every
//! member of an event has its column. Columns are added at the end, never renamed, and never become of
//! another type. What is null, or is not there, is null. An object or array is canonical JSON (RFC 8785):
//! its members are what clients like to send, and a column for each would be another schema for each object.

use std::sync::{Arc, LazyLock};

use parquet::{
    basic::Compression,
    data_type::{ByteArray, ByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        properties::{WriterProperties, WriterVersion},
        writer::SerializedFileWriter,
    },
    schema::{parser::parse_message_type, types::TypePtr},
};
use serde_json::Value;
use shared::{json::canonical, timestamp::Timestamp};

/// A column, and where its values stand in an event.
struct Column {
    name: &'static str,
    pointer: &'static str,
    kind: Kind,
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    /// Text in UTF-8; of an object or array its JSON.
    Text,
    /// A number of 64 bits.
    Number,
    /// Microseconds since 1970, in UTC.
    Time,
}

const COLUMNS: [Column; 22] = [
    Column::of("id", "/id", Kind::Text),
    Column::of("action", "/action", Kind::Text),
    Column::of("category", "/category", Kind::Text),
    Column::of("description", "/description", Kind::Text),
    Column::of("timestamp", "/timestamp", Kind::Time),
    Column::of("received_at", "/received_at", Kind::Time),
    Column::of("sequence", "/sequence", Kind::Number),
    Column::of("workspace_username", "/workspace_username", Kind::Text),
    Column::of("outcome", "/outcome", Kind::Text),
    Column::of("actor_user_id", "/actor/user_id", Kind::Text),
    Column::of("actor_username", "/actor/username", Kind::Text),
    Column::of("actor_ip", "/actor/ip", Kind::Text),
    Column::of("actor_user_agent", "/actor/user_agent", Kind::Text),
    Column::of("actor_type", "/actor/type", Kind::Text),
    Column::of("actor_on_behalf_of", "/actor/on_behalf_of", Kind::Text),
    Column::of("entity_entity_type", "/entity/entity_type", Kind::Text),
    Column::of("entity_entity_id", "/entity/entity_id", Kind::Text),
    Column::of("entity_entity_name", "/entity/entity_name", Kind::Text),
    Column::of("context", "/context", Kind::Text),
    Column::of("changes", "/changes", Kind::Text),
    Column::of("salt", "/salt", Kind::Text),
    Column::of("redacted", "/redacted", Kind::Text),
];

/// Who wrote a file, as Parquet records it. The library would name its version, and a newer one would write
/// other bytes for the same events.
const CREATED_BY: &str = "audit-logs archive version 1";

static SCHEMA: LazyLock<TypePtr> = LazyLock::new(|| {
    let fields: String = COLUMNS.iter().map(Column::field).collect();
    Arc::new(parse_message_type(&format!("message event {{ {fields} }}")).expect("the schema is well formed"))
});

/// A row for each event, in one row group.
///
/// # Errors
/// If the library refuses, which is a mistake here.
pub(crate) fn write(events: &[&Value]) -> Result<Vec<u8>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::GZIP(Default::default()))
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::clone(&SCHEMA), Arc::new(properties))?;
    let mut rows = writer.next_row_group()?;
    for Column { pointer, kind, .. } in &COLUMNS {
        let values = || events.iter().map(|event| event.pointer(pointer).filter(|value| !value.is_null()));
        let mut column = rows.next_column()?.expect("there is a writer for each column of the schema");
        match kind {
            Kind::Text => {
                let (there, texts) = present(values().map(|value| value.map(text)));
                column.typed::<ByteArrayType>().write_batch(&texts, Some(&there), None)?;
            }
            Kind::Number => {
                let (there, numbers) = present(values().map(|value| value.and_then(Value::as_i64)));
                column.typed::<Int64Type>().write_batch(&numbers, Some(&there), None)?;
            }
            Kind::Time => {
                let (there, times) = present(values().map(|value| value.and_then(microseconds)));
                column.typed::<Int64Type>().write_batch(&times, Some(&there), None)?;
            }
        }
        column.close()?;
    }
    rows.close()?;
    writer.into_inner()
}

/// For each row whether there is a value (Parquet's definition level), and those that are there.
fn present<T>(values: impl Iterator<Item = Option<T>>) -> (Vec<i16>, Vec<T>) {
    let values: Vec<_> = values.collect();
    let there = values.iter().map(|value| i16::from(value.is_some())).collect();
    (there, values.into_iter().flatten().collect())
}

fn text(value: &Value) -> ByteArray {
    match value {
        Value::String(text) => text.as_str().into(),
        other => ByteArray::from(canonical(other).into_bytes()),
    }
}

fn microseconds(value: &Value) -> Option<i64> {
    Timestamp::parse(value.as_str()?).ok().map(Timestamp::unix_microseconds)
}

impl Column {
    const fn of(name: &'static str, pointer: &'static str, kind: Kind) -> Self {
        Self { name, pointer, kind }
    }

    /// Its line in the schema.
    fn field(&self) -> String {
        let name = self.name;
        match self.kind {
            Kind::Text => format!("optional binary {name} (STRING);\n"),
            Kind::Number => format!("optional int64 {name};\n"),
            Kind::Time => format!("optional int64 {name} (TIMESTAMP(MICROS,true));\n"),
        }
    }
}
