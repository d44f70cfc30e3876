//! The runs of an archive, one after the other, and the files that they are in.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    manifest::{Manifest, sha256},
    problems::Problems,
};
use crate::error::Error;

/// The folders of an archive; what else is in a bucket is not looked at.
const FOLDERS: [&str; 3] = ["manifests", "ndjson", "parquet"];

/// One workspace's part of a copy of the bucket.
pub(super) struct Folder {
    directory: PathBuf,
    pub(super) workspace: String,
    /// All files of the workspace, by their keys in the bucket.
    pub(super) keys: BTreeSet<String>,
}

/// The runs of a stream, in order.
pub(super) struct Chain {
    pub(super) runs: Vec<Manifest>,
    pub(super) stream: String,
    /// The keys of the manifests that could be read or not.
    pub(super) manifests: BTreeSet<String>,
}

impl Folder {
    /// Finds what there is of a workspace.
    ///
    /// # Errors
    /// If the directory cannot be read, or has nothing of the workspace.
    pub(super) fn read(directory: &Path, workspace: &str) -> Result<Self, Error> {
        let mut keys = BTreeSet::new();
        for folder in FOLDERS {
            let key = format!("{folder}/workspace={workspace}");
            if directory.join(&key).exists() {
                gather(directory, &key, &mut keys)?;
            }
        }
        if !keys.iter().any(|key| key.starts_with("manifests/")) {
            return Err(Error::usage(
                format!("{} has no manifest of the workspace {workspace}.", directory.display()),
                "Name the directory that `aws s3 sync` copied the bucket to; manifests/workspace=… is in it.",
            ));
        }
        Ok(Self { directory: directory.to_owned(), workspace: workspace.to_owned(), keys })
    }

    /// The stream whose archive it is.
    ///
    /// # Errors
    /// If there are several and none was named, or it is not there.
    pub(super) fn stream(&self, named: Option<&str>) -> Result<String, Error> {
        let streams: BTreeSet<_> = self.manifests().filter_map(|key| stream_of(key)).collect();
        match (named, streams.first()) {
            (Some(named), _) if streams.contains(named) => Ok(named.to_owned()),
            (None, Some(only)) if streams.len() == 1 => Ok((*only).to_owned()),
            _ => Err(Error::usage(
                format!(
                    "There are archives of these streams: {}.",
                    streams.iter().copied().collect::<Vec<_>>().join(", ")
                ),
                "Name one with --stream.",
            )),
        }
    }

    pub(super) fn workspace(&self) -> &str {
        &self.workspace
    }

    /// The content of the file at a key; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn content(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        if !self.keys.contains(key) {
            return Ok(None);
        }
        let path = self.directory.join(key);
        fs::read(&path).map(Some).map_err(|error| Error::file(&path, error))
    }

    /// The other streams of which there is a manifest.
    pub(super) fn other_streams(&self, chain: &Chain) -> String {
        let streams: BTreeSet<_> = self.manifests().filter_map(|key| stream_of(key)).collect();
        streams.into_iter().filter(|stream| *stream != chain.stream).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn manifests(&self) -> impl Iterator<Item = &String> {
        self.keys.iter().filter(|key| key.starts_with("manifests/"))
    }
}

impl Chain {
    /// Reads the manifests of a stream, and looks whether each goes on where the one before it ended.
    ///
    /// # Errors
    /// If one cannot be read from the disk.
    pub(super) fn of(
        folder: &Folder,
        stream: &str,
        from: u64,
        problems: &mut Problems,
    ) -> Result<Self, Error> {
        let manifests: BTreeSet<_> =
            folder.manifests().filter(|key| stream_of(key) == Some(stream)).cloned().collect();
        let mut runs: Vec<Manifest> = Vec::new();
        let mut before: Option<String> = None;
        for key in &manifests {
            let content = folder.content(key)?.unwrap_or_default();
            let hash = sha256(&content);
            let run = match Manifest::read(key, &content) {
                Ok(run) if run.workspace == folder.workspace => run,
                Ok(run) => {
                    problems.add(format!("{key}: it is of the workspace {}", run.workspace));
                    continue;
                }
                Err(because) => {
                    problems.add(because);
                    continue;
                }
            };
            let expected = runs.last().map_or(from, |last| last.last.saturating_add(1));
            follows(&run, expected, runs.is_empty(), from, before.as_deref(), problems);
            run.agrees(problems);
            before = Some(hash);
            runs.push(run);
        }
        Ok(Self { runs, stream: stream.to_owned(), manifests })
    }

