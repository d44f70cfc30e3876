//! The objects of a run: whether they are what the manifest says, and the events in them.

use std::io::Read as _;

use flate2::bufread::GzDecoder;
use serde_json::Value;

use super::{
    chain::Folder,
    columns::{self, Form},
    manifest::{Manifest, Named, sha256},
    problems::Problems,
};
use crate::{error::Error, ledger};

/// The most bytes of a line. An event has at most 64 KiB of content, which JSON may write with six bytes for each.
const MAX_LINE_BYTES: u64 = 512 * 1024;
/// The most sequences of a run.
const MAX_RUN: u64 = 10_000;

/// The events of a run, in the order of their sequences, as far as its objects are what they must be. Columns
/// are held against the lines of their day, and counted in `unknown` if their bytes are of another writer.
///
/// # Errors
/// If a file cannot be read from the disk.
pub(super) fn events(
    folder: &Folder,
    run: &Manifest,
    objects: &mut u64,
    unknown: &mut u64,
    problems: &mut Problems,
) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    for lines in run.lines() {
        let Some(content) = intact(folder, lines, problems)? else { continue };
        *objects += 1;
        let events = match read(&content, lines.rows).and_then(|events| fits(run, lines, events)) {
            Ok(events) => events,
            Err(because) => {
                problems.add(format!("{}: {because}", lines.key));
                continue;
            }
        };
        if let Some(named) = run.columns_of(lines)
            && let Some(content) = intact(folder, named, problems)?
        {
            *objects += 1;
            match columns::hold(content, &events) {
                Ok(Form::AsWritten) => {}
                Ok(Form::Unknown) => *unknown += 1,
                Err(because) => problems.add(format!("{}: {because}", named.key)),
            }
        }
        all.extend(events);
    }
    all.sort_by_key(|event| event["sequence"].as_u64());
    Ok(all)
}

/// Whether an object that no manifest names is one that the archiver may have put for a run that begins with `next`: events
/// from there on, of the workspace and the day of its key, and the same as in the other format where that is there too.
/// Returns the last sequence, or why it is not.
///
/// # Errors
/// If a file cannot be read from the disk.
pub(super) fn is_of_run(folder: &Folder, key: &str, next: u64) -> Result<Result<u64, String>, Error> {
    let lines = key.replacen("parquet/", "ndjson/", 1).replace(".parquet", ".ndjson.gz");
    let Some(content) = folder.content(&lines)? else {
        let columns = folder.content(key)?.unwrap_or_default();
        return Ok(columns::are_of_run(columns, next, MAX_RUN).map(|()| next));
    };
    let events = match read(&content, MAX_RUN).and_then(|events| continues(folder, key, next, events)) {
        Ok(events) => events,
        Err(because) => return Ok(Err(because)),
    };
    let last = events.iter().filter_map(|event| event["sequence"].as_u64()).max().unwrap_or(next);
    match folder.content(key)? {
        Some(content) if key != lines => Ok(columns::hold(content, &events).map(|_| last)),
        _ => Ok(Ok(last)),
    }
}

fn continues(folder: &Folder, key: &str, next: u64, events: Vec<Value>) -> Result<Vec<Value>, String> {
    let part = key.split('/').nth(2).and_then(|part| part.split_once('=')).map_or("", |(_, part)| part);
    for (number, event) in (1..).zip(&events) {
        let is_next =
            ledger::sequence(event)?.is_some_and(|sequence| (next..next + MAX_RUN).contains(&sequence));
        let is_within = event["timestamp"].as_str().is_some_and(|time| time.starts_with(part));
        if !is_next || !is_within || event["workspace_username"] != folder.workspace() {
            return Err(format!("line {number}: its event is not of the run after the last manifest"));
        }
    }
    Ok(events)
}

/// The content of an object, if it is the one that the manifest names.
fn intact(folder: &Folder, named: &Named, problems: &mut Problems) -> Result<Option<Vec<u8>>, Error> {
    let Some(content) = folder.content(&named.key)? else {
        problems.add(format!("{}: it is missing", named.key));
        return Ok(None);
    };
    if content.len() as u64 != named.bytes || sha256(&content) != named.sha256 {
        problems.add(format!("{}: it is not what was written: its hash or length is another", named.key));
        return Ok(None);
    }
    Ok(Some(content))
}

/// The events of lines. The file is one gzip member and nothing after it, as the archiver writes it: programs read
/// every member of a file, and some read on after garbage.
fn read(content: &[u8], rows: u64) -> Result<Vec<Value>, String> {
    let most = rows.saturating_mul(MAX_LINE_BYTES);
    let mut packed = GzDecoder::new(content);
    let mut text = String::new();
    let unpacked = packed.by_ref().take(most.saturating_add(1)).read_to_string(&mut text);
    unpacked.map_err(|error| format!("it cannot be unpacked: {error}"))?;
    if text.len() as u64 > most {
        return Err(format!("it has more than {most} bytes unpacked, too many for {rows} events"));
    }
    if !packed.into_inner().is_empty() {
        return Err("it goes on after the end of its first gzip member".to_owned());
    }
    fn event((number, line): (usize, &str)) -> Result<Value, String> {
        ledger::parse(line).map_err(|because| format!("line {}: {because}", number + 1))
    }
    text.lines().enumerate().map(event).collect()
}

/// That events are those which a manifest says an object has.
fn fits(run: &Manifest, named: &Named, events: Vec<Value>) -> Result<Vec<Value>, String> {
    if events.len() as u64 != named.rows {
        return Err(format!("it has {} events, and the manifest says {}", events.len(), named.rows));
    }
    let mut sequences = Vec::new();
    for (number, event) in (1..).zip(&events) {
        let sequence = ledger::sequence(event)?.filter(|sequence| (run.first..=run.last).contains(sequence));
        let sequence = sequence.ok_or_else(|| format!("line {number}: its event is none of the run"))?;
        if event["workspace_username"] != run.workspace.as_str() {
            return Err(format!("line {number}: its event is of another workspace"));
        }
        let is_within =
            |time: &str| time.strip_prefix(&*named.day).is_some_and(|rest| rest.starts_with(['T', '-']));
        if !event["timestamp"].as_str().is_some_and(is_within) {
            return Err(format!("line {number}: its event is of another day"));
        }
        sequences.push(sequence);
    }
    if written(&sequences) == named.sequences {
        Ok(events)
    } else {
        Err("it has events with other sequences than the manifest says".to_owned())
    }
}

/// Sequences as manifests have them, such as `0-511,514`. Those that are not in order look like no others.
fn written(sequences: &[u64]) -> String {
    fn run(run: &[u64]) -> String {
        match run {
            [one] => one.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        }
    }
    fn follows(one: &u64, next: &u64) -> bool {
        one.checked_add(1) == Some(*next)
    }
    sequences.chunk_by(follows).map(run).collect::<Vec<_>>().join(",")
}
