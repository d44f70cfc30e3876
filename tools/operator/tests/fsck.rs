//! Runs `auditlog-fsck` as a process, against the tables of a system.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use shared::{
    model::{
        id::WorkspaceId,
        service_event::{self, Origin},
    },
    system,
};
use tests::tamper::{Copy, Drill, Prepared};

fn fsck(copy: &Copy, arguments: &[&str]) -> Output {
    command(copy.app.dynamodb_endpoint(), arguments)
}

fn command(endpoint: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditlog-fsck"));
    command.args(arguments).env_clear().env("DYNAMODB_ENDPOINT", endpoint).output().unwrap()
}

fn write(directory: &Path, name: &str, content: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[track_caller]
fn told(output: &Output, code: i32, parts: &[&str]) {
    let all = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    assert_eq!(output.status.code(), Some(code), "{all}");
    parts.iter().for_each(|part| assert!(all.contains(part), "{part:?} in {all}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_code_says_whether_the_log_is_sound() {
    let log = Prepared::with(200).await;
    let kept = tempfile::tempdir().unwrap();
    let half = write(kept.path(), "half", &log.checkpoints[0]);
    let end = write(kept.path(), "end", &log.checkpoints[1]);
    let key = write(kept.path(), "key", &format!("{}\n", log.key));

    let copy = log.copy().await;
    let with_all = ["acme", "--checkpoint", &half, "--checkpoint", &end, "--key", &key];
    told(&fsck(&copy, &with_all), 0, &["acme: 201 entries, the first 201 signed, root ", "acme: sound\n"]);
    told(&fsck(&copy, &["acme", "--key", &log.key]), 0, &["acme: sound\n"]);
    told(&fsck(&copy, &["acme"]), 0, &["note: no signature was verified: give --key", "acme: sound\n"]);
    let all = fsck(&copy, &["--all", "--json"]);
    let report: Value = serde_json::from_slice(&all.stdout).unwrap();
    assert_eq!(
        (&report["workspace"], &report["sound"], &report["size"]),
        (&"acme".into(), &true.into(), &201.into())
    );

    let first = copy.tamper(Drill::DeletedEvent, &log).await;
    // The sealer decides which event gets this sequence.
    let is_gone = format!("acme: found: sequence {first}: the event e-");
    let first_at = format!("acme: NOT SOUND; what comes first is at sequence {first}\n");
    told(&fsck(&copy, &["acme"]), 1, &[&is_gone, "Z is gone\n", &first_at]);
    let report: Value = serde_json::from_slice(&fsck(&copy, &["acme", "--json"]).stdout).unwrap();
    assert_eq!((&report["sound"], &report["first"]["kind"]), (&false.into(), &"event_missing".into()));
    assert_eq!(
        (&report["first"]["sequence"], &report["first"]["last_sequence"]),
        (&first.into(), &first.into())
    );

    let copy = log.copy().await;
    let first = copy.tamper(Drill::CutAndSigned, &log).await;
    told(&fsck(&copy, &["acme", "--checkpoint", &half]), 0, &["acme: sound\n"]);
    let cut =
        format!("sequence {first}: cut: the checkpoint that was kept has 201 entries, and the log {first}\n");
    told(&fsck(&copy, &["acme", "--checkpoint", &end]), 1, &[&cut]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_cannot_run_gives_no_verdict() {
    let log = Prepared::with(1).await;
    let copy = log.copy().await;
    let directory = tempfile::tempdir().unwrap();
    let junk = directory.path().join("junk");
    fs::write(&junk, "junk\n").unwrap();
    let junk = junk.to_str().unwrap();
    told(&fsck(&copy, &[]), 2, &["Usage: auditlog-fsck"]);
    told(&fsck(&copy, &["acme", "--all"]), 2, &["cannot be used with"]);
    told(&fsck(&copy, &["A/B"]), 2, &["error: the workspace \"A/B\" "]);
    told(&fsck(&copy, &["acme", "--checkpoint", junk]), 2, &["junk holds no checkpoint"]);
    told(&fsck(&copy, &["acme", "--checkpoint", "nowhere"]), 2, &["error: nowhere: "]);
    told(&fsck(&copy, &["acme", "globex", "--checkpoint", junk]), 2, &["name one workspace"]);
    told(&fsck(&copy, &["acme", "--key", junk]), 2, &["--key is neither"]);
    let kept = directory.path().join("kept");
    fs::write(&kept, &log.checkpoints[1]).unwrap();
    let kept = kept.to_str().unwrap();
    told(&fsck(&copy, &["globex", "--checkpoint", kept]), 2, &["of the log \"audit-logs.local/acme\""]);
    told(&command("http://127.0.0.1:9", &["acme"]), 4, &["cannot be reached", "because: "]);
    told(&fsck(&copy, &["unknown"]), 4, &["COULD NOT BE CHECKED; there is nothing of this workspace"]);
}

/// With `EVENTS=100000` it measures a large log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_is_killed_goes_on_where_it_was() {
    let events = std::env::var("EVENTS").map_or(2_600, |text| text.parse().unwrap());
    let log = Prepared::with(events).await;
    let copy = log.copy().await;
    let first = copy.tamper(Drill::DeletedEvent, &log).await;
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let arguments = ["acme", "--state", state.to_str().unwrap()];
    let began = Instant::now();
    let whole = fsck(&copy, &["acme"]);
    println!("{events} events: {:.1} s", began.elapsed().as_secs_f64());

    let began = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditlog-fsck"));
    command.args(arguments).env_clear().env("DYNAMODB_ENDPOINT", copy.app.dynamodb_endpoint());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let file = state.join("acme.json");
    while !file.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it saved its state");
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    println!("killed after {:.1} s", began.elapsed().as_secs_f64());
    let saved: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let checked = saved["checked"].as_u64().unwrap();
    assert!(checked >= 2048, "{saved}");

    // A state that is of another log is not gone on with.
    let mut foreign = saved.clone();
    foreign["root"] = "AAAA".into();
    fs::write(&file, foreign.to_string()).unwrap();
    let other = fsck(&copy, &arguments);
    assert_eq!((other.status.code(), &other.stdout), (Some(1), &whole.stdout));

    fs::write(&file, saved.to_string()).unwrap();
    let began = Instant::now();
    let resumed = fsck(&copy, &arguments);
    println!("resumed after {checked}: {:.1} s", began.elapsed().as_secs_f64());
    told(
        &resumed,
        1,
        &[&format!("acme: going on after {checked} events"), &format!("sequence {first}: the event")],
    );
    assert_eq!(resumed.stdout, whole.stdout, "a resumed check reports what a whole one does");
    assert!(!file.exists(), "the state goes when the check is done");
    fs::write(&file, "junk").unwrap();
    told(&fsck(&copy, &arguments), 2, &["--state "]);
}

/// A receipt that is written into the table, and not by the service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_receipt_is_named_with_and_without_the_key() {
    let log = Prepared::with(10).await;
    let copy = log.copy().await;
    let context =
        json!({"count": 1, "sequences": "1", "root": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="});
    let origin = Origin::without_request(system::now(), system::receipt_id(), system::salt());
    let acme = WorkspaceId::parse("acme").unwrap();
    let receipt = service_event::expired(&acme, origin, context.as_object().unwrap().clone());
    copy.app.store().append(&receipt).await.unwrap();
    copy.raw().seal().await;
    let named =
        format!("the service did not write the x_audit_log_expired {}: it has no signature", receipt.id);
    told(&fsck(&copy, &["acme"]), 1, &["NOT SOUND", &named]);
    told(&fsck(&copy, &["--all", "--key", &log.key]), 1, &["NOT SOUND", &named]);
}