    /// The sequence that the next run begins with; `None` before the first run.
    pub(super) fn next(&self) -> Option<u64> {
        self.runs.last()?.last.checked_add(1)
    }
}

/// The workspace of an archive that has one.
///
/// # Errors
/// If it has none or several.
pub(super) fn only_workspace(directory: &Path) -> Result<String, Error> {
    let path = directory.join("manifests");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(&path).map_err(|error| Error::file(&path, error))? {
        let name = entry.map_err(|error| Error::file(&path, error))?.file_name();
        found.extend(name.to_string_lossy().strip_prefix("workspace=").map(str::to_owned));
    }
    match found.pop_first() {
        Some(only) if found.is_empty() => Ok(only),
        _ => Err(Error::usage(
            format!("{} has no manifests, or those of several workspaces.", directory.display()),
            "Give the key of a workspace with --key.",
        )),
    }
}

/// Looks whether a run begins with the sequence that is expected, after the run before it.
fn follows(
    run: &Manifest,
    expected: u64,
    is_first: bool,
    from: u64,
    before: Option<&str>,
    problems: &mut Problems,
) {
    let key = run.key();
    if run.first > expected {
        problems.add(format!("sequences {expected} to {}: no manifest covers them", run.first - 1));
    } else if run.first < expected && is_first {
        problems.add(format!("{key}: it begins before sequence {expected}, with which the archive begins"));
    } else if run.first < expected {
        problems.add(format!(
            "{key}: it covers sequences again that the run before it has, up to {}",
            expected - 1
        ));
    }
    // If the user names a later beginning, the manifest before it is not available for the comparison.
    let unknown = is_first && from > 0;
    if !unknown && run.previous.as_deref() != before {
        problems.add(if is_first {
            format!("{key}: a manifest before it is missing")
        } else {
            format!("{key}: the manifest before it is not the one that was there when it was written")
        });
    }
}

/// The keys of all files below one, in the order of their names.
fn gather(directory: &Path, key: &str, keys: &mut BTreeSet<String>) -> Result<(), Error> {
    let path = directory.join(key);
    for entry in fs::read_dir(&path).map_err(|error| Error::file(&path, error))? {
        let entry = entry.map_err(|error| Error::file(&path, error))?;
        let below = format!("{key}/{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(|error| Error::file(&path, error))?;
        if kind.is_dir() {
            gather(directory, &below, keys)?;
        } else if kind.is_file() {
            keys.insert(below);
        } else {
            // Reading a pipe could wait without end, and a link leads out of the copy.
            let path = directory.join(&below);
            return Err(Error::unchecked(
                format!("Could not be checked: {} is neither a file nor a directory.", path.display()),
                "Copy the archive again, such as with `aws s3 sync`.",
            ));
        }
    }
    Ok(())
}

/// The first sequence of the run that an object is of, by the name of its file.
pub(super) fn first_of(key: &str) -> Option<u64> {
    let (_, name) = key.rsplit('/').next()?.split_once('-')?;
    let digits = name.split('.').next().filter(|digits| digits.len() == 16)?;
    digits.parse().ok()
}

/// The stream that an object is of, by the name of its file.
pub(super) fn stream_of(key: &str) -> Option<&str> {
    let name = key.rsplit('/').next()?;
    name.split_once('-').map(|(stream, _)| stream)
}
