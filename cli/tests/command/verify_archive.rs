//! Copies of an archive: whole ones are proved, and every change is named.

use std::{
    fs,
    io::{Read as _, Write as _},
    ops::RangeInclusive,
    path::PathBuf,
};

use archiver::archive::{Archived, Digest, Object, Rows, Run};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};
use shared::model::id::WorkspaceId;

use crate::{api::Api, auditlog::Auditlog, ledger::Log};

const STREAM: &str = "str_5h2Qb8nTz0Yx";

/// The runs of an archive, and what else is said of each.
struct Stream<'a> {
    name: &'a str,
    filter: bool,
    expired: u64,
    mask: Vec<String>,
    previous: Option<Digest>,
}

impl Stream<'_> {
    fn whole() -> Self {
        Self { name: STREAM, filter: false, expired: 0, mask: Vec::new(), previous: None }
    }

    /// The next run, of such events as are in its sequences.
    fn run(
        &mut self,
        sequences: RangeInclusive<u64>,
        events: &[Value],
        checkpoint: Option<&str>,
    ) -> Archived {
        let within =
            |event: &&Value| event["sequence"].as_u64().is_some_and(|sequence| sequences.contains(&sequence));
        let events: Rows = events.iter().filter(within).collect();
        let run = Run {
            workspace: &WorkspaceId::parse("acme").unwrap(),
            stream: self.name,
            sequences,
            events: &events,
            expired: self.expired,
            filter: self.filter,
            mask: &self.mask,
            checkpoint,
            previous: self.previous,
        };
        let archived = run.archive().unwrap();
        self.previous = Some(archived.manifest.sha256);
        archived
    }
}

/// A copy of a bucket, and the command without any connection.
struct Copy {
    auditlog: Auditlog,
    key: String,
}

impl Copy {
    fn of(key: &str, runs: impl IntoIterator<Item = Archived>) -> Self {
        let copy = Self { auditlog: Auditlog::new(), key: key.to_owned() };
        for Archived { objects, manifest } in runs {
            objects.into_iter().chain([manifest]).for_each(|object| copy.put(&object));
        }
        copy
    }

    fn put(&self, object: &Object) {
        let path = self.path(&object.key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &object.bytes).unwrap();
    }

    fn path(&self, key: &str) -> PathBuf {
        self.auditlog.path("copy").join(key)
    }

    fn read(&self, key: &str) -> Vec<u8> {
        fs::read(self.path(key)).unwrap()
    }

    fn write(&self, key: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(key), content).unwrap();
    }

    /// Alters a manifest.
    fn alter(&self, key: &str, alter: impl Fn(&mut Value)) {
        let mut manifest: Value = serde_json::from_slice(&self.read(key)).unwrap();
        alter(&mut manifest);
        self.write(key, format!("{manifest:#}\n"));
    }

    fn verify(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let ended = self.auditlog.run(&[&["verify", "archive", "copy", "--key", &self.key], more].concat());
        (ended.code, ended.stdout, ended.stderr)
    }

    fn proved(&self, more: &[&str]) -> String {
        let (code, report, stderr) = self.verify(more);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{report}");
        report
    }

    /// Nothing is wrong, and not everything was checked; gives the report.
    fn unchecked(&self, more: &[&str], expected: &str) -> String {
        let (code, report, stderr) = self.verify(more);
        assert_eq!(code, Some(4), "{expected}: {stderr}");
        assert!(
            stderr.starts_with("error: Could not be checked: ") && stderr.contains(expected),
            "{expected}: {stderr}"
        );
        report
    }

    fn refused(&self, more: &[&str], expected: &str) {
        let (code, stdout, stderr) = self.verify(more);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{expected}: {stderr}");
        assert!(
            stderr.starts_with("error: Not proved: ") && stderr.contains(expected),
            "{expected}: {stderr}"
        );
    }
}

fn manifest(first: u64) -> String {
    format!("manifests/workspace=acme/{STREAM}-{first:016}.json")
}

fn lines(day: &str, first: u64) -> String {
    format!("ndjson/workspace=acme/day={day}/{STREAM}-{first:016}.ndjson.gz")
}

