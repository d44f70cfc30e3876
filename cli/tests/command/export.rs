//! Exports that are interrupted, and what they refuse to go on with.

use crate::{
    api::{Api, BEARER, Fault, JWT, PAGE, SECRET},
    auditlog::{Auditlog, eventually},
    events,
};

const END: &str = "--end=2025-02-01";
const FORMATS: [&str; 4] = ["ndjson", "csv", "json", "ocsf"];

fn export<'a>(file: &'a str, format: &'a str) -> Vec<&'a str> {
    vec!["export", file, "--format", format, END]
}

#[test]
fn an_export_is_one_file_of_all_pages() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    let all: Vec<_> = (0..45).map(events::event).collect();
    let lines = events::lines(&all);
    let array = format!("[\n{}\n]\n", lines.trim_end().replace('\n', ",\n"));
    for (format, expected) in FORMATS.iter().zip([&lines, &events::csv(&all), &array, &events::ocsf(&all)]) {
        assert_eq!(auditlog.succeed(&export(format, format)), "");
        assert_eq!(&auditlog.read(format), expected, "{format}");
        assert!(!auditlog.exists(&format!("{format}.state")));
    }
}

#[test]
fn an_export_of_nothing_is_a_file_of_nothing() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    for (format, expected) in FORMATS.iter().zip(["", "id,timestamp,name\r\n", "[]\n", ""]) {
        auditlog.succeed(&export(format, format));
        assert_eq!(auditlog.read(format), expected, "{format}");
    }
}

#[test]
fn an_export_killed_at_any_page_and_resumed_equals_an_uninterrupted_one() {
    for format in FORMATS {
        let api = Api::start(45);
        let auditlog = Auditlog::for_api(&api);
        auditlog.succeed(&export("whole", format));
        let pages = api.pages_asked().len();
        assert_eq!(pages, 45_usize.div_ceil(PAGE) + 1);
        for page in 0..pages {
            // The process has all pages before this one when it is killed.
            let asked = api.pages_asked().len();
            api.fault(asked + page, Fault::Hold);
            let mut child = auditlog.spawn(&export("part", format));
            eventually(|| api.pages_asked().len() == asked + page + 1);
            child.kill().unwrap();
            child.wait().unwrap();

            let state = auditlog.read("part.state");
            for secret in [SECRET, BEARER, JWT] {
                assert!(!state.contains(secret), "{state}");
            }
            auditlog.succeed(&export("part", format));
            assert_eq!(auditlog.read("part"), auditlog.read("whole"), "{format}, killed at page {page}");
            assert!(!auditlog.exists("part.state"));
            std::fs::remove_file(auditlog.path("part")).unwrap();
        }
    }
}

#[test]
fn a_half_written_line_of_a_killed_export_is_cut_off() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    auditlog.succeed(&export("whole", "csv"));
    api.fault(api.pages_asked().len() + 2, Fault::Hold);
    let asked = api.pages_asked().len();
    let mut child = auditlog.spawn(&export("part", "csv"));
    eventually(|| api.pages_asked().len() == asked + 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let torn = auditlog.read("part") + "e-00020,2025-01-";
    std::fs::write(auditlog.path("part"), torn).unwrap();
    auditlog.succeed(&export("part", "csv"));
    assert_eq!(auditlog.read("part"), auditlog.read("whole"));
}

#[test]
fn the_end_is_settled_when_the_export_begins() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    api.fault(3, Fault::Portal);
    auditlog.fail(1, &["export", "x", "--start=-9y"]);
    auditlog.succeed(&["export", "x", "--start=-9y"]);
    let pages = api.pages_asked();
    let of = |name: &str| -> Vec<_> { pages.iter().map(|asked| asked.query.get(name).cloned()).collect() };
    for name in ["start_timestamp", "end_timestamp", "order"] {
        let mut values = of(name);
        values.dedup();
        assert_eq!(values.len(), 1, "{name}: {values:?}");
    }
    assert_eq!(of("order")[0].as_deref(), Some("asc"));
    let end: jiff::Timestamp = of("end_timestamp")[0].as_deref().unwrap().parse().unwrap();
    assert!(end <= jiff::Timestamp::now());
}

