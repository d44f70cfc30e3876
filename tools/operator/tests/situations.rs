//! Situations of an operator, each with its exit code and the first line of the answer. `docs/exit-codes.txt` has the
//! codes; `cli/tests/command/situations.rs` has the same for `auditlog`.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

use std::{
    fs::{self, OpenOptions},
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tests::tamper::Prepared;

/// Where a command is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Against the tables of a workspace with a log.
    Tables,
    /// Against an address where no program listens.
    Down,
    /// Without a variable.
    Alone,
    /// Standard output is a full disk.
    FullDisk,
    /// The reader of standard output has closed it.
    ClosedPipe,
    /// Standard error is a full disk too.
    NoDisk,
}

use Where::{Alone, ClosedPipe, Down, FullDisk, NoDisk, Tables};

const OPERATOR: &str = env!("CARGO_BIN_EXE_auditlog-operator");
const FSCK: &str = env!("CARGO_BIN_EXE_auditlog-fsck");

/// A situation: its name, where it is, the program, its arguments, the exit code, and the beginning of the first line of
/// the error, or of the output if the code is 0.
type Row = (&'static str, Where, &'static str, &'static [&'static str], i32, &'static str);

const ROWS: &[Row] = &[
    ("no command", Alone, OPERATOR, &[], 2, "Operates"),
    ("an unknown command", Alone, OPERATOR, &["shard"], 2, "error: unrecognized subcommand 'shard'"),
    ("help", Alone, OPERATOR, &["--help"], 0, "Operates"),
    ("version", Alone, OPERATOR, &["--version"], 0, "auditlog-operator "),
    ("the manual", Alone, OPERATOR, &["man"], 0, ".ie"),
    ("completions", Alone, OPERATOR, &["completions", "zsh"], 0, "#compdef auditlog-operator"),
    ("no workspace", Alone, OPERATOR, &["shards"], 2, "error: the following required"),
    ("no variables", Alone, OPERATOR, &["shards", "acme"], 2, "error: "),
    ("the tables are down", Down, OPERATOR, &["shards", "acme"], 1, "error: "),
    ("shards", Tables, OPERATOR, &["shards", "acme"], 0, "acme: 1 shard at first"),
    ("a workspace in capitals", Tables, OPERATOR, &["shards", "ACME"], 2, "error: the workspace "),
    ("an unknown profile", Alone, OPERATOR, &["shards", "acme", "--profile", "unknown"], 2, "error: "),
    ("no token command", Tables, OPERATOR, &["token"], 2, "Create a workspace token"),
    (
        "a token without a name",
        Tables,
        OPERATOR,
        &["token", "create", "acme"],
        2,
        "error: the following required",
    ),
    (
        "a token with an unknown scope",
        Tables,
        OPERATOR,
        &["token", "create", "acme", "--name=x", "--scopes=admin"],
        2,
        "error: --scopes must be one of",
    ),
    (
        "a token that has expired",
        Tables,
        OPERATOR,
        &["token", "create", "acme", "--name=x", "--expires-at=2020-01-01T00:00:00Z"],
        2,
        "error: --expires-at must be in the future",
    ),
    (
        "a token of a workspace in capitals",
        Tables,
        OPERATOR,
        &["token", "create", "ACME", "--name=x"],
        2,
        "error: the workspace ",
    ),
    (
        "a token while the tables are down",
        Down,
        OPERATOR,
        &["token", "create", "acme", "--name=x"],
        1,
        "error: ",
    ),
    (
        "a count without a day",
        Tables,
        OPERATOR,
        &["shards", "acme", "--set=2"],
        2,
        "error: the following required",
    ),
    ("too many shards", Tables, OPERATOR, &["shards", "acme", "--set=99", "--from=2999-01-01"], 2, "error: "),
    (
        "a day that is none",
        Tables,
        OPERATOR,
        &["shards", "acme", "--set=2", "--from=soon"],
        2,
        "error: --from must be a day",
    ),
    (
        "a day that has passed",
        Tables,
        OPERATOR,
        &["shards", "acme", "--set=2", "--from=2020-01-01"],
        2,
        "error: ",
    ),
    (
        "shards on a full disk",
        FullDisk,
        OPERATOR,
        &["shards", "acme"],
        1,
        "error: the output cannot be written",
    ),
    ("help on a full disk", FullDisk, OPERATOR, &["--help"], 1, "error: the output cannot be written"),
    ("shards into a closed pipe", ClosedPipe, OPERATOR, &["shards", "acme"], 0, ""),
    ("an error on a full disk", NoDisk, OPERATOR, &["shards", "ACME"], 2, ""),
    ("no workspace", Alone, FSCK, &[], 2, "error: the following required"),
    ("help", Alone, FSCK, &["--help"], 0, "Computes"),
    ("the manual", Alone, FSCK, &["--man"], 0, ".ie"),
    ("completions", Alone, FSCK, &["--completions", "fish"], 0, "complete -c auditlog-fsck"),
    ("an unknown option", Alone, FSCK, &["acme", "--jsn"], 2, "error: unexpected argument '--jsn'"),
    ("no variables", Alone, FSCK, &["acme"], 2, "error: "),
    ("the tables are down", Down, FSCK, &["acme"], 4, "error: "),
    ("a sound log", Tables, FSCK, &["acme"], 0, "acme: 21 entries"),
    ("every log", Tables, FSCK, &["--all", "--json"], 0, "{"),
    ("a workspace without a log", Tables, FSCK, &["globex"], 4, "globex: 0 entries"),
    ("one of two without a log", Tables, FSCK, &["acme", "globex"], 4, "acme: 21 entries"),
    ("a workspace in capitals", Tables, FSCK, &["ACME"], 2, "error: the workspace \"ACME\""),
    ("a checkpoint that is not there", Tables, FSCK, &["acme", "--checkpoint=none"], 2, "error: none: "),
    ("a key that is none", Tables, FSCK, &["acme", "--key=junk"], 2, "error: --key is neither"),
    ("a sound log on a full disk", FullDisk, FSCK, &["acme"], 4, "error: the output cannot be written"),
    ("a sound log into a closed pipe", ClosedPipe, FSCK, &["acme"], 0, ""),
    ("an unknown log into a closed pipe", ClosedPipe, FSCK, &["globex"], 4, ""),
    ("an error on a full disk", NoDisk, FSCK, &["ACME"], 2, ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_situation_has_its_exit_code_and_its_message() {
    let log = Prepared::with(20).await;
    let copy = log.copy().await;
    let mut wrong = Vec::new();
    for (name, place, program, arguments, code, first) in ROWS {
        let Output { status, stdout, stderr } = run(*place, program, arguments, copy.app.dynamodb_endpoint());
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let text = if stderr.is_empty() { &stdout } else { &stderr };
        let line = text.lines().next().unwrap_or_default();
        let program = program.rsplit('/').next().unwrap_or_default();
        println!("{program}: {name}: exit {:?}: {line}", status.code());
        if status.code() != Some(*code) || !line.starts_with(first) || stderr.contains("panicked") {
            wrong.push(format!("{program}: {name}: {:?} {stderr}{stdout}", status.code()));
        }
    }
    println!("{} situations", ROWS.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Forgeries of a checkpoint that are signed by the log's key: two have one more signature, and one is an earlier checkpoint.
/// Only the tables can tell of these.
const SIGNED: [&str; 3] =
    ["a checkpoint of an earlier size", "a signature of an unknown name", "a signature twice"];

#[test]
fn no_forged_checkpoint_of_the_corpus_gets_as_far_as_the_tables() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/forgeries");
    let rows: Vec<Value> = serde_json::from_slice(&fs::read(corpus.join("expected.json")).unwrap()).unwrap();
    let checkpoints: Vec<_> = rows
        .iter()
        .filter(|row| {
            row["kind"] == "checkpoint" && corpus.join(row["file"].as_str().unwrap()).extension().is_none()
        })
        .collect();
    assert!(checkpoints.len() >= 15, "{} checkpoints", checkpoints.len());
    for row in checkpoints {
        let file = corpus.join(row["file"].as_str().unwrap());
        let key = corpus.join("log.vkey");
        let arguments = ["acme", "--checkpoint", file.to_str().unwrap(), "--key", key.to_str().unwrap()];
        let Output { status, stderr, .. } = run(Down, FSCK, &arguments, "");
        let stderr = String::from_utf8_lossy(&stderr);
        let operator = row["operator"].as_str().unwrap();
        println!("{operator}: exit {:?}: {}", status.code(), stderr.lines().next().unwrap_or_default());
        let expected = if SIGNED.contains(&operator) { 4 } else { 2 };
        assert_eq!(status.code(), Some(expected), "{row}: {stderr}");
    }
}

fn run(place: Where, program: &str, arguments: &[&str], endpoint: &str) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    match place {
        Alone => {}
        Down => {
            command.env("DYNAMODB_ENDPOINT", "http://127.0.0.1:9");
        }
        Tables | FullDisk | ClosedPipe | NoDisk => {
            command.env("DYNAMODB_ENDPOINT", endpoint);
        }
    }
    match place {
        FullDisk => {
            command.stdout(full_disk());
        }
        NoDisk => {
            command.stdout(full_disk()).stderr(full_disk());
        }
        ClosedPipe => {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            command.stdout(writer);
        }
        Tables | Down | Alone => {}
    }
    command.output().unwrap()
}

fn full_disk() -> std::fs::File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}
