//! Verifies that the columns of an archive have the same events as its lines.
//!
//! The expected row of an event follows from the documented rule: a column for each member, with the prefixes `actor_` and
//! `entity_` for the members of these two; times in microseconds; objects and arrays as canonical JSON; null values absent.
//!
//! A query skips rows by the statistics and indexes of a file, and programs differ in which of them they read. So the schema
//! must be the archive's, the statistics must agree with the values, and the file must be, byte for byte, the one that is
//! written for these rows. A library of another version may write other bytes: such a file is not refuted, and not proved.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use parquet::{
    basic::{Compression, Type},
    data_type::{ByteArray, ByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::{ParquetMetaData, RowGroupMetaData},
        properties::{WriterProperties, WriterVersion},
        reader::FileReader as _,
        serialized_reader::SerializedFileReader,
        statistics::Statistics,
        writer::SerializedFileWriter,
    },
    record::{Field, Row},
    schema::{parser::parse_message_type, printer::print_schema},
};
use serde_json::{Map, Value, json};

/// The most bytes of a cell, unpacked.
const MAX_CELL_BYTES: u64 = 512 * 1024;
/// The members of an event that have columns for their own members.
const OBJECTS: [&str; 2] = ["actor", "entity"];
/// The members that are times.
const TIMES: [&str; 2] = ["received_at", "timestamp"];

/// The schema of every file: columns are never added before others, doubled or of another type.
const SCHEMA: &str = "message event {
  OPTIONAL BYTE_ARRAY id (STRING);
  OPTIONAL BYTE_ARRAY action (STRING);
  OPTIONAL BYTE_ARRAY category (STRING);
  OPTIONAL BYTE_ARRAY description (STRING);
  OPTIONAL INT64 timestamp (TIMESTAMP(MICROS,true));
  OPTIONAL INT64 received_at (TIMESTAMP(MICROS,true));
  OPTIONAL INT64 sequence;
  OPTIONAL BYTE_ARRAY workspace_username (STRING);
  OPTIONAL BYTE_ARRAY outcome (STRING);
  OPTIONAL BYTE_ARRAY actor_user_id (STRING);
  OPTIONAL BYTE_ARRAY actor_username (STRING);
  OPTIONAL BYTE_ARRAY actor_ip (STRING);
  OPTIONAL BYTE_ARRAY actor_user_agent (STRING);
  OPTIONAL BYTE_ARRAY actor_type (STRING);
  OPTIONAL BYTE_ARRAY actor_on_behalf_of (STRING);
  OPTIONAL BYTE_ARRAY entity_entity_type (STRING);
  OPTIONAL BYTE_ARRAY entity_entity_id (STRING);
  OPTIONAL BYTE_ARRAY entity_entity_name (STRING);
  OPTIONAL BYTE_ARRAY context (STRING);
  OPTIONAL BYTE_ARRAY changes (STRING);
  OPTIONAL BYTE_ARRAY salt (STRING);
  OPTIONAL BYTE_ARRAY redacted (STRING);
}
";

/// The writer that a file names. The archive's name has no version of its library.
const CREATED_BY: &str = "audit-logs archive version 1";

/// The bytes of columns that hold the right rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As this version writes them, with all indexes.
    AsWritten,
    /// Others: it is open whether every program gets these rows.
    Unknown,
}

/// Compares columns with these events, row for row.
///
/// # Errors
/// If they do not hold them: names the first row that differs.
pub(super) fn hold(content: Vec<u8>, events: &[Value]) -> Result<Form, String> {
    fn unreadable(error: ParquetError) -> String {
        format!("it cannot be read: {error}")
    }
    let content = Bytes::from(content);
    let reader = SerializedFileReader::new(content.clone()).map_err(unreadable)?;
    fits(reader.metadata(), events.len())?;
    let expected = events.iter().map(expected).collect::<Result<Vec<_>, _>>()?;
    let mut rows = reader.get_row_iter(None).map_err(unreadable)?;
    for (expected, event) in expected.iter().zip(events) {
        let row = rows.next().ok_or("it has fewer rows than the lines have events")?.map_err(unreadable)?;
        let row = values(&row);
        if row != *expected {
            let names = row.keys().chain(expected.keys());
            let different = names.filter(|name| row.get(*name) != expected.get(*name)).min();
            return Err(format!(
                "the row of sequence {} has another {} than the lines",
                event["sequence"],
                different.map_or("column", String::as_str)
            ));
        }
    }
    match rows.next() {
        None => statistics(reader.metadata().row_group(0), &expected)?,
        Some(_) => return Err("it has more rows than the lines have events".to_owned()),
    }
    let again = written(&expected).map_err(unreadable)?;
    Ok(if again == content { Form::AsWritten } else { Form::Unknown })
}

/// The file that the archive writes for these rows.
fn written(rows: &[Map<String, Value>]) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::GZIP(Default::default()))
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::clone(&schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for field in schema.get_fields() {
        let mut column = group.next_column()?.ok_or(ParquetError::EOF("a column".to_owned()))?;
        let there: Vec<_> = rows.iter().map(|row| i16::from(row.contains_key(field.name()))).collect();
        let values = rows.iter().filter_map(|row| row.get(field.name()));
        if field.get_physical_type() == Type::INT64 {
            let numbers: Vec<_> = values.filter_map(Value::as_i64).collect();
            column.typed::<Int64Type>().write_batch(&numbers, Some(&there), None)?;
        } else {
            let texts: Vec<_> = values.filter_map(Value::as_str).map(ByteArray::from).collect();
            column.typed::<ByteArrayType>().write_batch(&texts, Some(&there), None)?;
        }
        column.close()?;
    }
    group.close()?;
    writer.into_inner()
}

