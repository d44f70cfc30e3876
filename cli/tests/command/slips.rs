//! Typical slips. Each answer names the slip, and the way on. No slip is tried: exit code 2, unless the answer comes from
//! the API.

use tests::TestApp;

use crate::{
    api::Api,
    auditlog::{Auditlog, Ended},
    ledger::Log,
};

/// A command with a slip, its exit code, words that name the slip, and words of the way on.
type Row = (&'static [&'static str], i32, &'static str, &'static str);

const ROWS: &[Row] = &[
    (&["lgoin"], 2, "unrecognized subcommand 'lgoin'", "login"),
    (&["login", "--profil=x"], 2, "'--profil'", "--profile"),
    (&["login", "--token=alw_short"], 2, "no workspace token", "Copy it as it was shown"),
    (&["logout", "--profile=prod"], 2, "profile \"prod\"", "--all"),
    (&["whoami", "--profile=prod"], 2, "no profile \"prod\"", "auditlog login --profile"),
    (&["whoami", "--endpoint=audit.example.com"], 2, "not a URL", "https://audit.example.com"),
    (&["query", "--actions=group_created"], 2, "'--actions'", "--action"),
    (&["query", "--since=yesterdy"], 2, "--start is not a time", "7 days ago"),
    (&["query", "--since=2025-13-01"], 2, "--start is not a time", "2025-02-18"),
    (&["query", "--until=-7d", "--since=-1d"], 2, "before it begins", "Exchange --start and --end"),
    (&["query", "--outcome=failed"], 2, "'failed'", "failure"),
    (&["query", "--output=jsonl"], 2, "'jsonl'", "ndjson"),
    (&["query", "--columns=seq"], 2, "'seq'", "sequence"),
    (&["query", "--columns=id", "--output=json"], 2, "--columns", "Leave one of them out"),
    (&["query", "--limit=0"], 2, "0 is not in 1..", "--help"),
    (&["query", "--workspace=Acme Inc"], 2, "a name that none can have", "lower-case letters"),
    (&["query", "--order=newest"], 2, "'newest'", "desc"),
    (&["show"], 2, "SEQUENCE|ID", "--help"),
    (&["show", "4000"], 1, "sequence 4000", "auditlog query"),
    (&["show", "e-00001x"], 1, "id \"e-00001x\"", "--at"),
    (&["record"], 2, "--action", "--help"),
    (&["record", "--action=group_created"], 2, "--actor", "--help"),
    (&["record", "--action=x_a", "--actor=u", "--context=a"], 2, "'a'", "KEY=TEXT"),
    (&["record", "--action=x_a", "--actor=u", "--outcome=ok"], 2, "'ok'", "success"),
    (&["record", "none.json"], 2, "none.json: No such file", "Check the path"),
    (&["record", "notes.txt"], 2, "not JSON", "{\"events\": […]}"),
    (&["redact"], 2, "--actor <USER_ID>|--sequence", "--help"),
    (&["redact", "--actor=u", "--parts=name"], 2, "'name'", "actor"),
    (&["redact", "--sequence=0-500"], 2, "more than 99 events", "run the command for each 99"),
    (&["redact", "--sequence=9-2"], 2, "9-2 ends before it begins", "--help"),
    (&["export"], 2, "<FILE>", "--help"),
    (&["export", "notes.txt"], 2, "notes.txt exists", "--overwrite"),
    (&["export", "x", "--format=excel"], 2, "'excel'", "csv"),
    (&["import", "notes.txt"], 2, "--from", "--help"),
    (&["import", "--from=ndjson", "none"], 2, "none: No such file", "Check the path"),
    (&["import", "--from=workos", "a", "b", "--refused=r"], 2, "refused rows of one file", "FILE.refused"),
    (&["tail", "--after=last"], 2, "'last'", "--help"),
    (&["tail", "--follow", "--output=json"], 2, "--follow has none", "--output ndjson"),
    (&["proof", "e-00001"], 2, "'e-00001'", "--help"),
    (&["verify", "exprot"], 2, "'exprot'", "export"),
    (&["verify", "export", "unfinished.ndjson"], 2, "not complete", "auditlog export"),
    (&["verify", "export", "notes.txt", "--receipts=r"], 2, "--complete", "--help"),
    (&["verify", "event", "notes.txt", "--key=none.vkey"], 2, "--key is neither", "a file that holds it"),
    (&["verify", "follow"], 2, "--state <DIR>", "--help"),
    (&["tokens", "create"], 2, "--name <NAME>", "--help"),
    (&["tokens", "create", "--name=a", "--expires=never"], 2, "--expires is not a time", "2025-02-18"),
    (&["tokens", "revoke", "my siem"], 2, "not the public part", "auditlog tokens list"),
    (&["settings", "set"], 2, "--retention-days <DAYS>|--hold <REASON>|--release", "--help"),
    (&["settings", "set", "--retention-days=1y"], 2, "--retention-days is no number", "365, or unlimited"),
    (&["settings", "set", "--hold=a", "--release"], 2, "--release", "--help"),
    (&["streams", "pause", "SIEM"], 2, "'SIEM'", "str_9fK2ZsW7xLdQ"),
    (&["streams", "create", "--name=a"], 2, "--webhook", "--help"),
    (&["completions", "sh"], 2, "'sh'", "bash"),
    (&["man", "--dirs=x"], 2, "'--dirs'", "--dir"),
];

