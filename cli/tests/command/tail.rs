//! The feed on standard output: whole, in order, and gone on with after everything that can happen.

use std::{
    fs::{File, OpenOptions},
    process::Child,
};

use serde_json::{Value, json};

use crate::{
    api::{Api, BEARER, Fault, JWT, PAGE, SECRET},
    auditlog::{Auditlog, eventually},
    events,
    ledger::{self, Log},
};

const NDJSON: [&str; 3] = ["tail", "-o", "ndjson"];

/// The events of a log of 45, from one on.
fn from(first: usize) -> Vec<Value> {
    Log::with(45).events[first..].to_vec()
}

/// Starts a tail that adds its output to a file.
fn spawn(auditlog: &Auditlog, more: &[&str], output: &str) -> Child {
    let file = OpenOptions::new().create(true).append(true).open(auditlog.path(output)).unwrap();
    auditlog.command(&[&NDJSON, more].concat()).stdout(file).spawn().unwrap()
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_feed_is_shown_whole_and_in_order() {
    let api = Api::serve(Log::with(45));
    let auditlog = Auditlog::for_api(&api);
    assert_eq!(auditlog.succeed(&NDJSON), events::lines(&from(0)));
    assert_eq!(auditlog.succeed(&["tail", "--output=csv"]), ledger::csv(&from(0)));
    let whole: Value = serde_json::from_str(&auditlog.succeed(&["tail", "--output=json"])).unwrap();
    assert_eq!(whole, json!({"audit_logs": from(0), "has_more": false, "next_after": 44}));
    let table = auditlog.succeed(&["tail", "--after=40"]);
    assert_eq!((table.lines().count(), table.starts_with("SEQ  TIME")), (5, true), "{table}");
    let api = Api::serve(Log::with(0));
    let nothing = Auditlog::for_api(&api).succeed(&["tail", "--output=json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&nothing).unwrap(),
        json!({"audit_logs": [], "has_more": false, "next_after": -1})
    );
}

#[test]
fn it_begins_after_a_sequence_and_ends_at_a_number() {
    let api = Api::serve(Log::with(45));
    let auditlog = Auditlog::for_api(&api);
    let ended = auditlog.run(&[&NDJSON[..], &["--after=9", "--limit=15"]].concat());
    assert_eq!((ended.code, ended.stdout), (Some(0), events::lines(&from(10)[..15])));
    assert_eq!(ended.stderr, "There are more: --after 24 goes on.\n");
    let limits: Vec<_> = api.pages_asked().iter().map(|asked| asked.query["limit"].clone()).collect();
    assert_eq!(limits, ["15", "5"]);
    assert_eq!(auditlog.succeed(&[&NDJSON[..], &["--after=44"]].concat()), "");
}

#[test]
fn filters_are_asked_of_the_api_and_empty_pages_gone_over() {
    let api = Api::serve(Log::with(45));
    let auditlog = Auditlog::for_api(&api);
    let failed: Vec<_> = from(0).into_iter().filter(|event| event["outcome"] == "failure").collect();
    let arguments = [&NDJSON[..], &["--outcome=failure", "--start=2025-01-01", "--state=s"]].concat();
    assert_eq!(auditlog.succeed(&arguments), events::lines(&failed));
    let query = &api.pages_asked()[0].query;
    let expected = [
        ("format", "ndjson"),
        ("limit", "1000"),
        ("outcome", "failure"),
        ("reads", "exclude"),
        ("start_timestamp", "2025-01-01T00:00:00.000000Z"),
    ];
    assert_eq!(*query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    // Events that the filters skipped are not requested again, although the last of them was not written.
    assert_eq!(auditlog.succeed(&arguments), "");
    assert_eq!(api.pages_asked().last().unwrap().query["after"], "44");
}

#[test]
fn it_goes_on_where_the_state_says_and_the_state_is_settled() {
    let api = Api::serve(Log::with(45));
    let auditlog = Auditlog::for_api(&api);
    let arguments = [&NDJSON[..], &["--state=s", "--limit=15", "--start=-7000d", "--after=4"]].concat();
    let mut written = String::new();
    for _ in 0..4 {
        written += &auditlog.succeed(&arguments);
    }
    assert_eq!(written, events::lines(&from(5)));
    let state = auditlog.read("s");
    for secret in [SECRET, BEARER, JWT] {
        assert!(!state.contains(secret), "{state}");
    }
    let mut starts: Vec<_> =
        api.pages_asked().into_iter().map(|asked| asked.query["start_timestamp"].clone()).collect();
    starts.dedup();
    assert_eq!(starts.len(), 1, "{starts:?}");
}

#[test]
fn killed_at_any_page_it_loses_and_repeats_nothing() {
    let api = Api::serve(Log::with(45));
    let auditlog = Auditlog::for_api(&api);
    for page in 0..45_usize.div_ceil(PAGE) {
        let asked = api.pages_asked().len();
        api.fault(asked + page, Fault::Hold);
        let child = spawn(&auditlog, &["--state=s"], "out");
        eventually(|| api.pages_asked().len() == asked + page + 1);
        end(child);
        spawn(&auditlog, &["--state=s"], "out").wait().unwrap();
        assert_eq!(auditlog.read("out"), events::lines(&from(0)), "killed at page {page}");
        for name in ["s", "out"] {
            std::fs::remove_file(auditlog.path(name)).unwrap();
        }
    }
}

#[test]
fn killed_between_a_page_and_its_state_it_repeats_that_page_and_no_other() {
    let api = Api::serve(Log::with(45));
    let auditlog = Auditlog::for_api(&api);
    spawn(&auditlog, &["--state=s", "--limit=10"], "out").wait().unwrap();
    let before = auditlog.read("s");
    spawn(&auditlog, &["--state=s", "--limit=10"], "out").wait().unwrap();
    std::fs::write(auditlog.path("s"), before).unwrap();
    spawn(&auditlog, &["--state=s"], "out").wait().unwrap();
    assert_eq!(auditlog.read("out"), events::lines(&[&from(0)[..20], &from(10)].concat()));
}

#[test]
#[cfg(unix)]
fn following_shows_what_comes_and_an_interruption_ends_it_well() {
    for signal in ["-INT", "-TERM"] {
        let api = Api::serve(Log::with(5));
        let auditlog = Auditlog::for_api(&api);
        let mut child = spawn(&auditlog, &["--follow", "--state=s"], "out");
        for size in [5, 6, 26] {
            api.log(|log| log.grow(size - log.signed));
            eventually(|| {
                auditlog.exists("s") && auditlog.read("s").contains(&format!("\"after\": {}", size - 1))
            });
            assert_eq!(auditlog.read("out"), events::lines(&from(0)[..size]));
        }
        assert!(api.pages_asked().iter().all(|asked| asked.query["wait"] == "20"));
        let killed = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(killed.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
        assert_eq!(auditlog.read("out").lines().count(), 26);
    }
}

#[test]
fn an_outage_of_any_length_is_outlasted_and_told() {
    let api = Api::serve(Log::with(45));
    let auditlog = Auditlog::for_api(&api);
    for (number, fault) in
        [(1, Fault::Passing(503)), (2, Fault::Passing(500)), (3, Fault::Tear), (6, Fault::Passing(429))]
    {
        api.fault(number, fault);
    }
    let file = File::create(auditlog.path("said")).unwrap();
    let output = File::create(auditlog.path("out")).unwrap();
    let mut command = auditlog.command(&[&NDJSON[..], &["--follow"]].concat());
    let child = command.stdout(output).stderr(file).spawn().unwrap();
    eventually(|| auditlog.read("out").lines().count() == 45);
    end(child);
    assert_eq!(auditlog.read("out"), events::lines(&from(0)));
    let said = auditlog.read("said");
    // An outage is told at its first failure, and then ever more rarely: here at the first and second of three.
    assert_eq!(said.matches("Trying until it answers.").count(), 3, "{said}");
    assert_eq!(said.matches("answers again.").count(), 2, "{said}");
    // Without --follow a person waits, so every retry is told and their number is bounded.
    let api = Api::serve(Log::with(45));
    (0..4).for_each(|number| api.fault(number, Fault::Passing(500)));
    assert!(Auditlog::for_api(&api).fail(1, &NDJSON).contains("(3 of 3)"));
}

#[test]
fn the_state_of_another_tail_is_refused() {
    let (api, other) = (Api::serve(Log::with(45)), Api::serve(Log::with(45)));
    api.put("globex", Log::of("globex", 1, 45));
    let auditlog = Auditlog::for_api(&api);
    auditlog.run(&["tail", "--state=s", "--limit=5", "--actor=u1"]);
    let state = auditlog.read("s");
    let check = |more: &[&str], named: &str| {
        let complaint = auditlog.fail(2, &[&["tail", "--state=s"], more].concat());
        assert!(
            complaint.contains(&format!("s is the state of another tail: {named} differ.")),
            "{complaint}"
        );
        assert!(complaint.contains("Give each tail a state of its own"), "{complaint}");
        assert_eq!(auditlog.read("s"), state);
    };
    check(&["--actor=u1", "--workspace=globex"], "--workspace");
    check(&["--actor=u1", "--endpoint", &other.url()], "--endpoint");
    check(&["--actor=u2"], "the filters");
    check(&["--actor=u1", "--since=-7d"], "--start");
    std::fs::write(auditlog.path("s"), "{}").unwrap();
    assert!(auditlog.fail(2, &["tail", "--state=s"]).contains("not the state of a tail"));
}

#[test]
fn a_feed_that_is_none_is_refused() {
    let api = Api::serve(Log::with(45));
    let auditlog = Auditlog::for_api(&api);
    api.fault(1, Fault::Circle);
    assert!(auditlog.fail(1, &NDJSON).contains("leads nowhere"));
    api.fault(3, Fault::Portal);
    assert!(auditlog.fail(1, &NDJSON).contains("text/html"));
    api.log(|log| log.events.swap(3, 4));
    let ended = auditlog.run(&NDJSON);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("do not follow in order on the beginning"), "{ended:?}");
    assert!(auditlog.fail(2, &["tail", "--follow", "--output=json"]).contains("ndjson"));
}
