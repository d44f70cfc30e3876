//! Events as columns: Parquet, which Athena, DuckDB and pyarrow read.
//!
//! A column is named by the path to its member in the JSON of an event, with `_` between the steps, and every
//! member of an event has its column. Columns are added at the end, never renamed, and never change their
//! type. A member that is null or absent is null. An object or array is canonical JSON (RFC 8785), because
//! clients choose its members, and a column for each member would give each object a schema of its own.

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
use shared::{model::timestamp::Timestamp, text::json::canonical};

/// A column, and the place of its values in an event.
struct Column {
    name: &'static str,
    pointer: &'static str,
    kind: Kind,
}

/// The type of a column.
#[derive(Clone, Copy)]
enum Kind {
    /// Text in UTF-8; for an object or array, its JSON.
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

/// The writer of a file, as Parquet records it. The library's own text has its version, so a newer one would
/// write other bytes for the same events.
const CREATED_BY: &str = "audit-logs archive version 1";

static SCHEMA: LazyLock<TypePtr> = LazyLock::new(|| {
    let fields: String = COLUMNS.iter().map(Column::field).collect();
    Arc::new(parse_message_type(&format!("message event {{ {fields} }}")).expect("the schema is well formed"))
});

/// The rows of some events, column by column.
#[derive(Clone, Debug)]
pub(crate) struct Columns(Vec<Values>);

/// The values of a column that are not null, and for each row, whether it has one (Parquet's definition level).
#[derive(Clone, Debug)]
enum Values {
    Texts(Vec<i16>, Vec<ByteArray>),
    Numbers(Vec<i16>, Vec<i64>),
}

impl Default for Columns {
    fn default() -> Self {
        Self(COLUMNS.iter().map(|column| Values::none(column.kind)).collect())
    }
}

impl Columns {
    /// Adds the row of an event.
    pub(crate) fn add(&mut self, event: &Value) {
        for (Column { pointer, kind, .. }, values) in COLUMNS.iter().zip(&mut self.0) {
            let value = event.pointer(pointer).filter(|value| !value.is_null());
            match values {
                Values::Texts(there, texts) => push(there, texts, value.map(text)),
                Values::Numbers(there, numbers) => {
                    push(there, numbers, value.and_then(|value| number(*kind, value)))
                }
            };
        }
    }

    /// The rows of several files in one. `order` has the source of each row; the rows of one source keep their order.
    pub(crate) fn merge(sources: &[Self], order: &[usize]) -> Self {
        let mut merged = Self::default();
        for (column, values) in merged.0.iter_mut().enumerate() {
            // The next row and the next value of each source.
            let mut next = vec![(0, 0); sources.len()];
            for source in order {
                let (row, value) = &mut next[*source];
                let is_there = match (&mut *values, &sources[*source].0[column]) {
                    (Values::Texts(there, texts), Values::Texts(from, values)) => {
                        push(there, texts, (from[*row] == 1).then(|| values[*value].clone()))
                    }
                    (Values::Numbers(there, numbers), Values::Numbers(from, values)) => {
                        push(there, numbers, (from[*row] == 1).then(|| values[*value]))
                    }
                    _ => unreachable!("a column has one type"),
                };
                *row += 1;
                *value += usize::from(is_there);
            }
        }
        merged
    }

    /// The rows as a file with one row group.
    ///
    /// # Errors
    /// If the library refuses, which is a bug in this crate.
    pub(crate) fn write(&self) -> Result<Vec<u8>, ParquetError> {
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_compression(Compression::GZIP(Default::default()))
            .build();
        let mut writer = SerializedFileWriter::new(Vec::new(), Arc::clone(&SCHEMA), Arc::new(properties))?;
        let mut rows = writer.next_row_group()?;
        for values in &self.0 {
            let mut column = rows.next_column()?.expect("there is a writer for each column of the schema");
            match values {
                Values::Texts(there, texts) => {
                    column.typed::<ByteArrayType>().write_batch(texts, Some(there), None)?;
                }
                Values::Numbers(there, numbers) => {
                    column.typed::<Int64Type>().write_batch(numbers, Some(there), None)?;
                }
            }
            column.close()?;
        }
        rows.close()?;
        writer.into_inner()
    }
}

impl Values {
    fn none(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Texts(Vec::new(), Vec::new()),
            Kind::Number | Kind::Time => Self::Numbers(Vec::new(), Vec::new()),
        }
    }
}

/// Adds the value of a row; true if it has one.
fn push<T>(there: &mut Vec<i16>, values: &mut Vec<T>, value: Option<T>) -> bool {
    let is_there = value.is_some();
    there.push(i16::from(is_there));
    values.extend(value);
    is_there
}

fn text(value: &Value) -> ByteArray {
    match value {
        Value::String(text) => text.as_str().into(),
        other => ByteArray::from(canonical(other).into_bytes()),
    }
}

fn number(kind: Kind, value: &Value) -> Option<i64> {
    match kind {
        Kind::Time => Timestamp::parse(value.as_str()?).ok().map(Timestamp::unix_microseconds),
        Kind::Number | Kind::Text => value.as_i64(),
    }
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
