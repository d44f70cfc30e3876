//! Exports from an API that is busy, broken, or gone for a while.

use std::io::{BufRead as _, BufReader};

use crate::{
    api::{Api, Fault},
    auditlog::Auditlog,
    events,
};

const EXPORT: [&str; 3] = ["export", "x", "--end=2025-02-01"];

fn whole() -> String {
    events::lines(&(0..45).map(events::event).collect::<Vec<_>>())
}

#[test]
fn temporary_failures_are_retried_and_told() {
    for fault in
        [Fault::Passing(429), Fault::Passing(408), Fault::Passing(500), Fault::Passing(502), Fault::Tear]
    {
        let api = Api::start(45);
        let auditlog = Auditlog::for_api(&api);
        api.fault(0, fault);
        api.fault(3, fault);
        let ended = auditlog.run(&EXPORT);
        assert_eq!(ended.code, Some(0), "{fault:?}: {ended:?}");
        assert_eq!(ended.stderr.matches("Trying again in").count(), 2, "{fault:?}: {ended:?}");
        assert_eq!(auditlog.read("x"), whole(), "{fault:?}");
    }
}

#[test]
fn retries_are_bounded() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    for number in 1..10 {
        api.fault(number, Fault::Passing(503));
    }
    let complaint = auditlog.fail(1, &[&EXPORT[..], &["--retries=2"]].concat());
    assert!(complaint.contains("(2 of 2)") && complaint.contains("The same command goes on"), "{complaint}");
    assert_eq!(api.pages_asked().len(), 4);
}

#[test]
fn an_export_goes_on_when_the_api_is_back() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    api.fault(2, Fault::Portal);
    auditlog.fail(1, &EXPORT);
    let address = api.address();
    drop(api);
    let complaint = auditlog.fail(1, &[&EXPORT[..], &["--retries=0"]].concat());
    assert!(complaint.contains("cannot be reached") && complaint.contains("next: "), "{complaint}");
    let api = Api::start_at(address, 45);
    auditlog.succeed(&EXPORT);
    assert_eq!(auditlog.read("x"), whole());
    // The two pages that it had were not read again.
    assert_eq!(api.pages_asked()[0].query["cursor"], "20-full");
}

#[test]
fn an_api_that_comes_back_in_time_is_waited_for() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    api.fault(2, Fault::Portal);
    auditlog.fail(1, &EXPORT);
    let address = api.address();
    drop(api);
    let mut child = auditlog.spawn(&EXPORT);
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("cannot be reached") && said.contains("Trying again in 0.5 s (1 of 8)"), "{said}");
    let _api = Api::start_at(address, 45);
    assert!(child.wait().unwrap().success());
    assert_eq!(auditlog.read("x"), whole());
}

#[test]
fn an_answer_of_another_server_is_not_taken_for_events() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    api.fault(1, Fault::Portal);
    assert!(auditlog.fail(1, &EXPORT).contains("text/html"));
    assert_eq!(auditlog.read("x").lines().count(), 10);
}

#[test]
fn a_cursor_that_leads_nowhere_is_not_followed() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    api.fault(1, Fault::Circle);
    assert!(auditlog.fail(1, &EXPORT).contains("without end"));
    assert_eq!(api.pages_asked().len(), 2);
}

#[test]
fn a_token_that_is_refused_ends_it_at_once() {
    let api = Api::start(45);
    let wrong = format!("alw_BBBBBBBBBBBB_{}", "x".repeat(49));
    let auditlog = Auditlog::for_api(&api).with("AUDITLOG_TOKEN", &wrong);
    let complaint = auditlog.fail(1, &EXPORT);
    assert!(complaint.contains("revoked or expired") && !complaint.contains(&wrong), "{complaint}");
    assert_eq!(api.pages_asked().len(), 1);
}
