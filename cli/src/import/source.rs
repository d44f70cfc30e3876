//! The bytes that an import reads: a file or standard input, plain or gzip.

use std::{
    fs::{File, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;
use sha2::{Digest as _, Sha256};

use crate::{error::Error, private_file};

const BUFFER_BYTES: usize = 1 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// A file to import, or standard input.
pub(super) enum Source {
    File(PathBuf),
    StandardInput,
}

/// An opened file, held by this process alone.
pub(super) struct Held {
    file: File,
    pub(super) bytes: u64,
    /// SHA-256 of the content, in base64.
    pub(super) digest: String,
}

impl Source {
    /// The source that an argument names; `-` is standard input.
    pub(super) fn new(argument: &Path) -> Self {
        if argument == Path::new("-") { Self::StandardInput } else { Self::File(argument.to_owned()) }
    }

    /// The name in messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::StandardInput => "standard input".to_owned(),
        }
    }

    /// The file beside the source that has another suffix. For standard input it stands in the current directory.
    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        match self {
            Self::File(path) => private_file::with_suffix(path, suffix),
            Self::StandardInput => PathBuf::from(format!("import{suffix}")),
        }
    }
}

impl Held {
    /// Opens a file, locks it against another import, and reads it once for its digest.
    ///
    /// # Errors
    /// If it cannot be read, or another process imports it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let wrong = |error| Error::named_file(path, error);
        let mut file = File::open(path).map_err(wrong)?;
        if !file.metadata().map_err(wrong)?.is_file() {
            return Err(Error::usage(
                format!("{} is not a regular file.", path.display()),
                "Name a file, or `-` for standard input.",
            ));
        }
        // A file system without locks is no reason not to import from it.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(Error::failure(
                format!("Another process imports {}.", path.display()),
                "Let it end, or stop it, and run the command again.",
            ));
        }
        let mut digest = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut bytes = 0;
        loop {
            match file.read(&mut buffer).map_err(wrong)? {
                0 => break,
                read => {
                    digest.update(&buffer[..read]);
                    bytes += read as u64;
                }
            }
        }
        file.rewind().map_err(wrong)?;
        Ok(Self { file, bytes, digest: BASE64_STANDARD.encode(digest.finalize()) })
    }

    /// The text of the file. `bar` counts the bytes that were read.
    ///
    /// # Errors
    /// If it cannot be read, or is not UTF-8.
    pub(super) fn text(self, bar: &ProgressBar) -> Result<Box<dyn BufRead>, TextError> {
        text(bar.wrap_read(self.file))
    }
}

/// The reason why a source is no text.
pub(super) enum TextError {
    Io(io::Error),
    /// The name of the encoding that it has in place of UTF-8.
    Encoding(&'static str),
}

/// The text of a stream: unpacked if it is gzip, and without a byte order mark.
pub(super) fn text(stream: impl Read + 'static) -> Result<Box<dyn BufRead>, TextError> {
    let mut packed = BufReader::with_capacity(BUFFER_BYTES, stream);
    let is_gzip = packed.fill_buf().map_err(TextError::Io)?.starts_with(&GZIP);
    let mut text: Box<dyn BufRead> = if is_gzip {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(packed)))
    } else {
        Box::new(packed)
    };
    let start = text.fill_buf().map_err(TextError::Io)?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(TextError::Encoding("UTF-16"));
    }
    if start.starts_with(&BYTE_ORDER_MARK) {
        text.consume(BYTE_ORDER_MARK.len());
    }
    Ok(text)
}
