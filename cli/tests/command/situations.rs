//! Situations of a caller, each with its exit code and the first line of the answer. `docs/exit-codes.txt` has the codes;
//! `tools/operator/tests/situations.rs` has the same for the other two programs.

use std::{fs::OpenOptions, process::Stdio};

use serde_json::json;

use crate::{
    api::{Api, BEARER},
    auditlog::{Auditlog, Ended},
    events,
    ledger::Log,
};

/// How a command is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// With all credentials, against an API with a log of 30 events.
    Online,
    /// Without a config file or a variable.
    Alone,
    /// Against an address where no program listens.
    Down,
    /// With a token that the API does not know.
    Revoked,
    /// Standard output is a full disk.
    FullDisk,
    /// The reader of standard output has closed it.
    ClosedPipe,
}

use Where::{Alone, ClosedPipe, Down, FullDisk, Online, Revoked};

/// A situation: its name, where it is, the command, the exit code, and the beginning of the first line of the error, or
/// of the output if the code is 0.
type Row = (&'static str, Where, &'static [&'static str], i32, &'static str);

const MISTAKE: &str = "error: ";

const ROWS: &[Row] = &[
    ("no command", Alone, &[], 2, "Reads, exports"),
    ("an unknown command", Alone, &["qury"], 2, "error: unrecognized subcommand 'qury'"),
    ("an unknown option", Alone, &["query", "--ouput", "json"], 2, "error: unexpected argument '--ouput'"),
    ("an unknown format", Alone, &["export", "x", "--format", "xml"], 2, "error: invalid value 'xml'"),
    ("a number that is none", Alone, &["query", "--limit", "many"], 2, "error: invalid value 'many'"),
    ("no file to export to", Alone, &["export"], 2, "error: the following required"),
    ("help", Alone, &["--help"], 0, "Reads, exports"),
    ("help of a command", Alone, &["query", "--help"], 0, "Show events"),
    ("version", Alone, &["--version"], 0, "auditlog "),
    ("the manual", Alone, &["man"], 0, ".ie"),
    ("completions", Alone, &["completions", "bash"], 0, "_auditlog()"),
    ("completions for an unknown shell", Alone, &["completions", "sh"], 2, "error: invalid value 'sh'"),
    ("no credentials", Alone, &["query"], 2, "error: The endpoint is missing."),
    ("an unknown profile", Alone, &["query", "--profile=prod"], 2, "error: There is no profile \"prod\""),
    (
        "no credentials file",
        Alone,
        &["query", "--credentials=none.json"],
        2,
        "error: none.json: No such file",
    ),
    (
        "an endpoint that is no URL",
        Online,
        &["query", "--endpoint=acme"],
        2,
        "error: The endpoint is not a URL.",
    ),
    (
        "http to another machine",
        Online,
        &["query", "--endpoint=http://192.0.2.1"],
        2,
        "error: The endpoint is http://",
    ),
    ("a token that is cut", Online, &["query", "--token=alw_AbC"], 2, "error: This is no workspace token"),
    ("a workspace in capitals", Online, &["query", "--workspace=ACME"], 2, "error: The workspace has a name"),
    ("a time that is none", Online, &["query", "--since=soon"], 2, "error: --start is not a time."),
    ("a range that ends first", Online, &["query", "--since=now", "--until=-1d"], 2, "error: The range ends"),
    (
        "a filter that the API refuses",
        Online,
        &["query", "--action=Wrong"],
        2,
        "error: The query is not valid.",
    ),
    (
        "follow in one JSON text",
        Online,
        &["tail", "--follow", "-o", "json"],
        2,
        "error: One JSON text has an end",
    ),
    (
        "an unknown workspace",
        Online,
        &["query", "--workspace=nowhere"],
        1,
        "error: There is no such workspace.",
    ),
    ("events", Online, &["query", "-o", "ndjson", "--all"], 0, "{"),
    ("a revoked token", Revoked, &["query"], 1, "error: The API refused the request: 403"),
    ("a revoked token at an export", Revoked, &["export", "x"], 1, "error: The API refused the request: 403"),
    (
        "an API that is down",
        Down,
        &["query", "--retries=0"],
        1,
        "error: http://127.0.0.1:9 cannot be reached",
    ),
    (
        "an export from an API that is down",
        Down,
        &["export", "x", "--retries=0"],
        1,
        "error: http://127.0.0.1:9",
    ),
    ("a login to an API that is down", Down, &["login", "--retries=0"], 1, "error: http://127.0.0.1:9"),
    ("an export over another file", Online, &["export", "notes.txt"], 2, "error: notes.txt exists"),
    ("an export into no directory", Online, &["export", "none/x"], 2, "error: none/x: No such file"),
    ("an export into a directory", Online, &["export", "directory"], 2, "error: directory: Is a directory"),
    ("an import of no file", Online, &["import", "--from=ndjson", "none"], 2, "error: none: No such file"),
    (
        "an import of other text",
        Online,
        &["import", "--from=ndjson", "notes.txt"],
        2,
        "error: notes.txt: it is not one JSON",
    ),
    (
        "an import from an unknown origin",
        Online,
        &["import", "--from=x", "notes.txt"],
        2,
        "error: invalid value 'x'",
    ),
    ("a proof of no sequence", Online, &["proof", "last"], 2, "error: invalid value 'last'"),
    (
        "a proof beyond the log",
        Online,
        &["proof", "4000"],
        1,
        "error: There is no event with the sequence 4000",
    ),
    ("a proof", Online, &["proof", "3"], 0, "{"),
    (
        "a token with an unknown scope",
        Online,
        &["tokens", "create", "--name=a", "--scope=all"],
        2,
        "error: invalid value",
    ),
    ("a token that is no token", Online, &["tokens", "revoke", "AbC"], 2, MISTAKE),
    (
        "a retention of no number",
        Online,
        &["settings", "set", "--retention-days=year"],
        2,
        "error: --retention-days is no number.",
    ),
    ("a stream that is none", Online, &["streams", "show", "SIEM"], 2, "error: invalid value 'SIEM'"),
    ("a proved event", Online, &["verify", "event", "event.json"], 0, "verified"),
    ("a changed event", Online, &["verify", "event", "changed.json"], 1, "error: Not proved"),
    (
        "an event that is not there",
        Online,
        &["verify", "event", "none.json"],
        2,
        "error: none.json: No such file",
    ),
    (
        "an event that is other text",
        Online,
        &["verify", "event", "notes.txt"],
        4,
        "error: Could not be checked",
    ),
    ("a key that is none", Online, &["verify", "event", "event.json", "--key=junk"], 2, MISTAKE),
    ("a proved export", Online, &["verify", "export", "whole.ndjson"], 0, "verified"),
    ("a changed export", Online, &["verify", "export", "changed.ndjson"], 1, "error: Not proved"),
    ("an empty export", Online, &["verify", "export", "empty"], 4, "error: Could not be checked"),
    ("an export that is not there", Online, &["verify", "export", "none"], 2, "error: none: No such file"),
    (
        "an export with the API down",
        Down,
        &["verify", "export", "whole.ndjson", "--retries=0"],
        4,
        "error: http://127.0.0.1:9",
    ),
    (
        "an export with a revoked token",
        Revoked,
        &["verify", "export", "whole.ndjson"],
        4,
        "error: The API refused",
    ),
    (
        "a state that remembers no log",
        Online,
        &["verify", "export", "whole.ndjson", "--state=directory"],
        2,
        "error: directory remembers no log.",
    ),
    ("a first look at the log", Online, &["verify", "follow", "--once", "--state=new"], 0, "2"),
    (
        "a look with the API down",
        Down,
        &["verify", "follow", "--once", "--state=new", "--retries=0"],
        4,
        "error: http://127.0.0.1:9",
    ),
    ("a log that was rewritten", Online, &["verify", "follow", "--once", "--state=other"], 3, "error: "),
    ("events on a full disk", FullDisk, &["query"], 1, "error: The output cannot be written"),
    ("help on a full disk", FullDisk, &["--help"], 1, "error: The output cannot be written"),
    (
        "a proof on a full disk",
        FullDisk,
        &["verify", "export", "whole.ndjson"],
        4,
        "error: The output cannot be written",
    ),
    (
        "a refutation on a full disk",
        FullDisk,
        &["verify", "export", "changed.ndjson", "--output=json"],
        1,
        "error: Not proved",
    ),
    ("events into a closed pipe", ClosedPipe, &["query", "--all"], 0, ""),
    ("help into a closed pipe", ClosedPipe, &["--help"], 0, ""),
    ("a proof into a closed pipe", ClosedPipe, &["verify", "export", "whole.ndjson"], 0, ""),
    (
        "a refutation into a closed pipe",
        ClosedPipe,
        &["verify", "export", "changed.ndjson", "--output=json"],
        1,
        "error: Not proved",
    ),
    (
        "an open question into a closed pipe",
        ClosedPipe,
        &["verify", "export", "empty", "--output=json"],
        4,
        "error: Could not be checked",
    ),
    (
        "a rewritten log into a closed pipe",
        ClosedPipe,
        &["verify", "follow", "--once", "--state=other", "--output=json"],
        3,
        "error: ",
    ),
];

#[test]
fn each_situation_has_its_exit_code_and_its_message() {
    let api = Api::serve(Log::with(30));
    let mut wrong = Vec::new();
    for (name, place, command, code, first) in ROWS {
        let ended = run(&prepared(&api, *place), *place, command);
        let line = first_line(&ended);
        println!("{name}: exit {:?}: {}", ended.code, line.chars().take(100).collect::<String>());
        let has_next = ["\nnext: ", "--help", "Usage: "].iter().any(|next| ended.stderr.contains(next));
        let is_right = ended.code == Some(*code)
            && line.starts_with(first)
            && !ended.stderr.contains("panicked")
            && (*code == 0 || has_next);
        if !is_right {
            wrong.push((name, code, first, ended));
        }
    }
    println!("{} situations", ROWS.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The first line of the error, or else of the output.
fn first_line(ended: &Ended) -> &str {
    let mut lines = ended.stderr.lines().chain(ended.stdout.lines());
    lines.find(|line| !line.starts_with("warning")).unwrap_or_default()
}

#[test]
fn every_mistake_in_a_command_line_can_be_had_as_json() {
    for arguments in [&["qury"][..], &["query", "--ouput"], &["query", "--limit=x"], &["query"]] {
        let ended = Auditlog::new().run(&[arguments, &["--error-format=json"]].concat());
        let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
        assert_eq!((ended.code, &error["exit_code"]), (Some(2), &json!(2)), "{ended:?}");
        assert!(error["error"].is_string() && error["next"].is_string(), "{ended:?}");
    }
}

/// The command in a home with the files that the rows name.
fn prepared(api: &Api, place: Where) -> Auditlog {
    let auditlog = match place {
        Alone => Auditlog::new(),
        Online | FullDisk | ClosedPipe => Auditlog::for_api(api),
        Revoked => Auditlog::for_api(api).with("AUDITLOG_TOKEN", &BEARER.replace('s', "r")),
        Down => Auditlog::for_api(api).with("AUDITLOG_ENDPOINT", "http://127.0.0.1:9"),
    };
    let write = |name: &str, text: &str| std::fs::write(auditlog.path(name), text).unwrap();
    let (whole, entry) = api.log(|log| (log.events.clone(), log.entry(3).unwrap()));
    let mut changed = whole.clone();
    changed[7]["outcome"] = json!("failure");
    changed[7]["action"] = json!("group_deleted");
    let mut changed_entry = entry.clone();
    changed_entry["event"] = changed[7].clone();
    write("notes.txt", "notes\n");
    write("empty", "");
    write("whole.ndjson", &events::lines(&whole));
    write("changed.ndjson", &events::lines(&changed));
    write("event.json", &entry.to_string());
    write("changed.json", &changed_entry.to_string());
    std::fs::create_dir(auditlog.path("directory")).unwrap();
    auditlog
}

fn run(auditlog: &Auditlog, place: Where, command: &[&str]) -> Ended {
    if command.contains(&"--state=other") {
        remember_another_log(auditlog);
    }
    let mut command = auditlog.command(command);
    match place {
        FullDisk => {
            command.stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
        }
        ClosedPipe => {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            command.stdout(writer);
        }
        Online | Alone | Down | Revoked => {}
    }
    let output = command.stderr(Stdio::piped()).output().unwrap();
    Ended::from(output)
}

/// Fills `other` with a log of the same key and another event.
fn remember_another_log(auditlog: &Auditlog) {
    let mut log = Log::with(30);
    log.rewrite(3);
    let api = Api::serve(log);
    let url = api.url();
    auditlog.succeed(&[
        "verify",
        "follow",
        "--once",
        "--state=other",
        "--endpoint",
        &url,
        "--key",
        &api.log(|log| log.key()),
    ]);
}
