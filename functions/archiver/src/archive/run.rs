//! A run of events, and its objects.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde_json::Value;
use shared::model::{id::WorkspaceId, retention::runs, timestamp::Timestamp};

use super::{
    columns::Columns,
    lines,
    manifest::{Digest, Manifest, Named},
};

/// The most days of a run whose events are in objects of days. The events of a run of more days, such as those of an import
/// of years, are in objects of months, because objects of a few events each cost more to write and to query than the events.
const MOST_DAYS: usize = 31;

const NDJSON: Format = Format { name: "ndjson", ending: "ndjson.gz", media_type: "application/gzip" };
const PARQUET: Format =
    Format { name: "parquet", ending: "parquet", media_type: "application/vnd.apache.parquet" };

/// Some sequences of a log, and their events.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The workspace of the log.
    pub workspace: &'a WorkspaceId,
    /// The id of the stream that archives it.
    pub stream: &'a str,
    /// The sequences that the run covers.
    pub sequences: RangeInclusive<u64>,
    /// The events, in the order of their sequences.
    pub events: &'a Rows,
    /// The number of expired sequences.
    pub expired: u64,
    /// True if the stream has a filter.
    pub filter: bool,
    /// The members of events that the stream leaves out, as JSON pointers.
    pub mask: &'a [String],
    /// The last signed checkpoint of the log, as a signed note.
    pub checkpoint: Option<&'a str>,
    /// The hash of the previous run's manifest.
    pub previous: Option<Digest>,
}

/// The objects of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// The objects with the events, to be written first.
    pub objects: Vec<Object>,
    /// The manifest that names them, to be written after them.
    pub manifest: Object,
}

/// An object of the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    /// The type of its content.
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
    /// The hash of its content.
    pub sha256: Digest,
}

/// The reason why a run is invalid.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRun {
    /// The run has no sequence.
    #[error("a run covers at least one sequence")]
    Empty,
    /// An event is not from the run's log or sequences, or out of order.
    #[error("the event {0} of the run is none of its log and sequences, in their order")]
    Event(usize),
    /// There are more events than sequences.
    #[error("more events are there or have expired than there are sequences")]
    Count,
    /// The library for Parquet refused.
    #[error(transparent)]
    Columns(#[from] parquet::errors::ParquetError),
}

/// A format for the events of a day.
struct Format {
    name: &'static str,
    ending: &'static str,
    media_type: &'static str,
}

/// Events as lines and columns, by the day on which they happened. They are added one at a time, in the form of
/// the API or with parts masked, so that only one is held decoded.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    days: BTreeMap<String, Day>,
    /// The sequence of each row, in the order in which they were added.
    sequences: Vec<u64>,
    /// The workspace of all rows.
    workspace: Option<String>,
    /// The first row that is not an event of the workspace.
    invalid: Option<usize>,
    bytes: usize,
}

/// The events of a day.
#[derive(Clone, Debug, Default)]
struct Day {
    lines: Vec<u8>,
    columns: Columns,
    sequences: Vec<u64>,
}

impl Day {
    fn merge(days: &[&Self]) -> Self {
        let mut rows = Vec::new();
        for (source, day) in days.iter().enumerate() {
            rows.extend(day.sequences.iter().map(|sequence| (*sequence, source)));
        }
        rows.sort_unstable();
        let (sequences, order): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let mut texts: Vec<_> =
            days.iter().map(|day| day.lines.split_inclusive(|byte| *byte == b'\n')).collect();
        let lines = order.iter().filter_map(|source| texts[*source].next()).flatten().copied().collect();
        let columns: Vec<_> = days.iter().map(|day| day.columns.clone()).collect();
        Self { lines, columns: Columns::merge(&columns, &order), sequences }
    }
}

impl Rows {
    /// Adds an event. An invalid one makes [`Run::archive`] fail.
    pub fn add(&mut self, event: &Value) {
        let workspace = event["workspace_username"].as_str().unwrap_or_default();
        let is_ours = self.workspace.get_or_insert_with(|| workspace.to_owned()) == workspace;
        let time = event["timestamp"].as_str().and_then(|text| Timestamp::parse(text).ok());
        let (true, Some(sequence), Some(time)) = (is_ours, event["sequence"].as_u64(), time) else {
            self.invalid.get_or_insert(self.sequences.len());
            return;
        };
        let day = self.days.entry(time.day()).or_default();
        let before = day.lines.len();
        lines::add(&mut day.lines, event);
        self.bytes += day.lines.len() - before;
        day.columns.add(event);
        day.sequences.push(sequence);
        self.sequences.push(sequence);
    }

