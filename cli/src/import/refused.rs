//! The file of the refused rows: the number of each, the reason, and the row as it was.

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{error::Error, private_file};

/// The file, which is made for its first row.
pub(super) struct Refused {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
}

impl Refused {
    /// The file as it was when so many bytes of it were known to stand for rows that are done.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn open(path: &Path, bytes: u64) -> Result<Self, Error> {
        let mut refused = Self { path: path.to_owned(), file: None, bytes };
        if bytes > 0 {
            refused.file()?;
        }
        Ok(refused)
    }

    /// How many bytes it has.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes a row, if it could be read, and the reason why it is refused.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn add(&mut self, number: u64, row: Option<&Value>, reason: &Value) -> Result<(), Error> {
        let line = format!("{}\n", json!({"number": number, "reason": reason, "row": row}));
        let written = self.file()?.write_all(line.as_bytes());
        written.map_err(|error| Error::file(&self.path, error))?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// Makes sure that all of it is on the disk.
    ///
    /// # Errors
    /// If it is not.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        match &self.file {
            Some(file) => file.sync_all().map_err(|error| Error::file(&self.path, error)),
            None => Ok(()),
        }
    }

    fn file(&mut self) -> Result<&mut File, Error> {
        if self.file.is_none() {
            self.file = Some(open(&self.path, self.bytes).map_err(|error| Error::file(&self.path, error))?);
        }
        Ok(self.file.as_mut().expect("it was opened just now"))
    }
}

fn open(path: &Path, bytes: u64) -> io::Result<File> {
    let mut file = private_file::options().read(true).truncate(false).open(path)?;
    // The rows may name people, and the file may be an older one.
    private_file::close_to_others(&file)?;
    // The lines beyond are those of rows that are read again.
    file.set_len(bytes)?;
    file.seek(SeekFrom::Start(bytes))?;
    Ok(file)
}
