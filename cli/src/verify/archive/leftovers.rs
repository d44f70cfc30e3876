//! The files of an archive that no manifest names: of a run that was being written, or of an intruder.

use std::collections::BTreeSet;

use super::{
    chain::{Chain, Folder, first_of, stream_of},
    manifest::Manifest,
    object,
    problems::Problems,
};
use crate::error::Error;

/// Looks for files that no manifest names: a query of the archive would read them. Those of other streams are not
/// verified here, and must be named by a manifest of theirs all the same. A run's objects are put before its manifest,
/// so those that begin behind the last manifest are of runs that were being written when the bucket was copied,
/// or whose manifest was removed. Their keys are returned, if they have what such a run would have.
///
/// # Errors
/// If a manifest cannot be read from the disk.
pub(super) fn leftovers(
    folder: &Folder,
    chain: &Chain,
    problems: &mut Problems,
) -> Result<Vec<String>, Error> {
    let mut unfinished = Vec::new();
    let mut named: BTreeSet<String> =
        chain.runs.iter().flat_map(|run| &run.objects).map(|object| object.key.clone()).collect();
    named.extend(chain.manifests.iter().cloned());
    for key in folder.manifests().filter(|key| !chain.manifests.contains(*key)) {
        match Manifest::read(key, &folder.content(key)?.unwrap_or_default()) {
            Ok(run) if run.workspace == folder.workspace => {
                run.agrees(problems);
                named.extend(run.objects.into_iter().map(|object| object.key));
                named.insert(key.clone());
            }
            Ok(run) => problems.add(format!("{key}: it is of the workspace {}", run.workspace)),
            Err(because) => problems.add(because),
        }
    }
    for key in folder.keys.iter().filter(|key| !named.contains(*key) && !key.starts_with("manifests/")) {
        let is_of_stream = stream_of(key) == Some(chain.stream.as_str());
        let first =
            first_of(key).filter(|first| is_of_stream && chain.next().is_some_and(|next| next <= *first));
        match first {
            Some(first) => match object::is_of_run(folder, key, first)? {
                Ok(last) => unfinished.push((first, last, key.clone())),
                Err(because) => problems.add(format!("{key}: no manifest names it, and {because}")),
            },
            None => problems.add(format!("{key}: no manifest names it")),
        }
    }
    unfinished.sort();
    for pair in unfinished.windows(2) {
        let [(before, last, _), (first, _, key)] = pair else { continue };
        if before != first && first <= last {
            problems.add(format!("{key}: no manifest names it, and it begins within the run before it"));
        }
    }
    Ok(unfinished.into_iter().map(|(_, _, key)| key).collect())
}
