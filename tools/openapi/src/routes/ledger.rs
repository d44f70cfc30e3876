//! The routes of a workspace's log, by which it is verified without trust in the server.

use ledger::TEXT;
use serde_json::{Value, json};
use shared::{
    model::{error::Error, scope::Scope},
    text::problem::FieldError,
};

use super::{LEDGER, invalid, operation, token_answers, token_security};
use crate::{answers::Answers, examples::Log, parameters};

pub(super) fn checkpoint() -> Value {
    let answers = answers().content(
        200,
        "The checkpoint, signed",
        TEXT,
        text("A checkpoint of C2SP tlog-checkpoint, as a signed note."),
        json!(Log::new().checkpoint),
    );
    read(
        "getCheckpoint",
        "Get the signed checkpoint of the log",
        "Its size and its root, as they are now. Keep it: every later one must be shown to continue it.",
        answers.problems(vec![invalid_parameter(), inconsistent()]),
        &[],
    )
}

pub(super) fn key() -> Value {
    let answers = answers().content(
        200,
        "The key",
        TEXT,
        text("`<name>+<key id>+<key>`, as C2SP signed-note has it, and a line end."),
        json!(format!("{}\n", Log::new().key)),
    );
    read(
        "getLedgerKey",
        "Get the key that verifies checkpoints",
        "A verifier should know it from elsewhere, or compare it with what it was before.",
        answers.problems(vec![invalid_parameter()]),
        &[],
    )
}

pub(super) fn tile() -> Value {
    let answers = answers()
        .bytes(
            200,
            "Hashes of 32 bytes; or entries, each after its length in two bytes",
            "application/octet-stream",
        )
        .header(200, "Cache-Control", "A tile never changes, so its reader may cache it.")
        .problems(vec![
            invalid_parameter(),
            Error::UnknownTile,
            Error::Expired,
            Error::TooLarge("the 256 entries of this bundle have more than 4000000 bytes".to_owned()),
            inconsistent(),
        ]);
    read(
        "getTile",
        "Get a tile of the log",
        "As C2SP tlog-tiles has them. Entries are leaves, as text; reading those is recorded. A bundle of entries \
         is gone as a whole once one of its events has expired: then get the others one by one.",
        answers,
        &[],
    )
}

pub(super) fn entry() -> Value {
    let answers = answers().json(200, "The event, its leaf and the proof", "LogEntry", Log::new().entry());
    read(
        "getEntry",
        "Get an event with the proof that it is in the log",
        "The proof is to the checkpoint of this moment, which it carries.",
        answers.problems(vec![invalid_parameter(), Error::UnknownSequence, Error::Expired, inconsistent()]),
        &[],
    )
}

pub(super) fn inclusion() -> Value {
    let answers = answers().json(200, "The proof", "InclusionProof", Log::new().inclusion());
    read(
        "proveInclusion",
        "Prove that an entry is in the log",
        "To a checkpoint of any size that the log has had, by default the current one.",
        answers.problems(vec![invalid("sequence"), inconsistent()]),
        &parameters::inclusion(),
    )
}

pub(super) fn consistency() -> Value {
    let answers = answers().json(200, "The proof", "ConsistencyProof", Log::new().consistency());
    read(
        "proveConsistency",
        "Prove that the log continues what it was",
        "That a later checkpoint has all entries of an earlier one, in the same places.",
        answers.problems(vec![invalid("from"), inconsistent()]),
        &parameters::consistency(),
    )
}

fn read(id: &str, summary: &str, description: &str, answers: Answers, parameters: &[Value]) -> Value {
    let mut operation = operation(id, LEDGER, summary, description, answers);
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    operation["security"] = token_security(Scope::Read);
    operation
}

fn answers() -> Answers {
    token_answers(Scope::Read)
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

/// The stored events differ from the sealed ones.
pub(super) fn inconsistent() -> Error {
    Error::Inconsistent("never shown".into())
}

fn invalid_parameter() -> Error {
    Error::InvalidQuery(vec![FieldError::new(
        "size",
        "unknown_parameter",
        "is not a parameter of this route",
    )])
}
