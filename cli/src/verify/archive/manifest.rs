//! Reads the manifest of a run, and checks that its members are consistent.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::problems::Problems;

/// The manifest of a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    version: u32,
    pub(super) workspace: String,
    pub(super) stream: String,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) events: u64,
    pub(super) expired: u64,
    pub(super) filtered: u64,
    filter: bool,
    pub(super) mask: Vec<String>,
    pub(super) objects: Vec<Named>,
    pub(super) checkpoint: Option<String>,
    pub(super) previous: Option<String>,
}

/// An object, as a manifest names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) key: String,
    pub(super) day: String,
    pub(super) format: Format,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) rows: u64,
    pub(super) sequences: String,
}

/// The format of an object.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// Lines of JSON, as gzip.
    Ndjson,
    /// Columns.
    Parquet,
}

impl Manifest {
    /// Reads the manifest at a key.
    ///
    /// # Errors
    /// If it is not a manifest, or names another key.
    pub(super) fn read(key: &str, content: &[u8]) -> Result<Self, String> {
        let manifest: Self =
            serde_json::from_slice(content).map_err(|error| format!("{key}: it is no manifest: {error}"))?;
        if manifest.version != 1 {
            return Err(format!("{key}: this program does not know its version {}", manifest.version));
        }
        if manifest.key() != key {
            return Err(format!("{key}: it says that it is {}", manifest.key()));
        }
        if manifest.last < manifest.first {
            return Err(format!("{key}: it ends with sequence {} before it begins", manifest.last));
        }
        Ok(manifest)
    }

    /// Where it is.
    pub(super) fn key(&self) -> String {
        format!("manifests/workspace={}/{}-{:016}.json", self.workspace, self.stream, self.first)
    }

    /// Where the object of a day or month is.
    fn key_of(&self, format: Format, part: &str) -> String {
        let unit = if part.len() == "2026-11".len() { "month" } else { "day" };
        let (name, ending) = match format {
            Format::Ndjson => ("ndjson", "ndjson.gz"),
            Format::Parquet => ("parquet", "parquet"),
        };
        let Self { workspace, stream, first, .. } = self;
        format!("{name}/workspace={workspace}/{unit}={part}/{stream}-{first:016}.{ending}")
    }

    /// Looks whether its numbers add up, and its objects are where they must be: for each day one of lines and
    /// one of columns, with the same events. What it names elsewhere is not looked at.
    pub(super) fn agrees(&self, problems: &mut Problems) {
        let key = self.key();
        let covered = (self.last - self.first).saturating_add(1);
        let counted = self.events.checked_add(self.expired).and_then(|sum| sum.checked_add(self.filtered));
        if counted != Some(covered) {
            problems.add(format!("{key}: it covers {covered} sequences, and counts others"));
        }
        if !self.filter && self.filtered > 0 {
            problems.add(format!("{key}: {} events were left out, and there is no filter", self.filtered));
        }
        let rows: Option<u64> = self.lines().map(|object| object.rows).try_fold(0_u64, u64::checked_add);
        if rows != Some(self.events) {
            problems.add(format!("{key}: its objects have other numbers of events than it counts"));
        }
        for object in &self.objects {
            if object.key != self.key_of(object.format, &object.day) {
                problems.add(format!("{key}: it names an object where none of its run is: {}", object.key));
            }
        }
        if !self.is_paired() {
            problems.add(format!("{key}: it has not one object of lines and one of columns for each day"));
        }
        let months = self.objects.iter().filter(|object| object.day.len() == "2026-11".len()).count();
        if months > 0 && months < self.objects.len() {
            problems.add(format!("{key}: it has objects of days and of months"));
        }
    }

    /// Its objects of lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Named> {
        self.objects.iter().filter(|object| object.format == Format::Ndjson)
    }

    /// The object of columns for the same day as one of lines.
    pub(super) fn columns_of(&self, lines: &Named) -> Option<&Named> {
        self.objects.iter().find(|object| object.format == Format::Parquet && object.day == lines.day)
    }

    fn is_paired(&self) -> bool {
        let mut days: Vec<_> = self.lines().map(|object| object.day.as_str()).collect();
        days.dedup();
        let pairs = self.lines().filter_map(|lines| Some((lines, self.columns_of(lines)?)));
        let same = pairs
            .filter(|(lines, columns)| (lines.rows, &lines.sequences) == (columns.rows, &columns.sequences));
        days.is_sorted() && days.len() == self.lines().count() && 2 * same.count() == self.objects.len()
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
