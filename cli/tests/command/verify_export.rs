//! Exported files against the log: whole, and refused after any change.

use serde_json::{Value, json};

use crate::{
    api::Api,
    auditlog::Auditlog,
    events,
    ledger::{self, Log},
};

/// The command with a log that was remembered, and no connection.
struct Offline {
    auditlog: Auditlog,
    events: Vec<Value>,
}

impl Offline {
    /// What remains when the API that had the log is gone.
    fn with(log: Log) -> Self {
        let (api, events) = (Api::serve(log), Vec::new());
        let online = Auditlog::for_api(&api);
        let key = api.log(|log| log.key());
        online.succeed(&["verify", "follow", "--once", "--state=log", "--key", &key]);
        let auditlog = Auditlog::new();
        std::fs::rename(online.path("log"), auditlog.path("log")).unwrap();
        let events = api.log(|log| [events, log.events.clone()].concat());
        Self { auditlog, events }
    }

    fn verify(&self, file: &str, more: &[&str]) -> (Option<i32>, String, String) {
        std::fs::write(self.auditlog.path("file"), file).unwrap();
        let ended = self.auditlog.run(&[&["verify", "export", "file", "--state=log"], more].concat());
        (ended.code, ended.stdout, ended.stderr)
    }

    /// Verifies events in each format, with one result.
    fn verify_each(&self, events: &[Value], more: &[&str]) -> (Option<i32>, String, String) {
        let mut results: Vec<_> = in_each_format(events).iter().map(|file| self.verify(file, more)).collect();
        let first = results.remove(0);
        assert!(results.iter().all(|result| *result == first), "{first:?} {results:?}");
        first
    }

    fn refused(&self, events: &[Value], more: &[&str], expected: &str) {
        let (code, stdout, stderr) = self.verify_each(events, more);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(stderr.starts_with("error: Not proved: ") && stderr.contains(expected), "{stderr}");
    }
}

fn in_each_format(events: &[Value]) -> [String; 3] {
    let lines = events::lines(events);
    let array = format!("[\n{}\n]\n", lines.trim_end().replace('\n', ",\n"));
    [lines, array, ledger::csv(events)]
}

