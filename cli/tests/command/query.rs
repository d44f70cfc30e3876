//! Events on standard output.

use std::io::{BufRead as _, BufReader};

use serde_json::{Value, json};

use crate::{
    api::{Api, Fault},
    auditlog::Auditlog,
    events,
};

/// The newest events, as many of 45.
fn newest(count: usize) -> Vec<Value> {
    (0..45).rev().take(count).map(events::event).collect()
}

#[test]
fn as_many_as_asked_for_are_shown_from_as_many_pages_as_it_takes() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    let ended = auditlog.run(&["query", "--limit=25", "--output=ndjson"]);
    assert_eq!((ended.code, ended.stdout), (Some(0), events::lines(&newest(25))));
    assert!(ended.stderr.contains("There are more"), "{}", ended.stderr);
    assert_eq!(auditlog.succeed(&["query", "--all", "-o", "ndjson"]), events::lines(&newest(45)));
    assert_eq!(auditlog.succeed(&["query", "-o", "ndjson", "--order=asc"]).lines().count(), 45);
}

#[test]
fn json_is_the_answer_of_the_api_for_all_pages() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    fn parse(text: &str) -> Value {
        serde_json::from_str::<Value>(text).unwrap()
    }
    let all = auditlog.succeed(&["query", "--all", "--output=json"]);
    assert_eq!(parse(&all), json!({"audit_logs": newest(45), "has_more": false, "next_cursor": null}));
    let some = parse(&auditlog.run(&["query", "-n", "3", "--output=json"]).stdout);
    assert_eq!(some, json!({"audit_logs": newest(3), "has_more": true, "next_cursor": "3-full"}));
    let rest = auditlog.succeed(&["query", "--cursor=3-full", "--output=json"]);
    assert_eq!(parse(&rest)["audit_logs"].as_array().unwrap().len(), 42);
    let api = Api::start(0);
    let none = Auditlog::for_api(&api).succeed(&["query", "--output=json"]);
    assert_eq!(parse(&none), json!({"audit_logs": [], "has_more": false, "next_cursor": null}));
}

#[test]
fn csv_has_its_header_once() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    assert_eq!(auditlog.succeed(&["query", "--all", "--output=csv"]), events::csv(&newest(45)));
}

#[test]
fn a_table_is_plain_where_no_terminal_is() {
    let api = Api::start(3);
    let table = Auditlog::for_api(&api).succeed(&["query"]);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[0].starts_with("SEQ  TIME"), "{table}");
    assert!(lines[1].starts_with("-    2025-01-03T00:00:00Z  group_created"), "{table}");
    assert!(lines[1].contains("\\u001b[2J (u1)") && lines[1].contains("group Zoë (g2)"), "{table}");
    assert!(!table.contains('\u{1b}'), "{table}");
    let api = Api::start(0);
    assert_eq!(Auditlog::for_api(&api).succeed(&["query"]), "No events match.\n");
}

#[test]
fn filters_are_asked_of_the_api() {
    let api = Api::start(3);
    let auditlog = Auditlog::for_api(&api);
    auditlog.succeed(&[
        "query",
        "--since=2025-01-01",
        "--action=x_a",
        "--action",
        "x_b",
        "--ip=::1",
        "--category!=custom",
    ]);
    let query = &api.pages_asked()[0].query;
    let expected = [
        ("action", "x_a,x_b"),
        ("format", "ndjson"),
        ("ip", "::1"),
        ("limit", "100"),
        ("not_category", "custom"),
        ("order", "desc"),
        ("reads", "exclude"),
        ("start_timestamp", "2025-01-01T00:00:00.000000Z"),
    ];
    assert_eq!(*query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn a_problem_is_told_with_its_fields_and_what_to_do() {
    let api = Api::start(3);
    let complaint = Auditlog::for_api(&api).fail(2, &["query", "--action=Wrong"]);
    let expected = "error: The query is not valid.\n  action: is no action\n  \
                    (400 invalid_query, request r-1)\nnext: ";
    assert!(complaint.starts_with(expected), "{complaint}");
    let complaint = Auditlog::for_api(&api).fail(1, &["query", "--workspace=nowhere"]);
    assert!(complaint.contains("There is no such workspace."), "{complaint}");
}

#[test]
fn an_invalid_query_is_a_usage_error_and_not_sent() {
    let api = Api::start(3);
    let auditlog = Auditlog::for_api(&api);
    for wrong in [
        &["query", "--outcome=maybe"][..],
        &["query", "--since=soon"],
        &["query", "--since=now", "--until=-1d"],
        &["query", "--limit=0"],
        &["query", "--limit=3", "--all"],
        &["query", "--workspace=../x"],
        &["query", "--endpoint=ftp://x"],
        &["query", "--endpoint=http://192.0.2.1"],
        &["query", "--token=short"],
        &["query", "--profile=none"],
        &["export"],
    ] {
        assert_eq!(auditlog.run(wrong).code, Some(2), "{wrong:?}");
    }
    assert!(api.asked().is_empty());
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let api = Api::start(5_000);
    let auditlog = Auditlog::for_api(&api);
    let mut child = auditlog.spawn(&["query", "--all", "--output=ndjson"]);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("e-04999"), "{line}");
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_page_that_breaks_off_is_asked_for_again() {
    let api = Api::start(45);
    api.fault(1, Fault::Tear);
    let ended = Auditlog::for_api(&api).run(&["query", "--all", "--output=ndjson"]);
    assert_eq!((ended.code, ended.stdout), (Some(0), events::lines(&newest(45))));
}