fn columns(day: &str, first: u64) -> String {
    format!("parquet/workspace=acme/day={day}/{STREAM}-{first:016}.parquet")
}

/// The checkpoint of a log when it had so many entries.
fn checkpoint(log: &Log, size: usize) -> String {
    log.sign("audit-logs.test/acme", size, log.root(size))
}

/// Three runs of a log of 60 events, the checkpoints of which lag behind.
fn three_runs(log: &Log, events: &[Value]) -> Vec<Archived> {
    let mut stream = Stream::whole();
    vec![
        stream.run(0..=29, events, Some(&checkpoint(log, 20))),
        stream.run(30..=49, events, Some(&checkpoint(log, 50))),
        stream.run(50..=59, events, Some(&checkpoint(log, 60))),
    ]
}

/// What `verify follow` remembers of a log, beside a copy.
fn remember(copy: &Copy, log: Log) {
    let api = Api::serve(log);
    let online = Auditlog::for_api(&api);
    online.succeed(&["verify", "follow", "--once", "--state=log", "--key", &copy.key]);
    fs::rename(online.path("log"), copy.auditlog.path("log")).unwrap();
}

#[test]
fn a_whole_archive_is_proved_by_the_checkpoints_in_it() {
    let log = Log::with(60);
    let copy = Copy::of(&log.key(), three_runs(&log, &log.events));
    let report = copy.proved(&[]);
    for line in [
        "archived     60 events in 60 objects of copy, none changed or missing\n",
        "covered      every sequence from 0 to 59 is in one of 3 runs\n",
        "left out     0 had expired, 0 did not match\n",
        "columns      hold the same as lines, value by value\n",
        "proved       60 are in the log of acme, unchanged\n",
        "not covered  nothing\n",
        "not proved   category\n",
        "checkpoint   60 entries, root ",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
}

#[test]
fn redacted_events_are_still_proved() {
    let mut log = Log::with(60);
    log.redact(7, &["actor", "context", "entity"]);
    let copy = Copy::of(&log.key(), three_runs(&log, &log.events));
    copy.proved(&[]);
}

#[test]
fn any_change_of_a_copy_is_found_and_named() {
    let log = Log::with(60);
    let runs = three_runs(&log, &log.events);
    let check = |damage: &dyn Fn(&Copy), expected: &str| {
        let copy = Copy::of(&log.key(), runs.clone());
        damage(&copy);
        copy.refused(&[], expected);
    };
    let day = "2025-01-05";
    fn flip(copy: &Copy, key: &str) {
        let mut content = copy.read(key);
        let middle = content.len() / 2;
        content[middle] ^= 1;
        copy.write(key, content);
    }
    check(&|copy| flip(copy, &lines(day, 0)), &format!("{}: it is not what was written", lines(day, 0)));
    check(&|copy| flip(copy, &columns(day, 0)), &format!("{}: it is not what was written", columns(day, 0)));
    check(
        &|copy| fs::remove_file(copy.path(&lines("2025-01-28", 30))).unwrap(),
        &format!("{}: it is missing", lines("2025-01-28", 30)),
    );
    check(
        &|copy| fs::remove_file(copy.path(&columns("2025-01-28", 30))).unwrap(),
        &format!("{}: it is missing", columns("2025-01-28", 30)),
    );
    check(
        &|copy| {
            let (one, other) = (lines("2025-01-05", 0), lines("2025-01-06", 0));
            let (first, second) = (copy.read(&one), copy.read(&other));
            copy.write(&one, second);
            copy.write(&other, first);
        },
        &format!("{}: it is not what was written", lines("2025-01-06", 0)),
    );
    check(
        &|copy| {
            fs::copy(
                copy.path(&columns(day, 0)),
                copy.path(&format!("parquet/workspace=acme/day={day}/more.parquet")),
            )
            .unwrap();
        },
        "day=2025-01-05/more.parquet: no manifest names it",
    );
    check(
        &|copy| fs::remove_file(copy.path(&manifest(0))).unwrap(),
        "sequences 0 to 29: no manifest covers them",
    );
    check(
        &|copy| fs::remove_file(copy.path(&manifest(30))).unwrap(),
        "sequences 30 to 49: no manifest covers them",
    );
    check(
        &|copy| copy.write(&manifest(50), copy.read(&manifest(30))),
        &format!("{}: it says that it is {}", manifest(50), manifest(30)),
    );
    check(&|copy| copy.write(&manifest(0), "{}"), &format!("{}: it is no manifest", manifest(0)));
}

/// Pseudorandom numbers, the same in each run of the tests.
struct Numbers(u64);

impl Numbers {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

#[test]
fn a_copy_taken_at_any_moment_is_proved_and_each_damage_is_named() {
    let (log, mut numbers) = (Log::with(60), Numbers(7));
    let mut stream = Stream::whole();
    // The objects that the bucket was sent, in their order: runs begin again when the archiver is interrupted, and the objects of a run are put in
    // any order.
    let mut puts: Vec<Object> = Vec::new();
    for first in (0..60).step_by(10) {
        let Archived { mut objects, manifest } = stream.run(
            first..=first + 9,
            &log.events,
            Some(&checkpoint(&log, usize::try_from(first).unwrap() + 10)),
        );
        for _ in 0..numbers.below(3) {
            let until = numbers.below(objects.len());
            puts.extend(objects[..until].iter().cloned());
            objects.rotate_left(until);
        }
        puts.extend(objects);
        puts.push(manifest);
    }
    let first_manifest = puts.iter().position(|object| object.key.starts_with("manifests/")).unwrap();
    let mut unfinished = 0;
    for moment in 0..100 {
        // The folders are copied one after the other, and the archiver goes on meanwhile.
        let mut until = first_manifest + 1;
        let copy = Copy::of(&log.key(), []);
        for folder in ["manifests/", "ndjson/", "parquet/"] {
            until += numbers.below(puts.len() - until + 1);
            puts[..until]
                .iter()
                .filter(|object| object.key.starts_with(folder))
                .for_each(|object| copy.put(object));
        }
        unfinished += usize::from(copy.proved(&[]).contains("unfinished"));

        let named = puts[..first_manifest].iter().map(|object| &object.key).collect::<Vec<_>>();
        let key = named[numbers.below(named.len())].clone();
        let damaged = match moment % 3 {
            0 => {
                fs::remove_file(copy.path(&key)).unwrap();
                key
            }
            1 => {
                let mut content = copy.read(&key);
                let at = numbers.below(content.len());
                content[at] ^= 1;
                copy.write(&key, content);
                key
            }
            // An object of another run, under a name that the archiver would give.
            _ => {
                let slipped = key.replace("0000000000000000", &format!("{:016}", 60 + moment));
                copy.write(&slipped, copy.read(&key));
                slipped
            }
        };
        copy.refused(&[], &damaged);
    }
    assert!(unfinished > 50, "{unfinished} copies had an unfinished run");
}

#[test]
fn manifests_alone_are_checked_without_a_key() {
    let log = Log::with(60);
    let copy = Copy::of(&log.key(), three_runs(&log, &log.events));
    let ended = copy.auditlog.run(&["verify", "archive", "copy", "--manifests-only"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    assert!(ended.stdout.contains("proved       not asked for"), "{}", ended.stdout);
    let ended = copy.auditlog.run(&["verify", "archive", "copy"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    fs::remove_file(copy.path(&manifest(30))).unwrap();
    let ended = copy.auditlog.run(&["verify", "archive", "copy", "--manifests-only"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("sequences 30 to 49"), "{}", ended.stderr);
}

#[test]
fn a_run_without_its_manifest_is_told_from_an_object_that_was_slipped_in() {
    let log = Log::with(60);
    let copy = Copy::of(&log.key(), three_runs(&log, &log.events));
    fs::remove_file(copy.path(&manifest(50))).unwrap();
    let report = copy.proved(&[]);
    assert!(report.contains("every sequence from 0 to 49") && report.contains("unfinished"), "{report}");
    assert!(report.contains(&lines("2025-01-28", 50)), "the objects are named: {report}");
    // Later sequences, or another name, are not of the next run.
    for key in [
        lines("2025-01-28", 51),
        columns("2025-01-28", 500),
        "ndjson/workspace=acme/day=2025-01-28/x-50".to_owned(),
    ] {
        fs::create_dir_all(copy.path(&key).parent().unwrap()).unwrap();
        copy.write(&key, "x");
        copy.refused(&[], &format!("{key}: no manifest names it"));
        fs::remove_file(copy.path(&key)).unwrap();
    }
}

#[test]
fn any_change_of_a_manifest_is_found_by_the_next_one() {
    let log = Log::with(60);
    let runs = three_runs(&log, &log.events);
    let changes: [(&str, Value); 7] = [
        ("events", json!(1)),
        ("expired", json!(1)),
        ("filtered", json!(1)),
        ("filter", json!(true)),
        ("mask", json!(["/actor"])),
        ("checkpoint", Value::Null),
        ("previous", json!("00")),
    ];
    for (name, value) in changes {
        let copy = Copy::of(&log.key(), runs.clone());
        copy.alter(&manifest(30), |manifest| manifest[name] = value.clone());
        let expected = "the manifest before it is not the one that was there when it was written";
        copy.refused(&[], &format!("{}: {expected}", manifest(50)));
    }
    // The last manifest, with one altered member.
    let check = |name: &str, value: Value, expected: &str| {
        let copy = Copy::of(&log.key(), runs.clone());
        copy.alter(&manifest(50), |manifest| manifest[name] = value.clone());
        copy.refused(&[], expected);
    };
    check("version", json!(2), "this program does not know its version 2");
    check("workspace", json!("globex"), "it says that it is manifests/workspace=globex/");
    check("stream", json!("str_other"), "it says that it is manifests/workspace=acme/str_other-");
    check("first", json!(51), "it says that it is ");
    check("last", json!(60), "it covers 11 sequences, and counts others");
    check("last", json!(49), "it ends with sequence 49 before it begins");
    check("events", json!(9), "it covers 10 sequences, and counts others");
    check("expired", json!(1), "it covers 10 sequences, and counts others");
    check(
        "checkpoint",
        json!(checkpoint(&Log::of("acme", 2, 60), 60)),
        "the checkpoint is not signed by the key",
    );
    check("checkpoint", json!("odd"), "the checkpoint is not in its form");
    check("previous", Value::Null, "the manifest before it is not the one");
    check("objects", json!([]), "its objects have other numbers of events");
    let check = |alter: &dyn Fn(&mut Value), expected: &str| {
        let copy = Copy::of(&log.key(), runs.clone());
        copy.alter(&manifest(50), |manifest| alter(&mut manifest["objects"]));
        copy.refused(&[], expected);
    };
    check(
        &|objects| objects[0]["key"] = json!("../../etc/passwd"),
        "it names an object where none of its run is",
    );
    check(&|objects| objects[0]["day"] = json!("2025-02-01"), "it names an object where none of its run is");
    check(
        &|objects| objects[0]["format"] = json!("parquet"),
        "it has not one object of lines and one of columns",
    );
    check(&|objects| objects[0]["bytes"] = json!(1), "it is not what was written");
    check(&|objects| objects[0]["sha256"] = json!("00"), "it is not what was written");
    check(&|objects| objects[0]["rows"] = json!(2), "its objects have other numbers of events");
    check(&|objects| objects[1]["rows"] = json!(2), "it has not one object of lines and one of columns");
    check(
        &|objects| objects[0]["sequences"] = json!("51"),
        "it has not one object of lines and one of columns",
    );
    check(&|objects| drop(objects.as_array_mut().unwrap().remove(1)), "it has not one object of lines");
}

/// An attacker who can write to the bucket can rewrite all manifests, but cannot sign checkpoints.
#[test]
fn rewriting_all_manifests_is_detected_by_the_signed_roots() {
    let log = Log::with(60);
    let check = |alter: &dyn Fn(&mut Vec<Value>), expected: &str| {
        let mut events = log.events.clone();
        alter(&mut events);
        Copy::of(&log.key(), three_runs(&log, &events)).refused(&[], expected);
    };
    let other = "the events do not add up to the root that was signed";
    check(&|events| events[7]["actor"]["username"] = json!("eve"), &format!("sequences 0 to 19: {other}"));
    check(&|events| events[25]["outcome"] = json!("success"), &format!("sequences 20 to 49: {other}"));
    check(
        &|events| events[55]["salt"] = json!("AAAAAAAAAAAAAAAAAAAAAA"),
        &format!("sequences 50 to 59: {other}"),
    );
    check(
        &|events| {
            events.remove(7);
        },
        "1 events were left out, and there is no filter",
    );
    let mut events = log.events.clone();
    events[33]["redacted"] = json!({"digests": {}, "salts": {}});
    Copy::of(&log.key(), three_runs(&log, &events))
        .refused(&[], "sequence 33: the event e-00033: it has both");
}

/// Columns are what a query reads, and no leaf is made of them.
#[test]
fn columns_that_are_other_than_lines_are_found() {
    let log = Log::with(60);
    let mut forged = log.events.clone();
    forged[4]["actor"]["username"] = json!("eve");
    let forgery = three_runs(&log, &forged);
    let key = columns("2025-01-05", 0);
    let object = forgery[0].objects.iter().find(|object| object.key == key).unwrap();
    let copy = Copy::of(&log.key(), three_runs(&log, &log.events));
    copy.put(object);
    // With all manifests made anew.
    let mut before = Value::Null;
    for first in [0, 30, 50] {
        copy.alter(&manifest(first), |manifest| {
            manifest["previous"] = before.clone();
            for named in manifest["objects"].as_array_mut().unwrap() {
                if named["key"] == key.as_str() {
                    named["sha256"] = json!(object.sha256.to_string());
                    named["bytes"] = json!(object.bytes.len());
                }
            }
        });
        before = json!(Digest::of(&copy.read(&manifest(first))).to_string());
    }
    copy.refused(&[], &format!("{key}: the row of sequence 4 has another actor_username than the lines"));
}

#[test]
fn lines_must_be_those_that_the_manifest_says() {
    let log = Log::with(60);
    let check = |alter: &dyn Fn(&str) -> String, expected: &str| {
        let copy = Copy::of(&log.key(), three_runs(&log, &log.events));
        let key = lines("2025-01-05", 0);
        let mut text = String::new();
        GzDecoder::new(copy.read(&key).as_slice()).read_to_string(&mut text).unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(alter(&text).as_bytes()).unwrap();
        let content = gzip.finish().unwrap();
        copy.write(&key, &content);
        copy.alter(&manifest(0), |manifest| {
            let named = manifest["objects"].as_array_mut().unwrap();
            let named = named.iter_mut().find(|named| named["key"] == key.as_str()).unwrap();
            named["sha256"] = json!(Digest::of(&content).to_string());
            named["bytes"] = json!(content.len());
        });
        copy.refused(&[], &format!("{key}: {expected}"));
    };
    check(&|text| format!("{text}{text}"), "it has 2 events, and the manifest says 1");
    check(&|text| text.replace("\"sequence\":4", "\"sequence\":5"), "it has events with other sequences");
    check(&|text| text.replace("\"sequence\":4", "\"sequence\":49"), "line 1: its event is none of the run");
    check(&|text| text.replace("2025-01-05T", "2025-01-06T"), "line 1: its event is of another day");
    check(&|text| text.replace("\"acme\"", "\"globex\""), "line 1: its event is of another workspace");
    check(&|text| text.replace("{\"action\"", "{\"id\":1,\"action\""), "line 1: it is not one JSON text");
}

#[test]
fn events_after_a_gap_are_proved_by_remembered_hashes_only() {
    let log = Log::with(60);
    let mut stream = Stream { filter: true, expired: 1, ..Stream::whole() };
    let events: Vec<_> = log.events.iter().filter(|event| event["outcome"] == "success").cloned().collect();
    let runs = [stream.run(0..=29, &events, None), stream.run(30..=59, &events, Some(&checkpoint(&log, 60)))];
    let copy = Copy::of(&log.key(), runs);
    copy.unchecked(&[], "30 events stand behind others that were filtered out or have expired");
    let report = copy.proved(&["--manifests-only"]);
    assert!(report.contains("left out     2 had expired, 28 did not match\n"), "{report}");
    assert!(report.contains("proved       not asked for"), "{report}");
    remember(&copy, Log::with(60));
    let report = copy.proved(&["--state=log"]);
    assert!(report.contains("proved       30 are in the log of acme, unchanged\n"), "{report}");
    copy.alter(&manifest(30), |manifest| manifest["checkpoint"] = Value::Null);
    copy.proved(&["--state=log"]);
    // Another log of the same key is not the one that was remembered.
    fs::remove_dir_all(copy.auditlog.path("log")).unwrap();
    let mut other = Log::with(60);
    other.rewrite(8);
    remember(&copy, other);
    copy.refused(&["--state=log"], "sequence 8: the event e-00008 is not what was logged");
}

#[test]
fn events_after_the_checkpoint_are_counted_and_reported() {
    let log = Log::with(60);
    let mut stream = Stream::whole();
    let runs = [
        stream.run(0..=29, &log.events, Some(&checkpoint(&log, 20))),
        stream.run(30..=59, &log.events, Some(&checkpoint(&log, 20))),
    ];
    let copy = Copy::of(&log.key(), runs);
    let report = copy.unchecked(&[], "copy has 40 events after the checkpoint.");
    assert!(report.contains("proved       20 are in the log"), "{report}");

    let copy = Copy::of(&log.key(), [Stream::whole().run(0..=29, &log.events, None)]);
    copy.unchecked(&[], "copy has 30 events after the checkpoint.");
}

#[test]
fn an_archive_may_begin_later_if_somebody_says_so() {
    let log = Log::with(60);
    let copy = Copy::of(&log.key(), three_runs(&log, &log.events).split_off(1));
    copy.refused(&["--manifests-only"], "sequences 0 to 29: no manifest covers them");
    copy.refused(&["--from=20"], "sequences 20 to 29: no manifest covers them");
    copy.refused(&["--from=40"], "it begins before sequence 40");
    copy.proved(&["--from=30", "--manifests-only"]);
    copy.unchecked(&["--from=30"], "30 events stand behind others");
    remember(&copy, Log::with(60));
    assert!(copy.proved(&["--from=30", "--state=log"]).contains("proved       30 are in the log"));
}

#[test]
fn a_masked_archive_is_proved_but_for_what_is_left_of_the_masked_parts() {
    let mut log = Log::with(60);
    let whole = log.events.clone();
    for sequence in 0..60 {
        log.redact(sequence, &["actor", "changes"]);
    }
    // The rest of the actor is shown with its digest.
    let mut events = log.events.clone();
    for (event, whole) in events.iter_mut().zip(&whole) {
        event["actor"] = json!({"user_id": whole["actor"]["user_id"], "type": "user"});
    }
    let mut stream = Stream { mask: vec!["/actor/ip".to_owned(), "/changes".to_owned()], ..Stream::whole() };
    let copy = Copy::of(&log.key(), [stream.run(0..=59, &events, Some(&checkpoint(&log, 60)))]);
    let report = copy.proved(&[]);
    assert!(report.contains("proved       60 are in the log of acme, unchanged\n"), "{report}");
    assert!(report.contains("not proved   actor, category\n"), "{report}");
}

#[test]
fn the_key_and_the_manifests_must_be_given() {
    let log = Log::with(60);
    let copy = Copy::of(&log.key(), three_runs(&log, &log.events));
    let complaint = copy.auditlog.fail(2, &["verify", "archive", "copy"]);
    assert!(complaint.contains("The key of the log is not given"), "{complaint}");
    let complaint = copy.auditlog.fail(2, &["verify", "archive", "nowhere", "--key", &copy.key]);
    assert!(complaint.contains("no manifest of the workspace acme"), "{complaint}");
    copy.put(&Stream { name: "str_another", filter: true, ..Stream::whole() }.run(0..=0, &[], None).manifest);
    let complaint = copy.auditlog.fail(2, &["verify", "archive", "copy", "--key", &copy.key]);
    assert!(complaint.contains("archives of these streams: str_5h2Qb8nTz0Yx, str_another"), "{complaint}");
    let report = copy.proved(&["--stream", STREAM]);
    assert!(report.contains("not looked at  the streams str_another\n"), "{report}");
}
