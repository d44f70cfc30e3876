//! What `verify follow` remembers: the key, the last checkpoint, and the hashes of all entries.
//!
//! The paths are those of C2SP tlog-tiles. The checkpoint is what counts: it is written last, so what
//! a crash leaves beyond it is not looked at, and is written again. The file `first-look` is there until there is a
//! checkpoint; hashes with neither of the two are what is left of a log whose checkpoint was removed.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::key;
use crate::{
    error::Error,
    ledger::{Checkpoint, Hash, Key, Tile, Tree},
    private_file,
};

/// The file that is there from the beginning of the first look until there is a checkpoint.
const FIRST_LOOK: &str = "first-look";

/// A directory with what is remembered of one log.
pub(super) struct Store {
    directory: PathBuf,
}

/// A log as it was remembered.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub(super) checkpoint: Checkpoint,
    pub(super) tree: Tree,
}

impl Store {
    /// The store in a directory, to be read.
    pub(super) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The store in a directory, which is made if it is not there, to be written by this process alone
    /// for as long as it has the file.
    ///
    /// # Errors
    /// If it cannot be written, or another process writes it.
    pub(super) fn hold(directory: &Path) -> Result<(Self, File), Error> {
        private_file::create_directory(directory)?;
        let path = directory.join("lock");
        let lock =
            private_file::options().truncate(false).open(&path).map_err(|error| Error::file(&path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok((Self::at(directory), lock)),
            Err(TryLockError::WouldBlock) => Err(Error::failure(
                format!("Another process follows the log in {}.", directory.display()),
                "Let it end, or choose another directory.",
            )),
            Err(TryLockError::Error(error)) => Err(Error::file(&path, error)),
        }
    }

    /// The key that is remembered; `None` before the first checkpoint.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn key(&self) -> Result<Option<Key>, Error> {
        let path = self.path("key");
        if path.exists() { key::read(&path).map(Some) } else { Ok(None) }
    }

    /// The log that is remembered, verified once more; `None` if there is none yet.
    ///
    /// # Errors
    /// If it cannot be read, or is not what was written.
    pub(super) fn log(&self, key: &Key) -> Result<Option<Remembered>, Error> {
        let Some(note) = self.read("checkpoint")? else {
            if !self.path(FIRST_LOOK).exists() && (self.path("tile").exists() || self.path("key").exists()) {
                return Err(self.damaged("its checkpoint is gone, and the hashes are there"));
            }
            return Ok(None);
        };
        let note = String::from_utf8(note).map_err(|_| self.damaged("the checkpoint is no text"))?;
        let checkpoint = key.open(&note).map_err(|because| self.damaged(&because))?;
        let mut tree = Tree::default();
        for tile in Tile::covering(0, checkpoint.size) {
            let hashes = self.tile(tile)?;
            tree.extend(&hashes.ok_or_else(|| self.damaged(&format!("tile/{} is missing", tile.name())))?);
        }
        if tree.root() != checkpoint.root {
            return Err(self.damaged("the tiles do not add up to the root of the checkpoint"));
        }
        Ok(Some(Remembered { checkpoint, tree }))
    }

    /// Notes that a first look begins. What it keeps is not trusted before there is a checkpoint.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn begin(&self) -> Result<(), Error> {
        self.write(FIRST_LOOK, b"")
    }

    /// A full tile that an earlier first look has fetched.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub(super) fn fetched(&self, tile: Tile) -> Result<Option<Vec<Hash>>, Error> {
        let content = if tile.is_full() { self.read(&format!("tile/{}", tile.name()))? } else { None };
        Ok(content.and_then(|content| tile.hashes(&content)))
    }

    /// Keeps a full tile that a first look has fetched.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn keep_fetched(&self, tile: Tile, hashes: &[Hash]) -> Result<(), Error> {
        if tile.is_full() {
            self.write(&format!("tile/{}", tile.name()), &Tile::content(hashes))
        } else {
            Ok(())
        }
    }

    /// Forgets what a first look has fetched.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub(super) fn forget_fetched(&self) -> Result<(), Error> {
        let path = self.path("tile");
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(|error| Error::file(&path, error))
        } else {
            Ok(())
        }
    }

    /// Remembers a log that was verified, of which the first `known` entries were remembered before.
    ///
    /// # Errors
    /// If it cannot be written; then what was remembered before stands.
    pub(super) fn keep(&self, key: &Key, log: &Remembered, known: u64) -> Result<(), Error> {
        let hashes = log.tree.hashes();
        for tile in Tile::covering(known, log.tree.size()) {
            self.write(&format!("tile/{}", tile.name()), &Tile::content(of_tile(hashes, tile)))?;
        }
        self.write("key", format!("{key}\n").as_bytes())?;
        // If we crash here, the checkpoint from before stands, and its tiles are there.
        self.write("checkpoint", log.checkpoint.note.as_bytes())?;
        let _ = std::fs::remove_file(self.path(FIRST_LOOK));
        // If we crash here, an unused partial tile is left over.
        if let Some(tile) =
            Tile::covering(0, known).last().filter(|tile| !tile.is_full() && known < log.tree.size())
        {
            let path = self.path(&format!("tile/{}", tile.name()));
            let _ = std::fs::remove_file(&path);
            let _ = path.parent().map(std::fs::remove_dir);
        }
        Ok(())
    }

    /// Makes a new directory for evidence, and writes files into it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn keep_evidence(
        &self,
        now: Timestamp,
        files: &[(String, Vec<u8>)],
    ) -> Result<PathBuf, Error> {
        let name = format!("evidence/{}", now.strftime("%Y%m%dT%H%M%S%.6fZ"));
        for (file, content) in files {
            self.write(&format!("{name}/{file}"), content)?;
        }
        Ok(self.path(&name))
    }

    fn tile(&self, tile: Tile) -> Result<Option<Vec<Hash>>, Error> {
        let wrong =
            |tile: Tile| self.damaged(&format!("tile/{} has not as many hashes as it must", tile.name()));
        if let Some(content) = self.read(&format!("tile/{}", tile.name()))? {
            return tile.hashes(&content).ok_or_else(|| wrong(tile)).map(Some);
        }
        // It has grown full, and the checkpoint that says so was not written any more.
        let Some(content) = self.read(&format!("tile/{}", tile.full().name()))? else { return Ok(None) };
        let mut hashes = tile.full().hashes(&content).ok_or_else(|| wrong(tile.full()))?;
        hashes.truncate(usize::try_from(tile.width).unwrap_or(usize::MAX));
        Ok(Some(hashes))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(name);
        // Reading a pipe could wait without end.
        match std::fs::metadata(&path) {
            Ok(metadata) if !metadata.is_file() => Err(self.damaged(&format!("{name} is no file"))),
            _ => private_file::read(&path),
        }
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let path = self.path(name);
        path.parent().map_or(Ok(()), private_file::create_directory)?;
        private_file::replace(&path, content)
    }

    fn damaged(&self, because: &str) -> Error {
        Error::unchecked(
            format!("What {} remembers is damaged: {because}.", self.directory.display()),
            "Bring it back from a copy. If there is none, follow the log in another directory, and know that \
             it starts from nothing.",
        )
    }
}

/// The hashes of a tile, of those of all entries.
pub(super) fn of_tile(hashes: &[Hash], tile: Tile) -> &[Hash] {
    let start = usize::try_from(tile.start()).unwrap_or(usize::MAX);
    let end = usize::try_from(tile.start() + tile.width).unwrap_or(usize::MAX);
    hashes.get(start..end).unwrap_or_default()
}