/// That columns have only events of the run that begins with `first`, by what the file says of itself.
///
/// # Errors
/// If they have others.
pub(super) fn are_of_run(content: Vec<u8>, first: u64, most: u64) -> Result<(), String> {
    let reader = SerializedFileReader::new(Bytes::from(content))
        .map_err(|error| format!("it cannot be read: {error}"))?;
    let rows = usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or_default();
    fits(reader.metadata(), rows)?;
    let sequences = reader
        .metadata()
        .row_group(0)
        .columns()
        .iter()
        .find(|column| column.column_path().string() == "sequence");
    match sequences.and_then(|column| column.statistics()) {
        Some(Statistics::Int64(numbers)) => {
            let is_within = |bound: Option<&i64>| {
                let sequence = bound.and_then(|bound| u64::try_from(*bound).ok());
                sequence.is_some_and(|sequence| (first..first + most).contains(&sequence))
            };
            let fits = is_within(numbers.min_opt()) && is_within(numbers.max_opt());
            if fits {
                Ok(())
            } else {
                Err("its events are not of the run after the last manifest".to_owned())
            }
        }
        _ => Err("it has no statistics of its sequences".to_owned()),
    }
}

/// That a file is of the archive's form, by what it says of itself: no row is read before that.
fn fits(metadata: &ParquetMetaData, events: usize) -> Result<(), String> {
    let mut schema = Vec::new();
    print_schema(&mut schema, metadata.file_metadata().schema());
    if schema != SCHEMA.as_bytes() {
        return Err("its columns are not those of an archive".to_owned());
    }
    let [rows] = metadata.row_groups() else { return Err("it has not one row group".to_owned()) };
    for said in [metadata.file_metadata().num_rows(), rows.num_rows()] {
        if usize::try_from(said).ok() != Some(events) {
            return Err(format!("it has {said} rows, and the lines have {events} events"));
        }
    }
    for column in rows.columns() {
        let name = column.column_path().string();
        if column.file_path().is_some() {
            return Err(format!("its column {name} leads to another file"));
        }
        if column.bloom_filter_offset().is_some() {
            return Err(format!("its column {name} has a bloom filter, which no archive has"));
        }
        if usize::try_from(column.num_values()).ok() != Some(events) {
            return Err(format!(
                "its column {name} has {} values, and there are {events} events",
                column.num_values()
            ));
        }
        let most = (events as u64 + 1).saturating_mul(MAX_CELL_BYTES);
        if u64::try_from(column.uncompressed_size()).is_ok_and(|size| size > most) {
            return Err(format!("its column {name} is too large for {events} events"));
        }
    }
    Ok(())
}

/// That no statistics of a column would keep a query from a value.
fn statistics(rows: &RowGroupMetaData, expected: &[Map<String, Value>]) -> Result<(), String> {
    for column in rows.columns() {
        let Some(statistics) = column.statistics() else { continue };
        let name = column.column_path().string();
        let there = || expected.iter().filter_map(|row| row.get(&name));
        let nulls = expected.len() - there().count();
        let wrong = || format!("the statistics of its column {name} are not those of its values");
        if statistics.null_count_opt().is_some_and(|count| count != nulls as u64) {
            return Err(wrong());
        }
        if statistics.distinct_count_opt().is_some() {
            return Err(wrong());
        }
        let holds = match statistics {
            Statistics::Int64(numbers) => there().filter_map(Value::as_i64).all(|value| {
                numbers.min_opt().is_none_or(|min| *min <= value)
                    && numbers.max_opt().is_none_or(|max| value <= *max)
            }),
            Statistics::ByteArray(texts) => there().filter_map(Value::as_str).all(|value| {
                texts.min_opt().is_none_or(|min| min.data() <= value.as_bytes())
                    && texts.max_opt().is_none_or(|max| value.as_bytes() <= max.data())
            }),
            _ => false,
        };
        if !holds {
            return Err(wrong());
        }
    }
    Ok(())
}

fn values(row: &Row) -> Map<String, Value> {
    let value = |field: &Field| match field {
        Field::Null => None,
        Field::Str(text) => Some(json!(text)),
        Field::Long(number) | Field::TimestampMicros(number) => Some(json!(number)),
        // Of no type that an event has, so that it is equal to none.
        other => Some(json!([other.to_string()])),
    };
    row.get_column_iter().filter_map(|(name, field)| Some((name.clone(), value(field)?))).collect()
}

fn expected(event: &Value) -> Result<Map<String, Value>, String> {
    let mut row = Map::new();
    for (name, value) in event.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Object(members) if OBJECTS.contains(&name.as_str()) => {
                let members = members.iter().filter(|(_, value)| !value.is_null());
                row.extend(members.map(|(member, value)| (format!("{name}_{member}"), cell(value))));
            }
            Value::String(time) if TIMES.contains(&name.as_str()) => {
                let time: Timestamp = time.parse().map_err(|_| format!("its {name} is no time"))?;
                row.insert(name.clone(), json!(time.as_microsecond()));
            }
            other => {
                row.insert(name.clone(), cell(other));
            }
        }
    }
    Ok(row)
}

fn cell(value: &Value) -> Value {
    if value.is_object() || value.is_array() {
        let text = serde_json_canonicalizer::to_string(value);
        return json!(text.expect("a parsed value has text names and finite numbers"));
    }
    value.clone()
}
