//! The directory with the data that a restart needs.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use crate::{Error, private_file};

/// A data directory, locked against every second process until this is dropped.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Creates the directory if necessary, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        private_file::create_directory(path)?;
        let lock_path = path.join("lock");
        let lock = File::options().create(true).append(true).open(&lock_path);
        let lock = lock.map_err(|error| Error::file(&lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(Error::file(&lock_path, error)),
        }
    }

    /// The tables.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("dynamodb.sqlite")
    }

    /// The dead letters.
    pub(crate) fn dead_letters(&self) -> PathBuf {
        self.path.join("dead-letters.jsonl")
    }

    /// The credentials for calls to the system.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.path.join("credentials.json")
    }

    /// The key that signs checkpoints.
    pub(crate) fn ledger_key(&self) -> PathBuf {
        self.path.join("ledger-key.txt")
    }

    /// The key that signs service records.
    pub(crate) fn service_key(&self) -> PathBuf {
        self.path.join("service-key.txt")
    }

    /// The secrets of streams.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.path.join("secrets.json")
    }

    /// The key of the identity provider in the data directory `path`.
    pub(crate) fn jwt_key(path: &Path) -> PathBuf {
        path.join("jwt-key.der")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The content of a file, if there is one.
    pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
        match fs::read(path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file(path, error)),
        }
    }
}
