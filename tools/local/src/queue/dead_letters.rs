//! Dead letters, kept for a person to look into.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::message::Message;
use crate::Error;

/// The dead letters: a file with one JSON object in each line; without a file, only their number.
#[derive(Default)]
pub(super) struct DeadLetters {
    file: Option<PathBuf>,
    count: usize,
}

impl DeadLetters {
    /// Reads the dead letters of earlier starts.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, Error> {
        let Some(file) = file else { return Ok(Self::default()) };
        let count = match fs::read_to_string(file) {
            Ok(text) => text.lines().count(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(Error::file(file, error)),
        };
        if count > 0 {
            tracing::warn!(count, file = %file.display(), "there are dead letters");
        }
        Ok(Self { file: Some(file.to_owned()), count })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Stores a message, and logs it once without its body.
    pub(super) fn add(&mut self, message: &Message, reason: &str) {
        self.count += 1;
        tracing::error!(message_id = message.id, reason, "a message of the bus is a dead letter");
        let Some(file) = &self.file else { return };
        let line = json!({
            "at": jiff::Timestamp::now().to_string(),
            "message_id": message.id,
            "receive_count": message.receive_count,
            "reason": reason,
            "body": message.body,
        });
        if let Err(error) = append(file, &line.to_string()) {
            tracing::error!(%error, file = %file.display(), "a dead letter could not be written");
        }
    }
}

fn append(file: &Path, line: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(file)?, "{line}")
}