    /// Makes sure that the run has objects for a day, with or without events.
    pub fn add_day(&mut self, day: String) {
        self.days.entry(day).or_default();
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.sequences.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    /// The number of bytes of their lines.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows by month, in the order of their sequences.
    fn months(&self) -> BTreeMap<String, Day> {
        let mut months = BTreeMap::<String, Vec<&Day>>::new();
        for (day, rows) in &self.days {
            months.entry(day[.."2026-11".len()].to_owned()).or_default().push(rows);
        }
        months.into_iter().map(|(month, days)| (month, Day::merge(&days))).collect()
    }

    /// The first row that is not an event of this workspace and these sequences, or not in order.
    fn first_invalid(&self, workspace: &WorkspaceId, sequences: &RangeInclusive<u64>) -> Option<usize> {
        if self.workspace.as_ref().is_some_and(|ours| ours != workspace.as_str()) {
            return Some(0);
        }
        let mut from = *sequences.start();
        let misplaced = self.sequences.iter().position(|sequence| {
            let fits = (from..=*sequences.end()).contains(sequence);
            from = sequence + 1;
            !fits
        });
        misplaced.into_iter().chain(self.invalid).min()
    }
}

impl<'a> FromIterator<&'a Value> for Rows {
    fn from_iter<I: IntoIterator<Item = &'a Value>>(events: I) -> Self {
        let mut rows = Self::default();
        events.into_iter().for_each(|event| rows.add(event));
        rows
    }
}

impl Run<'_> {
    /// The objects of the run: for each of its days or months one of each format, and the manifest. The same run has the
    /// same objects, byte for byte.
    ///
    /// # Errors
    /// If it is not a run of one log.
    pub fn archive(&self) -> Result<Archived, InvalidRun> {
        if self.sequences.is_empty() {
            return Err(InvalidRun::Empty);
        }
        if let Some(invalid) = self.events.first_invalid(self.workspace, &self.sequences) {
            return Err(InvalidRun::Event(invalid));
        }
        let covered = self.sequences.end() - self.sequences.start() + 1;
        let events = self.events.len() as u64;
        let filtered = covered.checked_sub(events + self.expired).ok_or(InvalidRun::Count)?;
        let (mut objects, mut named) = (Vec::new(), Vec::new());
        let months = (self.events.days.len() > MOST_DAYS).then(|| self.events.months());
        let (unit, parts) = match &months {
            Some(months) => ("month", months),
            None => ("day", &self.events.days),
        };
        for (part, Day { lines, columns, sequences }) in parts {
            let contents = [(NDJSON, lines::compress(lines)), (PARQUET, columns.write()?)];
            for (format, bytes) in contents {
                let object = Object::new(self.key(&format, unit, part), format.media_type, bytes);
                named.push(Named {
                    key: object.key.clone(),
                    day: part.clone(),
                    format: format.name,
                    bytes: object.bytes.len() as u64,
                    sha256: object.sha256,
                    rows: sequences.len() as u64,
                    sequences: runs(sequences),
                });
                objects.push(object);
            }
        }
        let manifest = Manifest {
            version: 1,
            workspace: self.workspace.to_string(),
            stream: self.stream.to_owned(),
            first: *self.sequences.start(),
            last: *self.sequences.end(),
            events,
            expired: self.expired,
            filtered,
            filter: self.filter,
            mask: self.mask.to_vec(),
            objects: named,
            checkpoint: self.checkpoint.map(str::to_owned),
            previous: self.previous,
        };
        let mut bytes =
            serde_json::to_vec_pretty(&manifest).expect("a manifest has only texts, numbers and lists");
        bytes.push(b'\n');
        Ok(Archived { objects, manifest: Object::new(self.manifest_key(), "application/json", bytes) })
    }

    /// The key of the events of a day or month: in the partition of its workspace and time, in the form of Hive and
    /// Athena. Each format has a folder of its own, because all files of a partition are read.
    fn key(&self, format: &Format, unit: &str, part: &str) -> String {
        let Format { name, ending, .. } = format;
        let (workspace, stream) = (self.workspace, self.stream);
        format!("{name}/workspace={workspace}/{unit}={part}/{stream}-{:016}.{ending}", self.sequences.start())
    }

    fn manifest_key(&self) -> String {
        let (workspace, stream) = (self.workspace, self.stream);
        format!("manifests/workspace={workspace}/{stream}-{:016}.json", self.sequences.start())
    }
}

impl Object {
    /// An object with this content.
    pub fn new(key: String, media_type: &'static str, bytes: Vec<u8>) -> Self {
        let sha256 = Digest::of(&bytes);
        Self { key, media_type, bytes, sha256 }
    }
}
