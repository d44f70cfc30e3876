//! Files with secrets: written completely or not at all, and readable by their owner only.

use std::{fs, io, path::Path};

use crate::Error;

/// Replaces `path` with `content` in one step.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = Path::new(&beside);
    create(beside, content).map_err(|error| Error::file(beside, error))?;
    // If we crash here, the old content stays and a stray file is left next to it.
    fs::rename(beside, path).map_err(|error| Error::file(path, error))
}

/// Creates the directory, for its owner only, and all missing parents.
pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| Error::file(path, error))
}

fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()
}