#[test]
fn an_end_that_is_still_to_come_is_moved_to_now() {
    let api = Api::start(5);
    let auditlog = Auditlog::for_api(&api);
    auditlog.succeed(&["export", "x", "--end=+7d"]);
    let end: jiff::Timestamp = api.pages_asked()[0].query["end_timestamp"].parse().unwrap();
    assert!(end <= jiff::Timestamp::now());
}

#[test]
fn an_export_of_something_else_is_not_gone_on_with() {
    let (api, other) = (Api::start(45), Api::start(45));
    let auditlog = Auditlog::for_api(&api);
    api.fault(2, Fault::Portal);
    auditlog.fail(1, &["export", "x", END, "--actor=u1"]);
    let (file, state) = (auditlog.read("x"), auditlog.read("x.state"));
    let check = |more: &[&str], named: &str| {
        let complaint = auditlog.fail(2, &[&["export", "x"], more].concat());
        assert!(complaint.contains(&format!("{named} differ.")), "{complaint}");
        assert_eq!((auditlog.read("x"), auditlog.read("x.state")), (file.clone(), state.clone()));
    };
    check(&[END, "--actor=u2"], "the filters");
    check(&[END], "the filters");
    check(&["--end=2025-03-01", "--actor=u1"], "--end");
    check(&["--actor=u1"], "--end");
    check(&[END, "--actor=u1", "--start=2025-01-01"], "--start");
    check(&[END, "--actor=u1", "--format=csv"], "--format");
    check(&[END, "--actor=u1", "--workspace=globex"], "--workspace");
    check(&[END, "--actor=u1", "--endpoint", &other.url()], "--endpoint");
    auditlog.succeed(&["export", "x", END, "--actor=u1"]);
}

#[test]
fn a_file_that_is_no_export_under_way_is_left_alone() {
    let api = Api::start(5);
    let auditlog = Auditlog::for_api(&api);
    std::fs::write(auditlog.path("x"), "precious").unwrap();
    assert!(auditlog.fail(2, &["export", "x"]).contains("--overwrite"));
    assert_eq!(auditlog.read("x"), "precious");
    auditlog.succeed(&["export", "x", "--overwrite"]);
    assert_eq!(auditlog.read("x").lines().count(), 5);
}

#[test]
fn a_file_that_lost_what_it_had_is_not_gone_on_with() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    api.fault(2, Fault::Portal);
    auditlog.fail(1, &export("x", "ndjson"));
    std::fs::write(auditlog.path("x"), "short").unwrap();
    assert!(auditlog.fail(1, &export("x", "ndjson")).contains("shorter"));
    auditlog.succeed(&[export("x", "ndjson"), vec!["--overwrite"]].concat());
}

#[test]
fn two_processes_do_not_write_one_file() {
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    api.fault(1, Fault::Hold);
    let mut first = auditlog.spawn(&export("x", "ndjson"));
    eventually(|| api.pages_asked().len() == 2);
    for arguments in [export("x", "ndjson"), [export("x", "ndjson"), vec!["--overwrite"]].concat()] {
        assert!(auditlog.fail(1, &arguments).contains("Another process"), "{arguments:?}");
    }
    first.kill().unwrap();
    first.wait().unwrap();
    auditlog.succeed(&export("x", "ndjson"));
}

#[test]
#[cfg(unix)]
fn an_export_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let api = Api::start(45);
    let auditlog = Auditlog::for_api(&api);
    api.fault(2, Fault::Portal);
    auditlog.fail(1, &["export", "x"]);
    for name in ["x", "x.state"] {
        let mode = std::fs::metadata(auditlog.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
