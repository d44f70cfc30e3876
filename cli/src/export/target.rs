//! The file that an export writes, and the state beside it.
//!
//! The order of writes makes an export resumable: first the bytes of a page are on the disk, then
//! the state that counts them. Whatever the file holds beyond the count is cut off, and read again.

use std::{
    fs::{File, TryLockError},
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use super::state::State;
use crate::{api::Page, error::Error, private_file};

/// An export under way, held by this process alone.
pub(super) struct Target {
    path: PathBuf,
    state_path: PathBuf,
    file: File,
    pub(super) state: State,
    header: Option<String>,
    /// The digest of the bytes that the state counts.
    digest: Sha256,
}

impl Target {
    /// Where the state of an export to `path` lies.
    pub(super) fn state_path(path: &Path) -> PathBuf {
        private_file::with_suffix(path, ".state")
    }

    /// Begins an export; what the file held is discarded.
    ///
    /// # Errors
    /// If the file cannot be written, or another process exports to it.
    pub(super) fn begin(path: &Path, state: State) -> Result<Self, Error> {
        let mut file = open(path)?;
        // An existing file keeps its permissions when it is opened, and may be readable by others.
        private_file::close_to_others(&file).map_err(|error| Error::file(path, error))?;
        let state_path = Self::state_path(path);
        state.write(&state_path)?;
        // If we crash here, the state counts no bytes: what the file holds is cut off the next time.
        cut(&mut file, 0).map_err(|error| Error::file(path, error))?;
        Ok(Self { path: path.to_owned(), state_path, file, state, header: None, digest: Sha256::new() })
    }

    /// Goes on with an export: cuts off what the state does not count.
    ///
    /// # Errors
    /// If the file cannot be written, is shorter than the state says, or another process exports to it.
    pub(super) fn resume(path: &Path, state: State) -> Result<Self, Error> {
        let mut file = open(path)?;
        let wrong = |error| Error::file(path, error);
        if file.metadata().map_err(wrong)?.len() < state.bytes {
            return Err(Error::failure(
                format!("{} is shorter than its export had come: it was changed since.", path.display()),
                "Start again with --overwrite.",
            ));
        }
        cut(&mut file, state.bytes).map_err(wrong)?;
        let digest = digest(&mut file).map_err(wrong)?;
        if BASE64_STANDARD.encode(digest.clone().finalize()) != state.digest {
            return Err(Error::failure(
                format!("{} was changed since its export was interrupted.", path.display()),
                "Start again with --overwrite.",
            ));
        }
        let header = first_line(&mut file).map_err(wrong)?;
        Ok(Self { path: path.to_owned(), state_path: Self::state_path(path), file, state, header, digest })
    }

    /// Adds a page.
    ///
    /// # Errors
    /// If it cannot be written, or has other columns than the file.
    pub(super) fn add(&mut self, page: Page) -> Result<(), Error> {
        let Page { body, places, next } = page;
        let text = self.state.format.piece(&body, self.state.events, self.header.as_deref())?;
        self.append(&text)?;
        // If we crash here, the file is longer than the state says, and the page is read again.
        self.digest.update(&text);
        self.state.bytes += text.len() as u64;
        self.state.events += places.len() as u64;
        self.state.last = places.into_iter().next_back().or(self.state.last.take());
        self.state.digest = BASE64_STANDARD.encode(self.digest.clone().finalize());
        if self.header.is_none() {
            self.header = first_line(&mut self.file).map_err(|error| Error::file(&self.path, error))?;
        }
        // After the last page there is nothing to go on with: if we crash, that page is read again.
        if next.is_some() {
            self.state.cursor = next;
            self.state.write(&self.state_path)?;
        }
        Ok(())
    }

    /// Ends the export: the file is complete and on the disk before the state goes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn finish(mut self) -> Result<State, Error> {
        let tail = self.state.format.tail(self.state.events);
        self.append(tail)?;
        self.state.bytes += tail.len() as u64;
        // If we crash here, the last page is read again, into the same file.
        std::fs::remove_file(&self.state_path).map_err(|error| Error::file(&self.state_path, error))?;
        Ok(self.state)
    }

    fn append(&mut self, text: &str) -> Result<(), Error> {
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| Error::file(&self.path, error))
    }
}

/// Opens the file for this process alone, as long as it runs.
fn open(path: &Path) -> Result<File, Error> {
    let wrong = |error| Error::named_file(path, error);
    let file = private_file::options().read(true).truncate(false).open(path).map_err(wrong)?;
    if !file.metadata().map_err(wrong)?.is_file() {
        return Err(Error::usage(
            format!("{} is not a file on a disk: an export to it could not be resumed.", path.display()),
            "Name a file; `auditlog query --all` writes to standard output.",
        ));
    }
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::failure(
            format!("Another process exports to {}.", path.display()),
            "Let it end, or choose another file.",
        )),
        Err(TryLockError::Error(error)) => Err(wrong(error)),
    }
}

fn cut(file: &mut File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)?;
    file.seek(SeekFrom::Start(bytes))?;
    file.sync_all()
}

/// The digest of the whole file. The file is then at its end.
fn digest(file: &mut File) -> io::Result<Sha256> {
    let mut digest = Sha256::new();
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(1 << 20, &mut *file);
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(digest);
        }
        digest.update(bytes);
        let read = bytes.len();
        reader.consume(read);
    }
}

/// The first line, if there is one. The file is then at its end.
fn first_line(file: &mut File) -> io::Result<Option<String>> {
    let mut line = String::new();
    file.seek(SeekFrom::Start(0))?;
    BufReader::new(&mut *file).read_line(&mut line)?;
    file.seek(SeekFrom::End(0))?;
    Ok(Some(line).filter(|line| !line.is_empty()))
}