/// Slips that only the API can name.
const ONLINE: &[Row] = &[
    (&["query", "--action=grop_created"], 0, "--action", "group_created"),
    (&["query", "--action=group_creatd,org_user_invited"], 0, "--action value 1", "group_created"),
    (&["query", "--action!=grop_created"], 0, "--not-action", "group_created"),
    (&["query", "--category=user_group"], 2, "category", "user_groups"),
    (&["query", "--ip=300.1.1.1"], 2, "ip: ", "next: "),
    (&["tail", "--action=grop_created"], 0, "--action", "group_created"),
    (&["record", "--action=grop_created", "--actor=u"], 2, "/action", "group_created"),
    (&["record", "--action=audit_log_accessed", "--actor=u"], 2, "/action", "next: "),
    (&["redact", "--actor=u", "--yes"], 1, "Only admins", "Ask an admin"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_slip_that_the_api_finds_is_named_with_the_way_on() {
    let app = TestApp::start().await;
    let auditlog = Auditlog::new()
        .with("AUDITLOG_ENDPOINT", app.endpoint())
        .with("AUDITLOG_WORKSPACE", "acme")
        .with("AUDITLOG_TOKEN", app.holder_of_both("acme").await.bearer())
        .with("AUDITLOG_ADMIN_JWT", app.member("acme").bearer());
    check(&auditlog, ONLINE);
}

#[test]
fn every_slip_is_named_with_the_way_on() {
    let api = Api::serve(Log::with(30));
    let auditlog = Auditlog::for_api(&api);
    std::fs::write(auditlog.path("notes.txt"), "notes\n").unwrap();
    std::fs::write(auditlog.path("unfinished.ndjson"), "").unwrap();
    std::fs::write(auditlog.path("unfinished.ndjson.state"), "{}").unwrap();
    check(&auditlog, ROWS);
}

fn check(auditlog: &Auditlog, rows: &[Row]) {
    let mut wrong = Vec::new();
    for (command, code, slip, way) in rows {
        let Ended { code: ended, stderr, .. } = auditlog.run(command);
        println!("{}: exit {ended:?}: {}", command.join(" "), stderr.lines().next().unwrap_or_default());
        let warnings = stderr.matches("Warning:").count();
        if warnings > 1 || ended != Some(*code) || !stderr.contains(slip) || !stderr.contains(way) {
            wrong.push(format!("{command:?}: {ended:?}, for {slip:?} and {way:?}: {stderr}"));
        }
    }
    println!("{} slips", rows.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