#[test]
fn a_whole_export_is_proved_in_each_format_and_any_order() {
    let mut log = Log::with(600);
    log.redact(7, &["actor", "context", "entity"]);
    log.record_redaction(json!(["actor", "context", "entity"]), json!([7]));
    let offline = Offline::with(log);
    let mut events = offline.events.clone();
    let (code, report, stderr) = offline.verify_each(&events, &["--complete"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for line in [
        "verified     600 events of file are in the log of acme, unchanged\n",
        "complete     yes: every sequence from 0 to 599 is there\n",
        "not covered  nothing\n",
        "redacted     parts of 1 event\n",
        "not proved   category\n",
        "log          600 entries, root ",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    events.reverse();
    assert_eq!(offline.verify_each(&events[..300], &[]).0, Some(0));
    // Absence is not proved.
    for more in [&[][..], &["--complete"]] {
        let (code, _, stderr) = Offline::with(Log::with(0)).verify("", more);
        assert_eq!(code, Some(4), "{stderr}");
        assert!(stderr.contains("Could not be checked: file has no event."), "{stderr}");
    }
}

#[test]
fn an_export_in_every_format_is_verified() {
    let api = Api::serve(Log::with(45));
    api.log(|log| {
        log.redact(7, &["description", "changes"]);
        log.record_redaction(json!(["description", "changes"]), json!([7]));
    });
    let auditlog = Auditlog::for_api(&api);
    let key = api.log(|log| log.key());
    for format in ["ndjson", "csv", "json"] {
        auditlog.succeed(&["export", format, "--format", format, "--end=2025-02-01"]);
        let report = auditlog.succeed(&["verify", "export", format, "--complete", "--key", &key]);
        assert!(report.contains(&format!("verified     45 events of {format} are in the log")), "{report}");
    }
    auditlog.succeed(&["export", "ocsf", "--format=ocsf", "--end=2025-02-01"]);
    let complaint = auditlog.fail(4, &["verify", "export", "ocsf", "--key", &key]);
    assert!(complaint.contains("ocsf is in OCSF, which has no leaves"), "{complaint}");
}

#[test]
fn the_checkpoint_may_come_from_the_server() {
    let api = Api::serve(Log::with(300));
    let auditlog = Auditlog::for_api(&api);
    let (key, file) = api.log(|log| (log.key(), events::lines(&log.events)));
    std::fs::write(auditlog.path("file"), file).unwrap();
    let arguments = ["verify", "export", "file", "--complete", "--key", &key];
    assert!(auditlog.succeed(&arguments).contains("300 events of file"));
    let ended = auditlog.run(&["verify", "export", "file"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("warning: trusting the key"), "{ended:?}");

    let other = Log::of("acme", 2, 0).key();
    let complaint = auditlog.fail(1, &["verify", "export", "file", "--key", &other]);
    assert!(complaint.contains("Not proved: the checkpoint is not signed by the key"), "{complaint}");
    let globex = Log::of("globex", 1, 0).key();
    let complaint = auditlog.fail(2, &["verify", "export", "file", "--key", &globex]);
    assert!(complaint.contains("not that of the workspace acme"), "{complaint}");
    api.put("acme", Log::of("globex", 1, 300));
    let complaint = auditlog.fail(1, &arguments);
    assert!(complaint.contains("the checkpoint is of the log \"audit-logs.test/globex\""), "{complaint}");
}

#[test]
fn a_change_of_any_event_is_found_and_the_first_is_named() {
    let offline = Offline::with(Log::with(300));
    let refused = |alter: &dyn Fn(&mut Vec<Value>), more: &[&str], expected: &str| {
        let mut events = offline.events.clone();
        alter(&mut events);
        offline.refused(&events, more, expected);
    };
    refused(
        &|events| {
            events[270]["actor"]["username"] = json!("eve");
            events[260]["outcome"] = json!("x");
        },
        &[],
        "\n  2 are not what was logged; the first: sequence 260, the event e-00260 (number 261)\n",
    );
    refused(
        &|events| events[3]["salt"] = json!("AAAAAAAAAAAAAAAAAAAAAA"),
        &[],
        "1 are not what was logged; the first: sequence 3, ",
    );
    refused(
        &|events| {
            events[3]["sequence"] = json!(4);
            events[4]["sequence"] = json!(3);
        },
        &[],
        "2 are not what was logged; the first: sequence 3, the event e-00004 (number 5)",
    );
    refused(
        &|events| events.insert(9, events[8].clone()),
        &[],
        "1 stand there again; the first: sequence 8, ",
    );
    refused(
        &|events| {
            events.remove(270);
            events.remove(5);
        },
        &["--complete"],
        "\n  2 are missing; the first: sequence 5\n",
    );
    refused(
        &|events| events[5]["redacted"] = json!({"digests": {}, "salts": {}}),
        &[],
        "the first: sequence 5, the event e-00005 (number 6): it has both a salt and redacted parts",
    );
    refused(
        &|events| events[5]["workspace_username"] = json!("globex"),
        &[],
        "event 6 is of the workspace globex, and the log that of acme.",
    );
    // A changed event that is hidden from the comparison is missing.
    refused(
        &|events| {
            events[5]["sequence"] = Value::Null;
            events[5]["description"] = json!("another");
        },
        &["--complete"],
        "1 are missing; the first: sequence 5\n",
    );
    refused(
        &|events| events[5]["sequence"] = json!(300),
        &["--complete"],
        "1 are missing; the first: sequence 5\n",
    );
}

#[test]
fn events_that_no_checkpoint_covers_are_counted() {
    let offline = Offline::with(Log::with(300));
    let mut events = Log::with(304).events;
    for event in &mut events[302..] {
        event["sequence"] = Value::Null;
    }
    let (code, report, stderr) = offline.verify_each(&events, &[]);
    assert_eq!(code, Some(4), "{stderr}");
    let outside = "2 events that were not sealed yet, and 2 after the checkpoint";
    assert!(report.contains("verified     300 events"), "{report}");
    assert!(report.contains(&format!("not covered  {outside}\n")), "{report}");
    assert!(report.contains("complete     not asked for: events may be missing\n"), "{report}");
    assert!(stderr.starts_with(&format!("error: Could not be checked: file has {outside}.\n")), "{stderr}");
    let (code, report, stderr) = offline.verify_each(&events, &["--allow-uncovered"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(report.contains(&format!("not covered  {outside}\n")), "{report}");
    let (code, _, stderr) = offline.verify_each(&events[300..], &[]);
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains(&format!("file has {outside}.")), "{stderr}");
}

#[test]
fn an_event_that_was_sealed_after_its_export_is_proved_by_its_leaf() {
    let offline = Offline::with(Log::with(30));
    let mut events = offline.events.clone();
    for event in &mut events[27..] {
        event["sequence"] = Value::Null;
    }
    let (code, report, stderr) = offline.verify_each(&events, &["--complete=log"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{report}");
    for part in [
        "verified     30 events",
        "every sequence from 0 to 29 is there\n",
        "not covered  nothing\n",
        "not proved   category, sequence, of events that were not sealed when they were exported\n",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    // The same event twice, once with its sequence and once without.
    let doubled = [&offline.events[..], &events[29..]].concat();
    offline.refused(&doubled, &[], "1 stand there again; the first: sequence 29");
    // No event of the log has this leaf: it may be young, or forged.
    events[28]["outcome"] = json!(if events[28]["outcome"] == "success" { "failure" } else { "success" });
    let (code, _, stderr) = offline.verify_each(&events, &[]);
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("file has 1 events that were not sealed yet."), "{stderr}");
    offline.refused(&events, &["--complete"], "1 are missing; the first: sequence 28");
}

#[test]
fn a_complete_export_goes_up_to_its_last_sequence_and_names_the_rest() {
    let offline = Offline::with(Log::with(30));
    let (code, report, stderr) = offline.verify_each(&offline.events[..20], &["--complete"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{report}");
    let complete = "complete     yes: every sequence from 0 to 19 is there; not in the file: 10 entries after them, from \
                    sequence 20 on\n";
    assert!(report.contains(complete), "{report}");
    offline.refused(&offline.events[..20], &["--complete=log"], "10 are missing; the first: sequence 20");
    let mut hole = offline.events[..20].to_vec();
    hole.remove(7);
    offline.refused(&hole, &["--complete"], "1 are missing; the first: sequence 7");
    let nothing = offline.verify("", &["--complete"]);
    assert_eq!(nothing.0, Some(4), "{nothing:?}");
}

#[test]
fn no_character_of_a_table_can_change() {
    let offline = Offline::with(Log::with(3));
    let table = ledger::csv(&offline.events[..2]);
    let (header, lines) = table.split_once("\r\n").unwrap();
    let category = header.split(',').position(|name| name == "category").unwrap();
    assert_eq!(category, 2);
    for (place, letter) in lines.char_indices() {
        let other = if letter == 'x' { 'y' } else { 'x' };
        let altered =
            format!("{header}\r\n{}{other}{}", &lines[..place], &lines[place + letter.len_utf8()..]);
        let is_within_category = |line: &str, place: usize| {
            let before: usize = line.split(',').take(category).map(|cell| cell.len() + 1).sum();
            let cell = line.split(',').nth(category).unwrap();
            (before..before + cell.len()).contains(&place)
        };
        let mut start = 0;
        let covered = lines.split_inclusive("\r\n").all(|line| {
            let within = is_within_category(line, place.wrapping_sub(start));
            start += line.len();
            !within
        });
        // A process for each would take long.
        if place % 9 == 0 && covered {
            let (code, _, stderr) = offline.verify(&altered, &["--complete"]);
            assert_eq!(code, Some(1), "{place} {letter:?}: {stderr}");
        }
    }
}

#[test]
fn a_file_that_is_no_whole_export_is_refused() {
    let offline = Offline::with(Log::with(3));
    let [lines, array, table] = in_each_format(&offline.events);
    for (file, expected) in [
        (&lines[..lines.len() - 9], "event 3: it is not one JSON text"),
        (&array[..array.len() - 9], "EOF"),
        (&array[..array.len() - 3], "EOF"),
        (&format!("{array}x"), "trailing"),
        (&table[..table.len() - 40], "Not proved"),
        (&lines.replace("\"id\":", "\"id\":1,\"id\":"), "stands twice in an object"),
        (&table.replace("outcome", "id"), "two columns have one name"),
        ("{\"class_uid\": 3001}\n", "no member workspace_username"),
    ] {
        let (code, stdout, stderr) = offline.verify(file, &[]);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{expected}: {stderr}");
        assert!(stderr.contains(expected), "{expected}: {stderr}");
    }
    // OCSF has no leaves: such a file is neither proved nor refuted.
    let (code, _, stderr) = offline.verify("{\"class_uid\": 3001, \"metadata\": {\"uid\": \"e\"}}\n", &[]);
    assert!(code == Some(4) && stderr.contains("is in OCSF"), "{stderr}");
    assert!(
        offline.auditlog.fail(2, &["verify", "export", "file", "--state=none"]).contains("remembers no log")
    );
    let other = Log::of("acme", 2, 0).key();
    let complaint = offline.auditlog.fail(2, &["verify", "export", "file", "--state=log", "--key", &other]);
    assert!(complaint.contains("another key"), "{complaint}");
}
